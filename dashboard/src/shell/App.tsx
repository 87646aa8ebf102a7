import { Redirect, Route, Switch, useParams } from 'wouter'
import type { Mode } from '@/api/client'
import { LiveProvider } from '@/api/live'
import type { Session } from '@/api/objects'
import { DeskProvider, useSessionQuery } from '@/api/session'
import { remember, remembered } from '@/lib/storage'
import { Problem } from '@/ui/State'
import { useSpeech } from '@/words/language'
import { Frame } from './Frame'
import { Pages } from './Pages'
import { SetUp } from './SetUp'
import { SignIn } from './SignIn'

export function App() {
  return (
    <Switch>
      <Route path="/set-up" component={SetUp} />
      <Route>
        <Gate />
      </Route>
    </Switch>
  )
}

/** Whoever is not signed in signs in where they are, and goes on from there. */
function Gate() {
  const { t } = useSpeech()
  const session = useSessionQuery()
  if (session.isPending) return <div className="splash" role="status" aria-label={t('Loading')} />
  if (session.error) return <Away error={session.error} retry={() => void session.refetch()} />
  if (!session.data) return <SignIn />
  return <SignedIn session={session.data} />
}

function Away({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <main className="door">
      <Problem error={error} retry={retry} />
    </main>
  )
}

function SignedIn({ session }: { session: Session }) {
  return (
    <Switch>
      <Route path="/:account/:mode" nest>
        <Scoped session={session} />
      </Route>
      <Route>
        <Redirect to={home(session)} replace />
      </Route>
    </Switch>
  )
}

/** The account and mode that every address begins with, so that a link means one thing. */
function Scoped({ session }: { session: Session }) {
  const { account, mode } = useParams<{ account: string; mode: string }>()
  const isKnown = session.accounts.some(({ id }) => id === account)
  if (!isKnown || !isMode(mode)) return <Redirect to={`~/dashboard${home(session)}`} replace />
  remember('scope', `${account}/${mode}`)
  return (
    <DeskProvider key={`${account}/${mode}`} session={session} scope={{ account, mode }}>
      <LiveProvider>
        <Frame>
          <Pages />
        </Frame>
      </LiveProvider>
    </DeskProvider>
  )
}

function isMode(mode: string): mode is Mode {
  return mode === 'test' || mode === 'live'
}

/** Where one was last, or the first account in test mode. */
function home(session: Session): string {
  const [account, mode] = remembered('scope')?.split('/') ?? []
  const first = session.accounts.find(({ id }) => id === account) ?? session.accounts[0]
  return `/${first?.id ?? 'none'}/${mode === 'live' ? 'live' : 'test'}`
}

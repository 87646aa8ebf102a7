import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { Page } from '@/ui/Page'
import { useSpeech } from '@/words/language'
import type { Phrase } from '@/words/german'
import { Accounts } from './Accounts'
import { Keys } from './Keys'
import { Members } from './Members'
import { Profile } from './Profile'

const TABS: readonly (readonly [string, Phrase])[] = [
  ['keys', 'API keys'],
  ['members', 'Members'],
  ['accounts', 'Accounts'],
  ['profile', 'Your profile'],
]

const CONTENT: Readonly<Record<string, () => ReactNode>> = {
  keys: () => <Keys />,
  members: () => <Members />,
  accounts: () => <Accounts />,
  profile: () => <Profile />,
}

export default function Settings({ tab }: { tab: string }) {
  const { t } = useSpeech()
  return (
    <Page title={t('Settings')}>
      <nav className="tabs" aria-label={t('Settings')}>
        {TABS.map(([name, label]) => (
          <Link
            key={name}
            href={`/settings/${name}`}
            aria-current={name === tab ? 'page' : undefined}
          >
            {t(label)}
          </Link>
        ))}
      </nav>
      {(CONTENT[tab] ?? CONTENT['keys'])?.()}
    </Page>
  )
}

import { useEffect, useState, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { useLive } from '@/api/live'
import { useDesk } from '@/api/session'
import { Button } from '@/ui/Button'
import { Icon, type IconName } from '@/ui/Icon'
import { useSpeech } from '@/words/language'
import type { Phrase } from '@/words/german'
import { AccountMenu, MemberMenu, ModeSwitch } from './Menus'
import { GoTo } from './GoTo'
import { Mark } from './Mark'

const PLACES: readonly (readonly [string, IconName, Phrase])[] = [
  ['/', 'overview', 'Overview'],
  ['/meters', 'meters', 'Meters'],
  ['/alerts', 'alerts', 'Alerts'],
  ['/customers', 'customers', 'Customers'],
  ['/subscriptions', 'subscriptions', 'Subscriptions'],
  ['/invoices', 'invoices', 'Invoices'],
  ['/webhooks', 'webhooks', 'Webhooks'],
  ['/events', 'events', 'Events'],
  ['/logs', 'logs', 'Logs'],
  ['/settings', 'settings', 'Settings'],
]

/** What stands around every page: where one is, where one can go, and whose data these are. */
export function Frame({ children }: { children: ReactNode }) {
  const { t } = useSpeech()
  const { scope } = useDesk()
  const [place] = useLocation()
  const [isOpen, setOpen] = useState(false)
  useEffect(() => {
    setOpen(false)
    document.querySelector('main')?.scrollTo(0, 0)
  }, [place])
  return (
    <div className={`frame ${scope.mode}`} data-open={isOpen}>
      <a className="skip" href="#main">
        {t('Skip to the content')}
      </a>
      {scope.mode === 'test' && (
        <section className="test-band" aria-label={t('Mode')}>
          <strong>{t('Test mode')}</strong>
          <span>{t('Nothing here is real: no usage, no customer, no invoice.')}</span>
        </section>
      )}
      <header className="bar">
        <Button
          kind="quiet"
          icon="menu"
          aria-label={t('Menu')}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        />
        <Mark />
      </header>
      <aside className="side" onKeyDown={(event) => event.key === 'Escape' && setOpen(false)}>
        <AccountMenu />
        <GoTo />
        <nav aria-label={t('Pages')}>
          {PLACES.map(([href, icon, label]) => (
            <Link key={href} href={href} aria-current={isAt(place, href) ? 'page' : undefined}>
              <Icon name={icon} />
              {t(label)}
            </Link>
          ))}
        </nav>
        <div className="side-end">
          <ModeSwitch />
          <MemberMenu />
        </div>
      </aside>
      <div className="veil" onClick={() => setOpen(false)} />
      <main id="main" tabIndex={-1}>
        <ConnectionNote />
        <div className="page">{children}</div>
      </main>
    </div>
  )
}

function isAt(place: string, href: string): boolean {
  return href === '/' ? place === '/' : place === href || place.startsWith(`${href}/`)
}

/** Says that what is shown grows old, until the engine is back. */
function ConnectionNote() {
  const { t } = useSpeech()
  const { connection, retry } = useLive()
  if (connection !== 'lost') return null
  return (
    <div className="connection" role="alert">
      <Icon name="warning" />
      <span>
        {t('The connection is lost. What you see may be old; it will be renewed by itself.')}
      </span>
      <Button small onClick={retry}>
        {t('Try again')}
      </Button>
    </div>
  )
}

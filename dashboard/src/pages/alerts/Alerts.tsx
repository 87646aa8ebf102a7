import { useState } from 'react'
import { Link } from 'wouter'
import { watchOf, type Watch } from '@/api/alerts'
import type { Alert } from '@/api/objects'
import { useGet, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { CustomerLink, MeterLink } from '@/pages/shared/Names'
import { Snippets } from '@/pages/shared/Snippets'
import { Status } from '@/pages/shared/Status'
import { ButtonLink } from '@/ui/Button'
import { Page, Section } from '@/ui/Page'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { Value } from '@/ui/Values'
import { useSpeech } from '@/words/language'

export default function Alerts() {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [meter, setMeter] = useState('')
  const [customer, setCustomer] = useState('')
  const filter = { ...(meter && { meter }), ...(customer && { customer }) }
  const pages = usePages('/v1/billing/alerts', {}, filter)
  const draw = isAdmin && (
    <ButtonLink kind="primary" icon="plus" href="/alerts/new">
      {t('Draw a line')}
    </ButtonLink>
  )
  return (
    <Page title={t('Alerts')} actions={draw}>
      <Section
        flush
        title={t('Lines drawn')}
        actions={
          <>
            <MeterFilter value={meter} choose={setMeter} />
            <input
              type="search"
              className="filter"
              aria-label={t('Only for customer')}
              placeholder={t('Customer id')}
              onChange={(event) => setCustomer(event.target.value.trim())}
            />
          </>
        }
      >
        <PagedTable
          pages={pages}
          label={t('Alerts')}
          keyOf={(alert) => alert.id}
          href={(alert) => `/alerts/${alert.id}`}
          columns={[
            { name: t('Title'), cell: (alert) => alert.title },
            { name: t('Of'), cell: (alert) => <Measured alert={alert} /> },
            { name: t('Line'), cell: (alert) => <LineAt alert={alert} />, align: 'end' },
            { name: t('Watches'), cell: (alert) => <Watched {...watchOf(alert)} />, wide: true },
            { name: t('Status'), cell: (alert) => <Status of={alert.status} /> },
          ]}
          empty={
            meter || customer ? (
              <Empty title={t('No alert fits the filter.')} />
            ) : (
              <Empty title={t('No line is drawn yet.')}>
                <p>
                  {t(
                    'An alert is a line: the very event that reaches it fires it, once for each customer.',
                  )}
                </p>
                <Snippets topic="alert" />
              </Empty>
            )
          }
        />
      </Section>
    </Page>
  )
}

/** What is measured: a meter, or money. */
export function Measured({ alert }: { alert: Alert }) {
  const { t } = useSpeech()
  const { kind, meter } = watchOf(alert)
  if (meter !== null) return <MeterLink id={meter} />
  return <>{kind === 'spend' ? t('spend of a period') : t('credit left')}</>
}

export function LineAt({ alert }: { alert: Alert }) {
  const { line, currency } = watchOf(alert)
  return <Value value={line} currency={currency} />
}

export function Watched({ customer, subscription }: Pick<Watch, 'customer' | 'subscription'>) {
  const { t } = useSpeech()
  if (customer) return <CustomerLink id={customer} />
  if (subscription) return <Link href={`/subscriptions/${subscription}`}>{subscription}</Link>
  return <span className="note">{t('every customer')}</span>
}

function MeterFilter({ value, choose }: { value: string; choose: (meter: string) => void }) {
  const { t } = useSpeech()
  const meters = useGet('/v1/billing/meters', {}, { limit: 100 })
  return (
    <select
      className="filter"
      aria-label={t('Meter')}
      value={value}
      onChange={(event) => choose(event.target.value)}
    >
      <option value="">{t('All meters')}</option>
      {meters.data?.data.map((meter) => (
        <option key={meter.id} value={meter.id}>
          {meter.display_name}
        </option>
      ))}
    </select>
  )
}

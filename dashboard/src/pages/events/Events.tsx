import { useState } from 'react'
import { objectOf, textOf, type Event } from '@/api/objects'
import { usePages } from '@/api/queries'
import { CustomerName } from '@/pages/shared/Names'
import { Snippets } from '@/pages/shared/Snippets'
import { Badge } from '@/ui/Badge'
import { Page, Section } from '@/ui/Page'
import { Segments } from '@/ui/Segments'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { Nothing, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

type Filter = 'all' | 'delivered' | 'failed'

const GROUPS = [
  'billing.alert.*',
  'invoice.*',
  'customer.subscription.*',
  'customer.*',
  'billing.meter.*',
  'billing.credit_grant.*',
]

export default function Events() {
  const { t } = useSpeech()
  const [type, setType] = useState('')
  const [filter, setFilter] = useState<Filter>('all')
  const query = {
    ...(type && { type }),
    ...(filter !== 'all' && { delivery_success: filter === 'delivered' }),
  }
  const pages = usePages('/v1/events', {}, query)
  return (
    <Page title={t('Events')}>
      <Section
        flush
        title={t('What happened')}
        actions={
          <>
            <select
              className="filter"
              aria-label={t('Type')}
              value={type}
              onChange={(event) => setType(event.target.value)}
            >
              <option value="">{t('All types')}</option>
              {GROUPS.map((group) => (
                <option key={group}>{group}</option>
              ))}
            </select>
            <Segments<Filter>
              label={t('Delivery')}
              value={filter}
              options={[
                ['all', t('All')],
                ['delivered', t('Delivered')],
                ['failed', t('Not delivered')],
              ]}
              choose={setFilter}
            />
          </>
        }
      >
        <PagedTable
          pages={pages}
          label={t('Events')}
          keyOf={(event) => event.id}
          href={(event) => `/events/${event.id}`}
          columns={[
            { name: t('Type'), cell: (event) => <code>{event.type}</code> },
            { name: t('Of'), cell: (event) => <Subject of={event} /> },
            { name: t('Waits for'), cell: (event) => <Waiting of={event} />, wide: true },
            { name: t('When'), cell: (event) => <When at={event.created} /> },
          ]}
          empty={
            type || filter !== 'all' ? (
              <Empty title={t('No event fits the filter.')} />
            ) : (
              <Empty title={t('Nothing has happened yet.')}>
                <Snippets topic="usage" />
              </Empty>
            )
          }
        />
      </Section>
    </Page>
  )
}

function Subject({ of }: { of: Event }) {
  const object = objectOf(of)
  const customer = textOf(object, 'customer')
  if (customer) return <CustomerName id={customer} />
  return <>{textOf(object, 'name') ?? textOf(object, 'display_name') ?? textOf(object, 'id')}</>
}

function Waiting({ of }: { of: Event }) {
  const { tn } = useSpeech()
  if (of.pending_webhooks === 0) return <Nothing />
  return <Badge tone="warn">{tn(of.pending_webhooks, '1 endpoint', '{n} endpoints')}</Badge>
}

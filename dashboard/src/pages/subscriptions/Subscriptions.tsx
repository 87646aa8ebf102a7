import { useState } from 'react'
import { amountThreshold, type Subscription } from '@/api/objects'
import { usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { CustomerName } from '@/pages/shared/Names'
import { Snippets } from '@/pages/shared/Snippets'
import { Status } from '@/pages/shared/Status'
import { Button } from '@/ui/Button'
import { Page, Section } from '@/ui/Page'
import { Segments } from '@/ui/Segments'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { Money, Nothing, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { NewSubscription } from './NewSubscription'

type Filter = 'current' | 'trialing' | 'canceled' | 'all'

export default function Subscriptions() {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [isMaking, setMaking] = useState(false)
  const [filter, setFilter] = useState<Filter>('current')
  const pages = usePages('/v1/subscriptions', {}, filter === 'current' ? {} : { status: filter })
  const make = isAdmin && (
    <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
      {t('New subscription')}
    </Button>
  )
  return (
    <Page title={t('Subscriptions')} actions={make}>
      <Section
        flush
        title={t('Who is billed')}
        actions={
          <Segments<Filter>
            label={t('Status')}
            value={filter}
            options={[
              ['current', t('Current')],
              ['trialing', t('On trial')],
              ['canceled', t('Canceled')],
              ['all', t('All')],
            ]}
            choose={setFilter}
          />
        }
      >
        <PagedTable
          pages={pages}
          label={t('Subscriptions')}
          keyOf={(subscription) => subscription.id}
          href={(subscription) => `/subscriptions/${subscription.id}`}
          columns={[
            { name: t('Customer'), cell: ({ customer }) => <CustomerName id={customer} /> },
            { name: t('Status'), cell: ({ status }) => <Status of={status} /> },
            {
              name: t('Invoice at'),
              cell: (subscription) => <Threshold of={subscription} />,
              align: 'end',
            },
            {
              name: t('Period ends'),
              cell: ({ items }) => <When at={items.data[0]?.current_period_end} as="date" />,
            },
            { name: t('Id'), cell: ({ id }) => <code>{id}</code>, wide: true },
          ]}
          empty={
            filter === 'current' ? (
              <Empty title={t('Nobody is billed yet.')}>
                <p>
                  {t(
                    'A subscription bills usage at the end of its period, or as soon as a threshold is reached.',
                  )}
                </p>
                <Snippets topic="subscription" />
              </Empty>
            ) : (
              <Empty title={t('No subscription fits the filter.')} />
            )
          }
        />
      </Section>
      {isMaking && <NewSubscription close={() => setMaking(false)} />}
    </Page>
  )
}

function Threshold({ of }: { of: Subscription }) {
  const amount = amountThreshold(of)?.amount_gte
  return amount ? <Money minor={amount} currency={of.currency} /> : <Nothing />
}

import { useState } from 'react'
import { usePages } from '@/api/queries'
import { Status } from '@/pages/shared/Status'
import { CustomerName } from '@/pages/shared/Names'
import { Page, Section } from '@/ui/Page'
import { Segments } from '@/ui/Segments'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { Money, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { useReason } from './reason'

type Filter = 'all' | 'draft' | 'open' | 'paid' | 'void'

export default function Invoices() {
  const { t } = useSpeech()
  const reason = useReason()
  const [filter, setFilter] = useState<Filter>('all')
  const pages = usePages('/v1/invoices', {}, filter === 'all' ? {} : { status: filter })
  return (
    <Page title={t('Invoices')}>
      <Section
        flush
        title={t('What is owed, and why')}
        actions={
          <Segments<Filter>
            label={t('Status')}
            value={filter}
            options={[
              ['all', t('All')],
              ['draft', t('Draft')],
              ['open', t('Open')],
              ['paid', t('Paid')],
              ['void', t('Void')],
            ]}
            choose={setFilter}
          />
        }
      >
        <PagedTable
          pages={pages}
          label={t('Invoices')}
          keyOf={(invoice) => invoice.id}
          href={(invoice) => `/invoices/${invoice.id}`}
          columns={[
            { name: t('Number'), cell: (invoice) => invoice.number ?? t('Draft') },
            {
              name: t('Customer'),
              cell: (invoice) => (
                <CustomerName id={invoice.customer} name={invoice.customer_name ?? undefined} />
              ),
            },
            {
              name: t('Total'),
              cell: (invoice) => <Money minor={invoice.total} currency={invoice.currency} />,
              align: 'end',
            },
            { name: t('Status'), cell: (invoice) => <Status of={invoice.status} /> },
            { name: t('Issued because'), cell: (invoice) => reason(invoice).short, wide: true },
            { name: t('Created'), cell: (invoice) => <When at={invoice.created} as="date" /> },
          ]}
          empty={
            filter === 'all' ? (
              <Empty title={t('No invoice yet.')}>
                <p>
                  {t(
                    'A subscription makes one at the end of its period, or the moment a threshold is reached.',
                  )}
                </p>
              </Empty>
            ) : (
              <Empty title={t('No invoice fits the filter.')} />
            )
          }
        />
      </Section>
    </Page>
  )
}

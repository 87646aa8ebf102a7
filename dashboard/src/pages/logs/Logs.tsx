import { useState } from 'react'
import type { LoggedRequest } from '@/api/objects'
import { usePages } from '@/api/queries'
import { Badge } from '@/ui/Badge'
import { Page, Section } from '@/ui/Page'
import { Segments } from '@/ui/Segments'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

type Outcome = 'all' | 'succeeded' | 'failed'

export default function Logs() {
  const { t } = useSpeech()
  const [outcome, setOutcome] = useState<Outcome>('all')
  const [method, setMethod] = useState('')
  const [path, setPath] = useState('')
  const query = {
    ...(outcome !== 'all' && { outcome }),
    ...(method && { method }),
    ...(path.startsWith('/') && { path }),
  }
  const pages = usePages('/v1/dashboard/requests', {}, query)
  return (
    <Page title={t('Logs')}>
      <Section
        flush
        title={t('Requests to the API')}
        actions={
          <>
            <input
              type="search"
              className="filter"
              aria-label={t('Path')}
              placeholder="/v1/billing"
              onChange={(event) => setPath(event.target.value.trim())}
            />
            <select
              className="filter"
              aria-label={t('Method')}
              value={method}
              onChange={(event) => setMethod(event.target.value)}
            >
              <option value="">{t('All methods')}</option>
              <option>GET</option>
              <option>POST</option>
              <option>DELETE</option>
            </select>
            <Segments<Outcome>
              label={t('Outcome')}
              value={outcome}
              options={[
                ['all', t('All')],
                ['succeeded', t('Succeeded')],
                ['failed', t('Failed')],
              ]}
              choose={setOutcome}
            />
          </>
        }
      >
        <PagedTable
          pages={pages}
          label={t('Logs')}
          keyOf={(request) => request.id}
          href={(request) => `/logs/${request.id}`}
          columns={[
            {
              name: t('Request'),
              cell: ({ method: verb, path: where }) => <code>{`${verb} ${where}`}</code>,
            },
            { name: t('Answer'), cell: (request) => <Code of={request} /> },
            {
              name: t('Took'),
              cell: ({ duration_ms }) => t('{n} ms', { n: duration_ms }),
              align: 'end',
              wide: true,
            },
            { name: t('Id'), cell: ({ id }) => <code>{id}</code>, wide: true },
            { name: t('When'), cell: ({ created }) => <When at={created} /> },
          ]}
          empty={
            <Empty title={t('No request here.')}>
              <p>
                {t(
                  'Requests are kept for some days, those that change something with what was said.',
                )}
              </p>
            </Empty>
          }
        />
      </Section>
    </Page>
  )
}

export function Code({ of }: { of: LoggedRequest }) {
  return (
    <Badge tone={of.status < 400 ? 'good' : of.status < 500 ? 'warn' : 'bad'}>{of.status}</Badge>
  )
}

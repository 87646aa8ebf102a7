import { useGet } from '@/api/queries'
import type { LoggedRequest } from '@/api/objects'
import { Body } from '@/pages/shared/Attempts'
import { Copyable } from '@/ui/Copy'
import { Facts, Page, Section } from '@/ui/Page'
import { Ask } from '@/ui/State'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { Code } from './Logs'

export default function Log({ id }: { id: string }) {
  const { t } = useSpeech()
  const request = useGet('/v1/dashboard/requests/{id}', { id })
  return (
    <Page
      title={request.data ? `${request.data.method} ${request.data.path}` : t('Request')}
      up={{ href: '/logs', label: t('Logs') }}
      aside={request.data && <Code of={request.data} />}
    >
      <Ask of={request} rows={8}>
        {(found) => <Details request={found} />}
      </Ask>
    </Page>
  )
}

function Details({ request }: { request: LoggedRequest }) {
  const { t } = useSpeech()
  return (
    <div className="columns two-one">
      <div className="stack">
        <Section title={t('Request')}>
          <Said text={request.request_body} label={t('Request')} />
        </Section>
        <Section title={t('Answer')}>
          <Said text={request.response_body} label={t('Answer')} />
        </Section>
      </div>
      <Section title={t('Details')}>
        <Facts
          rows={[
            [t('Id'), <Copyable text={request.id} />],
            [t('When'), <When at={request.created} />],
            [t('Took'), t('{n} ms', { n: request.duration_ms })],
            [t('Query'), request.query && <code>{request.query}</code>],
            [t('Key'), request.key && <code>{request.key}</code>],
            [t('Member'), request.member && <code>{request.member}</code>],
          ]}
        />
      </Section>
    </div>
  )
}

function Said({ text, label }: { text: string | null; label: string }) {
  const { t } = useSpeech()
  if (!text) return <p className="note">{t('Nothing was kept.')}</p>
  return <Body text={text} label={label} />
}

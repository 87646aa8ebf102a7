import { useState } from 'react'
import { useLocation } from 'wouter'
import type { Endpoint } from '@/api/objects'
import { useChange, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Snippets } from '@/pages/shared/Snippets'
import { Status } from '@/pages/shared/Status'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Page, Section } from '@/ui/Page'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { EndpointForm } from './EndpointForm'
import { Secret } from './Secret'

export default function Webhooks() {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [isMaking, setMaking] = useState(false)
  const pages = usePages('/v1/webhook_endpoints', {})
  const make = isAdmin && (
    <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
      {t('New endpoint')}
    </Button>
  )
  return (
    <Page title={t('Webhooks')} actions={make}>
      <Section flush title={t('Where events go')}>
        <PagedTable
          pages={pages}
          label={t('Endpoints')}
          keyOf={(endpoint) => endpoint.id}
          href={(endpoint) => `/webhooks/${endpoint.id}`}
          columns={[
            { name: t('Address'), cell: (endpoint) => endpoint.url },
            { name: t('Events'), cell: (endpoint) => <Types of={endpoint} /> },
            { name: t('Status'), cell: (endpoint) => <Status of={endpoint.status} /> },
            {
              name: t('Created'),
              cell: (endpoint) => <When at={endpoint.created} as="date" />,
              wide: true,
            },
          ]}
          empty={
            <Empty title={t('No endpoint yet.')}>
              <p>
                {t(
                  'An endpoint is an address of yours. Each event goes there signed, and again until it is taken.',
                )}
              </p>
              <Snippets topic="webhook" />
            </Empty>
          }
        />
      </Section>
      {isMaking && <NewEndpoint close={() => setMaking(false)} />}
    </Page>
  )
}

export function Types({ of }: { of: Endpoint }) {
  const { t } = useSpeech()
  const [first, ...more] = of.enabled_events
  if (first === '*') return <>{t('all')}</>
  return (
    <span title={of.enabled_events.join('\n')}>
      <code>{first}</code>
      {more.length > 0 && <span className="note"> +{more.length}</span>}
    </span>
  )
}

function NewEndpoint({ close }: { close: () => void }) {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const [made, setMade] = useState<Endpoint | null>(null)
  const create = useChange({
    run: (client, params: URLSearchParams) => client.post('/v1/webhook_endpoints', {}, params),
    done: setMade,
  })
  if (made?.secret) {
    return (
      <Secret
        title={t('The signing secret')}
        secret={made.secret}
        note={t('Your server checks signatures with it. It is shown this once.')}
        close={() => go(`/webhooks/${made.id}`)}
      />
    )
  }
  return (
    <Dialog title={t('New endpoint')} close={close}>
      <EndpointForm
        error={create.error}
        busy={create.isPending}
        submit={t('Create')}
        cancel={close}
        send={create.mutate}
      />
    </Dialog>
  )
}

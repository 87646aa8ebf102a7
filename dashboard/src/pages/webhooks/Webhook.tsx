import { useState } from 'react'
import { useLocation } from 'wouter'
import type { Endpoint } from '@/api/objects'
import { keyOf, useChange, useGet } from '@/api/queries'
import { useDesk } from '@/api/session'
import { AttemptsAtEndpoint } from '@/pages/shared/Attempts'
import { Status } from '@/pages/shared/Status'
import { Button } from '@/ui/Button'
import { Copyable } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { Form, Select } from '@/ui/Form'
import { Menu } from '@/ui/Menu'
import { Facts, Page, Section } from '@/ui/Page'
import { Ask } from '@/ui/State'
import { useSay } from '@/ui/Toasts'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { EndpointForm } from './EndpointForm'
import { Secret } from './Secret'

export default function Webhook({ id }: { id: string }) {
  const { t } = useSpeech()
  const endpoint = useGet('/v1/webhook_endpoints/{id}', { id })
  return (
    <Page
      title={endpoint.data ? endpoint.data.url : t('Endpoint')}
      up={{ href: '/webhooks', label: t('Webhooks') }}
      aside={endpoint.data && <Status of={endpoint.data.status} />}
      actions={endpoint.data && <Actions endpoint={endpoint.data} />}
    >
      <Ask of={endpoint} rows={8}>
        {(found) => <Details endpoint={found} />}
      </Ask>
    </Page>
  )
}

function Details({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useSpeech()
  return (
    <div className="columns two-one">
      <Section title={t('Attempts')}>
        <AttemptsAtEndpoint endpoint={endpoint.id} />
      </Section>
      <Section title={t('Details')}>
        <Facts
          rows={[
            [t('Id'), <Copyable text={endpoint.id} />],
            [t('Description'), endpoint.description],
            [
              t('Events'),
              endpoint.enabled_events.map((type) => (
                <code key={type}>{type === '*' ? t('all') : type}</code>
              )),
            ],
            [t('Version'), endpoint.api_version],
            [t('Created'), <When at={endpoint.created} />],
          ]}
        />
      </Section>
    </div>
  )
}

type Asked = 'edit' | 'rotate' | 'delete' | null

function Actions({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useSpeech()
  const { isAdmin, scope } = useDesk()
  const say = useSay()
  const [asked, setAsked] = useState<Asked>(null)
  const isEnabled = endpoint.status === 'enabled'
  const key = keyOf(scope, '/v1/webhook_endpoints/{id}', { id: endpoint.id })
  const turn = useChange({
    run: (client, _: void) =>
      client.post('/v1/webhook_endpoints/{id}', { id: endpoint.id }, { disabled: isEnabled }),
    expect: () => [
      key,
      (old) => ({ ...(old as Endpoint), status: isEnabled ? 'disabled' : 'enabled' }),
    ],
  })
  const close = (): void => setAsked(null)
  if (!isAdmin) return null
  return (
    <>
      <Button onClick={() => setAsked('edit')}>{t('Edit')}</Button>
      <Button icon="key" onClick={() => setAsked('rotate')}>
        {t('Rotate the secret')}
      </Button>
      <Menu
        label={t('More')}
        button="···"
        choices={[
          {
            label: isEnabled ? t('Disable') : t('Enable'),
            run: () => turn.mutate(undefined, { onError: say.error }),
          },
          { label: t('Delete'), isDanger: true, run: () => setAsked('delete') },
        ]}
      />
      {asked === 'edit' && <Edit endpoint={endpoint} close={close} />}
      {asked === 'rotate' && <Rotate endpoint={endpoint.id} close={close} />}
      {asked === 'delete' && <Delete endpoint={endpoint.id} close={close} />}
    </>
  )
}

function Edit({ endpoint, close }: { endpoint: Endpoint; close: () => void }) {
  const { t } = useSpeech()
  const edit = useChange({
    run: (client, params: URLSearchParams) =>
      client.post('/v1/webhook_endpoints/{id}', { id: endpoint.id }, params),
    done: close,
  })
  return (
    <Dialog title={t('Edit')} close={close}>
      <EndpointForm
        endpoint={endpoint}
        error={edit.error}
        busy={edit.isPending}
        submit={t('Save')}
        cancel={close}
        send={edit.mutate}
      />
    </Dialog>
  )
}

function Rotate({ endpoint, close }: { endpoint: string; close: () => void }) {
  const { t } = useSpeech()
  const [secret, setSecret] = useState<string | null>(null)
  const rotate = useChange({
    run: (client, params: URLSearchParams) =>
      client.post('/v1/webhook_endpoints/{id}/rotate_secret', { id: endpoint }, params),
    done: (answer) => setSecret(answer.secret ?? null),
  })
  if (secret) {
    return (
      <Secret
        title={t('The new signing secret')}
        secret={secret}
        note={t('Your server checks signatures with it. It is shown this once.')}
        close={close}
      />
    )
  }
  return (
    <Dialog title={t('Rotate the secret')} close={close}>
      <Form
        error={rotate.error}
        busy={rotate.isPending}
        submit={t('Rotate')}
        cancel={close}
        send={rotate.mutate}
      >
        <p>{t('Meanwhile every event is signed with both, so that no signature fails.')}</p>
        <Select name="expires_in" label={t('The old secret signs for')} defaultValue="86400">
          <option value="0">{t('no longer')}</option>
          <option value="3600">{t('an hour')}</option>
          <option value="86400">{t('a day')}</option>
        </Select>
      </Form>
    </Dialog>
  )
}

function Delete({ endpoint, close }: { endpoint: string; close: () => void }) {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const remove = useChange({
    run: (client, _: void) => client.delete('/v1/webhook_endpoints/{id}', { id: endpoint }),
    done: () => go('/webhooks'),
  })
  return (
    <Dialog title={t('Delete this endpoint?')} close={close}>
      <Form
        danger
        error={remove.error}
        busy={remove.isPending}
        submit={t('Delete')}
        cancel={close}
        send={() => remove.mutate()}
      >
        <p>{t('What waits for it is not delivered any more.')}</p>
      </Form>
    </Dialog>
  )
}

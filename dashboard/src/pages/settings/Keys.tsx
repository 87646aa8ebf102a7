import { useState } from 'react'
import { encodeForm } from '@/api/form'
import type { ApiKey } from '@/api/objects'
import { useChange, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Secret } from '@/pages/webhooks/Secret'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field, Form, Select } from '@/ui/Form'
import { Section } from '@/ui/Page'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { Nothing, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

/** The keys of this account and mode. */
export function Keys() {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [isMaking, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<ApiKey | null>(null)
  const pages = usePages('/v1/dashboard/api_keys', {})
  return (
    <Section
      flush
      title={t('API keys')}
      actions={
        isAdmin && (
          <Button small kind="primary" icon="plus" onClick={() => setMaking(true)}>
            {t('New key')}
          </Button>
        )
      }
    >
      <PagedTable
        pages={pages}
        label={t('API keys')}
        keyOf={(key) => key.id}
        columns={[
          { name: t('Name'), cell: (key) => key.name || <Nothing /> },
          { name: t('Key'), cell: (key) => <code>{key.redacted}</code> },
          { name: t('May'), cell: (key) => <May of={key} />, wide: true },
          { name: t('Created'), cell: (key) => <When at={key.created} as="date" />, wide: true },
          {
            name: t('Status'),
            cell: (key) => <Standing of={key} revoke={isAdmin ? setRevoking : null} />,
          },
        ]}
        empty={<Empty title={t('No key in this mode yet.')} />}
      />
      {isMaking && <NewKey close={() => setMaking(false)} />}
      {revoking && <Revoke apiKey={revoking} close={() => setRevoking(null)} />}
    </Section>
  )
}

function May({ of }: { of: ApiKey }) {
  const { t } = useSpeech()
  return <>{of.type === 'secret' ? t('everything') : of.permissions?.join(', ')}</>
}

function Standing({ of, revoke }: { of: ApiKey; revoke: ((key: ApiKey) => void) | null }) {
  const { t } = useSpeech()
  if (of.revoked_at !== null) return <Badge>{t('Revoked')}</Badge>
  if (!revoke) return <Badge tone="good">{t('Active')}</Badge>
  return (
    <Button small onClick={() => revoke(of)}>
      {t('Revoke')}
    </Button>
  )
}

function NewKey({ close }: { close: () => void }) {
  const { t } = useSpeech()
  const { scope } = useDesk()
  const [type, setType] = useState('secret')
  const [made, setMade] = useState<ApiKey | null>(null)
  const create = useChange({
    run: (client, params: URLSearchParams) =>
      client.post('/v1/dashboard/api_keys', {}, withPermissions(params)),
    done: setMade,
  })
  if (made?.secret) {
    return (
      <Secret
        title={t('Your new key')}
        secret={made.secret}
        note={t('Keep it where secrets are kept. It is shown this once.')}
        close={close}
      />
    )
  }
  return (
    <Dialog
      title={scope.mode === 'test' ? t('New key for test mode') : t('New key for live mode')}
      close={close}
    >
      <Form
        error={create.error}
        busy={create.isPending}
        submit={t('Create')}
        cancel={close}
        send={create.mutate}
      >
        <Field name="name" label={t('Name')} placeholder={t('What uses it')} autoFocus />
        <Select
          name="type"
          label={t('May')}
          value={type}
          onChange={(event) => setType(event.target.value)}
        >
          <option value="secret">{t('everything')}</option>
          <option value="restricted">{t('only some things')}</option>
        </Select>
        {type === 'restricted' && (
          <Field
            name="permissions"
            label={t('Permissions')}
            placeholder="meter_events:write, alerts:read"
            hint={t('Separated by commas: a resource, then :read or :write.')}
          />
        )}
      </Form>
    </Dialog>
  )
}

/** The permissions, as typed, one parameter each. */
function withPermissions(params: URLSearchParams): URLSearchParams {
  const { permissions, ...rest } = Object.fromEntries(params)
  const listed = permissions?.split(/[\s,]+/).filter(Boolean)
  return encodeForm({ ...rest, ...(listed && { permissions: listed }) })
}

function Revoke({ apiKey, close }: { apiKey: ApiKey; close: () => void }) {
  const { t } = useSpeech()
  const revoke = useChange({
    run: (client, _: void) => client.post('/v1/dashboard/api_keys/{id}/revoke', { id: apiKey.id }),
    done: close,
  })
  return (
    <Dialog title={t('Revoke this key?')} close={close}>
      <Form
        danger
        error={revoke.error}
        busy={revoke.isPending}
        submit={t('Revoke')}
        cancel={close}
        send={() => revoke.mutate()}
      >
        <p>
          <code>{apiKey.redacted}</code> {t('stops working at once, for good.')}
        </p>
      </Form>
    </Dialog>
  )
}

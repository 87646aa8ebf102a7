import { useState } from 'react'
import type { Member } from '@/api/objects'
import { useChange, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Secret } from '@/pages/webhooks/Secret'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field, Form, Select } from '@/ui/Form'
import { Menu } from '@/ui/Menu'
import { Section } from '@/ui/Page'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { useSay } from '@/ui/Toasts'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

/** Who may look, and who may change things. */
export function Members() {
  const { t } = useSpeech()
  const { isManager } = useDesk()
  const [isInviting, setInviting] = useState(false)
  const pages = usePages('/v1/dashboard/members', {})
  return (
    <Section
      flush
      title={t('Members')}
      actions={
        isManager && (
          <Button small kind="primary" icon="plus" onClick={() => setInviting(true)}>
            {t('Invite')}
          </Button>
        )
      }
    >
      <PagedTable
        pages={pages}
        label={t('Members')}
        keyOf={(member) => member.id}
        columns={[
          { name: t('Name'), cell: (member) => member.name || member.email },
          { name: t('E-mail'), cell: (member) => member.email, wide: true },
          { name: t('Role'), cell: (member) => <Role of={member} /> },
          {
            name: t('Last sign-in'),
            cell: (member) =>
              member.invited ? (
                <Badge tone="warn">{t('Invited')}</Badge>
              ) : (
                <When at={member.last_signed_in_at} as="distance" />
              ),
          },
          {
            name: t('Actions'),
            isNameHidden: true,
            cell: (member) => isManager && <Actions member={member} />,
            align: 'end',
          },
        ]}
        empty={<Empty title={t('Nobody yet.')} />}
      />
      {isInviting && <Invite close={() => setInviting(false)} />}
    </Section>
  )
}

function Role({ of }: { of: Member }) {
  const { t } = useSpeech()
  return of.role === 'admin' ? (
    <Badge tone="accent">{t('Admin')}</Badge>
  ) : (
    <Badge>{t('Viewer')}</Badge>
  )
}

function Actions({ member }: { member: Member }) {
  const { t } = useSpeech()
  const say = useSay()
  const other = member.role === 'admin' ? 'viewer' : 'admin'
  const change = useChange({
    run: (client, _: void) =>
      client.post(
        '/v1/dashboard/members/{id}',
        { id: member.id },
        new URLSearchParams({ role: other }),
      ),
  })
  const remove = useChange({
    run: (client, _: void) => client.delete('/v1/dashboard/members/{id}', { id: member.id }),
  })
  return (
    <Menu
      label={t('Change {name}', { name: member.name || member.email })}
      className="button quiet small"
      button="···"
      choices={[
        {
          label: other === 'admin' ? t('Make an admin') : t('Make a viewer'),
          run: () => change.mutate(undefined, { onError: say.error }),
        },
        {
          label: t('Remove'),
          isDanger: true,
          run: () => remove.mutate(undefined, { onError: say.error }),
        },
      ]}
    />
  )
}

function Invite({ close }: { close: () => void }) {
  const { t } = useSpeech()
  const { scope } = useDesk()
  const [link, setLink] = useState<string | null>(null)
  const invite = useChange({
    run: (client, params: URLSearchParams) => client.post('/v1/dashboard/members', {}, params),
    done: (member) => setLink(member.invitation_url ?? null),
  })
  if (link) {
    return (
      <Secret
        title={t('The invitation')}
        secret={link}
        note={t('Send this link to them. It works once, for seven days, and is shown this once.')}
        close={close}
      />
    )
  }
  return (
    <Dialog title={t('Invite')} close={close}>
      <Form
        error={invite.error}
        busy={invite.isPending}
        submit={t('Invite')}
        cancel={close}
        send={invite.mutate}
      >
        <Field name="email" type="email" label={t('E-mail')} autoFocus />
        <Select
          name="role"
          label={t('Role')}
          defaultValue="viewer"
          hint={t('A viewer sees everything but secrets, and changes nothing.')}
        >
          <option value="viewer">{t('Viewer')}</option>
          <option value="admin">{t('Admin')}</option>
        </Select>
        <Select name="accounts[0]" label={t('May see')}>
          <option value="">{t('all accounts')}</option>
          <option value={scope.account}>{t('only this account')}</option>
        </Select>
      </Form>
    </Dialog>
  )
}

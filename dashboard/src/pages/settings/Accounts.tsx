import { useState } from 'react'
import { useLocation } from 'wouter'
import { useQueryClient } from '@tanstack/react-query'
import type { Account } from '@/api/objects'
import { useChange, useGet } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Copyable } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { Field, Form } from '@/ui/Form'
import { Section } from '@/ui/Page'
import { Ask } from '@/ui/State'
import { Table } from '@/ui/Table'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

/** Accounts share nothing: meters, customers and keys belong to one of them. */
export function Accounts() {
  const { t } = useSpeech()
  const { isManager, scope } = useDesk()
  const [, go] = useLocation()
  const [editing, setEditing] = useState<Account | 'new' | null>(null)
  const accounts = useGet('/v1/dashboard/accounts', {})
  return (
    <Section
      flush
      title={t('Accounts')}
      actions={
        isManager && (
          <Button small kind="primary" icon="plus" onClick={() => setEditing('new')}>
            {t('New account')}
          </Button>
        )
      }
    >
      <Ask of={accounts}>
        {({ data }) => (
          <Table
            rows={data}
            label={t('Accounts')}
            keyOf={(account) => account.id}
            columns={[
              { name: t('Name'), cell: (account) => account.display_name },
              { name: t('Id'), cell: (account) => <Copyable text={account.id} /> },
              {
                name: t('Created'),
                cell: (account) => <When at={account.created} as="date" />,
                wide: true,
              },
              {
                name: t('Actions'),
                isNameHidden: true,
                align: 'end',
                cell: (account) => (
                  <span className="row-actions">
                    {account.id === scope.account ? (
                      <Badge tone="accent">{t('shown now')}</Badge>
                    ) : (
                      <Button small onClick={() => go(`~/dashboard/${account.id}/${scope.mode}`)}>
                        {t('Open')}
                      </Button>
                    )}
                    {isManager && (
                      <Button small onClick={() => setEditing(account)}>
                        {t('Rename')}
                      </Button>
                    )}
                  </span>
                ),
              },
            ]}
          />
        )}
      </Ask>
      {editing && (
        <Edit account={editing === 'new' ? null : editing} close={() => setEditing(null)} />
      )}
    </Section>
  )
}

function Edit({ account, close }: { account: Account | null; close: () => void }) {
  const { t } = useSpeech()
  const queries = useQueryClient()
  const save = useChange({
    run: (client, params: URLSearchParams) =>
      account
        ? client.post('/v1/dashboard/accounts/{id}', { id: account.id }, params)
        : client.post('/v1/dashboard/accounts', {}, params),
    done: () => {
      void queries.invalidateQueries({ queryKey: ['session'] })
      close()
    },
  })
  return (
    <Dialog title={account ? t('Rename') : t('New account')} close={close}>
      <Form
        error={save.error}
        busy={save.isPending}
        submit={t('Save')}
        cancel={close}
        send={save.mutate}
      >
        <Field
          name="display_name"
          label={t('Name')}
          defaultValue={account?.display_name}
          autoFocus
        />
      </Form>
    </Dialog>
  )
}

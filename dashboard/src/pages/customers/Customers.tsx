import { useState } from 'react'
import { useLocation } from 'wouter'
import { useChange, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Snippets } from '@/pages/shared/Snippets'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Page, Section } from '@/ui/Page'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { CustomerFields } from './CustomerFields'
import { Form } from '@/ui/Form'

export default function Customers() {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [email, setEmail] = useState('')
  const [isMaking, setMaking] = useState(false)
  const pages = usePages('/v1/customers', {}, email ? { email } : {})
  const make = isAdmin && (
    <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
      {t('New customer')}
    </Button>
  )
  return (
    <Page title={t('Customers')} actions={make}>
      <Section
        flush
        title={t('Whose usage is counted')}
        actions={
          <input
            type="search"
            className="filter"
            aria-label={t('E-mail')}
            placeholder={t('E-mail, in full')}
            onChange={(event) => setEmail(event.target.value.trim())}
          />
        }
      >
        <PagedTable
          pages={pages}
          label={t('Customers')}
          keyOf={(customer) => customer.id}
          href={(customer) => `/customers/${customer.id}`}
          columns={[
            { name: t('Name'), cell: (customer) => customer.name || customer.id },
            { name: t('E-mail'), cell: (customer) => customer.email },
            { name: t('Id'), cell: (customer) => <code>{customer.id}</code>, wide: true },
            { name: t('Created'), cell: (customer) => <When at={customer.created} as="date" /> },
          ]}
          empty={
            email ? (
              <Empty title={t('Nobody has this e-mail.')} />
            ) : (
              <Empty title={t('There is no customer yet.')}>
                <p>{t('Usage names the customer that it belongs to. The id may be your own.')}</p>
                <Snippets topic="customer" />
              </Empty>
            )
          }
        />
      </Section>
      {isMaking && <NewCustomer close={() => setMaking(false)} />}
    </Page>
  )
}

function NewCustomer({ close }: { close: () => void }) {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const create = useChange({
    run: (client, params: URLSearchParams) => client.post('/v1/customers', {}, params),
    done: (customer) => go(`/customers/${customer.id}`),
  })
  return (
    <Dialog title={t('New customer')} close={close}>
      <Form
        error={create.error}
        busy={create.isPending}
        submit={t('Create')}
        cancel={close}
        send={create.mutate}
      >
        <CustomerFields isNew />
      </Form>
    </Dialog>
  )
}

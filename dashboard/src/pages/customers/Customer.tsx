import { useState } from 'react'
import { useLocation } from 'wouter'
import type { Customer as CustomerObject } from '@/api/objects'
import { keyOf, useChange, useGet, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Status } from '@/pages/shared/Status'
import { Button, ButtonLink } from '@/ui/Button'
import { Copyable } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Menu } from '@/ui/Menu'
import { Facts, Page, Section } from '@/ui/Page'
import { Ask, Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { Money, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { Credits } from './Credits'
import { CustomerFields } from './CustomerFields'
import { PeriodLines } from './PeriodLines'
import { Spend } from './Spend'
import { WayToLines } from './WayToLines'

export default function Customer({ id }: { id: string }) {
  const { t } = useSpeech()
  const customer = useGet('/v1/customers/{id}', { id })
  return (
    <Page
      title={customer.data ? customer.data.name || customer.data.id : t('Customer')}
      up={{ href: '/customers', label: t('Customers') }}
      aside={<Copyable text={id} />}
      actions={customer.data && <Actions customer={customer.data} />}
    >
      <Ask of={customer} rows={8}>
        {(found) => <Details customer={found} />}
      </Ask>
    </Page>
  )
}

function Details({ customer }: { customer: CustomerObject }) {
  const { t } = useSpeech()
  const { id } = customer
  return (
    <div className="columns two-one">
      <div className="stack">
        <WayToLines customer={id} />
        <PeriodLines customer={id} />
        <InvoicesOf customer={id} />
      </div>
      <div className="stack">
        <Spend customer={id} />
        <Credits customer={id} />
        <Section title={t('Details')}>
          <Facts
            rows={[
              [t('Name'), customer.name],
              [t('E-mail'), customer.email],
              [t('Description'), customer.description],
              [
                t('Balance'),
                customer.balance !== 0 && customer.currency && (
                  <Money minor={customer.balance} currency={customer.currency} />
                ),
              ],
              [t('Test clock'), customer.test_clock && <Copyable text={customer.test_clock} />],
              [t('Created'), <When at={customer.created} />],
              ...Object.entries(customer.metadata ?? {}).map(
                ([name, value]) => [name, value] as const,
              ),
            ]}
          />
        </Section>
      </div>
    </div>
  )
}

function InvoicesOf({ customer }: { customer: string }) {
  const { t } = useSpeech()
  const pages = usePages('/v1/invoices', {}, { customer }, { size: 5 })
  return (
    <Section flush title={t('Invoices')}>
      <PagedTable
        pages={pages}
        label={t('Invoices')}
        keyOf={(invoice) => invoice.id}
        href={(invoice) => `/invoices/${invoice.id}`}
        columns={[
          { name: t('Number'), cell: (invoice) => invoice.number ?? t('Draft') },
          {
            name: t('Total'),
            cell: (invoice) => <Money minor={invoice.total} currency={invoice.currency} />,
            align: 'end',
          },
          { name: t('Status'), cell: (invoice) => <Status of={invoice.status} /> },
          { name: t('Created'), cell: (invoice) => <When at={invoice.created} as="date" /> },
        ]}
        empty={<Empty title={t('No invoice yet.')} />}
      />
    </Section>
  )
}

function Actions({ customer }: { customer: CustomerObject }) {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [asked, setAsked] = useState<'edit' | 'delete' | null>(null)
  if (!isAdmin) return null
  const close = (): void => setAsked(null)
  return (
    <>
      <Button onClick={() => setAsked('edit')}>{t('Edit')}</Button>
      <ButtonLink kind="primary" icon="plus" href={`/alerts/new?customer=${customer.id}`}>
        {t('Draw a line')}
      </ButtonLink>
      <Menu
        label={t('More')}
        button="···"
        choices={[{ label: t('Delete'), isDanger: true, run: () => setAsked('delete') }]}
      />
      {asked === 'edit' && <Edit customer={customer} close={close} />}
      {asked === 'delete' && <Delete customer={customer} close={close} />}
    </>
  )
}

function Edit({ customer, close }: { customer: CustomerObject; close: () => void }) {
  const { t } = useSpeech()
  const { scope } = useDesk()
  const key = keyOf(scope, '/v1/customers/{id}', { id: customer.id })
  const edit = useChange({
    run: (client, given: Readonly<Record<string, string>>) =>
      client.post('/v1/customers/{id}', { id: customer.id }, new URLSearchParams(given)),
    expect: (given) => [key, (old) => ({ ...(old as CustomerObject), ...given })],
    done: close,
  })
  // What was emptied is sent blank, which unsets it.
  const send = (params: URLSearchParams): void =>
    edit.mutate({ name: '', email: '', description: '', ...Object.fromEntries(params) })
  return (
    <Dialog title={t('Edit')} close={close}>
      <Form error={edit.error} busy={edit.isPending} submit={t('Save')} cancel={close} send={send}>
        <CustomerFields customer={customer} />
      </Form>
    </Dialog>
  )
}

function Delete({ customer, close }: { customer: CustomerObject; close: () => void }) {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const remove = useChange({
    run: (client, _: void) => client.delete('/v1/customers/{id}', { id: customer.id }),
    done: () => go('/customers'),
  })
  return (
    <Dialog title={t('Delete this customer?')} close={close}>
      <Form
        danger
        error={remove.error}
        busy={remove.isPending}
        submit={t('Delete')}
        cancel={close}
        send={() => remove.mutate()}
      >
        <p>
          {t('Subscriptions end at once, and usage is no longer counted. It cannot be undone.')}
        </p>
      </Form>
    </Dialog>
  )
}

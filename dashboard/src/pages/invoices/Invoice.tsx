import { useState } from 'react'
import { Link } from 'wouter'
import { subscriptionOf, type Invoice as InvoiceObject, type InvoiceLine } from '@/api/objects'
import { useChange, useGet, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { CustomerLink } from '@/pages/shared/Names'
import { Status } from '@/pages/shared/Status'
import { Copyable } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Menu } from '@/ui/Menu'
import { Facts, Page, Section } from '@/ui/Page'
import { Ask } from '@/ui/State'
import { Pager } from '@/ui/Table'
import { useSay } from '@/ui/Toasts'
import { Money, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import type { Phrase } from '@/words/german'
import { InvoiceLines } from './InvoiceLines'
import { useReason } from './reason'

export default function Invoice({ id }: { id: string }) {
  const { t } = useSpeech()
  const invoice = useGet('/v1/invoices/{id}', { id })
  return (
    <Page
      title={invoice.data ? (invoice.data.number ?? t('Draft invoice')) : t('Invoice')}
      up={{ href: '/invoices', label: t('Invoices') }}
      aside={invoice.data && <Status of={invoice.data.status} />}
      actions={invoice.data && <Actions invoice={invoice.data} />}
    >
      <Ask of={invoice} rows={8}>
        {(found) => <Details invoice={found} />}
      </Ask>
    </Page>
  )
}

function Details({ invoice }: { invoice: InvoiceObject }) {
  const { t } = useSpeech()
  const reason = useReason()
  const subscription = subscriptionOf(invoice)
  const { finalized_at: finalized, paid_at: paid } = invoice.status_transitions
  return (
    <div className="columns two-one">
      <div className="stack">
        <Section title={t('Why it was issued')}>
          {reason(invoice).whole.map((sentence) => (
            <p key={sentence} className="reason">
              {sentence}
            </p>
          ))}
          {subscription && (
            <p className="note">
              <Link href={`/subscriptions/${subscription}`}>
                {t('Subscription and its thresholds')}
              </Link>
            </p>
          )}
          {invoice.late_usage !== undefined && (
            <p className="note">
              {t('{n} events came too late to be on it.', { n: invoice.late_usage })}
            </p>
          )}
        </Section>
        <Lines invoice={invoice} />
      </div>
      <Section title={t('Details')}>
        <Facts
          rows={[
            [t('Due'), <Money minor={invoice.amount_remaining} currency={invoice.currency} />],
            [
              t('Customer'),
              <CustomerLink id={invoice.customer} name={invoice.customer_name ?? undefined} />,
            ],
            [
              t('Period'),
              <>
                <When at={invoice.period_start} as="date" /> –{' '}
                <When at={invoice.period_end} as="date" />
              </>,
            ],
            [t('Created'), <When at={invoice.created} />],
            [
              t('Finalizes'),
              invoice.status === 'draft' && invoice.automatically_finalizes_at !== null && (
                <When at={invoice.automatically_finalizes_at} as="distance" />
              ),
            ],
            [t('Finalized'), finalized != null && <When at={finalized} />],
            [t('Due on'), invoice.due_date !== null && <When at={invoice.due_date} as="date" />],
            [t('Paid'), paid != null && <When at={paid} />],
            [t('Id'), <Copyable text={invoice.id} />],
          ]}
        />
      </Section>
    </div>
  )
}

/** All lines, page by page: an invoice itself shows ten. */
function Lines({ invoice }: { invoice: InvoiceObject }) {
  const { t } = useSpeech()
  const pages = usePages(
    '/v1/invoices/{id}/lines',
    { id: invoice.id },
    {},
    { enabled: invoice.lines.has_more },
  )
  const lines: readonly InvoiceLine[] = pages.rows ?? invoice.lines.data
  return (
    <Section flush title={t('Lines')}>
      <InvoiceLines invoice={invoice} lines={lines} />
      {invoice.lines.has_more && <Pager {...pages} />}
    </Section>
  )
}

type Move = 'finalize' | 'pay' | 'send' | 'void' | 'mark_uncollectible'

const MOVES: Readonly<
  Record<
    Move,
    { readonly label: Phrase; readonly from: readonly string[]; readonly warns?: Phrase }
  >
> = {
  finalize: { label: 'Finalize', from: ['draft'] },
  send: { label: 'Send', from: ['open'] },
  pay: { label: 'Mark as paid', from: ['open', 'uncollectible'] },
  mark_uncollectible: { label: 'Mark as uncollectible', from: ['open'] },
  void: {
    label: 'Void',
    from: ['open', 'uncollectible'],
    warns: 'A void invoice owes nothing, for good.',
  },
}

function Actions({ invoice }: { invoice: InvoiceObject }) {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const say = useSay()
  const [asked, setAsked] = useState<Move | null>(null)
  const move = useChange({
    run: (client, to: Move) => {
      const ids = { id: invoice.id }
      if (to === 'finalize') return client.post('/v1/invoices/{id}/finalize', ids)
      if (to === 'send') return client.post('/v1/invoices/{id}/send', ids)
      if (to === 'pay') return client.post('/v1/invoices/{id}/pay', ids, { paid_out_of_band: true })
      if (to === 'void') return client.post('/v1/invoices/{id}/void', ids)
      return client.post('/v1/invoices/{id}/mark_uncollectible', ids)
    },
  })
  const run = (to: Move): void => move.mutate(to, { onError: say.error })
  const possible = (Object.keys(MOVES) as Move[]).filter((name) =>
    MOVES[name].from.includes(invoice.status),
  )
  return (
    <>
      {invoice.hosted_invoice_url && (
        <Outside href={invoice.hosted_invoice_url} label={t('Page for the customer')} />
      )}
      {invoice.invoice_pdf && <Outside href={invoice.invoice_pdf} label="PDF" />}
      {isAdmin && possible.length > 0 && (
        <Menu
          label={t('More')}
          button="···"
          choices={possible.map((name) => ({
            label: t(MOVES[name].label),
            isDanger: name === 'void',
            run: () => (MOVES[name].warns ? setAsked(name) : run(name)),
          }))}
        />
      )}
      {asked && (
        <Dialog title={t(MOVES[asked].label)} close={() => setAsked(null)}>
          <Form
            danger
            error={null}
            busy={false}
            submit={t(MOVES[asked].label)}
            cancel={() => setAsked(null)}
            send={() => {
              run(asked)
              setAsked(null)
            }}
          >
            <p>{t(MOVES[asked].warns ?? 'A void invoice owes nothing, for good.')}</p>
          </Form>
        </Dialog>
      )}
    </>
  )
}

function Outside({ href, label }: { href: string; label: string }) {
  return (
    <a className="button plain" href={href} target="_blank" rel="noreferrer">
      {label}
    </a>
  )
}

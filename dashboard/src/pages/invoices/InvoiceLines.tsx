import type { Invoice, InvoiceLine } from '@/api/objects'
import { formatRate } from '@/lib/money'
import { Table } from '@/ui/Table'
import { Money, Quantity } from '@/ui/Values'
import { useSpeech } from '@/words/language'

/** The lines of an invoice, and how they add up. */
export function InvoiceLines({
  invoice,
  lines = invoice.lines.data,
}: {
  invoice: Invoice
  lines?: readonly InvoiceLine[]
}) {
  const { t, locale } = useSpeech()
  const { currency } = invoice
  return (
    <>
      <Table
        label={t('Lines')}
        rows={lines}
        keyOf={({ id }) => id}
        columns={[
          { name: t('Description'), cell: ({ description }) => description },
          {
            name: t('Quantity'),
            cell: (line) => <Quantity value={line.quantity_decimal ?? line.quantity ?? 0} />,
            align: 'end',
          },
          {
            name: t('Each'),
            cell: ({ pricing }) =>
              pricing?.unit_amount_decimal &&
              formatRate(pricing.unit_amount_decimal, currency, locale),
            align: 'end',
            wide: true,
          },
          {
            name: t('Amount'),
            cell: ({ amount }) => <Money minor={amount} currency={currency} />,
            align: 'end',
          },
        ]}
      />
      <Totals invoice={invoice} />
    </>
  )
}

function Totals({ invoice }: { invoice: Invoice }) {
  const { t } = useSpeech()
  const total = (amounts: readonly { readonly amount: number }[]): number =>
    amounts.reduce((all, { amount }) => all + amount, 0)
  const credits = total(
    invoice.total_pretax_credit_amounts.filter(({ type }) => type === 'credit_balance_transaction'),
  )
  const rows: readonly (readonly [string, number, boolean])[] = [
    [t('Subtotal'), invoice.subtotal, true],
    [t('Discounts'), -total(invoice.total_discount_amounts), false],
    [t('Credits'), -credits, false],
    [t('Taxes'), total(invoice.total_taxes), false],
    [t('Total'), invoice.total, true],
    [t('Paid'), -invoice.amount_paid, false],
    [
      t('Due'),
      invoice.amount_due,
      invoice.status !== 'paid' && invoice.amount_due !== invoice.total,
    ],
  ]
  return (
    <dl className="totals">
      {rows
        .filter(([, amount, always]) => always || amount !== 0)
        .map(([name, amount]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Money minor={amount} currency={invoice.currency} />
            </dd>
          </div>
        ))}
    </dl>
  )
}

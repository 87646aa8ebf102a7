import { useGet } from '@/api/queries'
import type { AlertPreview } from '@/api/objects'
import { compare, isDecimal, ratio, minus } from '@/lib/decimal'
import { CustomerLink } from '@/pages/shared/Names'
import { Section } from '@/ui/Page'
import { Ask, Empty } from '@/ui/State'
import { Table } from '@/ui/Table'
import { Quantity, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

const NEEDED = ['usage_threshold[meter]', 'usage_threshold[gte]']
const ASKED = [
  'alert_type',
  'usage_threshold[meter]',
  'usage_threshold[gte]',
  'usage_threshold[filters][0][type]',
  'usage_threshold[filters][0][customer]',
]

/** Whom the line would have caught over the last thirty days. */
export function Preview({ params }: { params: URLSearchParams }) {
  const { t } = useSpeech()
  const query = Object.fromEntries(
    ASKED.flatMap((name) => (params.has(name) ? [[name, params.get(name)]] : [])),
  )
  const isReady =
    NEEDED.every((name) => params.get(name)) &&
    /^[1-9]\d*$/.test(params.get('usage_threshold[gte]') ?? '')
  const preview = useGet('/v1/billing/alerts/preview', {}, query, { enabled: isReady, keep: true })
  return (
    <Section title={t('Whom it would have caught')} note={t('Usage of the last 30 days')}>
      {isReady ? (
        <Ask of={preview} rows={6}>
          {(found) => <Caught preview={found} />}
        </Ask>
      ) : (
        <Empty title={t('Say where the line is, and it is drawn here.')} />
      )}
    </Section>
  )
}

function Caught({ preview }: { preview: AlertPreview }) {
  const { t, tn } = useSpeech()
  return (
    <>
      <p className="caught">
        <strong>{tn(preview.count, '1 customer', '{n} customers')}</strong>{' '}
        {t('of {n} would have crossed it.', { n: preview.total_customers })}
      </p>
      <Histogram preview={preview} />
      {preview.customers.length > 0 && (
        <Table
          label={t('Caught')}
          rows={preview.customers}
          keyOf={({ customer }) => customer}
          columns={[
            {
              name: t('Customer'),
              cell: ({ customer, name }) => <CustomerLink id={customer} name={name} />,
            },
            { name: t('Crossed'), cell: ({ crossed_at }) => <When at={crossed_at} /> },
            { name: t('Usage'), cell: ({ value }) => <Quantity value={value} />, align: 'end' },
          ]}
        />
      )}
    </>
  )
}

/** How many customers used how much, with the line between those it spares and those it catches. */
function Histogram({ preview }: { preview: AlertPreview }) {
  const { t, tn } = useSpeech()
  const bins = preview.histogram
  const most = Math.max(...bins.map(({ customers }) => customers), 1)
  const line = String(preview.gte)
  return (
    <div
      className="histogram"
      role="img"
      aria-label={t('Customers by their usage, with the line at {line}', { line })}
    >
      <div className="histogram-bars">
        {bins.map(({ up_to, customers }, at) => (
          <span
            key={at}
            className={isBeyond(up_to, line) ? 'beyond' : ''}
            style={{ height: `${(customers / most) * 100}%` }}
            title={tn(customers, '1 customer', '{n} customers')}
          />
        ))}
        <i style={{ left: `${linePlace(bins, line) * 100}%` }} />
      </div>
      <div className="histogram-ends">
        <span>0</span>
        <b style={{ left: `${linePlace(bins, line) * 100}%` }}>
          <Quantity value={line} short />
        </b>
        <span>
          <Quantity value={bins.findLast(({ up_to }) => up_to !== null)?.up_to ?? '0'} short />
        </span>
      </div>
    </div>
  )
}

type Bins = AlertPreview['histogram']

function isBeyond(upTo: string | null, line: string): boolean {
  return upTo === null || !isDecimal(upTo) || compare(upTo, line) > 0
}

/** Where the line lies among bins of equal width, from 0 to 1. */
function linePlace(bins: Bins, line: string): number {
  const at = bins.findIndex(({ up_to }) => isBeyond(up_to, line))
  if (at < 0) return 1
  const start = bins[at - 1]?.up_to ?? '0'
  const end = bins[at]?.up_to
  const within = end ? ratio(minus(line, start), minus(end, start)) : 0.5
  return (at + Math.min(1, Math.max(0, within))) / bins.length
}

import { Link } from 'wouter'
import { useGet } from '@/api/queries'
import type { NearestLine } from '@/api/objects'
import { formatMoney } from '@/lib/money'
import { formatQuantity } from '@/lib/quantity'
import type { Line } from '@/lib/way'
import { Ask, Empty } from '@/ui/State'
import { Distance, Way } from '@/ui/Way'
import { Value } from '@/ui/Values'
import { useSpeech } from '@/words/language'

interface NearestProps {
  readonly limit: number
  readonly meter?: string
  readonly alert?: string
}

const RENEWED_MS = 4000

/** Who is closest to a line, the closest first. */
export function Nearest({ limit, ...filter }: NearestProps) {
  const { t } = useSpeech()
  const nearest = useGet(
    '/v1/dashboard/nearest',
    {},
    { limit, ...filter },
    { everyMs: RENEWED_MS, keep: true },
  )
  return (
    <Ask of={nearest} rows={limit / 2}>
      {({ data }) =>
        data.length === 0 ? (
          <Empty title={t('Nobody is on the way to a line.')}>
            <p>
              {t(
                'Lines are alerts on a meter; a customer is on the way with the first usage after.',
              )}
            </p>
          </Empty>
        ) : (
          <ul className="nearest">
            {data.map((one) => (
              <NearestRow
                key={`${one.alert} ${one.customer} ${one.subscription}`}
                one={one}
                titled={!filter.alert}
              />
            ))}
          </ul>
        )
      }
    </Ask>
  )
}

function NearestRow({ one, titled }: { one: NearestLine; titled: boolean }) {
  const { t } = useSpeech()
  const write = useAmounts(one.currency)
  const line = lineOf(one)
  const name = one.customer_name || one.customer
  return (
    <li>
      <div className="nearest-who">
        <Link href={`/customers/${one.customer}`} className="name">
          {name}
        </Link>
        {titled && (
          <Link href={`/alerts/${one.alert}`} className="note">
            {one.alert_title}
          </Link>
        )}
      </div>
      <Way
        total={one.total}
        lines={[line]}
        label={t('{name}, {meter}', { name, meter: one.meter_name ?? t('spend of a period') })}
        format={write}
      />
      <div className="nearest-number">
        <Value value={one.total} currency={one.currency} short />
        <span className="note">
          {' / '}
          <Value value={one.line} currency={one.currency} short />
        </span>
      </div>
      <Distance total={one.total} line={line} />
    </li>
  )
}

/** Writes what a line counts: quantities, or money where there is a currency. */
export function useAmounts(currency: string | null): (value: string) => string {
  const { locale } = useSpeech()
  return (value) =>
    currency ? formatMoney(value, currency, locale) : formatQuantity(value, locale)
}

export function lineOf(one: NearestLine): Line {
  return {
    id: one.alert,
    title: one.alert_title,
    at: one.line,
    kind: 'alert',
    projectedAt: one.projected_at,
    firedAt: one.fired_at,
  }
}

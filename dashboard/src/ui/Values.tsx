import { formatDate, formatDistance, formatExactly, formatMoment } from '@/lib/dates'
import { formatMoney } from '@/lib/money'
import { formatCompact, formatQuantity } from '@/lib/quantity'
import { useSpeech } from '@/words/language'
import { useTick } from './tick'

type Style = 'moment' | 'date' | 'distance'

const FORMATS = { moment: formatMoment, date: formatDate, distance: formatDistance } as const

/** A moment; its title is exact. */
export function When({ at, as = 'moment' }: { at: number | null | undefined; as?: Style }) {
  const { locale } = useSpeech()
  useTick(as === 'distance')
  if (at === null || at === undefined) return <Nothing />
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={formatExactly(at, locale)}>
      {FORMATS[as](at, locale)}
    </time>
  )
}

/** An amount of money, in minor units. */
export function Money({ minor, currency }: { minor: number | string; currency: string }) {
  const { locale } = useSpeech()
  return <span className="number">{formatMoney(minor, currency, locale)}</span>
}

interface ValueProps {
  readonly value: string | number
  readonly currency: string | null
  readonly short?: boolean
}

/** A quantity; or an amount of money, where there is a currency. */
export function Value({ value, currency, short = false }: ValueProps) {
  if (currency !== null) return <Money minor={value} currency={currency} />
  return <Quantity value={value} short={short} />
}

/** A quantity with all of its digits; in short where space is dear, then exact in its title. */
export function Quantity({ value, short = false }: { value: string | number; short?: boolean }) {
  const { locale } = useSpeech()
  const exact = formatQuantity(value, locale)
  return (
    <span className="number" {...(short && { title: exact })}>
      {short ? formatCompact(value, locale) : exact}
    </span>
  )
}

export function Nothing() {
  return (
    <span className="nothing" aria-hidden="true">
      –
    </span>
  )
}

import { plain } from './decimal'

/** Currencies whose smallest unit is the unit itself, and those with a thousand of them (Stripe). */
const ZERO_DECIMAL = new Set(
  'bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf'.split(' '),
)
const THREE_DECIMAL = new Set('bhd jod kwd omr tnd'.split(' '))

/** How many decimal places the currency's smallest unit is. */
export function exponent(currency: string): 0 | 2 | 3 {
  if (ZERO_DECIMAL.has(currency)) return 0
  return THREE_DECIMAL.has(currency) ? 3 : 2
}

/** An amount of minor units as a decimal string of the currency's unit: 1250 of usd is `12.5`. */
export function inUnits(minor: number | bigint | string, currency: string): string {
  return plain(BigInt(minor), exponent(currency))
}

/** What somebody typed, in the currency's unit, as minor units; null if it is no such amount. */
export function toMinor(typed: string, currency: string): string | null {
  const places = exponent(currency)
  const match = /^(\d+)(?:[.,](\d+))?$/.exec(typed.trim())
  const fraction = match?.[2] ?? ''
  if (!match || fraction.length > places) return null
  return BigInt(match[1] + fraction.padEnd(places, '0')).toString()
}

/** An amount of minor units as people read it, digit by digit. */
export function formatMoney(
  minor: number | bigint | string,
  currency: string,
  locale: string,
): string {
  const places = exponent(currency)
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  })
  return format.format(inUnits(minor, currency) as Intl.StringNumericLiteral)
}

/** A rate in minor units with up to twelve places, as people read it: `0.0015` cents is `$0.000015`. */
export function formatRate(rate: string, currency: string, locale: string): string {
  const places = exponent(currency)
  const [whole = '0', fraction = ''] = rate.replace('-', '').split('.')
  const digits = BigInt(whole + fraction) * (rate.startsWith('-') ? -1n : 1n)
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: places,
    maximumFractionDigits: 15,
  })
  return format.format(plain(digits, places + fraction.length) as Intl.StringNumericLiteral)
}

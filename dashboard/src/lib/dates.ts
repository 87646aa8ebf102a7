/** Moments are Unix seconds, as the API has them. */

export const MINUTE = 60
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
  ['second', 1],
]

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

export function formatDate(at: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(at * 1000)
}

/** Day and minute; with the year only where it is not this one. */
export function formatMoment(at: number, locale: string, now = nowSeconds()): string {
  const isThisYear = new Date(at * 1000).getFullYear() === new Date(now * 1000).getFullYear()
  return new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    ...(isThisYear ? {} : { year: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
  }).format(at * 1000)
}

/** To the second, with its time zone: for titles and logs. */
export function formatExactly(at: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long' }).format(at * 1000)
}

export function formatClock(at: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { timeStyle: 'medium' }).format(at * 1000)
}

/** "in 3 days", "5 minutes ago". */
export function formatDistance(at: number, locale: string, now = nowSeconds()): string {
  const distance = at - now
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'long' })
  const [unit, size] = STEPS.find(([, one]) => Math.abs(distance) >= one) ?? ['second', 1]
  return format.format(Math.trunc(distance / size), unit)
}

/** A length of time in its largest unit: "4 min". */
export function formatSpan(seconds: number, locale: string): string {
  const [unit, size] = STEPS.find(([, one]) => seconds >= one) ?? ['second', 1]
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(
    Math.round(seconds / size),
  )
}

/** The last whole minute, hour or day (UTC) before a moment. */
export function floorTo(at: number, size: number): number {
  return at - (at % size)
}

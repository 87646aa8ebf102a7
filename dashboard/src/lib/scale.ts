import { DAY, HOUR, MINUTE } from './dates'

const STEPS = [
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  28 * DAY,
]

/** Round values from zero to the top of an axis that `high` fits under, at most about four of them. */
export function valueTicks(high: number): number[] {
  if (!(high > 0)) return [0, 1]
  const rough = high / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find((one) => one * power >= rough) ?? 10) * power
  return Array.from({ length: Math.ceil(high / step - 1e-9) + 1 }, (_, at) => at * step)
}

/**
 * Moments to write beneath an axis, at most `most` of them: whole hours or days of a place that lies
 * `offset` seconds ahead of UTC.
 */
export function timeTicks(start: number, end: number, most: number, offset: number): number[] {
  const step = STEPS.find((one) => (end - start) / one <= most) ?? 28 * DAY
  const first = Math.ceil((start + offset) / step) * step - offset
  const ticks: number[] = []
  for (let at = first; at < end; at += step) ticks.push(at)
  return ticks
}

/** How far the browser's place is ahead of UTC, in seconds. */
export function offsetAt(at: number): number {
  return -new Date(at * 1000).getTimezoneOffset() * MINUTE
}

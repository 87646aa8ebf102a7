/**
 * Exact arithmetic on decimal strings, for what people read. Charts may use numbers; nothing that
 * is read may.
 */

interface Scaled {
  readonly digits: bigint
  readonly scale: number
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/

function scaled(text: string): Scaled {
  const match = DECIMAL.exec(text)
  if (!match || (!match[2] && !match[3])) throw new RangeError(`not a decimal number: ${text}`)
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`)
  const scale = fraction.length - Number(exponent)
  return scale < 0 ? { digits: digits * 10n ** BigInt(-scale), scale: 0 } : { digits, scale }
}

function aligned(a: string, b: string): [bigint, bigint, number] {
  const [x, y] = [scaled(a), scaled(b)]
  const scale = Math.max(x.scale, y.scale)
  const raise = (one: Scaled): bigint => one.digits * 10n ** BigInt(scale - one.scale)
  return [raise(x), raise(y), scale]
}

/** `digits` times ten to the power of `-scale`, without an exponent and without needless zeros. */
export function plain(digits: bigint, scale: number): string {
  const sign = digits < 0n ? '-' : ''
  const padded = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0')
  const whole = padded.slice(0, padded.length - scale)
  const fraction = scale ? padded.slice(-scale).replace(/0+$/, '') : ''
  return sign + whole + (fraction && `.${fraction}`)
}

/** Whether a text is a decimal number. */
export function isDecimal(text: string): boolean {
  const match = DECIMAL.exec(text)
  return match !== null && Boolean(match[2] || match[3])
}

/** The sum of decimal strings. */
export function sum(values: Iterable<string>): string {
  let total = '0'
  for (const value of values) {
    const [a, b, scale] = aligned(total, value)
    total = plain(a + b, scale)
  }
  return total
}

/** `a - b`. */
export function minus(a: string, b: string): string {
  const [x, y, scale] = aligned(a, b)
  return plain(x - y, scale)
}

/** Below, at, or above zero as `a` is below, at, or above `b`. */
export function compare(a: string, b: string): number {
  const [x, y] = aligned(a, b)
  return x < y ? -1 : x > y ? 1 : 0
}

/** `part / whole` to four places, as a number to draw with; 0 when there is no whole. */
export function ratio(part: string, whole: string): number {
  const [x, y] = aligned(part, whole)
  return y === 0n ? 0 : Number((x * 10_000n) / y) / 10_000
}

/** Quantities: these are decimal strings here, whichever way the API wrote them. */
const QUANTITIES = new Set(['aggregated_value'])

interface Context {
  readonly source?: string
}

/**
 * Parses JSON without loss: a number that JavaScript cannot hold stays as it was written, as a
 * string, and so does every quantity.
 */
export function parseExact(text: string): unknown {
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown)
}

function exact(key: string, value: unknown, context?: Context): unknown {
  if (typeof value !== 'number') return value
  const source = context?.source ?? String(value)
  return QUANTITIES.has(key) || !isHeld(value, source) ? source : value
}

function isHeld(value: number, source: string): boolean {
  return (
    String(value) === source ||
    (!Number.isInteger(value) && Number(source) === value && source.length < 16)
  )
}

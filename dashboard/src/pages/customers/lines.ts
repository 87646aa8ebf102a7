import type { NearestLine } from '@/api/objects'
import { useGet } from '@/api/queries'

const MOST = 100
const RENEWED_MS = 3000

/** Every line of a customer, those that are behind it too. */
export function useLinesOf(customer: string) {
  const query = { customer, limit: MOST, include_fired: true }
  return useGet('/v1/dashboard/nearest', {}, query, { everyMs: RENEWED_MS })
}

/** Whether a line counts by the billing period, each of which begins at nothing. */
export function isOfAPeriod(line: NearestLine): boolean {
  return line.subscription !== null || line.currency !== null
}

/** The beginnings of ids, and the pages of what they name. */
const PAGES: readonly (readonly [string, string])[] = [
  ['alrt_', 'alerts'],
  ['cus_', 'customers'],
  ['evt_', 'events'],
  ['in_', 'invoices'],
  ['mtr_', 'meters'],
  ['req_', 'logs'],
  ['sub_', 'subscriptions'],
  ['we_', 'webhooks'],
]

/** The page of an id; null if there is none. */
export function pageOf(id: string): string | null {
  const found = PAGES.find(([start]) => id.startsWith(start))
  return found ? `/${found[1]}/${encodeURIComponent(id)}` : null
}

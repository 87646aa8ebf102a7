import type { Invoice, InvoiceLine, Subscription, SubscriptionItem } from '@/api/objects'
import { recurringOf } from '@/api/objects'
import { HOUR } from './dates'
import { sum } from './decimal'

/** The subscription item that a line is for. */
export function itemOf(line: InvoiceLine): string | null {
  const parent = line.parent as unknown as LineParent | null
  return parent?.subscription_item_details?.subscription_item ?? null
}

interface LineParent {
  readonly subscription_item_details?: { readonly subscription_item?: string } | null
}

export function isMetered(item: SubscriptionItem): boolean {
  return recurringOf(item.price)?.usage_type === 'metered'
}

/** What an item was used in the period under way, of the lines of the next invoice. */
export function usageOf(item: SubscriptionItem, next: Invoice): string {
  const lines = next.lines.data.filter((line) => itemOf(line) === item.id)
  return sum(lines.map((line) => line.quantity_decimal ?? String(line.quantity ?? 0)))
}

/**
 * What a threshold of money is compared with: usage that was not billed yet, after discounts and
 * credits and without taxes. Flat fees do not count, so lines of items without a meter are left out.
 */
export function unbilled(subscription: Subscription, next: Invoice): number {
  const metered = new Set(subscription.items.data.filter(isMetered).map(({ id }) => id))
  const net = (line: InvoiceLine): number =>
    line.pretax_credit_amounts.reduce((left, { amount }) => left - amount, line.amount)
  const lines = next.lines.data.filter((line) => metered.has(itemOf(line) ?? ''))
  return Math.max(
    0,
    lines.reduce((total, line) => total + net(line), 0),
  )
}

/**
 * When a line will be reached if the period goes on as it went so far; null if that is after its end,
 * or if there is no pace to go by, as in its first hour.
 */
export function projected(share: number, start: number, end: number, now: number): number | null {
  if (share <= 0 || share >= 1 || now - start < HOUR) return null
  const at = Math.round(start + (now - start) / share)
  return at < end ? at : null
}

/** Which paths an event of the API makes old: the beginning of its type, and what is in the path. */
const TOUCHES: readonly (readonly [string, RegExp])[] = [
  ['billing.alert', /alerts|nearest/],
  ['v1.billing.meter', /meters/],
  ['billing.meter', /meters/],
  ['billing.credit', /credit|create_preview/],
  ['customer.subscription', /subscriptions|create_preview/],
  ['customer', /customers/],
  ['invoice', /invoices|subscriptions|credit/],
  ['test_helpers', /test_clocks|subscriptions|invoices/],
]

const ALWAYS = /\/events|delivery_attempts|dashboard\/overview/

/** Whether an answer of a path may have changed with an event of a type. */
export function isTouched(path: string, type: string): boolean {
  if (ALWAYS.test(path)) return true
  return TOUCHES.some(([start, paths]) => type.startsWith(start) && paths.test(path))
}

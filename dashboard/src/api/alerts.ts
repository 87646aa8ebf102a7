import type { Alert } from './objects'

interface Usage {
  readonly gte: number
  readonly meter: string
  readonly filters?: readonly CustomerFilter[] | null
  readonly count_from?: CountFrom
}

interface Spend {
  readonly gte: { readonly amount: Amount }
  readonly filters: {
    readonly customer?: string | null
    readonly subscription?: string | null
  } | null
}

interface Credit {
  readonly lte: { readonly monetary: Amount }
  readonly filters?: readonly CustomerFilter[] | null
}

interface CustomerFilter {
  readonly customer?: string | null
}

interface Amount {
  readonly currency: string
  readonly value: number
}

export type CountFrom = 'creation' | 'lifetime' | 'period_start'

/** What an alert watches, and where its line is: a quantity, or money in minor units. */
export interface Watch {
  readonly kind: 'usage' | 'spend' | 'credit'
  readonly line: number
  /** Of money; null for a quantity. */
  readonly currency: string | null
  readonly meter: string | null
  /** The only customer or subscription that is watched; null for all. */
  readonly customer: string | null
  readonly subscription: string | null
  readonly countFrom: CountFrom | null
}

const NOTHING = { currency: null, meter: null, customer: null, subscription: null, countFrom: null }

/** Reads the threshold of an alert, of whichever type it is. */
export function watchOf(alert: Alert): Watch {
  if (alert.spend_threshold) {
    const { gte, filters } = alert.spend_threshold as unknown as Spend
    const { customer = null, subscription = null } = filters ?? {}
    return {
      ...NOTHING,
      kind: 'spend',
      line: gte.amount.value,
      currency: gte.amount.currency,
      customer,
      subscription,
    }
  }
  if (alert.credit_balance_threshold) {
    const { lte, filters } = alert.credit_balance_threshold as unknown as Credit
    const { value: line, currency } = lte.monetary
    return { ...NOTHING, kind: 'credit', line, currency, customer: filters?.[0]?.customer ?? null }
  }
  const { gte, meter, filters, count_from } = alert.usage_threshold as unknown as Usage
  return {
    ...NOTHING,
    kind: 'usage',
    line: gte,
    meter,
    customer: filters?.[0]?.customer ?? null,
    countFrom: count_from ?? 'creation',
  }
}

import { describe, expect, it } from 'vitest'
import type { Invoice, InvoiceLine, Subscription } from '@/api/objects'
import { projected, unbilled } from '@/lib/billing'
import { timeTicks, valueTicks } from '@/lib/scale'
import { nextLine, place, standing, wayEnd, type Line } from '@/lib/way'

const line = (at: string): Line => ({
  id: at,
  title: at,
  at,
  kind: 'alert',
  projectedAt: null,
  firedAt: null,
})

describe('the way to the lines', () => {
  it('leads to the first line ahead', () => {
    const lines = [line('300'), line('100'), line('200')]
    expect(nextLine('100', lines)?.at).toBe('200')
    expect(nextLine('300', lines)).toBeNull()
  })

  it('says how a line stands', () => {
    expect(standing('100', line('100'))).toBe('crossed')
    expect(standing('80', line('100'))).toBe('near')
    expect(standing('79', line('100'))).toBe('ahead')
  })

  it('shows the next line, and lines that are not far beyond it', () => {
    expect(wayEnd('50', [line('100'), line('200'), line('10000')])).toBe('200')
    expect(wayEnd('500', [line('100')])).toBe('500')
    expect(wayEnd('0', [])).toBe('0')
  })

  it('keeps every place on the bar', () => {
    expect(place('200', '200')).toBe(0.92)
    expect(place('10000', '200')).toBe(1)
    expect(place('5', '0')).toBe(0)
  })
})

describe('billing', () => {
  const subscription = {
    items: {
      data: [
        { id: 'si_usage', price: { recurring: { usage_type: 'metered' } } },
        { id: 'si_flat', price: { recurring: { usage_type: 'licensed' } } },
      ],
    },
  } as unknown as Subscription

  const invoiceLine = (item: string, amount: number, credit: number): InvoiceLine =>
    ({
      amount,
      pretax_credit_amounts: credit ? [{ amount: credit }] : [],
      parent: { subscription_item_details: { subscription_item: item } },
    }) as unknown as InvoiceLine

  it('compares usage after credits, and no flat fee, with a threshold', () => {
    const next = {
      lines: { data: [invoiceLine('si_usage', 700, 200), invoiceLine('si_flat', 5000, 0)] },
    } as unknown as Invoice
    expect(unbilled(subscription, next)).toBe(500)
  })

  it('projects by the pace of the period, and not beyond it', () => {
    expect(projected(0.5, 0, 100_000, 10_000)).toBe(20_000)
    expect(projected(0.05, 0, 100_000, 10_000)).toBeNull()
    expect(projected(0, 0, 100_000, 10_000)).toBeNull()
    expect(projected(0.5, 0, 100_000, 60)).toBeNull()
  })
})

describe('axes', () => {
  it('have round values that everything fits under', () => {
    expect(valueTicks(0)).toEqual([0, 1])
    expect(valueTicks(7)).toEqual([0, 2, 4, 6, 8])
    expect(valueTicks(100)).toEqual([0, 25, 50, 75, 100])
    expect(valueTicks(1_000_001).at(-1)).toBeGreaterThan(1_000_001)
  })

  it('have whole hours or days of the place', () => {
    const day = 86_400
    expect(timeTicks(0, 4 * day, 4, 0)).toEqual([0, day, 2 * day, 3 * day])
    expect(timeTicks(0, day, 4, 3600)).toEqual([18_000, 39_600, 61_200, 82_800])
  })
})

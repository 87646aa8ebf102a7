import { describe, expect, it } from 'vitest'
import { formatDistance, formatMoment, formatSpan } from '@/lib/dates'
import { snippet } from '@/lib/snippets'
import { pageOf } from '@/shell/pageOf'
import { german } from '@/words/german'
import { fill } from '@/words/language'

describe('ids', () => {
  it('lead to their pages', () => {
    expect(pageOf('cus_1')).toBe('/customers/cus_1')
    expect(pageOf('in_1')).toBe('/invoices/in_1')
    expect(pageOf('alrt_test_1')).toBe('/alerts/alrt_test_1')
    expect(pageOf('price_1')).toBeNull()
  })
})

describe('moments', () => {
  const now = 1_790_812_800 // 2026-10-01, UTC

  it('are told as people do', () => {
    expect(formatDistance(now + 3 * 86_400, 'en', now)).toBe('in 3 days')
    expect(formatDistance(now - 90, 'de', now)).toBe('vor 1 Minute')
    expect(formatSpan(130, 'en')).toBe('2 min')
  })

  it('name the year only if it is another', () => {
    expect(formatMoment(now, 'en', now)).not.toContain('2026')
    expect(formatMoment(now - 400 * 86_400, 'en', now)).toContain('2025')
  })
})

describe('words', () => {
  it('are filled in', () => {
    expect(fill('{n} of {m}', { n: 1, m: 'two' })).toBe('1 of two')
    expect(fill('{unknown}', {})).toBe('{unknown}')
  })

  it('have the same places to fill in both languages', () => {
    const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
    for (const [english, translated] of Object.entries(german)) {
      expect(places(translated), english).toEqual(places(english))
    }
  })
})

describe('lines to copy', () => {
  const where = { origin: 'http://127.0.0.1:4010', key: 'sk_test_…' }

  it('name this engine in every dialect', () => {
    expect(snippet('alert', 'curl', where)).toContain("-d 'usage_threshold[gte]=100000'")
    expect(snippet('alert', 'python', where)).toContain(
      'base_addresses={"api": "http://127.0.0.1:4010"}',
    )
    expect(snippet('usage', 'node', where)).toContain(
      "host: '127.0.0.1', port: 4010, protocol: 'http'",
    )
    expect(snippet('usage', 'node', where)).toContain('stripe.billing.meterEvents.create({')
    expect(snippet('webhook', 'curl', where)).toContain(
      "-d 'enabled_events[0]=billing.alert.triggered'",
    )
  })
})

import { describe, expect, it } from 'vitest'
import { exponent, formatMoney, formatRate, inUnits, toMinor } from '@/lib/money'

const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ')

describe('amounts', () => {
  it('knows currencies of no, two and three places', () => {
    expect([exponent('jpy'), exponent('usd'), exponent('kwd')]).toEqual([0, 2, 3])
  })

  it('is written to the last unit', () => {
    expect(formatMoney(1250, 'usd', 'en-US')).toBe('$12.50')
    expect(formatMoney(-5, 'usd', 'en-US')).toBe('-$0.05')
    expect(formatMoney(1250, 'jpy', 'en-US')).toBe('¥1,250')
    expect(plain(formatMoney(1250, 'kwd', 'en-US'))).toBe('KWD 1.250')
    expect(plain(formatMoney(123456, 'eur', 'de-DE'))).toBe('1.234,56 €')
  })

  it('has Stripe’s places where ISO has others', () => {
    expect(inUnits(100, 'isk')).toBe('1')
    expect(plain(formatMoney(100, 'isk', 'en-US'))).toBe('ISK 1.00')
    expect(plain(formatMoney(100, 'ugx', 'en-US'))).toBe('UGX 100')
  })

  it('loses nothing where floats would', () => {
    expect(formatMoney('99999999999999', 'usd', 'en-US')).toBe('$999,999,999,999.99')
    expect(formatMoney(90071992547409930n, 'usd', 'en-US')).toBe('$900,719,925,474,099.30')
  })
})

describe('what somebody types', () => {
  it('becomes minor units', () => {
    expect(toMinor('50', 'usd')).toBe('5000')
    expect(toMinor('12,5', 'eur')).toBe('1250')
    expect(toMinor('0.005', 'kwd')).toBe('5')
    expect(toMinor('7', 'jpy')).toBe('7')
  })

  it('is refused where it is no amount of the currency', () => {
    for (const [typed, currency] of [
      ['1.234', 'usd'],
      ['1.5', 'jpy'],
      ['-1', 'usd'],
      ['1e3', 'usd'],
      ['', 'usd'],
    ] as const) {
      expect(toMinor(typed, currency)).toBeNull()
    }
  })
})

describe('rates', () => {
  it('keep all their places', () => {
    expect(formatRate('0.004', 'usd', 'en-US')).toBe('$0.00004')
    expect(formatRate('150', 'usd', 'en-US')).toBe('$1.50')
    expect(formatRate('0.000000000001', 'usd', 'en-US')).toBe('$0.00000000000001')
  })
})

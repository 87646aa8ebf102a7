import { describe, expect, it } from 'vitest'
import { compare, isDecimal, minus, plain, ratio, sum } from '@/lib/decimal'
import { formatCompact, formatQuantity, formatShare } from '@/lib/quantity'

describe('decimal strings', () => {
  it('add up exactly', () => {
    expect(sum(['0.1', '0.2'])).toBe('0.3')
    expect(sum(['999999999999999999999', '0.000000000000001'])).toBe(
      '999999999999999999999.000000000000001',
    )
    expect(sum([])).toBe('0')
    expect(minus('1', '1.50')).toBe('-0.5')
  })

  it('compare by value, not by text', () => {
    expect(compare('10', '9')).toBe(1)
    expect(compare('1.0', '1')).toBe(0)
    expect(compare('-2', '1')).toBe(-1)
    expect(compare('1e3', '1000')).toBe(0)
  })

  it('give shares to draw with', () => {
    expect(ratio('50', '200')).toBe(0.25)
    expect(ratio('1', '0')).toBe(0)
  })

  it('are told from other texts', () => {
    expect(['1', '-0.5', '.5', '1e-3'].every(isDecimal)).toBe(true)
    expect(['', '-', 'a', '1,5', '.'].some(isDecimal)).toBe(false)
    expect(() => sum(['x'])).toThrow(RangeError)
  })

  it('are written without exponent and needless zeros', () => {
    expect(plain(-1500n, 3)).toBe('-1.5')
    expect(plain(5n, 3)).toBe('0.005')
    expect(plain(0n, 2)).toBe('0')
  })
})

describe('quantities for people', () => {
  it('have all of their digits', () => {
    expect(formatQuantity('123456789012345678.000000000000001', 'en-US')).toBe(
      '123,456,789,012,345,678.000000000000001',
    )
    expect(formatQuantity('1234.5', 'de-DE')).toBe('1.234,5')
  })

  it('are short where there is no room', () => {
    expect(formatCompact('1234567', 'en-US')).toBe('1.2M')
    expect(formatShare(0.925, 'en-US')).toBe('93%')
    expect(formatShare(0.0123, 'en-US')).toBe('1.2%')
  })
})

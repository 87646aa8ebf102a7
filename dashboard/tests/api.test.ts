import { afterEach, describe, expect, it, vi } from 'vitest'
import { Client } from '@/api/client'
import { ApiError, Unreachable } from '@/api/error'
import { encodeForm } from '@/api/form'
import { parseExact } from '@/api/json'
import { isTouched } from '@/api/touched'

const knowsSource = (() => {
  let isKnown = false
  JSON.parse('1', ((_: string, __: unknown, context?: object) => {
    isKnown = context !== undefined
  }) as (key: string, value: unknown) => unknown)
  return isKnown
})()

describe('forms', () => {
  it('spell nested parameters as the API does', () => {
    const given = {
      title: 'Soft limit',
      usage_threshold: { gte: 5, filters: [{ type: 'customer', customer: 'cus_1' }] },
      active: true,
      left_out: undefined,
      unset: null,
    }
    expect([...encodeForm(given)]).toEqual([
      ['title', 'Soft limit'],
      ['usage_threshold[gte]', '5'],
      ['usage_threshold[filters][0][type]', 'customer'],
      ['usage_threshold[filters][0][customer]', 'cus_1'],
      ['active', 'true'],
      ['unset', ''],
    ])
  })
})

describe('answers', () => {
  it('give quantities as text', () => {
    expect(parseExact('{"aggregated_value": 12.5, "limit": 3}')).toEqual({
      aggregated_value: '12.5',
      limit: 3,
    })
  })

  it.runIf(knowsSource)('keep digits that a number cannot hold', () => {
    expect(parseExact('{"value": 123456789012345678901, "rate": 0.1}')).toEqual({
      value: '123456789012345678901',
      rate: 0.1,
    })
  })
})

describe('the client', () => {
  afterEach(() => vi.unstubAllGlobals())

  const answering = (status: number, body: string) => {
    const fetch = vi.fn(
      async () => new Response(body, { status, headers: { 'Request-Id': 'req_1' } }),
    )
    vi.stubGlobal('fetch', fetch)
    return fetch
  }
  const client = new Client({ account: 'acct_1', mode: 'test' }, 'token')

  it('says for whom it asks, and fills in the path', async () => {
    const fetch = answering(200, '{"id": "cus/1"}')
    await client.get('/v1/customers/{id}', { id: 'cus/1' })
    const [url, request] = fetch.mock.calls[0] as unknown as [string, { headers: Headers }]
    expect(url).toBe('/v1/customers/cus%2F1')
    expect(Object.fromEntries(request.headers)).toEqual({
      'tripmeter-account': 'acct_1',
      'tripmeter-mode': 'test',
    })
  })

  it('proves its origin where it changes something', async () => {
    const fetch = answering(200, '{}')
    await client.post('/v1/customers', {}, { name: 'Jenny' })
    const [, request] = fetch.mock.calls[0] as unknown as [
      string,
      { headers: Headers; body: URLSearchParams },
    ]
    expect(request.headers.get('Tripmeter-CSRF')).toBe('token')
    expect(request.body.toString()).toBe('name=Jenny')
  })

  it('tells a refusal with its parameter and request', async () => {
    answering(
      400,
      '{"error": {"message": "Too small.", "param": "usage_threshold[gte]", "code": "parameter_invalid_integer"}}',
    )
    const error = await client.post('/v1/billing/alerts', {}).catch((refused: unknown) => refused)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({
      message: 'Too small.',
      param: 'usage_threshold[gte]',
      requestId: 'req_1',
      status: 400,
    })
  })

  it('tells silence from refusal', async () => {
    vi.stubGlobal(
      'fetch',
      vi.fn(() => Promise.reject(new TypeError('network'))),
    )
    await expect(client.get('/v1/customers', {})).rejects.toBeInstanceOf(Unreachable)
  })

  it('makes an error of an answer that is none', async () => {
    answering(502, '<html>')
    await expect(client.get('/v1/customers', {})).rejects.toMatchObject({ status: 502 })
  })
})

describe('events', () => {
  it('make old what they tell of, and nothing else', () => {
    expect(isTouched('/v1/billing/alerts/{id}/notifications', 'billing.alert.triggered')).toBe(true)
    expect(isTouched('/v1/dashboard/nearest', 'billing.alert.triggered')).toBe(true)
    expect(isTouched('/v1/billing/meters', 'billing.alert.triggered')).toBe(false)
    expect(isTouched('/v1/events', 'customer.created')).toBe(true)
    expect(isTouched('/v1/invoices/create_preview', 'customer.subscription.updated')).toBe(true)
  })
})

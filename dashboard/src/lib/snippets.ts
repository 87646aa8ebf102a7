/** Lines that do with the official SDKs what an empty page would like to see done. */

export type Dialect = 'python' | 'node' | 'curl'
export const DIALECTS: readonly (readonly [Dialect, string])[] = [
  ['python', 'Python'],
  ['node', 'Node'],
  ['curl', 'curl'],
]

export type Topic = 'usage' | 'meter' | 'alert' | 'customer' | 'webhook' | 'subscription'

/** The engine's address as the page sees it, and a key for its mode. */
export interface Where {
  readonly origin: string
  readonly key: string
}

interface Call {
  /** The method of the Python SDK; Node's is the same in camel case. */
  readonly call: string
  readonly path: string
  readonly params: Nested
}

type Nested = { readonly [name: string]: string | number | Nested | readonly (string | Nested)[] }

const CALLS: Readonly<Record<Topic, Call>> = {
  meter: {
    call: 'billing.meters.create',
    path: '/v1/billing/meters',
    params: {
      display_name: 'Tokens',
      event_name: 'tokens',
      default_aggregation: { formula: 'sum' },
    },
  },
  usage: {
    call: 'billing.meter_events.create',
    path: '/v1/billing/meter_events',
    params: { event_name: 'tokens', payload: { stripe_customer_id: 'cus_…', value: '25' } },
  },
  alert: {
    call: 'billing.alerts.create',
    path: '/v1/billing/alerts',
    params: {
      title: 'A hundred thousand tokens',
      alert_type: 'usage_threshold',
      usage_threshold: { gte: 100000, meter: 'mtr_…', recurrence: 'one_time' },
    },
  },
  customer: {
    call: 'customers.create',
    path: '/v1/customers',
    params: { name: 'Jenny Rosen', email: 'jenny@example.com' },
  },
  webhook: {
    call: 'webhook_endpoints.create',
    path: '/v1/webhook_endpoints',
    params: { url: 'https://example.com/hook', enabled_events: ['billing.alert.triggered'] },
  },
  subscription: {
    call: 'subscriptions.create',
    path: '/v1/subscriptions',
    params: {
      customer: 'cus_…',
      items: [{ price: 'price_…' }],
      billing_thresholds: { amount_gte: 5000 },
    },
  },
}

export function snippet(topic: Topic, dialect: Dialect, where: Where): string {
  const { call, path, params } = CALLS[topic]
  if (dialect === 'curl') return curl(path, params, where)
  return dialect === 'python' ? python(call, params, where) : node(call, params, where)
}

function python(call: string, params: Nested, { origin, key }: Where): string {
  return [
    'import stripe',
    '',
    `client = stripe.StripeClient("${key}", base_addresses={"api": "${origin}"})`,
    `client.v1.${call}(${JSON.stringify(params, null, 4)})`,
  ].join('\n')
}

function node(call: string, params: Nested, { origin, key }: Where): string {
  const { hostname, port, protocol } = new URL(origin)
  const options = `{host: '${hostname}', port: ${port || 443}, protocol: '${protocol.slice(0, -1)}'}`
  const camel = call.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  const literal = JSON.stringify(params, null, 2)
    .replace(/"(\w+)":/g, '$1:')
    .replace(/"/g, "'")
  return [
    "import Stripe from 'stripe'",
    '',
    `const stripe = new Stripe('${key}', ${options})`,
    `await stripe.${camel}(${literal})`,
  ].join('\n')
}

function curl(path: string, params: Nested, { origin, key }: Where): string {
  const fields = flat(params).map(([name, value]) => `  -d '${name}=${value}'`)
  return [`curl -u ${key}: ${origin}${path}`, ...fields].join(' \\\n')
}

function flat(params: Nested, start = ''): [string, string][] {
  return Object.entries(params).flatMap(([name, value]) => {
    const whole = start ? `${start}[${name}]` : name
    if (typeof value !== 'object') return [[whole, String(value)] as [string, string]]
    return flat(Object.fromEntries(Object.entries(value)) as Nested, whole)
  })
}

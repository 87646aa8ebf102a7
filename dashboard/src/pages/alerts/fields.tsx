import type { Watch } from '@/api/alerts'
import { withMinorUnits } from '@/pages/shared/amounts'
import { Field, Select } from '@/ui/Form'
import { useSpeech } from '@/words/language'

export type Kind = Watch['kind']

interface Shape {
  /** What there is no choice in. */
  readonly fixed: Readonly<Record<string, string>>
  readonly customer: string
  /** Where the line is. */
  readonly line: string
  readonly currency?: string
}

/** The names of the API's parameters for each kind of alert. */
export const SHAPES: Readonly<Record<Kind, Shape>> = {
  usage: {
    fixed: { alert_type: 'usage_threshold', 'usage_threshold[recurrence]': 'one_time' },
    customer: 'usage_threshold[filters][0][customer]',
    line: 'usage_threshold[gte]',
  },
  spend: {
    fixed: {
      alert_type: 'spend_threshold',
      'spend_threshold[aggregation_period]': 'billing',
      'spend_threshold[group_by]': 'subscription',
      'spend_threshold[gte][type]': 'amount',
    },
    customer: 'spend_threshold[filters][customer]',
    line: 'spend_threshold[gte][amount][value]',
    currency: 'spend_threshold[gte][amount][currency]',
  },
  credit: {
    fixed: {
      alert_type: 'credit_balance_threshold',
      'credit_balance_threshold[lte][balance_type]': 'monetary',
    },
    customer: 'credit_balance_threshold[filters][0][customer]',
    line: 'credit_balance_threshold[lte][monetary][value]',
    currency: 'credit_balance_threshold[lte][monetary][currency]',
  },
}

/** The request that a form makes, with what it leaves out. */
export function completed(kind: Kind, params: URLSearchParams): URLSearchParams {
  const { fixed, customer } = SHAPES[kind]
  const whole = new URLSearchParams(params)
  for (const [name, value] of Object.entries(fixed)) whole.set(name, value)
  if (whole.has(customer) && customer.includes('[0]')) {
    whole.set(customer.replace('[customer]', '[type]'), 'customer')
  }
  return whole
}

/** The same with money in minor units. Throws at the field when it is no amount. */
export function inMinorUnits(
  kind: Kind,
  params: URLSearchParams,
  refusal: string,
): URLSearchParams {
  const { line, currency } = SHAPES[kind]
  return currency ? withMinorUnits(params, line, params.get(currency) ?? '', refusal) : params
}

export function UsageFields({
  meters,
  meter,
}: {
  meters: readonly (readonly [string, string])[]
  meter: string
}) {
  const { t } = useSpeech()
  return (
    <>
      <Select name="usage_threshold[meter]" label={t('Meter')} defaultValue={meter}>
        {meters.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Select>
      <Field
        name={SHAPES.usage.line}
        label={t('Fires at')}
        inputMode="numeric"
        placeholder="100000"
        hint={t('The event that brings a customer’s usage to this or beyond fires it.')}
      />
      <Select
        name="usage_threshold[count_from]"
        label={t('Counts usage')}
        hint={t('From now on is what Stripe does. All there ever was may fire at once.')}
      >
        <option value="">{t('reported from now on')}</option>
        <option value="period_start">{t('of the billing period')}</option>
        <option value="lifetime">{t('all there ever was')}</option>
      </Select>
    </>
  )
}

export function SpendFields() {
  const { t } = useSpeech()
  return (
    <MoneyFields
      kind="spend"
      label={t('Fires at')}
      hint={t('What a subscription’s period costs, without tax, after discounts and credits.')}
    />
  )
}

export function CreditFields() {
  const { t } = useSpeech()
  return (
    <MoneyFields
      kind="credit"
      label={t('Fires down at')}
      hint={t('As soon as a customer’s credit is this or less.')}
    />
  )
}

function MoneyFields({
  kind,
  label,
  hint,
}: {
  kind: 'spend' | 'credit'
  label: string
  hint: string
}) {
  const { t } = useSpeech()
  const { line, currency } = SHAPES[kind]
  return (
    <div className="pair">
      <Field name={line} label={label} inputMode="decimal" placeholder="50.00" hint={hint} />
      <Field name={currency ?? ''} label={t('Currency')} defaultValue="usd" maxLength={3} />
    </div>
  )
}

import { useLocation } from 'wouter'
import { recurringOf, type Price } from '@/api/objects'
import { useChange, useGet } from '@/api/queries'
import { formatRate } from '@/lib/money'
import { withMinorUnits } from '@/pages/shared/amounts'
import { Dialog } from '@/ui/Dialog'
import { Field, Form, Select } from '@/ui/Form'
import { Ask, Empty } from '@/ui/State'
import { useSpeech } from '@/words/language'

const MOST = 100
const PRICE = 'items[0][price]'
const AMOUNT = 'billing_thresholds[amount_gte]'

/** Bills a customer for one price; further ones are added by the API. */
export function NewSubscription({ close }: { close: () => void }) {
  const { t } = useSpeech()
  const prices = useGet(
    '/v1/prices',
    {},
    { active: true, type: 'recurring', limit: MOST, expand: ['data.product'] },
  )
  return (
    <Dialog title={t('New subscription')} close={close}>
      <Ask of={prices}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty
              title={t('No price to sell at yet. Make a product and a price by the API first.')}
            />
          ) : (
            <Terms prices={data} close={close} />
          )
        }
      </Ask>
    </Dialog>
  )
}

function Terms({ prices, close }: { prices: readonly Price[]; close: () => void }) {
  const { t, locale } = useSpeech()
  const [, go] = useLocation()
  const create = useChange({
    run: async (client, params: URLSearchParams) => {
      const price = prices.find(({ id }) => id === params.get(PRICE))
      const refusal = t('This is no amount of the currency.')
      const whole = withMinorUnits(params, AMOUNT, price?.currency ?? '', refusal)
      return client.post('/v1/subscriptions', {}, whole)
    },
    done: (subscription) => go(`/subscriptions/${subscription.id}`),
  })
  return (
    <Form
      error={create.error}
      busy={create.isPending}
      submit={t('Create')}
      cancel={close}
      send={create.mutate}
    >
      <Field name="customer" label={t('Customer')} placeholder="cus_…" autoFocus />
      <Select name={PRICE} label={t('Price')}>
        {prices.map((price) => (
          <option key={price.id} value={price.id}>
            {described(price, locale)}
          </option>
        ))}
      </Select>
      <Field
        name={AMOUNT}
        label={t('Invoice at')}
        inputMode="decimal"
        placeholder="50.00"
        hint={t(
          'As soon as unbilled usage reaches it, on that very event. Empty: at the end of the period.',
        )}
      />
      <Field name="description" label={t('Description')} />
    </Form>
  )
}

function described(price: Price, locale: string): string {
  const product = typeof price.product === 'string' ? price.product : price.product['name']
  const rate =
    price.unit_amount_decimal && formatRate(price.unit_amount_decimal, price.currency, locale)
  return [price.nickname ?? product, rate, recurringOf(price)?.interval].filter(Boolean).join(' · ')
}

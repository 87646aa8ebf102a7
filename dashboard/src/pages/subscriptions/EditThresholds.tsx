import { encodeForm, type GivenRecord } from '@/api/form'
import { amountThreshold, type Subscription } from '@/api/objects'
import { keyOf, useChange } from '@/api/queries'
import { useDesk } from '@/api/session'
import { isMetered } from '@/lib/billing'
import { inUnits, toMinor } from '@/lib/money'
import { withMinorUnits } from '@/pages/shared/amounts'
import { Dialog } from '@/ui/Dialog'
import { Checkbox, Field, Form } from '@/ui/Form'
import { useSpeech } from '@/words/language'
import { PriceName } from './Items'

const AMOUNT = 'billing_thresholds[amount_gte]'
const RESET = 'billing_thresholds[reset_billing_cycle_anchor]'
const usageField = (at: number): string => `items[${at}][billing_thresholds][usage_gte]`

/** Where an invoice is issued before the period ends: at an amount, or at an item's usage. */
export function EditThresholds({
  subscription,
  close,
}: {
  subscription: Subscription
  close: () => void
}) {
  const { t } = useSpeech()
  const { scope } = useDesk()
  const { id, currency } = subscription
  const threshold = amountThreshold(subscription)
  const metered = subscription.items.data.filter(isMetered)
  const key = keyOf(scope, '/v1/subscriptions/{id}', { id })

  const edit = useChange({
    run: async (client, params: URLSearchParams) =>
      client.post(
        '/v1/subscriptions/{id}',
        { id },
        request(subscription, params, t('This is no amount of the currency.')),
      ),
    expect: (params) => [key, (old) => expected(old as Subscription, params)],
    done: close,
  })
  return (
    <Dialog title={t('Edit thresholds')} close={close}>
      <Form
        error={edit.error}
        busy={edit.isPending}
        submit={t('Save')}
        cancel={close}
        send={edit.mutate}
      >
        <Field
          name={AMOUNT}
          label={t('Invoice at an amount of {currency}', { currency: currency.toUpperCase() })}
          inputMode="decimal"
          defaultValue={threshold?.amount_gte ? inUnits(threshold.amount_gte, currency) : ''}
          hint={t(
            'As soon as unbilled usage reaches it, on that very event. Empty: at the end of the period.',
          )}
          autoFocus
        />
        <Checkbox
          name={RESET}
          value="true"
          label={t('A new period begins with that invoice')}
          defaultChecked={threshold?.reset_billing_cycle_anchor === true}
        />
        {metered.map((item, at) => (
          <div key={item.id} className="group">
            <p className="group-name">
              <PriceName price={item.price} />
            </p>
            <Field
              name={usageField(at)}
              label={t('Invoice at a usage of')}
              inputMode="numeric"
              defaultValue={item.billing_thresholds?.['usage_gte'] ?? ''}
            />
          </div>
        ))}
      </Form>
    </Dialog>
  )
}

/** What was emptied is sent blank, which unsets it. Items without a change are left alone. */
function request(
  subscription: Subscription,
  params: URLSearchParams,
  refusal: string,
): URLSearchParams {
  const amount = withMinorUnits(params, AMOUNT, subscription.currency, refusal).get(AMOUNT)
  const items = subscription.items.data.filter(isMetered).map((item, at): GivenRecord => {
    const gte = params.get(usageField(at))
    return { id: item.id, billing_thresholds: gte === null ? null : { usage_gte: gte } }
  })
  const thresholds =
    amount === null ? null : { amount_gte: amount, reset_billing_cycle_anchor: params.has(RESET) }
  return encodeForm({ billing_thresholds: thresholds, ...(items.length > 0 && { items }) })
}

function expected(old: Subscription, params: URLSearchParams): Subscription {
  const minor = toMinor(params.get(AMOUNT) ?? '', old.currency)
  const thresholds =
    minor === null
      ? null
      : { amount_gte: Number(minor), reset_billing_cycle_anchor: params.has(RESET) }
  return { ...old, billing_thresholds: thresholds }
}

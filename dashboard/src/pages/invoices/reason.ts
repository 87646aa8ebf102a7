import { thresholdReason, type Invoice } from '@/api/objects'
import { formatMoney } from '@/lib/money'
import { formatQuantity } from '@/lib/quantity'
import { useSpeech } from '@/words/language'

interface Reason {
  /** In a table. */
  readonly short: string
  /** In a sentence or more. */
  readonly whole: readonly string[]
}

/** Why an invoice was issued. */
export function useReason(): (invoice: Invoice) => Reason {
  const { t, locale } = useSpeech()
  return (invoice) => {
    const crossed = thresholdReason(invoice)
    switch (invoice.billing_reason) {
      case 'subscription_threshold':
        return { short: t('Threshold reached'), whole: crossings() }
      case 'subscription_cycle':
        return { short: t('Period ended'), whole: [t('The period of the subscription ended.')] }
      case 'subscription_create':
        return { short: t('Subscription began'), whole: [t('The subscription began.')] }
      case 'subscription_update':
        return { short: t('Subscription changed'), whole: [t('The subscription was changed.')] }
      case 'manual':
        return { short: t('Made by hand'), whole: [t('It was made by hand.')] }
      case 'upcoming':
        return { short: t('Preview'), whole: [t('It is a preview.')] }
      default:
        return { short: invoice.billing_reason, whole: [invoice.billing_reason] }
    }

    function crossings(): string[] {
      const amount = crossed?.amount_gte
      return [
        ...(amount != null
          ? [
              t('Unbilled usage reached {amount}.', {
                amount: formatMoney(amount, invoice.currency, locale),
              }),
            ]
          : []),
        ...(crossed?.item_reasons ?? []).map(({ usage_gte }) =>
          t('The usage of an item reached {n}.', { n: formatQuantity(usage_gte, locale) }),
        ),
      ]
    }
  }
}

import { amountThreshold, type Invoice, type Subscription } from '@/api/objects'
import { nowSeconds } from '@/lib/dates'
import { ratio } from '@/lib/decimal'
import { projected, unbilled } from '@/lib/billing'
import { formatMoney } from '@/lib/money'
import type { Line } from '@/lib/way'
import { Money } from '@/ui/Values'
import { Distance, Way } from '@/ui/Way'
import { useSpeech } from '@/words/language'

/** What is not billed yet, on its way to the amount at which an invoice is issued. */
export function AmountWay({ subscription, next }: { subscription: Subscription; next: Invoice }) {
  const { t, locale } = useSpeech()
  const gte = amountThreshold(subscription)?.amount_gte
  if (gte === null || gte === undefined) return null
  const { currency } = subscription
  const period = subscription.items.data[0]
  const total = String(unbilled(subscription, next))
  const line: Line = {
    id: subscription.id,
    title: t('Invoice at'),
    at: String(gte),
    kind: 'threshold',
    projectedAt: period
      ? projected(
          ratio(total, String(gte)),
          period.current_period_start,
          period.current_period_end,
          nowSeconds(),
        )
      : null,
    firedAt: null,
  }
  return (
    <div className="amount-way">
      <Way
        total={total}
        lines={[line]}
        label={t('Not billed yet')}
        format={(minor) => formatMoney(minor, currency, locale)}
        mark={(at) => <Money minor={at} currency={currency} />}
      />
      <p className="note">
        <Money minor={total} currency={currency} /> {t('not billed yet')} ·{' '}
        <Distance total={total} line={line} />
      </p>
    </div>
  )
}

import {
  recurringOf,
  type Invoice,
  type Price,
  type Subscription,
  type SubscriptionItem,
} from '@/api/objects'
import { nowSeconds } from '@/lib/dates'
import { isMetered, projected, usageOf } from '@/lib/billing'
import { ratio } from '@/lib/decimal'
import { formatRate } from '@/lib/money'
import type { Line } from '@/lib/way'
import { MeterLink, ProductName } from '@/pages/shared/Names'
import { Quantity } from '@/ui/Values'
import { Distance, Way } from '@/ui/Way'
import { useSpeech } from '@/words/language'

/** What is sold, and how far each metered item is in its period. */
export function Items({ subscription, next }: { subscription: Subscription; next: Invoice }) {
  return (
    <ul className="ways">
      {subscription.items.data.map((item) => (
        <Item key={item.id} item={item} next={next} />
      ))}
    </ul>
  )
}

function Item({ item, next }: { item: SubscriptionItem; next: Invoice }) {
  const { t } = useSpeech()
  const metered = isMetered(item)
  const meter = recurringOf(item.price)?.meter
  const used = metered ? usageOf(item, next) : String(item.quantity ?? 1)
  const line = metered ? lineOf(item, used, t('Invoice at')) : null
  return (
    <li>
      <div className="way-head">
        <span>
          <span className="name">
            <PriceName price={item.price} />
          </span>
          {meter && (
            <span className="note">
              {' '}
              {t('counted by')} <MeterLink id={meter} />
            </span>
          )}
        </span>
        <span>
          <b>
            <Quantity value={used} />
          </b>{' '}
          <span className="note">
            <Rate price={item.price} />
          </span>
        </span>
      </div>
      {line && (
        <>
          <Way
            total={used}
            lines={[line]}
            label={t('Used in this period')}
            mark={(at) => <Quantity value={at} short />}
          />
          <p className="note">
            <Distance total={used} line={line} />
          </p>
        </>
      )}
    </li>
  )
}

function lineOf(item: SubscriptionItem, used: string, title: string): Line | null {
  const gte = item.billing_thresholds?.['usage_gte']
  if (gte === undefined) return null
  const share = ratio(used, String(gte))
  return {
    id: item.id,
    title,
    at: String(gte),
    kind: 'threshold',
    projectedAt: projected(share, item.current_period_start, item.current_period_end, nowSeconds()),
    firedAt: null,
  }
}

export function PriceName({ price }: { price: Price }) {
  if (price.nickname) return <>{price.nickname}</>
  return typeof price.product === 'string' ? <ProductName id={price.product} /> : <>{price.id}</>
}

function Rate({ price }: { price: Price }) {
  const { t, locale } = useSpeech()
  if (price.unit_amount_decimal === null) return <>{t('in tiers')}</>
  return (
    <>{t('at {rate}', { rate: formatRate(price.unit_amount_decimal, price.currency, locale) })}</>
  )
}

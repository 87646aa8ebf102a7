import { Link } from 'wouter'
import { amountThreshold, type Subscription } from '@/api/objects'
import { useGet } from '@/api/queries'
import { Status } from '@/pages/shared/Status'
import { usePreview } from '@/pages/shared/preview'
import { AmountWay } from '@/pages/subscriptions/AmountWay'
import { Section } from '@/ui/Page'
import { Ask, Empty } from '@/ui/State'
import { Money, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

/** What each subscription will cost in the period under way, as it stands. */
export function Spend({ customer }: { customer: string }) {
  const { t } = useSpeech()
  const subscriptions = useGet('/v1/subscriptions', {}, { customer, limit: 20 })
  return (
    <Section title={t('Spend this period')}>
      <Ask of={subscriptions}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t('No subscription: usage is counted, and not billed.')} />
          ) : (
            <ul className="spend">
              {data.map((subscription) => (
                <SpendRow key={subscription.id} subscription={subscription} />
              ))}
            </ul>
          )
        }
      </Ask>
    </Section>
  )
}

function SpendRow({ subscription }: { subscription: Subscription }) {
  const { t } = useSpeech()
  const preview = usePreview(subscription.id, subscription.status !== 'canceled')
  const end = subscription.items.data[0]?.current_period_end
  return (
    <li>
      <div className="way-head">
        <Link href={`/subscriptions/${subscription.id}`} className="name">
          {subscription.description || subscription.id}
        </Link>
        <Status of={subscription.status} />
      </div>
      <p className="spend-amount">
        {preview.data && <Money minor={preview.data.total} currency={preview.data.currency} />}
        <span className="note">
          {t('so far, until')} <When at={end} as="date" />
        </span>
      </p>
      {preview.data && amountThreshold(subscription)?.amount_gte != null && (
        <AmountWay subscription={subscription} next={preview.data} />
      )}
    </li>
  )
}

import { Link } from 'wouter'
import type { Notification } from '@/api/objects'
import { CustomerLink } from '@/pages/shared/Names'
import { Value, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

/** One firing on the timeline of an alert. */
export function Firing({ firing }: { firing: Notification }) {
  const { t } = useSpeech()
  return (
    <li className={firing.action}>
      <div>
        <CustomerLink id={firing.customer} />{' '}
        {firing.action === 'recovered' ? t('recovered at') : t('reached')}{' '}
        <Value value={firing.value} currency={firing.currency} />
      </div>
      <div className="note">
        <When at={firing.notified_at} />
        {firing.late && <> · {t('in a period that is over')}</>}
        {' · '}
        <Link href={`/events/${firing.notification_event}`}>{t('Event and its deliveries')}</Link>
        {firing.meter_event_identifier && (
          <>
            {' · '}
            {t('on meter event')} <code>{firing.meter_event_identifier}</code>
          </>
        )}
      </div>
    </li>
  )
}

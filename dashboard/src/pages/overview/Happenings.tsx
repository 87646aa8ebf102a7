import { Link } from 'wouter'
import { objectOf, recordOf, textOf, type Event } from '@/api/objects'
import { useGet } from '@/api/queries'
import { CustomerName } from '@/pages/shared/Names'
import { Section } from '@/ui/Page'
import { Ask, Empty } from '@/ui/State'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

const SHOWN = 13

/** What happened last, as it happens: the stream renews it with each event. */
export function Happenings() {
  const { t } = useSpeech()
  const events = useGet('/v1/events', {}, { limit: SHOWN })
  return (
    <Section title={t('Just happened')}>
      <Ask of={events} rows={6}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t('Nothing has happened yet.')} />
          ) : (
            <ol className="feed">
              {data.map((event) => (
                <Happening key={event.id} event={event} />
              ))}
            </ol>
          )
        }
      </Ask>
    </Section>
  )
}

function Happening({ event }: { event: Event }) {
  const object = objectOf(event)
  const customer = textOf(object, 'customer')
  const alert = textOf(recordOf(object, 'alert'), 'title')
  return (
    <li className={alert ? 'fired' : ''}>
      <Link href={`/events/${event.id}`}>{alert ?? <code>{event.type}</code>}</Link>
      <span className="note">
        {customer ? (
          <CustomerName id={customer} />
        ) : (
          (textOf(object, 'name') ?? textOf(object, 'id'))
        )}
        {' · '}
        <When at={event.created} as="distance" />
      </span>
    </li>
  )
}

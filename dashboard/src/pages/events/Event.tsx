import { Link } from 'wouter'
import { objectOf, textOf, type Event as EventObject } from '@/api/objects'
import { useGet } from '@/api/queries'
import { AttemptsOfEvent, Resend } from '@/pages/shared/Attempts'
import { CustomerLink } from '@/pages/shared/Names'
import { pageOf } from '@/shell/pageOf'
import { Copyable } from '@/ui/Copy'
import { Json } from '@/ui/Json'
import { Facts, Page, Section } from '@/ui/Page'
import { Ask } from '@/ui/State'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

export default function Event({ id }: { id: string }) {
  const { t } = useSpeech()
  const event = useGet('/v1/events/{id}', { id })
  return (
    <Page
      title={event.data?.type ?? t('Event')}
      up={{ href: '/events', label: t('Events') }}
      aside={<Copyable text={id} />}
      actions={event.data && <Resend event={id} />}
    >
      <Ask of={event} rows={8}>
        {(found) => <Details event={found} />}
      </Ask>
    </Page>
  )
}

function Details({ event }: { event: EventObject }) {
  const { t } = useSpeech()
  const object = objectOf(event)
  const id = textOf(object, 'id')
  const page = id && pageOf(id)
  const customer = textOf(object, 'customer')
  const request = event.request['id']
  return (
    <div className="columns two-one">
      <Section title={t('The object as it was')}>
        <Json value={object} label={t('The object as it was')} />
      </Section>
      <div className="stack">
        <Section title={t('Details')}>
          <Facts
            rows={[
              [t('When'), <When at={event.created} />],
              [t('Of'), id && (page ? <Link href={page}>{id}</Link> : id)],
              [t('Customer'), customer && <CustomerLink id={customer} />],
              [
                t('Caused by'),
                request ? (
                  <Link href={`/logs/${request}`}>{request}</Link>
                ) : (
                  t('usage, or the passing of time')
                ),
              ],
              [t('Version'), event.api_version],
            ]}
          />
        </Section>
        <Section title={t('Deliveries')}>
          <AttemptsOfEvent event={event.id} />
        </Section>
      </div>
    </div>
  )
}

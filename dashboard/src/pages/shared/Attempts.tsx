import { useState } from 'react'
import { Link } from 'wouter'
import type { Attempt } from '@/api/objects'
import { useChange, useGet, usePages, type Pages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Button } from '@/ui/Button'
import { Code } from '@/ui/Copy'
import { Json } from '@/ui/Json'
import { Ask, Empty, Problem, Skeleton } from '@/ui/State'
import { Pager } from '@/ui/Table'
import { useSay } from '@/ui/Toasts'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { Status } from './Status'

/** A delivery is no event, so the stream does not tell of it. */
const PAGE = { size: 10, everyMs: 2000 }

export function AttemptsAtEndpoint({ endpoint }: { endpoint: string }) {
  return (
    <Attempts
      pages={usePages('/v1/webhook_endpoints/{id}/delivery_attempts', { id: endpoint }, {}, PAGE)}
    />
  )
}

export function AttemptsOfEvent({ event }: { event: string }) {
  return (
    <Attempts
      ofEvent
      pages={usePages('/v1/events/{id}/delivery_attempts', { id: event }, {}, PAGE)}
    />
  )
}

interface AttemptPages extends Pages {
  readonly rows: readonly Attempt[] | undefined
  readonly error: Error | null
  readonly refetch: () => unknown
}

/** Every attempt with its request and what was answered. */
function Attempts({ pages, ofEvent = false }: { pages: AttemptPages; ofEvent?: boolean }) {
  const { t } = useSpeech()
  if (!pages.rows)
    return pages.error ? <Problem error={pages.error} retry={pages.refetch} /> : <Skeleton />
  if (pages.rows.length === 0 && pages.isFirst) {
    return (
      <Empty title={t('No attempt yet.')}>
        <p>{t('An event that the endpoint wants is sent within milliseconds.')}</p>
      </Empty>
    )
  }
  return (
    <>
      <ul className="attempts">
        {pages.rows.map((attempt) => (
          <OneAttempt key={attempt.id} attempt={attempt} ofEvent={ofEvent} />
        ))}
      </ul>
      <Pager {...pages} />
    </>
  )
}

function OneAttempt({ attempt, ofEvent }: { attempt: Attempt; ofEvent: boolean }) {
  const { t } = useSpeech()
  const [isOpen, setOpen] = useState(false)
  const status = attempt.response?.['status']
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <Status of={attempt.outcome} />
          <span className="attempt-what">
            {typeof status === 'number' ? `HTTP ${status}` : (attempt.error ?? '')}
            <span className="note">
              {' '}
              {t('{n} ms', { n: attempt.duration_ms })} ·{' '}
              {attempt.manual ? t('sent again by hand') : t('attempt {n}', { n: attempt.attempt })}
            </span>
          </span>
          <When at={attempt.created} />
        </summary>
        {isOpen && <Exchange attempt={attempt} ofEvent={ofEvent} />}
      </details>
    </li>
  )
}

function Exchange({ attempt, ofEvent }: { attempt: Attempt; ofEvent: boolean }) {
  const { t } = useSpeech()
  return (
    <div className="exchange">
      <p className="exchange-links">
        {ofEvent ? (
          <Link href={`/webhooks/${attempt.webhook_endpoint}`}>{t('Endpoint')}</Link>
        ) : (
          <Link href={`/events/${attempt.event}`}>{t('Event')}</Link>
        )}
        {attempt.next_attempt_at !== null && (
          <span className="note">
            {t('Next attempt')} <When at={attempt.next_attempt_at} as="distance" />
          </span>
        )}
        <Resend event={attempt.event} endpoint={attempt.webhook_endpoint} />
      </p>
      {attempt.error && <p className="bad">{attempt.error}</p>}
      <h3>{t('Request')}</h3>
      <Sent of={attempt.request} label={t('Request')} />
      {!ofEvent && <SentEvent id={attempt.event} />}
      <h3>{t('Answer')}</h3>
      {attempt.response ? (
        <Sent of={attempt.response} label={t('Answer')} />
      ) : (
        <p className="note">{t('There was none.')}</p>
      )}
    </div>
  )
}

/** The body of the request: the event, which every attempt sends alike. */
function SentEvent({ id }: { id: string }) {
  const { t } = useSpeech()
  const event = useGet('/v1/events/{id}', { id })
  return (
    <Ask of={event}>{(found) => <Json value={found} label={t('The event that was sent')} />}</Ask>
  )
}

/** One side of the exchange: its body laid out if it is JSON, and the rest as it is. */
function Sent({ of, label }: { of: Readonly<Record<string, unknown>>; label: string }) {
  const { body, ...rest } = of
  return (
    <>
      {Object.keys(rest).length > 0 && <Json value={rest} label={label} />}
      {typeof body === 'string' && body !== '' && <Body text={body} label={label} />}
    </>
  )
}

export function Body({ text, label }: { text: string; label: string }) {
  try {
    return <Json value={JSON.parse(text)} label={label} />
  } catch {
    return <Code text={text} label={label} />
  }
}

/** Sends an event once more, to one endpoint. */
export function Resend({ event, endpoint }: { event: string; endpoint?: string }) {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const say = useSay()
  const resend = useChange({
    run: (client, _: void) =>
      client.post(
        '/v1/events/{id}/retry',
        { id: event },
        endpoint ? { webhook_endpoint: endpoint } : {},
      ),
    done: () => say(t('It is on its way again.')),
  })
  if (!isAdmin) return null
  return (
    <Button
      small
      icon="retry"
      busy={resend.isPending}
      onClick={() => resend.mutate(undefined, { onError: say.error })}
    >
      {t('Send again')}
    </Button>
  )
}

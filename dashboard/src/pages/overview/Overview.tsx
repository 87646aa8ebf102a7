import { useMemo, type ReactNode } from 'react'
import { useLive } from '@/api/live'
import { useGet } from '@/api/queries'
import type { Overview as Figures } from '@/api/objects'
import { MINUTE, formatSpan } from '@/lib/dates'
import { Nearest } from '@/pages/shared/Nearest'
import { Snippets } from '@/pages/shared/Snippets'
import { ButtonLink } from '@/ui/Button'
import { Chart } from '@/ui/Chart'
import { Page, Section } from '@/ui/Page'
import { Ask, Skeleton } from '@/ui/State'
import { Quantity } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { Happenings } from './Happenings'

export function Overview() {
  const { t } = useSpeech()
  const { connection } = useLive()
  const meters = useGet('/v1/billing/meters', {}, { limit: 1 })
  const state =
    connection === 'live' ? t('live') : connection === 'lost' ? t('not connected') : t('connecting')
  return (
    <Page title={t('Overview')} aside={<span className={`pulse ${connection}`}>{state}</span>}>
      {meters.data?.data.length === 0 ? <FirstSteps /> : <Panels />}
    </Page>
  )
}

function Panels() {
  const { t } = useSpeech()
  const live = useLive()
  const asked = useGet('/v1/dashboard/overview', {}, {}, { enabled: live.overview === null })
  const figures = live.overview ?? asked.data
  return (
    <>
      {figures ? <Now figures={figures} /> : <Ask of={asked}>{() => <Skeleton />}</Ask>}
      <div className="columns two-one">
        <Section
          title={t('Nearest to a line')}
          actions={
            <ButtonLink small href="/alerts/new" icon="plus">
              {t('Draw a line')}
            </ButtonLink>
          }
        >
          <Nearest limit={10} />
        </Section>
        <Happenings />
      </div>
    </>
  )
}

function Now({ figures }: { figures: Figures }) {
  const { t, locale } = useSpeech()
  const { deliveries, events_per_minute: minutes, minutes_start: start } = figures
  const times = useMemo(() => minutes.map((_, at) => start + at * MINUTE), [minutes.length, start])
  return (
    <div className="now">
      <section className="sheet now-chart" aria-label={t('Usage events')}>
        <Figure name={t('Events a second')} value={figures.events_per_second} large />
        <Chart
          height={132}
          times={times}
          values={minutes}
          label={t('Events in each of the last sixty minutes')}
        />
      </section>
      <section className="sheet figures" aria-label={t('Today')}>
        <Figure name={t('Events today')} value={figures.today.events} />
        <Figure
          name={t('Alerts fired in 24 hours')}
          value={figures.alerts_fired.last_24_hours}
          note={t('{n} in seven days', { n: figures.alerts_fired.last_7_days })}
        />
        <Figure
          name={t('Deliveries in 24 hours')}
          value={deliveries.succeeded}
          note={
            <>
              <span className={deliveries.failed ? 'bad' : ''}>
                {t('{n} failed', { n: deliveries.failed })}
              </span>
              {' · '}
              {t('{n} waiting', { n: deliveries.pending })}
              {deliveries.oldest_pending_age !== null &&
                `, ${t('the oldest for {span}', { span: formatSpan(deliveries.oldest_pending_age, locale) })}`}
            </>
          }
        />
        <Figure name={t('Events refused in 24 hours')} value={figures.errors.last_24_hours} />
      </section>
    </div>
  )
}

interface FigureProps {
  readonly name: string
  readonly value: number
  readonly note?: ReactNode
  readonly large?: boolean
}

function Figure({ name, value, note, large = false }: FigureProps) {
  return (
    <div className={large ? 'figure large' : 'figure'}>
      <span className="figure-name">{name}</span>
      <span className="figure-value">
        <Quantity value={value} />
      </span>
      {note && <span className="note">{note}</span>}
    </div>
  )
}

/** The way to the first alert, for an account in which there is nothing yet. */
function FirstSteps() {
  const { t } = useSpeech()
  return (
    <ol className="steps">
      <li>
        <Section title={t('Say what is counted')}>
          <p>{t('A meter counts, for each customer, what is reported under its event name.')}</p>
          <Snippets topic="meter" />
        </Section>
      </li>
      <li>
        <Section title={t('Report usage')}>
          <p>{t('Every event is durable when the answer comes, and counts once.')}</p>
          <Snippets topic="usage" />
        </Section>
      </li>
      <li>
        <Section title={t('Draw a line')}>
          <p>{t('The very event that reaches it fires the alert, and one webhook goes out.')}</p>
          <Snippets topic="alert" />
        </Section>
      </li>
    </ol>
  )
}

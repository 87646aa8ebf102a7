import { useState } from 'react'
import { useLocation } from 'wouter'
import type { Meter } from '@/api/objects'
import { useChange, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Snippets } from '@/pages/shared/Snippets'
import { Status } from '@/pages/shared/Status'
import { useUsage } from '@/pages/shared/usage'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field, Form, Select } from '@/ui/Form'
import { Page, Section } from '@/ui/Page'
import { Segments } from '@/ui/Segments'
import { Spark } from '@/ui/Spark'
import { Empty } from '@/ui/State'
import { PagedTable } from '@/ui/Table'
import { Quantity, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

type Filter = 'all' | 'active' | 'inactive'

export default function Meters() {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [filter, setFilter] = useState<Filter>('all')
  const [isMaking, setMaking] = useState(false)
  const pages = usePages('/v1/billing/meters', {}, filter === 'all' ? {} : { status: filter })
  const make = isAdmin && (
    <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
      {t('New meter')}
    </Button>
  )
  return (
    <Page title={t('Meters')} actions={make}>
      <Section
        flush
        title={t('What is counted')}
        actions={
          <Segments<Filter>
            label={t('Status')}
            value={filter}
            options={[
              ['all', t('All')],
              ['active', t('Active')],
              ['inactive', t('Inactive')],
            ]}
            choose={setFilter}
          />
        }
      >
        <PagedTable
          pages={pages}
          label={t('Meters')}
          keyOf={(meter) => meter.id}
          href={(meter) => `/meters/${meter.id}`}
          columns={[
            { name: t('Name'), cell: (meter) => meter.display_name },
            { name: t('Event name'), cell: (meter) => <code>{meter.event_name}</code> },
            { name: t('Counts'), cell: (meter) => <Formula of={meter} />, wide: true },
            {
              name: t('Last 24 hours'),
              cell: (meter) => addsUp(meter) && <LastDay meter={meter.id} />,
              align: 'end',
            },
            { name: t('Status'), cell: (meter) => <Status of={meter.status} /> },
            {
              name: t('Created'),
              cell: (meter) => <When at={meter.created} as="date" />,
              wide: true,
            },
          ]}
          empty={
            <Empty title={t('Nothing is counted yet.')}>
              <p>
                {t('A meter counts, for each customer, what is reported under its event name.')}
              </p>
              <Snippets topic="meter" />
            </Empty>
          }
        />
      </Section>
      {isMaking && <NewMeter close={() => setMaking(false)} />}
    </Page>
  )
}

export function Formula({ of }: { of: Meter }) {
  const { t } = useSpeech()
  const names = {
    sum: t('the sum of values'),
    count: t('the number of events'),
    last: t('the last value'),
  }
  const formula = of.default_aggregation['formula'] as keyof typeof names
  return <>{names[formula] ?? formula}</>
}

/** Whether the usage of several customers has a sum. */
export function addsUp(meter: Meter): boolean {
  return meter.default_aggregation['formula'] !== 'last' && !meter.event_time_window
}

function LastDay({ meter }: { meter: string }) {
  const { t } = useSpeech()
  const usage = useUsage(meter, '24h', 'hour')
  if (!usage.data) return <span className="spark" />
  return (
    <span className="with-spark">
      <Spark
        values={usage.data.values}
        label={t('Usage in the last 24 hours')}
        width={84}
        height={22}
      />
      <Quantity value={usage.data.total} short />
    </span>
  )
}

function NewMeter({ close }: { close: () => void }) {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const create = useChange({
    run: (client, params: URLSearchParams) => client.post('/v1/billing/meters', {}, params),
    done: (meter) => go(`/meters/${meter.id}`),
  })
  return (
    <Dialog title={t('New meter')} close={close}>
      <Form
        error={create.error}
        busy={create.isPending}
        submit={t('Create')}
        cancel={close}
        send={create.mutate}
      >
        <Field name="display_name" label={t('Name')} placeholder="Tokens" autoFocus />
        <Field
          name="event_name"
          label={t('Event name')}
          placeholder="tokens"
          hint={t('What your code reports usage under. It cannot be changed.')}
        />
        <Select name="default_aggregation[formula]" label={t('Counts')} defaultValue="sum">
          <option value="sum">{t('the sum of values')}</option>
          <option value="count">{t('the number of events')}</option>
          <option value="last">{t('the last value')}</option>
        </Select>
        <Select
          name="event_time_window"
          label={t('Later events supersede earlier ones')}
          hint={t('Within a window, only the last event of a customer counts.')}
        >
          <option value="">{t('Never')}</option>
          <option value="hour">{t('Within an hour')}</option>
          <option value="day">{t('Within a day')}</option>
        </Select>
      </Form>
    </Dialog>
  )
}

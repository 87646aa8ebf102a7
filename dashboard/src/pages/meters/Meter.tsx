import { useState } from 'react'
import type { Meter as MeterObject } from '@/api/objects'
import { keyOf, useChange, useGet, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { ratio } from '@/lib/decimal'
import { formatMoment } from '@/lib/dates'
import { CustomerLink } from '@/pages/shared/Names'
import { Nearest } from '@/pages/shared/Nearest'
import { Snippets } from '@/pages/shared/Snippets'
import { Status } from '@/pages/shared/Status'
import { spanOf, useUsage, type Grain, type Range, type Usage } from '@/pages/shared/usage'
import { Button, ButtonLink } from '@/ui/Button'
import { Chart } from '@/ui/Chart'
import { Copyable } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { Field, Form } from '@/ui/Form'
import { Facts, Page, Section } from '@/ui/Page'
import { Segments } from '@/ui/Segments'
import { Ask, Empty } from '@/ui/State'
import { PagedTable, Table } from '@/ui/Table'
import { useSay } from '@/ui/Toasts'
import { Quantity, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { Formula, addsUp } from './Meters'

export default function Meter({ id }: { id: string }) {
  const { t } = useSpeech()
  const meter = useGet('/v1/billing/meters/{id}', { id })
  return (
    <Page
      title={meter.data?.display_name ?? t('Meter')}
      up={{ href: '/meters', label: t('Meters') }}
      aside={meter.data && <Status of={meter.data.status} />}
      actions={meter.data && <Actions meter={meter.data} />}
    >
      <Ask of={meter} rows={8}>
        {(found) => <Details meter={found} />}
      </Ask>
    </Page>
  )
}

function Details({ meter }: { meter: MeterObject }) {
  const { t } = useSpeech()
  const [range, setRange] = useState<Range>('30d')
  const [grain, setGrain] = useState<Grain>('day')
  const nearest = (
    <Section title={t('Nearest to a line')}>
      <Nearest limit={6} meter={meter.id} />
    </Section>
  )
  return (
    <>
      {addsUp(meter) ? (
        <>
          <UsageOverTime
            meter={meter}
            range={range}
            grain={grain}
            setRange={setRange}
            setGrain={setGrain}
          />
          <div className="columns two-one">
            {nearest}
            <TopCustomers meter={meter.id} range={range} grain={grain} />
          </div>
        </>
      ) : (
        <>
          <Section title={t('Usage')}>
            <Empty title={t('A later value takes the place of an earlier one.')}>
              <p>
                {t('So there is no sum of all customers. What each has used is on their own page.')}
              </p>
              <ButtonLink href="/customers">{t('Customers')}</ButtonLink>
            </Empty>
          </Section>
          {nearest}
        </>
      )}
      <div className="columns two-one">
        <ErrorReports meter={meter.id} />
        <Section title={t('Details')}>
          <Facts
            rows={[
              [t('Id'), <Copyable text={meter.id} />],
              [t('Event name'), <Copyable text={meter.event_name} />],
              [t('Counts'), <Formula of={meter} />],
              [t('Window'), meter.event_time_window],
              [t('Customer in'), <code>{meter.customer_mapping['event_payload_key']}</code>],
              [t('Value in'), <code>{meter.value_settings['event_payload_key']}</code>],
              [t('Created'), <When at={meter.created} />],
            ]}
          />
        </Section>
      </div>
    </>
  )
}

interface UsageProps {
  readonly meter: MeterObject
  readonly range: Range
  readonly grain: Grain
  readonly setRange: (range: Range) => void
  readonly setGrain: (grain: Grain) => void
}

function UsageOverTime({ meter, range, grain, setRange, setGrain }: UsageProps) {
  const { t } = useSpeech()
  const usage = useUsage(meter.id, range, grain)
  return (
    <Section
      title={t('Usage')}
      note={usage.data && <Quantity value={usage.data.total} />}
      actions={
        <>
          <Segments<Range>
            label={t('Range')}
            value={range}
            options={[
              ['24h', t('24 hours')],
              ['7d', t('7 days')],
              ['30d', t('30 days')],
              ['90d', t('90 days')],
            ]}
            choose={(next) => {
              setRange(next)
              setGrain(next === '24h' || next === '7d' ? 'hour' : 'day')
            }}
          />
          <Segments<Grain>
            label={t('By')}
            value={grain}
            options={[
              ['hour', t('Hours')],
              ['day', t('Days')],
            ]}
            choose={setGrain}
          />
        </>
      }
    >
      <Ask of={usage} rows={7}>
        {(shown) => (
          <>
            <Chart
              {...shown}
              label={t('Usage of {meter} over time', { meter: meter.display_name })}
            />
            <AsTable usage={shown} />
          </>
        )}
      </Ask>
    </Section>
  )
}

/** The numbers of the chart, for those who would rather read them or do not see it. */
function AsTable({ usage }: { usage: Usage }) {
  const { t, locale } = useSpeech()
  const [isOpen, setOpen] = useState(false)
  return (
    <details className="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('As a table')}</summary>
      {isOpen && (
        <Table
          label={t('Usage')}
          rows={usage.times
            .map((at, index) => ({ at, value: usage.exact[index] ?? '0' }))
            .reverse()}
          keyOf={({ at }) => String(at)}
          columns={[
            { name: t('From'), cell: ({ at }) => formatMoment(at, locale) },
            { name: t('Usage'), cell: ({ value }) => <Quantity value={value} />, align: 'end' },
          ]}
        />
      )}
    </details>
  )
}

function TopCustomers({ meter, range, grain }: { meter: string; range: Range; grain: Grain }) {
  const { t } = useSpeech()
  const { start, end } = spanOf(range, grain)
  const query = { start_time: start, end_time: end, limit: 8 }
  const top = useGet('/v1/billing/meters/{id}/top_customers', { id: meter }, query, { keep: true })
  return (
    <Section title={t('Who uses most')}>
      <Ask of={top} rows={5}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t('No usage in this time.')} />
          ) : (
            <ol className="top">
              {data.map((one) => (
                <li key={one.customer}>
                  <CustomerLink id={one.customer} name={one.name} />
                  <Quantity value={one.aggregated_value} short />
                  <span
                    className="top-bar"
                    style={{
                      width: `${ratio(String(one.aggregated_value), String(data[0]?.aggregated_value ?? 0)) * 100}%`,
                    }}
                  />
                </li>
              ))}
            </ol>
          )
        }
      </Ask>
    </Section>
  )
}

function ErrorReports({ meter }: { meter: string }) {
  const { t } = useSpeech()
  const pages = usePages('/v1/billing/meters/{id}/error_reports', { id: meter }, {}, { size: 10 })
  return (
    <Section flush title={t('Refused events')}>
      <PagedTable
        pages={pages}
        label={t('Refused events')}
        keyOf={(report) => report.id}
        columns={[
          { name: t('When'), cell: (report) => <When at={report.created} /> },
          { name: t('Why'), cell: (report) => report.message },
          {
            name: t('Identifier'),
            cell: (report) => report.identifier && <code>{report.identifier}</code>,
            wide: true,
          },
        ]}
        empty={
          <Empty title={t('No event was refused.')}>
            <p>
              {t(
                'What is reported in a stream and cannot be counted is listed here, with the reason.',
              )}
            </p>
          </Empty>
        }
      />
    </Section>
  )
}

function Actions({ meter }: { meter: MeterObject }) {
  const { t } = useSpeech()
  const { isAdmin, scope } = useDesk()
  const say = useSay()
  const [isRenaming, setRenaming] = useState(false)
  const [isReporting, setReporting] = useState(false)
  const key = keyOf(scope, '/v1/billing/meters/{id}', { id: meter.id })
  const isActive = meter.status === 'active'
  const turn = useChange({
    run: (client, _: void) =>
      isActive
        ? client.post('/v1/billing/meters/{id}/deactivate', { id: meter.id })
        : client.post('/v1/billing/meters/{id}/reactivate', { id: meter.id }),
    expect: () => [
      key,
      (old) => ({ ...(old as MeterObject), status: isActive ? 'inactive' : 'active' }),
    ],
  })
  const turnOver = (): void => turn.mutate(undefined, { onError: say.error })
  return (
    <>
      <Button onClick={() => setReporting(true)}>{t('Report usage')}</Button>
      {isAdmin && (
        <>
          <Button onClick={() => setRenaming(true)}>{t('Rename')}</Button>
          <Button onClick={turnOver}>{isActive ? t('Deactivate') : t('Activate')}</Button>
          <ButtonLink kind="primary" icon="plus" href={`/alerts/new?meter=${meter.id}`}>
            {t('Draw a line')}
          </ButtonLink>
        </>
      )}
      {isRenaming && <Rename meter={meter} close={() => setRenaming(false)} />}
      {isReporting && (
        <Dialog wide title={t('Report usage')} close={() => setReporting(false)}>
          <p>
            {t('Usage comes from your code. Its event name is')} <code>{meter.event_name}</code>.
          </p>
          <Snippets topic="usage" />
        </Dialog>
      )}
    </>
  )
}

function Rename({ meter, close }: { meter: MeterObject; close: () => void }) {
  const { t } = useSpeech()
  const { scope } = useDesk()
  const key = keyOf(scope, '/v1/billing/meters/{id}', { id: meter.id })
  const rename = useChange({
    run: (client, params: URLSearchParams) =>
      client.post('/v1/billing/meters/{id}', { id: meter.id }, params),
    expect: (params) => [
      key,
      (old) => ({ ...(old as MeterObject), display_name: params.get('display_name') ?? '' }),
    ],
    done: close,
  })
  return (
    <Dialog title={t('Rename')} close={close}>
      <Form
        error={rename.error}
        busy={rename.isPending}
        submit={t('Save')}
        cancel={close}
        send={rename.mutate}
      >
        <Field name="display_name" label={t('Name')} defaultValue={meter.display_name} autoFocus />
      </Form>
    </Dialog>
  )
}

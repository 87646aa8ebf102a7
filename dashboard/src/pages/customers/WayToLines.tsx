import { Link } from 'wouter'
import { useGet } from '@/api/queries'
import type { Meter, NearestLine } from '@/api/objects'
import { compare, minus, sum } from '@/lib/decimal'
import type { Line } from '@/lib/way'
import { lineOf } from '@/pages/shared/Nearest'
import { Snippets } from '@/pages/shared/Snippets'
import { useUsage } from '@/pages/shared/usage'
import { Section } from '@/ui/Page'
import { Spark } from '@/ui/Spark'
import { Ask, Empty } from '@/ui/State'
import { Quantity } from '@/ui/Values'
import { Distance, Way } from '@/ui/Way'
import { useSpeech } from '@/words/language'
import { isOfAPeriod, useLinesOf } from './lines'

const MOST = 100

/** For each meter, the customer's usage on its way, with every line drawn in. */
export function WayToLines({ customer }: { customer: string }) {
  const { t } = useSpeech()
  const meters = useGet('/v1/billing/meters', {}, { limit: MOST, status: 'active' })
  const nearest = useLinesOf(customer)
  return (
    <Section title={t('On the way to the lines')}>
      <Ask of={meters} rows={6}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t('Nothing is counted yet.')}>
              <Snippets topic="meter" />
            </Empty>
          ) : (
            <Ask of={nearest} rows={6}>
              {(lines) => (
                <ul className="ways">
                  {data.map((meter) => (
                    <MeterWay
                      key={meter.id}
                      meter={meter}
                      customer={customer}
                      lines={lines.data.filter(
                        (line) => line.meter === meter.id && !isOfAPeriod(line),
                      )}
                    />
                  ))}
                </ul>
              )}
            </Ask>
          )
        }
      </Ask>
    </Section>
  )
}

function MeterWay({
  meter,
  customer,
  lines,
}: {
  meter: Meter
  customer: string
  lines: readonly NearestLine[]
}) {
  const { t } = useSpeech()
  const usage = useUsage(meter.id, '30d', 'day', customer)
  const { total, shown } = onOneAxis(lines, usage.data?.total ?? '0')
  return (
    <li>
      <div className="way-head">
        <Link href={`/meters/${meter.id}`} className="name">
          {meter.display_name}
        </Link>
        <span className="with-spark">
          {usage.data && (
            <Spark
              values={usage.data.values}
              label={t('Usage in the last 30 days')}
              width={96}
              height={20}
            />
          )}
          <b>
            <Quantity value={total} />
          </b>
        </span>
      </div>
      <Way
        total={total}
        lines={shown.map(({ line }) => line)}
        label={meter.display_name}
        mark={(at) => (
          <Quantity value={shown.find(({ line }) => line.at === at)?.own.line ?? at} short />
        )}
      />
      {shown.length === 0 ? (
        <p className="note">
          <Link href={`/alerts/new?meter=${meter.id}&customer=${customer}`}>
            {t('No line here yet. Draw one.')}
          </Link>
        </p>
      ) : (
        <ul className="way-lines">
          {shown.map(({ own }) => (
            <li key={own.alert}>
              <i
                className={
                  own.fired_at !== null || compare(own.total, own.line) >= 0 ? 'crossed' : ''
                }
              />
              <Link href={`/alerts/${own.alert}`}>{own.alert_title}</Link>
              <span className="note">
                <Quantity value={own.total} /> / <Quantity value={own.line} />
              </span>
              <Distance total={own.total} line={lineOf(own)} />
            </li>
          ))}
        </ul>
      )}
    </li>
  )
}

/**
 * Alerts count from different moments, so each has a total of its own. On the bar of the largest
 * total a line stands where it will be reached: as far ahead as it has left to go.
 */
function onOneAxis(lines: readonly NearestLine[], used: string) {
  const total = lines.reduce(
    (most, { total: own }) => (compare(own, most) > 0 ? own : most),
    lines[0]?.total ?? used,
  )
  const shown = lines
    .map((own) => {
      const line: Line = { ...lineOf(own), at: sum([total, minus(own.line, own.total)]) }
      return { own, line }
    })
    .sort((a, b) => compare(a.line.at, b.line.at))
  return { total, shown }
}

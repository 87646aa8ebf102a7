import { Link } from 'wouter'
import type { NearestLine } from '@/api/objects'
import { lineOf, useAmounts } from '@/pages/shared/Nearest'
import { Section } from '@/ui/Page'
import { Value } from '@/ui/Values'
import { Distance, Way } from '@/ui/Way'
import { useSpeech } from '@/words/language'
import { isOfAPeriod, useLinesOf } from './lines'

/** Lines that are drawn anew in each billing period: on its usage, or on what it costs. */
export function PeriodLines({ customer }: { customer: string }) {
  const { t } = useSpeech()
  const lines = useLinesOf(customer)
  const shown = lines.data?.data.filter(isOfAPeriod) ?? []
  if (shown.length === 0) return null
  return (
    <Section title={t('Lines of this billing period')}>
      <ul className="ways">
        {shown.map((one) => (
          <PeriodLine key={`${one.alert} ${one.subscription}`} one={one} />
        ))}
      </ul>
    </Section>
  )
}

function PeriodLine({ one }: { one: NearestLine }) {
  const { t } = useSpeech()
  const write = useAmounts(one.currency)
  const line = lineOf(one)
  return (
    <li>
      <div className="way-head">
        <span>
          <Link href={`/alerts/${one.alert}`} className="name">
            {one.alert_title}
          </Link>{' '}
          <span className="note">{one.meter_name ?? t('spend of a period')}</span>
        </span>
        <span>
          <b>
            <Value value={one.total} currency={one.currency} />
          </b>{' '}
          <Distance total={one.total} line={line} />
        </span>
      </div>
      <Way
        total={one.total}
        lines={[line]}
        label={one.alert_title}
        format={write}
        mark={(at) => <Value value={at} currency={one.currency} />}
      />
    </li>
  )
}

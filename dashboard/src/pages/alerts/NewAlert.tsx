import { useEffect, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { useChange, useGet } from '@/api/queries'
import { Field, Form } from '@/ui/Form'
import { Page, Section } from '@/ui/Page'
import { Segments } from '@/ui/Segments'
import { Ask, Empty } from '@/ui/State'
import { Snippets } from '@/pages/shared/Snippets'
import { useSpeech } from '@/words/language'
import {
  completed,
  CreditFields,
  inMinorUnits,
  SHAPES,
  SpendFields,
  UsageFields,
  type Kind,
} from './fields'
import { Preview } from './Preview'

const PATIENCE_MS = 250

/** Draws a line, and shows meanwhile whom it would have caught. */
export default function NewAlert() {
  const { t } = useSpeech()
  const meters = useGet('/v1/billing/meters', {}, { limit: 100, status: 'active' })
  return (
    <Page title={t('Draw a line')} up={{ href: '/alerts', label: t('Alerts') }}>
      <Ask of={meters} rows={6}>
        {({ data }) =>
          data.length === 0 ? (
            <Section title={t('Nothing is counted yet.')}>
              <Empty title={t('A line is drawn on a meter, so make one first.')}>
                <Snippets topic="meter" />
              </Empty>
            </Section>
          ) : (
            <Drawing meters={data.map(({ id, display_name }) => [id, display_name])} />
          )
        }
      </Ask>
    </Page>
  )
}

function Drawing({ meters }: { meters: readonly (readonly [string, string])[] }) {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const given = new URLSearchParams(useSearch())
  const meter = given.get('meter') ?? meters[0]?.[0] ?? ''
  const customer = given.get('customer') ?? ''
  const [kind, setKind] = useState<Kind>('usage')
  const [typed, setTyped] = useState(
    () =>
      new URLSearchParams({
        'usage_threshold[meter]': meter,
        ...(customer && { [SHAPES.usage.customer]: customer }),
      }),
  )
  const settled = useSettled(typed)
  const create = useChange({
    run: async (client, params: URLSearchParams) => {
      const exact = inMinorUnits(kind, params, t('This is no amount of the currency.'))
      return client.post('/v1/billing/alerts', {}, completed(kind, exact))
    },
    done: (alert) => go(`/alerts/${alert.id}`),
  })
  return (
    <div className="columns drawing">
      <Section title={t('The line')}>
        <Form
          error={create.error}
          busy={create.isPending}
          submit={t('Create')}
          cancel={() => history.back()}
          send={create.mutate}
          watch={setTyped}
        >
          <Segments<Kind>
            label={t('Of')}
            value={kind}
            options={[
              ['usage', t('Usage')],
              ['spend', t('Spend')],
              ['credit', t('Credit')],
            ]}
            choose={setKind}
          />
          <Field name="title" label={t('Title')} placeholder={t('Free tier used up')} autoFocus />
          {kind === 'usage' && <UsageFields meters={meters} meter={meter} />}
          {kind === 'spend' && <SpendFields />}
          {kind === 'credit' && <CreditFields />}
          <Field
            name={SHAPES[kind].customer}
            label={t('Only for customer')}
            placeholder="cus_…"
            defaultValue={customer}
            hint={t('Leave it empty to watch every customer.')}
          />
        </Form>
      </Section>
      {kind === 'usage' && <Preview params={completed('usage', settled)} />}
    </div>
  )
}

/** A value that has not changed for a moment. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}

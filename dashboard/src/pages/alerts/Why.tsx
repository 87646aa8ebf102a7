import { useState } from 'react'
import { useGet } from '@/api/queries'
import type { Explanation } from '@/api/objects'
import { Field, Form } from '@/ui/Form'
import { Facts, Section } from '@/ui/Page'
import { Quantity, Value, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

interface WhyProps {
  readonly alert: string
  readonly customer: string | null
  readonly currency: string | null
}

/** Why the alert has or has not fired for a customer, as the engine explains it. */
export function Why({ alert, customer, currency }: WhyProps) {
  const { t } = useSpeech()
  const [asked, setAsked] = useState<string | null>(customer)
  const answer = useGet(
    '/v1/billing/alerts/{id}/explain',
    { id: alert },
    { customer: asked ?? '' },
    { enabled: asked !== null },
  )
  return (
    <Section title={t('Why has it, or has it not?')}>
      <Form
        error={answer.error}
        busy={answer.isFetching && !answer.data}
        submit={t('Explain')}
        send={(params) => setAsked(params.get('customer'))}
      >
        <Field
          name="customer"
          label={t('Customer')}
          placeholder="cus_…"
          defaultValue={customer ?? ''}
        />
      </Form>
      {answer.data && <Answer explanation={answer.data as Explanation} currency={currency} />}
    </Section>
  )
}

function Answer({ explanation, currency }: { explanation: Explanation; currency: string | null }) {
  const { t } = useSpeech()
  return (
    <div className="explanation" role="status">
      <p lang="en">{explanation.explanation}</p>
      {'compared' in explanation ? (
        explanation.compared.map((one) => (
          <Facts
            key={one.subscription}
            rows={[
              [t('Subscription'), one.subscription],
              [t('Counted'), <Value value={one.value} currency={currency} />],
              [
                t('Missing'),
                one.remaining !== null && <Value value={one.remaining} currency={currency} />,
              ],
              [t('Fired'), one.notified_at !== null && <When at={one.notified_at} />],
            ]}
          />
        ))
      ) : (
        <Facts
          rows={[
            [t('Counted'), <Quantity value={explanation.usage_counted} />],
            [t('Not counted'), <Quantity value={explanation.usage_not_counted} />],
            [
              t('Missing'),
              explanation.remaining !== null && <Quantity value={explanation.remaining} />,
            ],
            [t('Fired'), explanation.fired_at !== null && <When at={explanation.fired_at} />],
          ]}
        />
      )}
    </div>
  )
}

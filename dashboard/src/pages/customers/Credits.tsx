import { useState } from 'react'
import type { CreditGrant, CreditSummary } from '@/api/objects'
import { useChange, useGet } from '@/api/queries'
import { useDesk } from '@/api/session'
import { withMinorUnits } from '@/pages/shared/amounts'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field, Form, Select } from '@/ui/Form'
import { Section } from '@/ui/Page'
import { Ask, Empty } from '@/ui/State'
import { useSay } from '@/ui/Toasts'
import { Menu } from '@/ui/Menu'
import { Money, When } from '@/ui/Values'
import { useSpeech } from '@/words/language'

/** What is prepaid or given, and what is left of it. */
export function Credits({ customer }: { customer: string }) {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [isGiving, setGiving] = useState(false)
  const grants = useGet('/v1/billing/credit_grants', {}, { customer, limit: 20 })
  const summary = useGet('/v1/billing/credit_balance_summary', {}, ofAllMetered(customer))
  return (
    <Section
      title={t('Credits')}
      actions={
        isAdmin && (
          <Button small icon="plus" onClick={() => setGiving(true)}>
            {t('Give credit')}
          </Button>
        )
      }
    >
      {summary.data && <Balances summary={summary.data} />}
      <Ask of={grants} rows={2}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t('No credit.')} />
          ) : (
            <ul className="rows">
              {data.map((grant) => (
                <Grant key={grant.id} grant={grant} />
              ))}
            </ul>
          )
        }
      </Ask>
      {isGiving && <Give customer={customer} close={() => setGiving(false)} />}
    </Section>
  )
}

function ofAllMetered(customer: string): object {
  return {
    customer,
    'filter[type]': 'applicability_scope',
    'filter[applicability_scope][price_type]': 'metered',
  }
}

function Balances({ summary }: { summary: CreditSummary }) {
  const { t } = useSpeech()
  return (
    <>
      {summary.balances.map(({ available_balance: { monetary } }) => (
        <p key={monetary.currency} className="spend-amount">
          <Money minor={monetary.value} currency={monetary.currency} />
          <span className="note">{t('left')}</span>
        </p>
      ))}
    </>
  )
}

function Grant({ grant }: { grant: CreditGrant }) {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const say = useSay()
  const end = useChange({
    run: (client, how: 'expire' | 'void') =>
      how === 'expire'
        ? client.post('/v1/billing/credit_grants/{id}/expire', { id: grant.id })
        : client.post('/v1/billing/credit_grants/{id}/void', { id: grant.id }),
  })
  const { monetary } = grant.amount
  const isOver =
    grant.voided_at !== null || (grant.expires_at !== null && grant.expires_at * 1000 < Date.now())
  return (
    <li className={isOver ? 'over' : ''}>
      <span>
        {grant.name || (grant.category === 'paid' ? t('Prepaid') : t('Given'))}
        <span className="note">
          {grant.voided_at !== null
            ? t('voided')
            : grant.expires_at !== null && <When at={grant.expires_at} as="distance" />}
        </span>
      </span>
      <Money minor={monetary.value} currency={monetary.currency} />
      {isAdmin && !isOver && (
        <Menu
          label={t('More')}
          className="button quiet small"
          button="···"
          choices={[
            {
              label: t('Let it expire now'),
              run: () => end.mutate('expire', { onError: say.error }),
            },
            {
              label: t('Void'),
              isDanger: true,
              run: () => end.mutate('void', { onError: say.error }),
            },
          ]}
        />
      )}
    </li>
  )
}

const VALUE = 'amount[monetary][value]'
const CURRENCY = 'amount[monetary][currency]'

function Give({ customer, close }: { customer: string; close: () => void }) {
  const { t } = useSpeech()
  const give = useChange({
    run: async (client, params: URLSearchParams) => {
      const refusal = t('This is no amount of the currency.')
      const exact = withMinorUnits(params, VALUE, params.get(CURRENCY) ?? '', refusal)
      return client.post('/v1/billing/credit_grants', {}, exact)
    },
    done: close,
  })
  return (
    <Dialog title={t('Give credit')} close={close}>
      <Form
        error={give.error}
        busy={give.isPending}
        submit={t('Give credit')}
        cancel={close}
        send={give.mutate}
      >
        <input type="hidden" name="customer" value={customer} />
        <input type="hidden" name="amount[type]" value="monetary" />
        <input type="hidden" name="applicability_config[scope][price_type]" value="metered" />
        <Field name={VALUE} label={t('Amount')} inputMode="decimal" placeholder="50.00" autoFocus />
        <Field name={CURRENCY} label={t('Currency')} defaultValue="usd" maxLength={3} />
        <Field name="name" label={t('Name')} />
        <Select name="category" label={t('Kind')} defaultValue="promotional">
          <option value="promotional">{t('Given')}</option>
          <option value="paid">{t('Prepaid')}</option>
        </Select>
      </Form>
    </Dialog>
  )
}

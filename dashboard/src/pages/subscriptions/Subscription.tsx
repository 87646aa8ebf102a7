import { useState } from 'react'
import {
  amountThreshold,
  type Invoice,
  type Subscription as SubscriptionObject,
} from '@/api/objects'
import { useChange, useGet } from '@/api/queries'
import { useDesk } from '@/api/session'
import { CustomerLink } from '@/pages/shared/Names'
import { Status } from '@/pages/shared/Status'
import { usePreview } from '@/pages/shared/preview'
import { InvoiceLines } from '@/pages/invoices/InvoiceLines'
import { Button } from '@/ui/Button'
import { Copyable } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Facts, Page, Section } from '@/ui/Page'
import { Ask, Empty } from '@/ui/State'
import { When } from '@/ui/Values'
import { useSpeech } from '@/words/language'
import { AmountWay } from './AmountWay'
import { EditThresholds } from './EditThresholds'
import { Items } from './Items'

export default function Subscription({ id }: { id: string }) {
  const { t } = useSpeech()
  const subscription = useGet('/v1/subscriptions/{id}', { id })
  return (
    <Page
      title={t('Subscription')}
      up={{ href: '/subscriptions', label: t('Subscriptions') }}
      aside={
        <>
          {subscription.data && <Status of={subscription.data.status} />}
          <Copyable text={id} />
        </>
      }
      actions={subscription.data && <Actions subscription={subscription.data} />}
    >
      <Ask of={subscription} rows={8}>
        {(found) => <Details subscription={found} />}
      </Ask>
    </Page>
  )
}

function Details({ subscription }: { subscription: SubscriptionObject }) {
  const { t } = useSpeech()
  const isOver = subscription.status === 'canceled'
  const preview = usePreview(subscription.id, !isOver)
  const period = subscription.items.data[0]
  return (
    <div className="columns two-one">
      <div className="stack">
        <Section title={t('On the way to the threshold')}>
          {isOver ? (
            <Empty title={t('It has ended.')} />
          ) : (
            <Ask of={preview}>{(next) => <Progress subscription={subscription} next={next} />}</Ask>
          )}
        </Section>
        {!isOver && (
          <Section flush title={t('The next invoice, as it stands')}>
            <Ask of={preview}>{(next) => <InvoiceLines invoice={next} />}</Ask>
          </Section>
        )}
      </div>
      <Section title={t('Details')}>
        <Facts
          rows={[
            [t('Customer'), <CustomerLink id={subscription.customer} />],
            [
              t('Period'),
              period && (
                <>
                  <When at={period.current_period_start} as="date" /> –{' '}
                  <When at={period.current_period_end} as="date" />
                </>
              ),
            ],
            [t('Started'), <When at={subscription.start_date} as="date" />],
            [
              t('Trial until'),
              subscription.trial_end !== null && <When at={subscription.trial_end} />,
            ],
            [t('Ends'), subscription.cancel_at !== null && <When at={subscription.cancel_at} />],
            [t('Ended'), subscription.ended_at !== null && <When at={subscription.ended_at} />],
            [
              t('Collection'),
              subscription.collection_method === 'send_invoice'
                ? t('by invoice')
                : t('automatically'),
            ],
            [t('Description'), subscription.description],
            [
              t('Test clock'),
              subscription.test_clock && <Copyable text={subscription.test_clock} />,
            ],
          ]}
        />
      </Section>
    </div>
  )
}

function Progress({ subscription, next }: { subscription: SubscriptionObject; next: Invoice }) {
  const { t } = useSpeech()
  const hasAmount = amountThreshold(subscription)?.amount_gte != null
  return (
    <>
      {hasAmount ? (
        <AmountWay subscription={subscription} next={next} />
      ) : (
        <p className="note">{t('No amount is set: usage is billed at the end of the period.')}</p>
      )}
      <Items subscription={subscription} next={next} />
    </>
  )
}

function Actions({ subscription }: { subscription: SubscriptionObject }) {
  const { t } = useSpeech()
  const { isAdmin } = useDesk()
  const [asked, setAsked] = useState<'thresholds' | 'cancel' | null>(null)
  const close = (): void => setAsked(null)
  if (!isAdmin || subscription.status === 'canceled') return null
  return (
    <>
      <Button onClick={() => setAsked('cancel')}>{t('Cancel the subscription')}</Button>
      <Button kind="primary" onClick={() => setAsked('thresholds')}>
        {t('Edit thresholds')}
      </Button>
      {asked === 'thresholds' && <EditThresholds subscription={subscription} close={close} />}
      {asked === 'cancel' && <Cancel subscription={subscription} close={close} />}
    </>
  )
}

function Cancel({ subscription, close }: { subscription: SubscriptionObject; close: () => void }) {
  const { t } = useSpeech()
  const cancel = useChange({
    run: (client, _: void) => client.delete('/v1/subscriptions/{id}', { id: subscription.id }),
    done: close,
  })
  return (
    <Dialog title={t('Cancel the subscription?')} close={close}>
      <Form
        danger
        error={cancel.error}
        busy={cancel.isPending}
        submit={t('End it now')}
        cancel={close}
        send={() => cancel.mutate()}
      >
        <p>{t('It ends now and cannot be resumed. Usage is still counted for alerts.')}</p>
      </Form>
    </Dialog>
  )
}

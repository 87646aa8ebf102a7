import { useState } from 'react'
import { watchOf, type CountFrom } from '@/api/alerts'
import type { Alert as AlertObject } from '@/api/objects'
import { keyOf, useChange, useGet, usePages } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Nearest } from '@/pages/shared/Nearest'
import { Snippets } from '@/pages/shared/Snippets'
import { Status } from '@/pages/shared/Status'
import { Button } from '@/ui/Button'
import { Copyable } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Facts, Page, Section } from '@/ui/Page'
import { Ask, Empty, Problem, Skeleton } from '@/ui/State'
import { Pager } from '@/ui/Table'
import { useSay } from '@/ui/Toasts'
import type { Phrase } from '@/words/german'
import { useSpeech } from '@/words/language'
import { LineAt, Measured, Watched } from './Alerts'
import { Firing } from './Firing'
import { Why } from './Why'

export default function Alert({ id }: { id: string }) {
  const { t } = useSpeech()
  const alert = useGet('/v1/billing/alerts/{id}', { id })
  return (
    <Page
      title={alert.data?.title ?? t('Alert')}
      up={{ href: '/alerts', label: t('Alerts') }}
      aside={alert.data && <Status of={alert.data.status} />}
      actions={alert.data && <Actions alert={alert.data} />}
    >
      <Ask of={alert} rows={8}>
        {(found) => <Details alert={found} />}
      </Ask>
    </Page>
  )
}

const COUNTS: Readonly<Record<CountFrom, Phrase>> = {
  creation: 'reported after it was activated',
  lifetime: 'all there ever was',
  period_start: 'of the billing period',
}

function Details({ alert }: { alert: AlertObject }) {
  const { t } = useSpeech()
  const watch = watchOf(alert)
  const isOnce = watch.kind === 'usage' && watch.countFrom !== 'period_start'
  return (
    <div className="columns two-one">
      <div className="stack">
        <Firings alert={alert.id} />
        {watch.kind === 'usage' && (
          <Section title={t('On the way')}>
            <Nearest limit={8} alert={alert.id} />
          </Section>
        )}
      </div>
      <div className="stack">
        <Section title={t('The line')}>
          <Facts
            rows={[
              [
                watch.kind === 'credit' ? t('Fires down at') : t('Fires at'),
                <LineAt alert={alert} />,
              ],
              [t('Of'), <Measured alert={alert} />],
              [t('Watches'), <Watched {...watch} />],
              [t('Counts usage'), watch.countFrom && t(COUNTS[watch.countFrom])],
              [
                t('Fires'),
                isOnce
                  ? t('once for each customer')
                  : watch.kind === 'credit'
                    ? t('anew after each recovery')
                    : t('once in each period'),
              ],
              [t('Id'), <Copyable text={alert.id} />],
            ]}
          />
        </Section>
        <Why alert={alert.id} customer={watch.customer} currency={watch.currency} />
      </div>
    </div>
  )
}

/** When it fired, for whom, and on which event. */
function Firings({ alert }: { alert: string }) {
  const { t } = useSpeech()
  const pages = usePages('/v1/billing/alerts/{id}/notifications', { id: alert }, {}, { size: 10 })
  return (
    <Section title={t('Firings')}>
      {pages.error && <Problem error={pages.error} retry={pages.refetch} />}
      {pages.isPending && <Skeleton rows={4} />}
      {pages.rows?.length === 0 && (
        <Empty title={t('It has not fired yet.')}>
          <p>{t('It appears here on the event that reaches the line, without a reload.')}</p>
          <Snippets topic="usage" />
        </Empty>
      )}
      <ol className="firings">
        {pages.rows?.map((firing) => (
          <Firing key={firing.id} firing={firing} />
        ))}
      </ol>
      <Pager {...pages} />
    </Section>
  )
}

type Move = 'activate' | 'deactivate' | 'archive'
const AFTER: Readonly<Record<Move, string>> = {
  activate: 'active',
  deactivate: 'inactive',
  archive: 'archived',
}

function Actions({ alert }: { alert: AlertObject }) {
  const { t } = useSpeech()
  const { isAdmin, scope } = useDesk()
  const say = useSay()
  const [isArchiving, setArchiving] = useState(false)
  const key = keyOf(scope, '/v1/billing/alerts/{id}', { id: alert.id })
  const move = useChange({
    run: (client, to: Move) => {
      const ids = { id: alert.id }
      if (to === 'activate') return client.post('/v1/billing/alerts/{id}/activate', ids)
      if (to === 'deactivate') return client.post('/v1/billing/alerts/{id}/deactivate', ids)
      return client.post('/v1/billing/alerts/{id}/archive', ids)
    },
    expect: (to) => [key, (old) => ({ ...(old as AlertObject), status: AFTER[to] })],
  })
  if (!isAdmin || alert.status === 'archived') return null
  const run = (to: Move): void => move.mutate(to, { onError: say.error })
  return (
    <>
      {alert.status === 'active' ? (
        <Button onClick={() => run('deactivate')}>{t('Deactivate')}</Button>
      ) : (
        <Button kind="primary" onClick={() => run('activate')}>
          {t('Activate')}
        </Button>
      )}
      <Button onClick={() => setArchiving(true)}>{t('Archive')}</Button>
      {isArchiving && (
        <Dialog title={t('Archive this alert?')} close={() => setArchiving(false)}>
          <Form
            danger
            error={null}
            busy={false}
            submit={t('Archive')}
            cancel={() => setArchiving(false)}
            send={() => {
              setArchiving(false)
              run('archive')
            }}
          >
            <p>{t('It will not fire again, and it cannot be brought back. Its firings stay.')}</p>
          </Form>
        </Dialog>
      )}
    </>
  )
}

import { lazy, Suspense } from 'react'
import { Route, Switch } from 'wouter'
import { Overview } from '@/pages/overview/Overview'
import { Page } from '@/ui/Page'
import { Empty, Skeleton } from '@/ui/State'
import { useSpeech } from '@/words/language'

const Meters = lazy(() => import('@/pages/meters/Meters'))
const Meter = lazy(() => import('@/pages/meters/Meter'))
const Alerts = lazy(() => import('@/pages/alerts/Alerts'))
const NewAlert = lazy(() => import('@/pages/alerts/NewAlert'))
const Alert = lazy(() => import('@/pages/alerts/Alert'))
const Customers = lazy(() => import('@/pages/customers/Customers'))
const Customer = lazy(() => import('@/pages/customers/Customer'))
const Subscriptions = lazy(() => import('@/pages/subscriptions/Subscriptions'))
const Subscription = lazy(() => import('@/pages/subscriptions/Subscription'))
const Invoices = lazy(() => import('@/pages/invoices/Invoices'))
const Invoice = lazy(() => import('@/pages/invoices/Invoice'))
const Webhooks = lazy(() => import('@/pages/webhooks/Webhooks'))
const Webhook = lazy(() => import('@/pages/webhooks/Webhook'))
const Events = lazy(() => import('@/pages/events/Events'))
const Event = lazy(() => import('@/pages/events/Event'))
const Logs = lazy(() => import('@/pages/logs/Logs'))
const Log = lazy(() => import('@/pages/logs/Log'))
const Settings = lazy(() => import('@/pages/settings/Settings'))

/** Every page below an account and its mode. */
export function Pages() {
  return (
    <Suspense fallback={<Skeleton rows={8} />}>
      <Switch>
        <Route path="/" component={Overview} />
        <Route path="/meters" component={Meters} />
        <Route path="/meters/:id">{({ id }) => <Meter key={id} id={id} />}</Route>
        <Route path="/alerts" component={Alerts} />
        <Route path="/alerts/new" component={NewAlert} />
        <Route path="/alerts/:id">{({ id }) => <Alert key={id} id={id} />}</Route>
        <Route path="/customers" component={Customers} />
        <Route path="/customers/:id">{({ id }) => <Customer key={id} id={id} />}</Route>
        <Route path="/subscriptions" component={Subscriptions} />
        <Route path="/subscriptions/:id">{({ id }) => <Subscription key={id} id={id} />}</Route>
        <Route path="/invoices" component={Invoices} />
        <Route path="/invoices/:id">{({ id }) => <Invoice key={id} id={id} />}</Route>
        <Route path="/webhooks" component={Webhooks} />
        <Route path="/webhooks/:id">{({ id }) => <Webhook key={id} id={id} />}</Route>
        <Route path="/events" component={Events} />
        <Route path="/events/:id">{({ id }) => <Event key={id} id={id} />}</Route>
        <Route path="/logs" component={Logs} />
        <Route path="/logs/:id">{({ id }) => <Log key={id} id={id} />}</Route>
        <Route path="/settings/:tab?">{({ tab }) => <Settings tab={tab ?? 'keys'} />}</Route>
        <Route component={Nowhere} />
      </Switch>
    </Suspense>
  )
}

function Nowhere() {
  const { t } = useSpeech()
  return (
    <Page title={t('No such page')}>
      <Empty title={t('There is nothing at this address.')} />
    </Page>
  )
}

// Parts of a story with the official SDK for Node, one per run: node scenario.mjs PART URL KEY.
// Each prints what it saw as lines of JSON; the tests in test_node.py say what that must be.

import { on, once } from 'node:events';
import { createServer } from 'node:http';
import Stripe from 'stripe';

const [part, url, key] = process.argv.slice(2);
const { hostname: host, port } = new URL(url);
const connect = (secret) => new Stripe(secret, { host, port, protocol: 'http', telemetry: false });
const stripe = connect(key);
const unique = `${part}_${process.pid}`;

const say = (step, seen) => console.log(JSON.stringify({ step, ...seen }));

/** Waits for the first webhook that is wanted; `body` is a Buffer, as signatures need it. */
async function receive(server, isWanted) {
  for await (const [request, response] of on(server, 'request')) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(200, { Connection: 'close' }).end();
    const body = Buffer.concat(chunks);
    const signature = request.headers['stripe-signature'];
    if (isWanted(JSON.parse(body))) return { body, signature };
  }
  throw new Error('the inbox was closed');
}

async function withInbox(use) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use(server, `http://127.0.0.1:${server.address().port}/hook`);
  } finally {
    server.close();
  }
}

const createMeter = () =>
  stripe.billing.meters.create({
    display_name: 'Tokens',
    event_name: unique,
    default_aggregation: { formula: 'sum' },
  });

const createAlert = (meter, gte) =>
  stripe.billing.alerts.create({
    title: `${gte} tokens`,
    alert_type: 'usage_threshold',
    usage_threshold: { gte, meter: meter.id, recurrence: 'one_time' },
  });

const eventOf = (customer, value) => ({
  event_name: unique,
  payload: { stripe_customer_id: customer.id, value },
});

async function usage(meter, customer) {
  const thisMinute = Math.floor(Date.now() / 60000) * 60;
  const summaries = await stripe.billing.meters.listEventSummaries(meter.id, {
    customer: customer.id,
    start_time: thisMinute - 7200,
    end_time: thisMinute + 3600,
  });
  return summaries.data[0].aggregated_value;
}

const refusal = (error) => ({
  class: error.constructor.name,
  code: error.code,
  param: error.param,
  status: error.statusCode,
  request: error.requestId,
});

const refused = (promise) => promise.then(() => ({ class: null }), refusal);

const parts = {
  /** The README: from the endpoint to the verified webhook. */
  async readme() {
    await withInbox(async (server, hook) => {
      const endpoint = await stripe.webhookEndpoints.create({
        url: hook,
        enabled_events: ['billing.alert.triggered'],
      });
      const meter = await createMeter();
      const customer = await stripe.customers.create({ name: 'Jenny Rosen' });
      const alert = await createAlert(meter, 100);
      const arrival = receive(server, (body) => body.data.object.customer === customer.id);
      await stripe.billing.meterEvents.create(eventOf(customer, '60'));
      await stripe.billing.meterEvents.create(eventOf(customer, '41'));
      const { body, signature } = await arrival;
      const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
      say('webhook', {
        type: event.type,
        alert: event.data.object.alert.id === alert.id,
        value: event.data.object.value,
      });
      try {
        stripe.webhooks.constructEvent(`${body} `, signature, endpoint.secret);
      } catch (error) {
        say('forgery', { type: error.type });
      }
      const stored = await stripe.events.retrieve(event.id);
      say('event', { same: JSON.stringify(stored.data) === JSON.stringify(event.data) });
      const listed = await stripe.billing.alerts.list({ meter: meter.id });
      say('list', { alerts: listed.data.map((one) => one.title), more: listed.has_more });
      const firings = await stripe.rawRequest(
        'GET',
        `/v1/billing/alerts/${alert.id}/notifications?customer=${customer.id}`,
      );
      say('notifications', {
        values: firings.data.map((one) => one.value),
        event: firings.data[0].notification_event === event.id,
      });
      await stripe.webhookEndpoints.del(endpoint.id);
    });
  },

  /** Usage by v2 and by the stream; a cancellation. */
  async usage() {
    const meter = await createMeter();
    const customer = await stripe.customers.create();
    await stripe.v2.billing.meterEvents.create({
      ...eventOf(customer, '2.5'),
      timestamp: new Date().toISOString(),
    });
    const session = await stripe.v2.billing.meterEventSession.create();
    const stream = connect(session.authentication_token);
    const events = Array.from({ length: 100 }, () => eventOf(customer, '1'));
    await stream.v2.billing.meterEventStream.create({ events });
    say('stream', { used: await usage(meter, customer) });
    const slip = { ...eventOf(customer, '7'), identifier: `${unique}-slip` };
    await stripe.billing.meterEvents.create(slip);
    const adjustment = await stripe.billing.meterEventAdjustments.create({
      event_name: unique,
      type: 'cancel',
      cancel: { identifier: `${unique}-slip` },
    });
    say('cancel', { status: adjustment.status, used: await usage(meter, customer) });
  },

  /** Alerts and meters change their states. */
  async states() {
    const meter = await createMeter();
    const alert = await createAlert(meter, 5);
    const states = [alert.status];
    for (const change of ['deactivate', 'activate', 'archive']) {
      states.push((await stripe.billing.alerts[change](alert.id)).status);
    }
    say('alert', { states });
    const off = await stripe.billing.meters.deactivate(meter.id);
    const on = await stripe.billing.meters.reactivate(meter.id);
    say('meter', { states: [off.status, on.status] });
    const expanded = await stripe.billing.alerts.retrieve(alert.id, {
      expand: ['usage_threshold.meter'],
    });
    say('expand', { same: expanded.usage_threshold.meter.event_name === unique });
  },

  /** From a product to the invoice of a threshold; then a year on a test clock. */
  async thresholds() {
    const meter = await createMeter();
    const product = await stripe.products.create({ name: 'Tokens' });
    const metered = { interval: 'month', usage_type: 'metered', meter: meter.id };
    const price = await stripe.prices.create({
      product: product.id,
      currency: 'usd',
      unit_amount: 10,
      recurring: metered,
    });
    await withInbox(async (server, hook) => {
      const endpoint = await stripe.webhookEndpoints.create({
        url: hook,
        enabled_events: ['invoice.paid'],
      });
      const customer = await stripe.customers.create();
      const subscription = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
        billing_thresholds: { amount_gte: 500 },
      });
      const gte = subscription.billing_thresholds.amount_gte;
      say('subscription', { status: subscription.status, gte });
      const arrival = receive(
        server,
        ({ data: { object } }) => object.customer === customer.id && object.total > 0,
      );
      await stripe.billing.meterEvents.create(eventOf(customer, '40'));
      await stripe.billing.meterEvents.create(eventOf(customer, '20'));
      const { body, signature } = await arrival;
      const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
      const { billing_reason: reason, total } = event.data.object;
      say('invoice', { reason, total, verified: true });
      await stripe.webhookEndpoints.del(endpoint.id);
    });
    const start = Math.floor(Date.now() / 1000);
    let clock = await stripe.testHelpers.testClocks.create({ frozen_time: start });
    const customer = await stripe.customers.create({ test_clock: clock.id });
    await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    for (let step = 1; step <= 7; step += 1) {
      clock = await stripe.testHelpers.testClocks.advance(clock.id, {
        frozen_time: start + Math.min(step * 58, 370) * 86400,
      });
    }
    const invoices = await stripe.invoices.list({ customer: customer.id, limit: 100 });
    const cycles = invoices.data.filter((one) => one.billing_reason === 'subscription_cycle');
    say('year', { cycles: cycles.length, status: clock.status });
  },

  /** A thin event, verified, and what it is about. */
  async thin() {
    await withInbox(async (server, hook) => {
      const destination = await stripe.v2.core.eventDestinations.create({
        name: 'thin',
        type: 'webhook_endpoint',
        event_payload: 'thin',
        enabled_events: ['v1.billing.meter.updated'],
        webhook_endpoint: { url: hook },
        include: ['webhook_endpoint.signing_secret'],
      });
      const meter = await createMeter();
      const arrival = receive(server, (body) => body.related_object.id === meter.id);
      await stripe.billing.meters.update(meter.id, { display_name: 'Words' });
      const { body, signature } = await arrival;
      const secret = destination.webhook_endpoint.signing_secret;
      const notification = stripe.parseEventNotification(body, signature, secret);
      const event = await notification.fetchEvent();
      const related = await notification.fetchRelatedObject();
      say('thin', { type: event.type, name: related.display_name });
      await stripe.v2.core.eventDestinations.del(destination.id);
    });
  },

  /** Lists longer than a page, in both directions. */
  async paging() {
    const email = `${unique}@example.com`;
    const made = [];
    for (let count = 0; count < 12; count += 1) {
      made.push((await stripe.customers.create({ email })).id);
    }
    const ids = async (params) => {
      const all = [];
      for await (const one of stripe.customers.list({ email, limit: 5, ...params })) {
        all.push(one.id);
      }
      return all;
    };
    const onwards = await ids({});
    const backwards = await ids({ ending_before: made[0] });
    say('paging', {
      onwards: onwards.join() === made.toReversed().join(),
      backwards: backwards.join() === made.slice(1).join(),
    });
  },

  /** Refusals and repeated requests. */
  async errors() {
    say('missing', await refused(stripe.billing.alerts.create({ alert_type: 'usage_threshold' })));
    say('unknown', await refused(stripe.customers.create({ shoe_size: 46 })));
    say('nobody', await refused(stripe.customers.retrieve('cus_no')));
    say('key', await refused(connect('sk_test_somebody_elses').customers.list()));
    const options = { idempotencyKey: unique };
    const first = await stripe.customers.create({ name: 'Once' }, options);
    const second = await stripe.customers.create({ name: 'Once' }, options);
    say('replay', {
      same: first.id === second.id,
      header: second.lastResponse.headers['idempotent-replayed'],
    });
    say('bound', await refused(stripe.customers.create({ name: 'Twice' }, options)));
    const metadata = await stripe.customers.update(first.id, { metadata: { a: '1', b: '2' } });
    const merged = await stripe.customers.update(first.id, { metadata: { a: '', c: '3' } });
    say('metadata', { before: metadata.metadata, after: merged.metadata });
  },
};

await parts[part]();

/**
 * The API's objects, as its own description has them. Where that leaves a part open, because
 * Stripe's objects do, the part is named here.
 */
import type { components } from './schema'

type Shapes = components['schemas']

export type Session = Shapes['SessionObject']
export type Member = Shapes['MemberObject']
export type ApiKey = Shapes['ApiKeyObject']
export type Account = Shapes['DashboardAccountObject']
export type Overview = Shapes['OverviewObject']
export type NearestLine = Shapes['NearestLineObject']
export type TopCustomer = Shapes['MeterTopCustomerObject']
export type MeterErrorReport = Shapes['MeterErrorReportObject']
export type AlertPreview = Shapes['AlertPreviewObject']
export type LoggedRequest = Shapes['RequestObject']

export type Customer = Shapes['CustomerObject']
export type Meter = Shapes['MeterObject']
export type MeterSummary = Shapes['MeterEventSummaryObject']
export type Alert = Shapes['AlertObject']
export type Notification = Shapes['AlertNotificationObject']
export type Explanation = Shapes['AlertExplanationObject'] | BilledExplanation
export type Event = Shapes['EventObject']
export type Attempt = Shapes['DeliveryAttemptObject']
export type Endpoint = Shapes['WebhookEndpointObject']
export type Subscription = Shapes['SubscriptionObject']
export type SubscriptionItem = Shapes['SubscriptionItemObject']
export type Invoice = Shapes['InvoiceObject']
export type InvoiceLine = Shapes['LineItemObject']
export type CreditGrant = Shapes['CreditGrantObject']
export type CreditSummary = Shapes['CreditBalanceSummaryObject']
export type Price = Shapes['PriceObject']

/** Of an alert on money: what its line is compared with, for each subscription or for the credits. */
export interface BilledExplanation {
  readonly explanation: string
  readonly compared: readonly {
    readonly subscription: string | null
    readonly value: string
    readonly remaining: string | null
    readonly notified_at: number | null
  }[]
}

/** What the stream tells of an event. */
export interface StreamedEvent {
  readonly id: string
  readonly type: string
  readonly created: number
}

export interface SubscriptionThresholds {
  readonly amount_gte: number | null
  readonly reset_billing_cycle_anchor: boolean | null
}

export function amountThreshold(subscription: Subscription): SubscriptionThresholds | null {
  return subscription.billing_thresholds as unknown as SubscriptionThresholds | null
}

export interface ThresholdReason {
  readonly amount_gte: number | null
  readonly item_reasons: readonly {
    readonly line_item_ids: readonly string[]
    readonly usage_gte: number
  }[]
}

export function thresholdReason(invoice: Invoice): ThresholdReason | null {
  return invoice.threshold_reason as unknown as ThresholdReason | null
}

/** The subscription that an invoice is of. */
export function subscriptionOf(invoice: Invoice): string | null {
  const parent = invoice.parent as unknown as Parent | null
  const named = parent?.subscription_details?.subscription
  return typeof named === 'string' ? named : null
}

interface Parent {
  readonly subscription_details?: { readonly subscription?: unknown } | null
}

export interface Recurring {
  readonly interval: string
  readonly interval_count: number
  readonly usage_type: string
  readonly meter: string | null
}

export function recurringOf(price: Price): Recurring | null {
  return price.recurring as unknown as Recurring | null
}

type Open = Readonly<Record<string, unknown>>

/** The object that an event tells of. */
export function objectOf(event: Event): Open {
  return recordOf(event.data, 'object')
}

/** A field of an open object, if it is an object itself; else an empty one. */
export function recordOf(record: Open, field: string): Open {
  const value = record[field]
  return typeof value === 'object' && value !== null ? (value as Open) : {}
}

/** A field of an open object, if it is text. */
export function textOf(record: Open, field: string): string | null {
  const value = record[field]
  return typeof value === 'string' ? value : null
}

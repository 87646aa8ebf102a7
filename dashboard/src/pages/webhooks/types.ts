/** The types of events that this engine sends, in the groups that people think in. */
export const EVENT_TYPES: readonly (readonly string[])[] = [
  ['billing.alert.triggered'],
  [
    'invoice.created',
    'invoice.finalized',
    'invoice.paid',
    'invoice.voided',
    'invoice.marked_uncollectible',
  ],
  [
    'customer.subscription.created',
    'customer.subscription.updated',
    'customer.subscription.deleted',
  ],
  ['customer.created', 'customer.updated', 'customer.deleted'],
  [
    'billing.meter.created',
    'billing.meter.updated',
    'billing.meter.deactivated',
    'billing.meter.reactivated',
  ],
  [
    'billing.credit_grant.created',
    'billing.credit_grant.updated',
    'billing.credit_balance_transaction.created',
  ],
]

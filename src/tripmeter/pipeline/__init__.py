"""DATA PLANE: intake -> tally -> watch -> publish -> deliver, and roll as time passes.

The order in which one usage event passes through:

    intake    is it acceptable, is it new?          -> a UsageEvent
    log       append it to the batch's log row
    tally     advance the customer's total
    watch     which alerts did the total reach?     -> Firings
    publish   the Stripe events and their deliveries
    (commit, reply)
    deliver   send, record the attempt, plan the next
    roll      error reports, expiry, housekeeping
"""

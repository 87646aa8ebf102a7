"""DATA PLANE: intake -> tally -> watch -> publish -> deliver, and roll as time passes.

The order in which the usage of one commit passes through:

    intake    which reports are acceptable?         -> columns
    usage     which are new?                        -> Events
    log       append them to the batch's log row
    counting  advance the totals of customers who cannot reach a line; for the others
    tally       advance the customer's total, event by event
    watch       which alerts did the total reach?   -> Firings
    publish   the Stripe events and their deliveries
    (commit, reply)
    deliver   send, record the attempt, plan the next
    roll      error reports, expiry, housekeeping
"""

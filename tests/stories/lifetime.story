# An alert may count all that there ever was (count_from=lifetime).

2026-03-01        meter api_calls sums value
2026-03-01 10:00  acme uses 90 api_calls
2026-03-02        alert "first hundred" when acme uses 100 api_calls in all its life
2026-03-02        alert "next hundred" when acme uses 100 api_calls
2026-03-02 10:00  acme uses 9 api_calls     -> nothing
2026-03-02 10:01  acme uses 1 api_calls     -> alert "first hundred" fires with 100
2026-03-02 10:02  acme uses 90 api_calls    -> alert "next hundred" fires with 100

# What is over the line already fires on the next event, not on creation.
2026-03-03        alert "long past" when anyone uses 50 api_calls in all its life
2026-03-03 10:00  birch uses 5 api_calls    -> nothing
2026-03-03 10:01  acme uses 1 api_calls     -> alert "long past" fires for acme with 191
2026-03-03 10:02  acme uses 1 api_calls     -> nothing

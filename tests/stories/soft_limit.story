# A soft limit is told once, on the very event that reaches it.

2026-03-01        meter api_calls sums value
2026-03-01        alert "soft limit" when acme uses 100 api_calls
2026-03-02 10:00  acme uses 99 api_calls           -> nothing
2026-03-02 10:00  how far is "soft limit" for acme?  -> 1
2026-03-02 10:01  acme uses 1 api_calls            -> alert "soft limit" fires with 100
2026-03-02 10:02  acme uses 500 api_calls          -> nothing
2026-03-02 10:03  how many api_calls has acme used?  -> 600

# Reaching it exactly is enough; leaping over it tells how far it went.
2026-03-03        alert "hard limit" when acme uses 1000 api_calls
2026-03-03 10:00  acme uses 999.999999 api_calls   -> nothing
2026-03-03 10:01  acme uses 250.5 api_calls        -> alert "hard limit" fires with 1250.499999
2026-03-03 10:02  how far is "hard limit" for acme?  -> fired

# Two limits crossed by one event are both told.
2026-03-04        alert "ten" when acme uses 10 api_calls
2026-03-04        alert "twenty" when acme uses 20 api_calls
2026-03-04 10:00  acme uses 20 api_calls           -> alert "ten" fires and alert "twenty" fires

# Alerts count what is reported after their creation, whenever it happened. Sums go by the day on
# which it happened.

2026-03-05        meter api_calls sums value
2026-03-05        alert "soft limit" when acme uses 100 api_calls
2026-03-05 10:00  acme uses 60 api_calls                           -> nothing
2026-03-05 10:01  acme uses 40 api_calls, at 2026-03-02 23:59      -> alert "soft limit" fires with 100
2026-03-05 10:02  how many api_calls has acme used on 2026-03-02?  -> 40
2026-03-05 10:02  how many api_calls has acme used on 2026-03-05?  -> 60
2026-03-05 10:02  how many api_calls has acme used?                -> 100

# Clocks may be five minutes ahead, and 35 days late, and no more.
2026-03-05 10:03  acme uses 1 api_calls, at 2026-03-05 10:08       -> nothing
2026-03-05 10:03  acme uses 1 api_calls, at 2026-03-05 10:09       -> refused: "The timestamp is more than 5 minutes in the future. Check the clock of the machine that reports it, and that v1 timestamps are seconds."
2026-03-05 10:04  acme uses 1 api_calls, at 2026-01-29 10:04       -> nothing
2026-03-05 10:04  acme uses 1 api_calls, at 2026-01-29 10:03       -> refused: "The timestamp is more than 35 days in the past. Report usage within 35 calendar days of when it happened."
2026-03-05 10:05  how many api_calls has acme used on 2026-01-29?  -> 1

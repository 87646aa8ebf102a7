# Only what comes after an alert's creation counts for it (C4).

2026-03-01        meter api_calls sums value
2026-03-01 10:00  acme uses 1000 api_calls
2026-03-02        alert "late" when acme uses 100 api_calls
2026-03-02 10:00  acme uses 99 api_calls          -> nothing
2026-03-02 10:01  how far is "late" for acme?     -> 1
2026-03-02 10:02  acme uses 1 api_calls           -> alert "late" fires with 100

# Neither a restart nor a lost power supply moves the line.
2026-03-03        alert "later" when acme uses 50 api_calls
2026-03-03 10:00  acme uses 30 api_calls          -> nothing
2026-03-03 10:01  the engine restarts
2026-03-03 10:02  acme uses 10 api_calls          -> nothing
2026-03-03 10:03  the power fails
2026-03-03 10:04  how far is "later" for acme?    -> 10
2026-03-03 10:05  acme uses 10 api_calls          -> alert "later" fires with 50
2026-03-03 10:06  the power fails
2026-03-03 10:07  acme uses 50 api_calls          -> nothing

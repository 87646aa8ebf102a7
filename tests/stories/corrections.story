# A negative quantity corrects what was reported too much.

2026-03-01        meter api_calls sums value
2026-03-01        alert "soft limit" when acme uses 100 api_calls
2026-03-02 10:00  acme uses 90 api_calls             -> nothing
2026-03-02 10:01  acme uses -50 api_calls            -> nothing
2026-03-02 10:02  acme uses 59 api_calls             -> nothing
2026-03-02 10:03  how far is "soft limit" for acme?  -> 1
2026-03-02 10:04  acme uses 1 api_calls              -> alert "soft limit" fires with 100

# Going below the line and over it again does not fire twice.
2026-03-02 10:05  acme uses -99 api_calls            -> nothing
2026-03-02 10:06  acme uses 200 api_calls            -> nothing

# A total may be below zero, and counting goes on from there.
2026-03-03        alert "in debt" when birch uses 10 api_calls
2026-03-03 10:00  birch uses -5 api_calls            -> nothing
2026-03-03 10:01  birch uses 14.9 api_calls          -> nothing
2026-03-03 10:02  how many api_calls has birch used? -> 9.9
2026-03-03 10:03  birch uses 0.1 api_calls           -> alert "in debt" fires with 10

# A deactivated meter refuses usage; reactivated, it goes on where it stood.

2026-03-01        meter api_calls sums value
2026-03-01        alert "soft limit" when acme uses 100 api_calls
2026-03-02 10:00  acme uses 60 api_calls             -> nothing
2026-03-02 11:00  deactivate meter api_calls
2026-03-02 11:01  acme uses 60 api_calls             -> refused: "The meter api_calls for event name 'api_calls' is inactive. Reactivate it, or create another one, to report usage."
2026-03-02 11:02  how many api_calls has acme used?  -> 60
2026-03-02 12:00  reactivate meter api_calls
2026-03-02 12:01  acme uses 39 api_calls             -> nothing
2026-03-02 12:02  acme uses 1 api_calls              -> alert "soft limit" fires with 100

# Corrections by cancelling stay possible while it is inactive.
2026-03-02 12:03  acme uses 5 api_calls as "five"    -> nothing
2026-03-02 13:00  deactivate meter api_calls
2026-03-02 13:01  cancel the api_calls of "five"     -> nothing
2026-03-02 13:02  how many api_calls has acme used?  -> 100

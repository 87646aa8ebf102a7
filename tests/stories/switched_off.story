# A deactivated alert sleeps; activating it opens a new count.

2026-03-01        meter api_calls sums value
2026-03-01        alert "soft limit" when acme uses 100 api_calls
2026-03-02 10:00  acme uses 90 api_calls               -> nothing
2026-03-02 11:00  deactivate alert "soft limit"
2026-03-02 11:01  acme uses 90 api_calls               -> nothing
2026-03-02 11:02  how far is "soft limit" for acme?    -> not_active
2026-03-02 12:00  activate alert "soft limit"
2026-03-02 12:01  acme uses 99 api_calls               -> nothing
2026-03-02 12:02  acme uses 1 api_calls                -> alert "soft limit" fires with 100

# It may fire again after it has slept.
2026-03-03 10:00  deactivate alert "soft limit"
2026-03-03 11:00  activate alert "soft limit"
2026-03-03 11:01  acme uses 100 api_calls              -> alert "soft limit" fires with 100

# Deactivating twice is refused; archiving is final.
2026-03-04 10:00  alert "other" when acme uses 5 api_calls
2026-03-04 10:00  deactivate alert "other"
2026-03-04 10:00  deactivate alert "other"             -> refused: "The alert other is inactive already."
2026-03-04 10:01  archive alert "other"
2026-03-04 10:01  activate alert "other"               -> refused: "The alert other is archived, which is final. Create a new alert."
2026-03-04 10:02  acme uses 5 api_calls                -> nothing
2026-03-04 10:03  archive alert "soft limit"
2026-03-04 10:04  acme uses 500 api_calls              -> nothing

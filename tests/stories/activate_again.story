# Activating an active alert arms it again, for those for whom it has fired.

2026-03-01        meter api_calls sums value
2026-03-01        alert "soft limit" when anyone uses 100 api_calls
2026-03-02 10:00  acme uses 100 api_calls      -> alert "soft limit" fires for acme
2026-03-02 10:01  birch uses 60 api_calls      -> nothing
2026-03-03 10:00  activate alert "soft limit"  -> nothing

# Acme starts from nothing; what birch used still counts.
2026-03-03 10:01  acme uses 99 api_calls       -> nothing
2026-03-03 10:02  birch uses 40 api_calls      -> alert "soft limit" fires for birch with 100
2026-03-03 10:03  acme uses 1 api_calls        -> alert "soft limit" fires for acme with 100
2026-03-03 10:04  acme uses 100 api_calls      -> nothing

2026-03-04 10:00  activate alert "soft limit"
2026-03-04 10:01  the power fails
2026-03-04 10:02  birch uses 100 api_calls     -> alert "soft limit" fires for birch with 100

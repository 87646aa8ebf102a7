# An alert without a customer watches everybody, each on their own.

2026-03-01        meter api_calls sums value
2026-03-01        alert "heavy use" when anyone uses 100 api_calls
2026-03-02 10:00  acme uses 60 api_calls      -> nothing
2026-03-02 10:01  birch uses 60 api_calls     -> nothing
2026-03-02 10:02  acme uses 40 api_calls      -> alert "heavy use" fires for acme
2026-03-02 10:03  acme uses 100 api_calls     -> nothing
2026-03-02 10:04  birch uses 39 api_calls     -> nothing
2026-03-02 10:05  birch uses 2 api_calls      -> alert "heavy use" fires for birch with 101

# A customer who comes later is watched as well.
2026-04-01 09:00  cedar uses 100 api_calls    -> alert "heavy use" fires for cedar

# An alert of one customer is nobody else's.
2026-04-02        alert "acme alone" when acme uses 10 api_calls
2026-04-02 10:00  birch uses 10 api_calls     -> nothing
2026-04-02 10:01  acme uses 10 api_calls      -> alert "acme alone" fires for acme

# The same identifier counts once within a day, whatever happens in between.

2026-03-01        meter api_calls sums value
2026-03-01        alert "soft limit" when acme uses 100 api_calls
2026-03-02 10:00  acme uses 50 api_calls as "one"    -> nothing
2026-03-02 10:01  acme uses 50 api_calls as "one"    -> refused: "An event already exists with identifier one."
2026-03-02 10:02  the power fails
2026-03-02 10:03  acme uses 50 api_calls as "one"    -> refused: "An event already exists with identifier one."
2026-03-02 10:04  how many api_calls has acme used?  -> 50

# It is the identifier that counts, not the customer.
2026-03-02 10:05  birch uses 50 api_calls as "one"   -> refused: "An event already exists with identifier one."
2026-03-02 10:06  acme uses 50 api_calls as "two"    -> alert "soft limit" fires with 100

# A cancelled event keeps its identifier.
2026-03-02 10:07  cancel the api_calls of "two"
2026-03-02 10:08  acme uses 50 api_calls as "two"    -> refused: "An event already exists with identifier two."
2026-03-02 10:09  how many api_calls has acme used?  -> 50

# After more than a day it is free.
2026-03-03 11:10  acme uses 50 api_calls as "one"    -> nothing
2026-03-03 11:11  how many api_calls has acme used?  -> 100

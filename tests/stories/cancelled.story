# A cancelled event lowers the total. It neither takes a firing back nor lets it happen twice.

2026-03-01        meter api_calls sums value
2026-03-01        alert "soft limit" when acme uses 100 api_calls
2026-03-02 10:00  acme uses 60 api_calls as "wrong"    -> nothing
2026-03-02 10:01  cancel the api_calls of "wrong"      -> nothing
2026-03-02 10:02  how many api_calls has acme used?    -> 0
2026-03-02 10:03  acme uses 60 api_calls               -> nothing
2026-03-02 10:04  acme uses 40 api_calls as "right"    -> alert "soft limit" fires with 100
2026-03-02 10:05  cancel the api_calls of "right"      -> nothing
2026-03-02 10:06  how many api_calls has acme used?    -> 60
2026-03-02 10:07  acme uses 40 api_calls               -> nothing

# What was used before an alert came does not move its line when it is cancelled.
2026-03-03 10:00  acme uses 70 api_calls as "early"
2026-03-03 10:01  alert "late" when acme uses 50 api_calls
2026-03-03 10:02  acme uses 20 api_calls               -> nothing
2026-03-03 10:03  cancel the api_calls of "early"      -> nothing
2026-03-03 10:04  acme uses 29 api_calls               -> nothing
2026-03-03 10:05  acme uses 1 api_calls                -> alert "late" fires with 50

# Once is enough, a day is the limit, and what was never there cannot be cancelled.
2026-03-03 10:06  cancel the api_calls of "early"      -> refused: "The meter event with identifier 'early' is cancelled already."
2026-03-03 10:07  cancel the api_calls of "nothing"    -> refused: "No meter event found with identifier 'nothing' in the last 24 hours."
2026-03-03 10:08  acme uses 5 api_calls as "old"       -> nothing
2026-03-04 10:09  cancel the api_calls of "old"        -> refused: "The meter event with identifier 'old' was received more than 24 hours ago. Report a negative quantity to correct it."

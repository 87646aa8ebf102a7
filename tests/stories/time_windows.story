# A meter with a time window counts the event that came last in each hour, or day.

2026-03-01        meter gigabytes sums stored, the last of each hour
2026-03-01        alert "full" when acme uses 100 gigabytes
2026-03-02 10:00  acme uses 90 gigabytes                           -> nothing
2026-03-02 10:30  acme uses 50 gigabytes                           -> nothing
2026-03-02 10:31  how many gigabytes has acme used?                -> 50
2026-03-02 11:00  acme uses 40 gigabytes                           -> nothing
2026-03-02 11:01  how far is "full" for acme?                      -> 10
2026-03-02 11:59  acme uses 50 gigabytes                           -> alert "full" fires with 100
2026-03-02 12:00  how many gigabytes has acme used on 2026-03-02?  -> 100

# What came last counts, even if it happened earlier in the hour.
2026-03-02 12:01  acme uses 7 gigabytes, at 2026-03-02 10:05       -> nothing
2026-03-02 12:02  how many gigabytes has acme used on 2026-03-02?  -> 57

# Days are days of UTC; a cancelled event gives its place back to the one before.
2026-03-03        meter seats counts people, the last of each day
2026-03-03        alert "busy days" when birch uses 3 seats
2026-03-03 09:00  birch uses 1 seats                               -> nothing
2026-03-03 23:59  birch uses 1 seats                               -> nothing
2026-03-04 00:00  birch uses 1 seats                               -> nothing
2026-03-05 08:00  birch uses 1 seats as "third"                    -> alert "busy days" fires with 3
2026-03-05 08:01  cancel the seats of "third"                      -> nothing
2026-03-05 08:02  how many seats has birch used?                   -> 2

# A meter that keeps the last value compares that value: what came before is no part of it.

2026-03-01        meter disk keeps the last gigabytes
2026-03-01        alert "disk full" when acme uses 100 disk
2026-03-02 10:00  acme uses 60 disk                 -> nothing
2026-03-02 10:01  acme uses 60 disk                 -> nothing
2026-03-02 10:02  how many disk has acme used?      -> 60
2026-03-02 10:03  acme uses 99 disk                 -> nothing
2026-03-02 10:04  how far is "disk full" for acme?  -> 1
2026-03-02 10:05  acme uses 120 disk                -> alert "disk full" fires with 120

# Falling below and rising again does not fire twice.
2026-03-03 10:00  acme uses 10 disk                 -> nothing
2026-03-03 10:01  acme uses 200 disk as "peak"      -> nothing
2026-03-03 10:02  cancel the disk of "peak"         -> nothing
2026-03-03 10:03  how many disk has acme used?      -> 10

"""DECISIONS: pure functions of facts and of a time that is given. No I/O, no clock, no SQL."""

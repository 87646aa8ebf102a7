"""DOOR: HTTP routes, keys, idempotency, cursors. Wire <-> control, pipeline. No decisions."""

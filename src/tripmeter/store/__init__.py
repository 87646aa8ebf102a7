"""BED: durable storage. One folder per engine; `records.py` and `session.py` serve all of them."""

"""The rows: each function measures one thing from the start of its servers to their end."""

"""Moves of billing that both planes make: drafts, invoices, periods, thresholds, in one `Work`."""

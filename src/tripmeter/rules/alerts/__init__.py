"""One file per kind of alert: when it fires, as pure functions."""

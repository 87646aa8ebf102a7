"""How this engine bills: what its operator may choose."""

from typing import Final, NamedTuple

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000


class Terms(NamedTuple):
    """Terms of billing."""

    grace_ms: int = 3_600_000
    """How long the invoice of a period stays a draft, and takes late usage (Stripe: an hour)."""
    invoices_a_minute: int | None = 10
    """New invoices that a subscription may have in a minute (Stripe); None: any number."""
    invoices_a_day: int | None = 20
    """New invoices that a subscription may have in a day (Stripe); None: any number."""
    base_url: str | None = None
    """Where hosted invoices are found; None where that is not known."""
    seller: str = ""
    """Who is named on invoices."""


STRIPES: Final = Terms()

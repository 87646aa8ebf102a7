"""Every route of the API; those that usage takes come first."""

from typing import Final

from tripmeter.api.call import Route
from tripmeter.api.resources import alerts, bulk, customers, endpoints, events, meters, usage

ROUTES: Final[tuple[Route, ...]] = (
    *usage.ROUTES,
    *bulk.ROUTES,
    *alerts.ROUTES,
    *meters.ROUTES,
    *customers.ROUTES,
    *events.ROUTES,
    *endpoints.ROUTES,
)

USAGE_ROUTES: Final = tuple(route for route in ROUTES if route.is_usage)
"""Those that a process without the writer can answer, given a link to it."""

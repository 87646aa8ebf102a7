"""Every route of the API; those that usage takes come first."""

from typing import Final

from tripmeter.api.call import Route
from tripmeter.api.resources import (
    accounts,
    alert_preview,
    alerts,
    balance,
    bulk,
    coupons,
    credits,
    customers,
    dashboard,
    dashboard_access,
    dashboard_live,
    dashboard_nearest,
    dashboard_requests,
    discounts,
    endpoints,
    entitlements,
    events,
    invoice_items,
    invoices,
    meters,
    prices,
    products,
    promotion_codes,
    subscription_items,
    subscriptions,
    tax_rates,
    test_clocks,
    usage,
)

ROUTES: Final[tuple[Route, ...]] = (
    *usage.ROUTES,
    *bulk.ROUTES,
    *alert_preview.ROUTES,
    *alerts.ROUTES,
    *meters.ROUTES,
    *accounts.ROUTES,
    *customers.ROUTES,
    *products.ROUTES,
    *prices.ROUTES,
    *tax_rates.ROUTES,
    *coupons.ROUTES,
    *promotion_codes.ROUTES,
    *discounts.ROUTES,
    *balance.ROUTES,
    *credits.ROUTES,
    *entitlements.ROUTES,
    *subscriptions.ROUTES,
    *subscription_items.ROUTES,
    *invoices.ROUTES,
    *invoice_items.ROUTES,
    *test_clocks.ROUTES,
    *events.ROUTES,
    *endpoints.ROUTES,
    *dashboard.ROUTES,
    *dashboard_access.ROUTES,
    *dashboard_live.ROUTES,
    *dashboard_nearest.ROUTES,
    *dashboard_requests.ROUTES,
)

USAGE_ROUTES: Final = tuple(route for route in ROUTES if route.is_usage)
"""Those that a process without the writer can answer, given a link to it."""

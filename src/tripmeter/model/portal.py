"""A customer's page: who may open it, and how it looks."""

from typing import NamedTuple

from tripmeter.model.customer import Customer
from tripmeter.model.invoice import Invoice
from tripmeter.model.meter import Meter
from tripmeter.model.scope import Scope
from tripmeter.model.standing import Bound, Standing
from tripmeter.model.usage_limit import (
    LimitChange,
    LimitKind,
    LimitPeriod,
    NoticeAddress,
    SetBy,
    UsageLimit,
)


class PortalSession(NamedTuple):
    """What the address of a customer's page says, signed."""

    id: str
    scope: Scope
    customer: str
    expires_ms: int
    return_url: str | None = None
    locale: str | None = None
    address: str | None = None
    """Of a link in an e-mail: the address that it confirms; such a link opens nothing else."""


class Brand(NamedTuple):
    """Whose page it is."""

    name: str = ""
    """Empty: the account's name."""
    color: str = "#2f5bd0"
    color_on_dark: str = "#8fb0ff"
    logo: bytes | None = None
    logo_type: str = "image/png"


class AlertLine(NamedTuple):
    """Where an alert fires."""

    title: str
    at: int
    """Scaled."""


class MeterFacts(NamedTuple):
    """A customer's usage of one meter in the period that it may limit."""

    meter: Meter
    period: LimitPeriod
    used: int
    """In that period; scaled."""
    start_ms: int | None
    end_ms: int | None
    now: Standing
    limits: tuple[Bound, ...]
    """Over that period, whoever set them."""
    alerts: tuple[AlertLine, ...]

    def own(self, kind: LimitKind) -> list[UsageLimit]:
        """What the customer set, the lowest first."""
        mine = [one for one in self.limits if one.limit.set_by is SetBy.CUSTOMER]
        found = [one for one in mine if one.limit.kind is kind]
        return [one.limit for one in sorted(found, key=lambda one: one.at)]

    @property
    def most(self) -> int | None:
        """The highest own limit that is possible; scaled."""
        return min(
            (
                one.at
                for one in self.limits
                if one.limit.set_by is SetBy.OPERATOR and one.limit.kind is LimitKind.HARD
            ),
            default=None,
        )


class Spend(NamedTuple):
    """What the current period of a subscription has cost so far."""

    amount: int
    """Minor units."""
    currency: str
    start_ms: int
    end_ms: int


class PortalFacts(NamedTuple):
    """All that a customer's page shows."""

    customer: Customer
    account_name: str
    now_ms: int
    """The customer's time."""
    meters: tuple[MeterFacts, ...]
    spend: tuple[Spend, ...]
    credits: tuple[tuple[int, str], ...]
    """Minor units and the currency."""
    invoices: tuple[Invoice, ...]
    addresses: tuple[NoticeAddress, ...]
    changes: tuple[LimitChange, ...]

    @property
    def meter_names(self) -> dict[str, str]:
        """What meters are called, by id."""
        return {one.meter.id: one.meter.display_name for one in self.meters}

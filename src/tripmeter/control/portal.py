"""Customers' pages: opening one, and the e-mail addresses that customers want to be told at."""

from typing import Any, Final

from msgspec import structs

from tripmeter.control.customers import existing
from tripmeter.control.portal_mail import ask_to_confirm
from tripmeter.model.errors import ParameterInvalid, ResourceMissing
from tripmeter.model.ids import new_id, new_secret
from tripmeter.model.portal import PortalSession
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Page
from tripmeter.model.usage_limit import NoticeAddress
from tripmeter.ports import Session, Work
from tripmeter.rules.messages import is_address

OPEN_FOR_MS: Final = 3_600_000
CONFIRM_WITHIN_MS: Final = 24 * 3_600_000

ADDRESSES: Final = 5
"""E-mail addresses that a customer may have."""

_SECRET: Final = "portal_secret"


def portal_secret(session: Session) -> str | None:
    """What the addresses of pages are signed with; None while there was no page."""
    return session.setting(_SECRET)


def open_portal(work: Work, caller: Caller, params: dict[str, Any]) -> tuple[PortalSession, str]:
    """A session for a customer's page, and the secret that signs it. Raises ResourceMissing."""
    customer = existing(work, caller, params["customer"], "customer").value
    url = params.get("return_url")
    if url is not None and not url.startswith(("https://", "http://")):
        message = "It must be an address that begins with https:// or http://."
        raise ParameterInvalid("return_url", message, "url_invalid")
    secret = portal_secret(work.session)
    if secret is None:
        secret = new_secret("")
        work.session.set_setting(_SECRET, secret)
    expires_ms = work.now_ms + OPEN_FOR_MS
    id_ = new_id("bps", work.now_ms)
    locale = params.get("locale")
    return PortalSession(id_, caller.scope, customer.id, expires_ms, url, locale), secret


def add_address(
    work: Work, caller: Caller, customer: str, email: str, language: str
) -> NoticeAddress:
    """Note an address, and mail its owner the link that confirms it, in a language.

    One that is known already stays as it is; unless it is confirmed, its owner is asked again.
    """
    existing(work, caller, customer, "customer")
    address = _noted(work, caller, customer, email.strip())
    if address.confirmed_ms is None:
        ask_to_confirm(work, caller, address, language)
    return address


def _noted(work: Work, caller: Caller, customer: str, email: str) -> NoticeAddress:
    if not is_address(email):
        raise ParameterInvalid("email", "This is no e-mail address.", "email_invalid")
    records = work.session.notice_addresses
    known = [kept.value for kept in records.every(caller.scope, customer=customer)]
    for one in known:
        if one.email.lower() == email.lower():
            return one
    if len(known) >= ADDRESSES:
        message = f"There can be {ADDRESSES} addresses. Remove one first."
        raise ParameterInvalid("email", message, "too_many_addresses")
    address = NoticeAddress(
        id=new_id("nadr", work.now_ms),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        customer=customer,
        email=email,
    )
    records.insert(address)
    return address


def remove_address(work: Work, caller: Caller, customer: str, id: str) -> None:
    """Forget an address of this very customer."""
    kept = work.session.notice_addresses.get(caller.scope, id)
    if kept.value.customer != customer:
        raise ResourceMissing("address", id)
    work.session.notice_addresses.remove(kept.no)


def confirm_address(work: Work, session: PortalSession) -> NoticeAddress:
    """The owner of an address wants to be told there, whatever was wished before.

    Raises ResourceMissing if it was removed.
    """
    assert session.address is not None  # such links alone come here
    kept = work.session.notice_addresses.get(session.scope, session.address)
    if kept.value.confirmed_ms is not None:
        return kept.value
    confirmed = structs.replace(kept.value, confirmed_ms=work.now_ms)
    work.session.notice_addresses.replace(kept.no, confirmed)
    work.session.subscribe(session.scope, confirmed.email)
    return confirmed


def addresses_of(session: Session, caller: Caller, customer: str) -> list[NoticeAddress]:
    """A customer's addresses, the newest first."""
    found = session.notice_addresses.page(caller.scope, Page(ADDRESSES), customer=customer)
    return [kept.value for kept in found.items]

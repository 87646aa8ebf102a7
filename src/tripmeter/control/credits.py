"""Billing credits: grants are made, changed, ended, used by invoices, and given back."""

from collections import Counter
from typing import Any, Final

from msgspec import structs

from tripmeter.control.access_changes import credits_granted
from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.control.clocks import now_of
from tripmeter.control.credit_alerts import watch_credits
from tripmeter.control.credit_scopes import prices_in_scope
from tripmeter.control.currencies import currency_of
from tripmeter.control.customers import existing
from tripmeter.control.ledger import (
    entries_of,
    grant_now,
    standing_of,
    write_entry,
    write_off,
)
from tripmeter.model.agenda import Due, Task
from tripmeter.model.credit import CreditGrant, CreditKind
from tripmeter.model.customer import Customer
from tripmeter.model.errors import ParameterInvalid, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import Applied, Invoice, InvoiceLine
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session, Work
from tripmeter.rules.credits import (
    UNUSED_LIMIT,
    Standing,
    apply_credits,
    has_expired,
    is_eligible,
    is_over,
)
from tripmeter.wire.credits import credit_grant_object

_URL: Final = "/v1/billing/credit_grants"


# --- grants ------------------------------------------------------------------------------------


def create_grant(work: Work, caller: Caller, params: dict[str, Any]) -> CreditGrant:
    """Give credit to a customer. It can be used from `effective_at` on, and until `expires_at`."""
    customer = existing(work, caller, params["customer"], "customer").value
    now_ms = now_of(work, customer)
    grant = _drafted(work, caller, params, customer, now_ms)
    _check_end(grant, now_ms)
    _check_room(work, caller.scope, customer.id, now_ms)
    work.session.credit_grants.insert(grant)
    announce(work, caller, "billing.credit_grant.created", credit_grant_object(grant), _URL)
    granted = CreditKind.GRANTED
    write_entry(work, caller, grant, granted, grant.amount, effective_ms=grant.effective_ms)
    _plan_expiry(work, grant)
    watch_credits(work, caller, customer)
    credits_granted(work, caller, customer.id)
    return grant


def _drafted(
    work: Work, caller: Caller, params: dict[str, Any], customer: Customer, now_ms: int
) -> CreditGrant:
    money = params["amount"]["monetary"]
    currency = currency_of(money["currency"], "amount[monetary][currency]")
    _check_currency(customer, currency)
    scope = params["applicability_config"]["scope"]
    return CreditGrant(
        id=new_id("credgr", work.now_ms, livemode=caller.scope.livemode),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=now_ms,
        updated_ms=now_ms,
        customer=customer.id,
        currency=currency,
        amount=money["value"],
        category=params.get("category", "paid"),
        priority=params.get("priority", 50),
        effective_ms=_milliseconds(params.get("effective_at"), now_ms),
        expires_ms=_milliseconds(params.get("expires_at"), None),
        prices=prices_in_scope(
            work.session, caller.scope, scope, "applicability_config[scope]", currency
        ),
        name=params.get("name"),
        clock=customer.clock,
        metadata=merge_metadata({}, params.get("metadata")),
    )


def _check_currency(customer: Customer, currency: str) -> None:
    """A customer is billed in one currency, and nothing else could be paid with the grant."""
    if customer.currency not in (None, currency):
        raise ParameterInvalid(
            "amount[monetary][currency]",
            f"The customer {customer.id} is billed in {customer.currency}, and a grant in "
            f"{currency} could pay nothing. Grant it in {customer.currency}.",
        )


def update_grant(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> CreditGrant:
    """Change when a grant expires (None: never), and its metadata; nothing else can change."""
    kept = work.session.credit_grants.get(caller.scope, id)
    before = kept.value
    after = structs.replace(
        before, metadata=merge_metadata(before.metadata, params.get("metadata"))
    )
    if "expires_at" in params:
        now_ms = grant_now(work, before)
        _check_alive(before, now_ms, "Make a new grant.")
        after = structs.replace(after, expires_ms=_milliseconds(params["expires_at"], None))
        _check_end(after, now_ms)
    changed = _replace(work, caller, kept, after)
    _plan_expiry(work, changed)
    return changed


def end_grant(work: Work, caller: Caller, id: str) -> CreditGrant:
    """Let a grant expire now. What was applied stays applied."""
    kept = work.session.credit_grants.get(caller.scope, id)
    now_ms = grant_now(work, kept.value)
    _check_alive(kept.value, now_ms, "Nothing of it is left to expire.")
    ended = _replace(work, caller, kept, structs.replace(kept.value, expires_ms=now_ms))
    expire_grant(work, ended, caller)
    return ended


def void_grant(work: Work, caller: Caller, id: str) -> CreditGrant:
    """Take a grant back as a whole, while nothing of it was ever applied to an invoice (Stripe)."""
    kept = work.session.credit_grants.get(caller.scope, id)
    now_ms = grant_now(work, kept.value)
    _check_alive(kept.value, now_ms, "It cannot be voided.")
    applied = [e for e in entries_of(work.session, kept.value) if e.kind is CreditKind.APPLIED]
    if applied:
        raise StateConflict(
            f"Credits of {id} were applied to the invoice {applied[0].invoice}, so that it cannot"
            f" be voided any more. To take back what is left of it, use POST {_URL}/{id}/expire."
        )
    voided = _replace(work, caller, kept, structs.replace(kept.value, voided_ms=now_ms))
    write_off(work, caller, voided, CreditKind.VOIDED)
    _forget_expiry(work, voided)
    _watch(work, caller, voided.customer)
    return voided


def expire_grant(work: Work, grant: CreditGrant, caller: Caller | None = None) -> None:
    """Move what is left of a grant out of it: its expiry has come.

    Does nothing where it has not come, so that it may be called again, and late.
    """
    if grant.voided_ms is None and has_expired(grant, grant_now(work, grant)):
        asked = caller or Caller(Scope.of(grant))
        write_off(work, asked, grant, CreditKind.EXPIRED, grant.expires_ms)
        _forget_expiry(work, grant)
        _watch(work, asked, grant.customer)


def _watch(work: Work, caller: Caller, customer: str) -> None:
    """Have alerts on the credits of a customer know that they have changed."""
    watch_credits(work, caller, work.session.customers.get(caller.scope, customer).value)


def _replace(
    work: Work, caller: Caller, kept: Kept[CreditGrant], after: CreditGrant
) -> CreditGrant:
    changed = structs.replace(after, updated_ms=grant_now(work, after))
    work.session.credit_grants.replace(kept.no, changed)
    rendered, before = credit_grant_object(changed), credit_grant_object(kept.value)
    announce(work, caller, "billing.credit_grant.updated", rendered, _URL, before=before)
    return changed


def _check_alive(grant: CreditGrant, now_ms: int, advice: str) -> None:
    if grant.voided_ms is not None:
        raise StateConflict(f"The credit grant {grant.id} is voided. {advice}")
    if has_expired(grant, now_ms):
        raise StateConflict(f"The credit grant {grant.id} has expired. {advice}")


def _check_end(grant: CreditGrant, now_ms: int) -> None:
    if has_expired(grant, now_ms):
        raise ParameterInvalid("expires_at", "The expiry must be in the future.")
    if grant.expires_ms is not None and grant.expires_ms <= grant.effective_ms:
        raise ParameterInvalid("expires_at", "The expiry must be later than effective_at.")


def _check_room(work: Work, scope: Scope, customer: str, now_ms: int) -> None:
    """A grant that is used up, expired or voided takes no room."""
    unused = 0
    for kept in work.session.credit_grants.every(scope, customer=customer):
        if not is_over(kept.value, now_ms):
            unused += standing_of(work.session, kept.value).left > 0
    if unused >= UNUSED_LIMIT:
        raise StateConflict(
            f"The customer {customer} has {unused} unused credit grants, and more are not"
            " possible. Expire or void some of them first.",
            "customer",
        )


def _plan_expiry(work: Work, grant: CreditGrant) -> None:
    if grant.expires_ms is None:
        _forget_expiry(work, grant)
    elif not is_over(grant, grant_now(work, grant)):
        scope, task = Scope.of(grant), Task.CREDIT_EXPIRES
        work.session.agenda.put(Due(scope, task, grant.id, grant.expires_ms, grant.clock))


def _forget_expiry(work: Work, grant: CreditGrant) -> None:
    work.session.agenda.drop(Scope.of(grant), Task.CREDIT_EXPIRES, grant.id)


def _milliseconds(seconds: int | None, absent: Any) -> Any:
    return absent if seconds is None else seconds * 1000


# --- invoices ----------------------------------------------------------------------------------


def usable_standings(session: Session, invoice: Invoice) -> list[Standing]:
    """The grants that may pay lines of an invoice, and what is left of each."""
    grants = session.credit_grants.every(Scope.of(invoice), customer=invoice.customer)
    return [
        standing_of(session, kept.value)
        for kept in grants
        if is_eligible(kept.value, invoice.currency, invoice.period_end_ms)
    ]


def apply_to_invoice(work: Work, invoice: Invoice) -> Invoice:
    """Pay lines of metered usage with the customer's credits, as an invoice is finalized.

    Gives the invoice with `credits` of its lines filled in; the caller stores it, in the same
    transaction. Taxes are for the caller to compute afterwards (Stripe: discounts, then credits,
    then taxes).
    """
    scope = Scope.of(invoice)
    standings = usable_standings(work.session, invoice)
    grants = {one.grant.id: one.grant for one in standings}
    applied: dict[str, tuple[Applied, ...]] = {}
    for use in apply_credits(invoice.lines, standings, invoice.period_end_ms, invoice.currency):
        entry = write_entry(
            work,
            Caller(scope),
            grants[use.grant],
            CreditKind.APPLIED,
            use.amount,
            invoice=invoice.id,
            invoice_line=use.line,
        )
        applied[use.line] = (*applied.get(use.line, ()), Applied(entry.id, use.amount))
    if applied:
        _watch(work, Caller(scope), invoice.customer)
    return structs.replace(invoice, lines=tuple(_paid(line, applied) for line in invoice.lines))


def _paid(line: InvoiceLine, applied: dict[str, tuple[Applied, ...]]) -> InvoiceLine:
    if line.id not in applied:
        return line
    return structs.replace(line, credits=(*line.credits, *applied[line.id]))


def give_back(work: Work, invoice: Invoice) -> None:
    """Give back what an invoice had of credits, as it is voided.

    What goes back to a grant that is past its expiry expires at once (Stripe). Called again, it
    gives nothing more.
    """
    scope = Scope.of(invoice)
    ledger = work.session.credit_transactions
    standing: Counter[tuple[str, str | None]] = Counter()
    mine = ledger.every(scope, customer=invoice.customer, invoice=invoice.id)
    for entry in [kept.value for kept in mine][::-1]:
        sign = 1 if entry.kind is CreditKind.APPLIED else -1
        standing[entry.credit_grant, entry.invoice_line] += sign * entry.amount
    for (grant_id, line), amount in standing.items():
        if amount > 0:
            grant = work.session.credit_grants.get(scope, grant_id).value
            _give_back(work, grant, amount, invoice.id, line)
    if standing:
        _watch(work, Caller(scope), invoice.customer)


def _give_back(work: Work, grant: CreditGrant, amount: int, invoice: str, line: str | None) -> None:
    caller = Caller(Scope.of(grant))
    given_back = CreditKind.GIVEN_BACK
    write_entry(work, caller, grant, given_back, amount, invoice=invoice, invoice_line=line)
    if has_expired(grant, grant_now(work, grant)):
        write_off(work, caller, grant, CreditKind.EXPIRED)

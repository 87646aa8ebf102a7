"""What every store guarantees of objects, transactions and readers: the promises of `ports`.

`test_contract_usage.py` goes on with the usage log and the outbox.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from support import samples
from support.samples import LIVE, STRANGER, TEST
from tripmeter.control.members import ENGINE
from tripmeter.model.access import Access, Resource
from tripmeter.model.alert import Activation, ActivationKind, AlertStatus, FiredMark
from tripmeter.model.cells import HourBlock, MeterHour
from tripmeter.model.errors import ResourceMissing, StoreUnavailable
from tripmeter.model.event import DeliveryState, EventPayload
from tripmeter.model.pulse import Counts, MinuteCounts, Pending
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept, Page, Slice, StoredReply
from tripmeter.model.usage import LogRow, TallyBlock
from tripmeter.ports import Session, Store
from tripmeter.ports.records import Records


class Undo(Exception):
    """Raised by a test inside a transaction."""


KINDS: list[tuple[str, Callable[..., Any]]] = [
    ("keys", samples.api_key),
    ("customers", samples.customer),
    ("meters", samples.meter),
    ("alerts", samples.alert),
    ("events", samples.event),
    ("destinations", samples.endpoint),
    ("attempts", samples.attempt),
    ("products", samples.product),
    ("prices", samples.price),
    ("coupons", samples.coupon),
    ("promotion_codes", samples.promotion_code),
    ("tax_rates", samples.tax_rate),
    ("credit_grants", samples.credit_grant),
    ("credit_transactions", samples.credit_entry),
    ("balance_transactions", samples.balance_transaction),
    ("features", samples.feature),
    ("product_features", samples.product_feature),
    ("entitlements", samples.entitlement),
    ("alert_targets", samples.alert_target),
    ("action_runs", samples.action_run),
    ("mail_templates", samples.mail_template),
    ("usage_limits", samples.usage_limit),
    ("access_states", samples.access_state),
    ("reservations", samples.reservation),
    ("limit_changes", samples.limit_change),
    ("notice_addresses", samples.notice_address),
]


def ids(found: Slice[Any]) -> list[str]:
    return [kept.value.id for kept in found.items]


def several(session: Session, count: int, scope: Scope = TEST) -> None:
    """Customers cus_1 to cus_<count>, in this order."""
    for number in range(1, count + 1):
        customer = samples.customer(f"cus_{number}", scope, created_ms=number)
        session.customers.insert(customer)


# --- records ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "make"), KINDS)
class TestRecords:
    def test_what_is_stored_is_found_as_it_was(
        self, session: Session, kind: str, make: Callable[..., Any]
    ) -> None:
        records: Records[Any] = getattr(session, kind)
        value = make()
        no = records.insert(value)
        assert records.find(TEST, value.id) == records.get(TEST, value.id) == Kept(no, value)
        assert records.numbered(no) == value

    def test_what_replaces_it_is_found_in_its_place(
        self, session: Session, kind: str, make: Callable[..., Any]
    ) -> None:
        records: Records[Any] = getattr(session, kind)
        no = records.insert(make())
        changed = structs.replace(make(), created_ms=9_999)
        records.replace(no, changed)
        assert records.get(TEST, changed.id) == Kept(no, changed)

    @pytest.mark.parametrize("scope", [LIVE, STRANGER], ids=["live", "stranger"])
    def test_another_scope_does_not_see_it(
        self, session: Session, kind: str, make: Callable[..., Any], scope: Scope
    ) -> None:
        records: Records[Any] = getattr(session, kind)
        value = make()
        records.insert(value)
        assert records.find(scope, value.id) is None
        with pytest.raises(ResourceMissing):
            records.get(scope, value.id)

    def test_an_id_exists_once(
        self, session: Session, kind: str, make: Callable[..., Any], conflict: type[Exception]
    ) -> None:
        records: Records[Any] = getattr(session, kind)
        records.insert(make())
        with pytest.raises(conflict), session.savepoint():
            records.insert(make())
        assert records.find(TEST, make().id)

    def test_numbers_grow(self, session: Session, kind: str, make: Callable[..., Any]) -> None:
        records: Records[Any] = getattr(session, kind)
        more = {"event_name": "other"} if kind == "meters" else {}
        assert records.insert(make("x_1")) < records.insert(make("x_2", **more))


@pytest.mark.parametrize(
    ("kind", "make"),
    [("product_features", samples.product_feature), ("entitlements", samples.entitlement)],
)
def test_what_is_removed_is_gone_and_the_others_stay(
    session: Session, kind: str, make: Callable[..., Any]
) -> None:
    records: Records[Any] = getattr(session, kind)
    first, second = records.insert(make("x_1")), records.insert(make("x_2"))
    records.remove(first)
    assert records.find(TEST, "x_1") is None
    assert list(records.every(TEST)) == [Kept(second, make("x_2"))]
    records.remove(first)
    records.insert(make("x_1"))


def test_all_that_match_are_read_however_many(session: Session) -> None:
    for number in range(205):
        customer = "cus_1" if number % 5 else "cus_2"
        grant = samples.credit_grant(f"credgr_{number}", customer=customer)
        session.credit_grants.insert(grant)
    session.credit_grants.insert(samples.credit_grant("credgr_other", LIVE, customer="cus_2"))
    found = [kept.value.id for kept in session.credit_grants.every(TEST, customer="cus_2")]
    assert found == [f"credgr_{number}" for number in range(200, -1, -5)]


def test_lists_by_an_indexed_filter_page_and_filter_on(session: Session) -> None:
    for number in range(6):
        grant, customer = f"credgr_{number % 2}", f"cus_{number % 3}"
        entry = samples.credit_entry(
            f"cbtxn_{number}", credit_grant=grant, customer=customer, created_ms=number
        )
        session.credit_transactions.insert(entry)
    page = session.credit_transactions.page
    assert ids(page(TEST, Page(2), credit_grant="credgr_0")) == ["cbtxn_4", "cbtxn_2"]
    after = Page(2, starting_after="cbtxn_2")
    assert ids(page(TEST, after, credit_grant="credgr_0")) == ["cbtxn_0"]
    before = Page(1, ending_before="cbtxn_0")
    assert ids(page(TEST, before, credit_grant="credgr_0")) == ["cbtxn_2"]
    assert ids(page(TEST, Page(), credit_grant="credgr_1", customer="cus_0")) == ["cbtxn_3"]
    assert ids(page(TEST, Page(), customer="cus_0", created_gt=1)) == ["cbtxn_3"]
    assert ids(page(STRANGER, Page(), customer="cus_0")) == []


def test_scopes_with_credits_are_known_by_grants_and_by_entries(session: Session) -> None:
    assert session.credit_scopes() == []
    session.credit_grants.insert(samples.credit_grant())
    session.credit_transactions.insert(samples.credit_entry())
    session.credit_transactions.insert(samples.credit_entry("cbtxn_2", STRANGER))
    assert session.credit_scopes() == [TEST, STRANGER]


def test_an_invoice_is_found_by_the_token_of_its_page(session: Session) -> None:
    session.invoices.insert(samples.invoice("in_1", token="t0k"))
    no = session.invoices.insert(samples.invoice("in_2", samples.LIVE, token="other"))
    session.invoices.insert(samples.invoice("in_3"))
    session.invoices.insert(samples.invoice("in_4"))
    found = session.invoice_by_token("other")
    assert found == session.invoices.numbered(no)
    assert session.invoice_by_token("none") is session.invoice_by_token("t0k\0") is None
    session.invoices.replace(no, samples.invoice("in_2", samples.LIVE, token="other", deleted=True))
    assert session.invoice_by_token("other") is None


def test_many_customers_are_found_by_id_and_by_number(session: Session) -> None:
    here = {
        f"cus_{name}": session.customers.insert(samples.customer(f"cus_{name}")) for name in "ab"
    }
    gone = session.customers.insert(samples.customer("cus_gone", deleted=True))
    session.customers.insert(samples.customer("cus_live", livemode=True))
    asked = [*here, "cus_gone", "cus_live", "cus_never", "nul\0", "ünï'\"%"]
    assert session.customer_numbers(TEST, asked) == here
    assert session.customer_numbers(STRANGER, asked) == session.customer_numbers(TEST, []) == {}
    numbers = {number: customer for customer, number in here.items()}
    assert session.customer_ids([*numbers, gone, 999]) == {**numbers, gone: "cus_gone"}


def test_an_account_is_found_by_its_own_id(session: Session) -> None:
    account = samples.account("acct_a")
    no = session.accounts.insert(account)
    assert session.accounts.find(Scope("acct_a", livemode=True), "acct_a") == Kept(no, account)
    assert session.accounts.numbered(no) == account


def test_what_is_missing_is_named_with_the_parameter_that_named_it(session: Session) -> None:
    with pytest.raises(ResourceMissing) as missing:
        session.meters.get(TEST, "mtr_9", "usage_threshold[meter]")
    facts = (missing.value.noun, missing.value.id, missing.value.param)
    assert facts == ("meter", "mtr_9", "usage_threshold[meter]")


@pytest.mark.parametrize("id_", ["a\0b", "\0", "no such", "\u2603", ""])
def test_an_id_that_no_object_can_have_is_missing(session: Session, id_: str) -> None:
    assert session.customers.find(TEST, id_) is None
    with pytest.raises(ResourceMissing):
        session.customers.page(TEST, Page(starting_after=id_))


def test_scopes_are_those_that_have_a_meter_in_order(session: Session) -> None:
    assert session.scopes() == []
    for number, scope in enumerate((STRANGER, LIVE, TEST, TEST)):
        session.meters.insert(samples.meter(f"mtr_{number}", scope, event_name=f"e{number}"))
    assert session.scopes() == [TEST, LIVE, STRANGER]


def test_the_same_customer_id_may_exist_in_every_scope(session: Session) -> None:
    numbers = {session.customers.insert(samples.customer("cus_1", s)) for s in (TEST, LIVE)}
    assert len(numbers) == 2
    assert session.customers.get(LIVE, "cus_1").value.livemode


# --- pages --------------------------------------------------------------------------------------


class TestPages:
    def test_come_newest_first(self, session: Session) -> None:
        several(session, 3)
        found = session.customers.page(TEST, Page())
        assert (ids(found), found.has_more) == (["cus_3", "cus_2", "cus_1"], False)

    def test_say_whether_there_is_more(self, session: Session) -> None:
        several(session, 3)
        found = session.customers.page(TEST, Page(limit=2))
        assert (ids(found), found.has_more) == (["cus_3", "cus_2"], True)
        assert not session.customers.page(TEST, Page(limit=3)).has_more

    def test_go_on_after_an_object(self, session: Session) -> None:
        several(session, 5)
        found = session.customers.page(TEST, Page(limit=2, starting_after="cus_4"))
        assert (ids(found), found.has_more) == (["cus_3", "cus_2"], True)
        found = session.customers.page(TEST, Page(limit=2, starting_after="cus_2"))
        assert (ids(found), found.has_more) == (["cus_1"], False)
        found = session.customers.page(TEST, Page(limit=2, starting_after="cus_1"))
        assert (ids(found), found.has_more) == ([], False)

    def test_go_back_before_an_object_to_those_next_to_it(self, session: Session) -> None:
        several(session, 5)
        found = session.customers.page(TEST, Page(limit=2, ending_before="cus_2"))
        assert (ids(found), found.has_more) == (["cus_4", "cus_3"], True)
        found = session.customers.page(TEST, Page(limit=2, ending_before="cus_4"))
        assert (ids(found), found.has_more) == (["cus_5"], False)
        found = session.customers.page(TEST, Page(limit=2, ending_before="cus_5"))
        assert (ids(found), found.has_more) == ([], False)

    @pytest.mark.parametrize(
        ("page", "param"),
        [
            (Page(starting_after="cus_1"), "starting_after"),
            (Page(ending_before="cus_1"), "ending_before"),
        ],
    )
    def test_cannot_begin_at_an_unknown_object(
        self, session: Session, page: Page, param: str
    ) -> None:
        several(session, 1, STRANGER)
        with pytest.raises(ResourceMissing) as missing:
            session.customers.page(TEST, page)
        assert missing.value.param == param

    def test_hold_objects_of_one_scope(self, session: Session) -> None:
        for scope in (TEST, LIVE, STRANGER):
            several(session, 2, scope)
        found = session.customers.page(TEST, Page())
        assert {(k.value.account, k.value.livemode) for k in found.items} == {TEST}

    def test_begin_at_an_object_that_the_list_leaves_out(self, session: Session) -> None:
        several(session, 3)
        kept = session.customers.get(TEST, "cus_2")
        session.customers.replace(kept.no, samples.deleted(kept.value))
        assert ids(session.customers.page(TEST, Page())) == ["cus_3", "cus_1"]
        assert ids(session.customers.page(TEST, Page(starting_after="cus_2"))) == ["cus_1"]

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"created_gt": 2}, [4, 3]),
            ({"created_gte": 2}, [4, 3, 2]),
            ({"created_lt": 3}, [2, 1]),
            ({"created_lte": 3}, [3, 2, 1]),
            ({"created_gt": 1, "created_lt": 4}, [3, 2]),
            ({"email": "a@example.com"}, [4, 3, 2, 1]),
            ({"email": "b@example.com"}, []),
        ],
    )
    def test_are_filtered(
        self, session: Session, filters: dict[str, Any], expected: list[int]
    ) -> None:
        several(session, 4)
        found = session.customers.page(TEST, Page(), **filters)
        assert ids(found) == [f"cus_{number}" for number in expected]

    def test_of_alerts_leave_archived_ones_out(self, session: Session) -> None:
        session.alerts.insert(samples.alert("alrt_1"))
        session.alerts.insert(samples.archived(samples.alert("alrt_2")))
        session.alerts.insert(samples.alert("alrt_3", meter="mtr_2", customer="cus_1"))
        assert ids(session.alerts.page(TEST, Page())) == ["alrt_3", "alrt_1"]
        assert ids(session.alerts.page(TEST, Page(), meter="mtr_2")) == ["alrt_3"]
        assert ids(session.alerts.page(TEST, Page(), customer="cus_1")) == ["alrt_3"]

    def test_of_events_are_of_one_payload(self, session: Session) -> None:
        session.events.insert(samples.event("evt_1"))
        session.events.insert(samples.event("evt_2", payload=EventPayload.THIN))
        session.events.insert(samples.event("evt_3", type="customer.deleted", object_id="cus_2"))
        snapshots = {"payload": "snapshot"}
        assert ids(session.events.page(TEST, Page(), **snapshots)) == ["evt_3", "evt_1"]
        assert ids(session.events.page(TEST, Page(), payload="thin")) == ["evt_2"]
        of_object = session.events.page(TEST, Page(), object_id="cus_2", **snapshots)
        assert ids(of_object) == ["evt_3"]
        begins = session.events.page(TEST, Page(), type_prefix="customer.c", **snapshots)
        assert ids(begins) == ["evt_1"]
        types = '["customer.deleted","x"]'
        assert ids(session.events.page(TEST, Page(), types=types, **snapshots)) == ["evt_3"]


# --- what is unique -----------------------------------------------------------------------------


def armed(session: Session) -> int:
    """An alert that may fire."""
    return session.alerts.insert(samples.alert())


class TestUnique:
    def test_an_alert_fires_once_per_customer_and_activation(
        self, session: Session, conflict: type[Exception]
    ) -> None:
        alert_no = armed(session)
        first = samples.firing("alrtn_1", alert_no=alert_no)
        session.firings.insert(first)
        with pytest.raises(conflict), session.savepoint():
            session.firings.insert(samples.firing("alrtn_2", alert_no=alert_no, position=9))
        session.firings.insert(samples.firing("alrtn_3", alert_no=alert_no, activation=2))
        session.firings.insert(samples.firing("alrtn_4", alert_no=alert_no, customer_no=2))
        found = session.firings.page(TEST, Page())
        assert ids(found) == ["alrtn_4", "alrtn_3", "alrtn_1"]
        assert found.items[-1].value == first

    def test_an_event_name_has_one_active_meter(
        self, session: Session, conflict: type[Exception]
    ) -> None:
        no = session.meters.insert(samples.meter("mtr_1"))
        with pytest.raises(conflict), session.savepoint():
            session.meters.insert(samples.meter("mtr_2"))
        session.meters.replace(no, samples.meter("mtr_1", active=False))
        session.meters.insert(samples.meter("mtr_2"))
        with pytest.raises(conflict), session.savepoint():
            session.meters.replace(no, samples.meter("mtr_1"))
        session.meters.insert(samples.meter("mtr_3", LIVE))

    def test_an_event_is_sent_to_an_endpoint_once_unless_a_person_asks(
        self, session: Session, conflict: type[Exception]
    ) -> None:
        event, endpoint = (
            session.events.insert(samples.event()),
            session.destinations.insert(samples.endpoint()),
        )
        session.outbox.enqueue(event, endpoint, 5, manual=False)
        with pytest.raises(conflict), session.savepoint():
            session.outbox.enqueue(event, endpoint, 6, manual=False)
        session.outbox.enqueue(event, endpoint, 7, manual=True)
        session.outbox.enqueue(event, endpoint, 8, manual=True)
        assert [d.manual for d in session.outbox.due(endpoint, 9, 9)] == [False, True, True]


# --- meters, alerts, activations ----------------------------------------------------------------


class TestMeters:
    def test_the_active_one_is_found_by_its_event_name(self, session: Session) -> None:
        no = session.meters.insert(samples.meter())
        assert session.active_meter(TEST, "tokens") == Kept(no, samples.meter())
        assert session.active_meter(TEST, "Tokens") is None
        assert session.active_meter(LIVE, "tokens") is None

    def test_of_inactive_ones_the_newest(self, session: Session) -> None:
        for id_ in ("mtr_1", "mtr_2"):
            session.meters.insert(samples.meter(id_, active=False))
        found = session.any_meter(TEST, "tokens")
        assert found and found.value.id == "mtr_2"
        assert session.active_meter(TEST, "tokens") is None
        assert session.any_meter(STRANGER, "tokens") is None


class TestAlerts:
    def test_those_that_are_active_watch_their_meter(self, session: Session) -> None:
        session.alerts.insert(samples.alert("alrt_1"))
        session.alerts.insert(samples.alert("alrt_2", status=AlertStatus.INACTIVE))
        session.alerts.insert(samples.archived(samples.alert("alrt_3")))
        session.alerts.insert(samples.alert("alrt_4", meter="mtr_2"))
        session.alerts.insert(samples.alert("alrt_5", LIVE))
        found = session.alerts_of_meter(TEST, "mtr_1")
        assert [kept.value.id for kept in found] == ["alrt_1"]

    def test_those_that_are_not_archived_count_in_their_scope(self, session: Session) -> None:
        session.alerts.insert(samples.alert("alrt_1"))
        session.alerts.insert(samples.alert("alrt_2", status=AlertStatus.INACTIVE))
        session.alerts.insert(samples.archived(samples.alert("alrt_3")))
        session.alerts.insert(samples.alert("alrt_4", customer="cus_1"))
        assert session.count_alerts(TEST, "mtr_1", None) == 2
        assert session.count_alerts(TEST, "mtr_1", "cus_1") == 1
        assert session.count_alerts(TEST, "mtr_2", None) == 0
        assert session.count_alerts(STRANGER, "mtr_1", None) == 0

    def test_activations_are_kept_in_order_and_closed_once(self, session: Session) -> None:
        alert, other = armed(session), session.alerts.insert(samples.alert("alrt_2"))
        opened = Activation(1, ActivationKind.OPEN, 5, opened_ms=77)
        rearmed = Activation(2, ActivationKind.REARM, 8)
        for activation in (opened, rearmed):
            session.add_activation(alert, activation)
        session.add_activation(other, opened)
        assert session.activations(alert) == [opened, rearmed]
        session.close_activations(alert, 9)
        session.add_activation(alert, Activation(3, ActivationKind.OPEN, 12))
        session.close_activations(alert, 15)
        assert [(a.number, a.closed_at) for a in session.activations(alert)] == [
            (1, 9),
            (2, 9),
            (3, 15),
        ]
        assert session.activations(other) == [opened]

    def test_who_fired_is_known_per_meter_and_customer(self, session: Session) -> None:
        alert = armed(session)
        session.firings.insert(samples.firing("n_1", alert_no=alert))
        session.firings.insert(samples.firing("n_2", alert_no=alert, activation=2, position=9))
        session.firings.insert(samples.firing("n_3", alert_no=alert, customer_no=2))
        session.firings.insert(samples.firing("n_4", alert_no=alert, activation=3, meter_no=2))
        assert session.fired(1, [1, 3]) == {1: [FiredMark(alert, 1, 7), FiredMark(alert, 2, 9)]}
        assert session.fired(1, [3]) == {}


# --- keys, streams, replies, settings -----------------------------------------------------------


def test_keys_are_found_by_digest_revoked_ones_included(session: Session) -> None:
    key = samples.api_key("key_1", revoked_ms=5)
    session.keys.insert(key)
    assert session.key_by_digest(b"key_1") == key
    assert session.key_by_digest(b"key_2") is None


@pytest.mark.parametrize(
    "permissions", [None, {}, {Resource.METERS: Access.READ, Resource.ALERTS: Access.WRITE}]
)
def test_what_a_key_may_is_kept_with_it(
    session: Session, permissions: dict[Resource, Access] | None
) -> None:
    key = samples.api_key("key_1", permissions=permissions)
    session.keys.insert(key)
    found = session.key_by_digest(b"key_1")
    assert found is not None
    assert found.permissions == permissions
    assert found == session.keys.get(TEST, "key_1").value == key


def test_sessions_that_ended_before_a_new_one_began_are_forgotten(session: Session) -> None:
    ended, open_ = samples.stream("mes_1", expires_ms=1_999), samples.stream("mes_2")
    for stream in (ended, open_):
        session.open_stream(stream)
    assert session.stream_by_digest(b"mes_1") == ended
    session.open_stream(samples.stream("mes_3", created_ms=2_000, expires_ms=9_000))
    assert session.stream_by_digest(b"mes_1") is None
    assert session.stream_by_digest(b"mes_2") == open_


def test_members_are_found_by_address_in_any_case_and_by_invitation(session: Session) -> None:
    ada = samples.member()
    no = session.members.insert(ada)
    other = samples.member("mbr_2", email="Bob@example.com", invitation="ff00")
    session.members.insert(other)
    assert session.members.get(ENGINE, "mbr_1") == Kept(no, ada)
    page = session.members.page
    assert ids(page(ENGINE, Page())) == ["mbr_2", "mbr_1"]
    assert ids(page(ENGINE, Page(), email="bob@example.com")) == ["mbr_2"]
    assert ids(page(ENGINE, Page(), invitation="ff00")) == ["mbr_2"]
    assert ids(page(ENGINE, Page(), invitation="00ff")) == []
    assert session.members.find(TEST, "mbr_1") is None
    session.members.remove(no)
    assert session.members.find(ENGINE, "mbr_1") is None


@pytest.mark.parametrize("field", ["email", "invitation"])
def test_an_address_and_an_invitation_belong_to_one_member(
    session: Session, conflict: type[Exception], field: str
) -> None:
    session.members.insert(samples.member(invitation="ff00"))
    fields = {"email": "b@example.com", "invitation": "00", field: None}
    fields[field] = {"email": "ADA@example.com", "invitation": "ff00"}[field]
    with pytest.raises(conflict), session.savepoint():
        session.members.insert(samples.member("mbr_2", **fields))


def test_sign_ins_are_found_by_digest_until_they_are_closed_or_old(session: Session) -> None:
    made = {name: samples.sign_in(name.encode(), member=f"mbr_{name[0]}") for name in ("a1", "a2")}
    made["b1"] = samples.sign_in(b"b1", member="mbr_b", expires_ms=1_500)
    for one in made.values():
        session.sign_ins.open(one)
    assert [session.sign_ins.find(name.encode()) for name in made] == [*made.values()]
    assert session.sign_ins.find(b"c1") is None
    session.sign_ins.close_all("mbr_a", but=b"a2")
    assert session.sign_ins.find(b"a1") is None
    assert session.sign_ins.find(b"a2") == made["a2"]
    session.sign_ins.open(samples.sign_in(b"c1", created_ms=1_500))
    assert session.sign_ins.find(b"b1") == made["b1"]
    session.sign_ins.open(samples.sign_in(b"c2", created_ms=1_501))
    assert session.sign_ins.find(b"b1") is None
    session.sign_ins.close(b"a2")
    session.sign_ins.close_all("mbr_a")
    assert session.sign_ins.find(b"a2") is None


def test_accounts_are_known_without_a_scope(session: Session) -> None:
    for name in ("acct_b", "acct_a"):
        session.accounts.insert(samples.account(name))
    assert [account.id for account in session.every_account()] == ["acct_b", "acct_a"]


def test_counts_add_up_by_the_minute_until_they_are_dropped(session: Session) -> None:
    looking = session.looking
    looking.add_counts([MinuteCounts(TEST, 7, Counts(5, 1, 2, 3, 4))])
    looking.add_counts(
        [
            MinuteCounts(TEST, 7, Counts(10, 10, 10, 10, 10)),
            MinuteCounts(TEST, 9, Counts(fired=1)),
            MinuteCounts(LIVE, 7, Counts(1)),
        ]
    )
    first, second = Counts(15, 11, 12, 13, 14), Counts(fired=1)
    both = [MinuteCounts(TEST, 7, first), MinuteCounts(TEST, 9, second)]
    assert looking.counts(TEST, 0) == both
    assert looking.counts(TEST, 8) == both[1:]
    assert [looking.fired(TEST, since) for since in (7, 8)] == [13, 1]
    assert looking.fired(STRANGER, 0) == 0
    looking.drop_counts(TEST, 9)
    assert looking.counts(TEST, 0) == both[1:]
    assert looking.counts(LIVE, 0) == [MinuteCounts(LIVE, 7, Counts(1))]


def test_hours_of_all_customers_add_up_exactly_above_and_below_zero(session: Session) -> None:
    looking = session.looking
    huge, tiny = 10**21 * 10**15 // 3, 1
    added = [huge, -2 * huge, tiny, 10**18 - 1, 10**18 - 1, -1, -(10**18)]
    for quantity in added:
        looking.add_meter_hours([MeterHour(1, 7, 2, quantity), MeterHour(2, 7, 1, 5)])
        expected = sum(added[: added.index(quantity) + 1]) if added.count(quantity) == 1 else None
        (found,) = looking.meter_hours(1, 0, 99)
        assert expected in (None, found.quantity)
    assert looking.meter_hours(1, 7, 8) == [MeterHour(1, 7, 14, sum(added))]
    assert looking.meter_hours(1, 8, 99) == looking.meter_hours(1, 0, 7) == []
    looking.add_meter_hours([MeterHour(1, 9, 1, 3), MeterHour(1, 8, 1, 2)])
    assert [row.hour for row in looking.meter_hours(1, 0, 99)] == [7, 8, 9]


def test_hours_are_read_in_order_some_at_a_time(session: Session) -> None:
    rows = [
        HourBlock(meter, block, hour, b"%d" % hour)
        for meter in (1, 2)
        for block in (0, 3)
        for hour in (5, 6, 9)
    ]
    session.usage.save_hours(reversed(rows))
    for limit in (1, 2, 100):
        found = list(session.looking.hours(1, 5, 9, limit))
        assert [row for page in found for row in page] == [
            row for row in rows if row.meter_no == 1 and row.hour < 9
        ]
        assert all(len(page) <= limit for page in found)
        assert [row for page in session.looking.all_hours(limit) for row in page] == rows


def test_error_reports_are_those_of_a_meter(session: Session) -> None:
    type_ = "v1.billing.meter.error_report_triggered"
    made: dict[str, dict[str, Any]] = {
        "evt_1": {"type": type_, "object_id": "mtr_1"},
        "evt_2": {"type": type_, "object_id": "mtr_2"},
        "evt_3": {"type": "v1.billing.meter.created", "object_id": "mtr_1"},
        "evt_4": {"type": type_, "object_id": "mtr_1"},
    }
    for id_, fields in made.items():
        session.events.insert(samples.event(id_, **fields))
    page = session.error_reports.page
    assert ids(page(TEST, Page(), object_id="mtr_1")) == ["evt_4", "evt_1"]
    after = Page(5, starting_after="evt_4")
    assert ids(page(TEST, after, object_id="mtr_1")) == ["evt_1"]
    assert ids(page(LIVE, Page(), object_id="mtr_1")) == []
    with pytest.raises(ResourceMissing):
        page(TEST, Page(starting_after="evt_3"), object_id="mtr_1")


def test_what_is_pending_is_known_by_scope(session: Session) -> None:
    assert session.looking.pending(TEST) == Pending(0, None)
    event = session.events.insert(samples.event())
    endpoint = session.destinations.insert(samples.endpoint())
    for due_ms in (9, 5):
        delivery = session.outbox.enqueue(event, endpoint, due_ms, manual=True)
    session.outbox.settle(delivery.no, DeliveryState.PENDING, 1, 99)
    assert session.looking.pending(TEST) == Pending(2, 5)
    assert session.looking.pending(LIVE) == Pending(0, None)
    session.outbox.settle(delivery.no, DeliveryState.SUCCEEDED, 2, 99)
    assert session.looking.pending(TEST) == Pending(1, 9)


def test_replies_are_kept_per_scope_until_they_are_old(session: Session) -> None:
    reply = StoredReply(b"\x00fingerprint", 402, b"{}")
    session.keep_reply(TEST, "k", 1_000, reply)
    assert session.reply(TEST, "k") == reply
    assert session.reply(LIVE, "k") is None
    assert session.reply(TEST, "other") is None
    session.purge_replies(1_000)
    assert session.reply(TEST, "k") == reply
    session.purge_replies(1_001)
    assert session.reply(TEST, "k") is None


def test_settings_are_set_and_set_again(session: Session) -> None:
    assert session.setting("name") is None
    for value in ("a", "b"):
        session.set_setting("name", value)
        assert session.setting("name") == value


# --- transactions -------------------------------------------------------------------------------


def write_everywhere(session: Session) -> None:
    session.customers.insert(samples.customer())
    session.usage.append(LogRow(1, 1, 5, b"[]"))
    session.usage.save_tallies([TallyBlock(1, 1, b"seven")])
    session.usage.set_flushed_position(1)
    session.set_setting("name", "value")
    event, endpoint = session.events.insert(samples.event()), samples.endpoint()
    session.outbox.enqueue(event, session.destinations.insert(endpoint), 5, manual=False)


def traces(session: Session) -> list[Any]:
    """What is left of `write_everywhere`."""
    found = [
        session.customers.find(TEST, "cus_1"),
        session.usage.last_position(),
        session.usage.tallies(1, [1]),
        session.usage.flushed_position(),
        session.setting("name"),
        session.events.find(TEST, "evt_1"),
        session.outbox.endpoints(TEST),
        session.outbox.depth(),
    ]
    return [trace for trace in found if trace]


class TestTransactions:
    def test_what_is_committed_survives_the_store(self, backend: Any, store: Store) -> None:
        with store.transaction():
            write_everywhere(store.writer())
        store.close()
        reopened = backend.open()
        assert reopened.migrate() == []
        assert len(traces(reopened.writer())) == 8
        reopened.close()

    def test_all_or_nothing(self, store: Store) -> None:
        with pytest.raises(Undo), store.transaction():
            write_everywhere(store.writer())
            assert len(traces(store.writer())) == 8
            raise Undo
        assert traces(store.writer()) == []

    def test_after_a_failed_one_comes_the_next(self, store: Store) -> None:
        with pytest.raises(Undo), store.transaction():
            write_everywhere(store.writer())
            raise Undo
        with store.transaction():
            write_everywhere(store.writer())
        assert len(traces(store.writer())) == 8

    def test_a_savepoint_undoes_what_happened_inside(self, session: Session) -> None:
        session.customers.insert(samples.customer("cus_0"))
        with pytest.raises(Undo), session.savepoint():
            write_everywhere(session)
            raise Undo
        assert traces(session) == []
        assert session.customers.find(TEST, "cus_0")

    def test_a_savepoint_that_is_left_in_peace_keeps_it(self, session: Session) -> None:
        with session.savepoint():
            write_everywhere(session)
        assert len(traces(session)) == 8

    def test_savepoints_nest(self, session: Session) -> None:
        with session.savepoint():
            session.customers.insert(samples.customer("cus_0"))
            with pytest.raises(Undo), session.savepoint():
                write_everywhere(session)
                raise Undo
        assert session.customers.find(TEST, "cus_0")
        assert traces(session) == []

    def test_a_locked_database_is_unavailable_and_nothing_is_kept(
        self, backend: Any, store: Store
    ) -> None:
        with backend.locked(), pytest.raises(StoreUnavailable), store.transaction():
            pytest.fail("the transaction has begun")
        with store.transaction():
            write_everywhere(store.writer())
        assert len(traces(store.writer())) == 8


class TestReaders:
    def test_see_what_is_committed_and_nothing_else(self, store: Store) -> None:
        with store.transaction():
            write_everywhere(store.writer())
            with store.reader() as reader:
                assert traces(reader) == []
        with store.reader() as reader:
            assert len(traces(reader)) == 8

    def test_see_one_state_while_they_last(self, store: Store) -> None:
        with store.reader() as reader:
            assert traces(reader) == []
            with store.transaction():
                write_everywhere(store.writer())
            assert traces(reader) == []
        with store.reader() as reader:
            assert len(traces(reader)) == 8

    def test_cannot_write(self, store: Store) -> None:
        with store.reader() as reader, pytest.raises(Exception, match=r"read-?only"):
            reader.set_setting("name", "value")

    def test_do_not_wait_for_the_writer_nor_for_each_other(self, store: Store) -> None:
        seen: list[list[Any]] = []

        def read() -> None:
            with store.reader() as reader:
                seen.append(traces(reader))

        with store.transaction(), store.reader():
            write_everywhere(store.writer())
            threads = [threading.Thread(target=read) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=10)
        assert seen == [[]] * 4


def test_migrations_run_once(backend: Any) -> None:
    fresh = backend.open()
    assert fresh.migrate() != []
    assert fresh.migrate() == []
    fresh.close()


# --- the catalogue ------------------------------------------------------------------------------


def test_products_are_found_by_what_they_are(session: Session) -> None:
    plain: dict[str, Any] = {"type": "service", "details": {}}
    session.products.insert(samples.product("prod_plain", **plain))
    session.products.insert(samples.product("prod_sent", details={"shippable": True}))
    session.products.insert(samples.product("prod_dull", active=False, **plain))
    session.products.insert(samples.product("prod_gone", deleted=True))
    session.products.insert(samples.product("prod_here"))

    def found(**filters: Any) -> list[str]:
        return ids(session.products.page(TEST, Page(), **filters))

    assert found() == ["prod_here", "prod_dull", "prod_sent", "prod_plain"]
    assert found(active=False) == ["prod_dull"]
    assert found(shippable=True) == ["prod_sent"]
    assert found(shippable=False) == []
    assert found(type="good", url="https://example.com") == ["prod_here"]


def test_prices_are_found_by_what_they_are(session: Session) -> None:
    session.prices.insert(samples.price())
    session.prices.insert(samples.price("price_once", recurring=None, currency="eur"))
    metered: dict[str, Any] = {"interval_unit": "month", "usage_type": "metered", "meter": "mtr_1"}
    for filters in (metered, {"type": "recurring"}, {"lookup_key": "key of price_1"}):
        assert ids(session.prices.page(TEST, Page(), **filters)) == ["price_1"]
    for other in ({"type": "one_time"}, {"currency": "eur"}):
        assert ids(session.prices.page(TEST, Page(), **other)) == ["price_once"]
    assert ids(session.prices.page(TEST, Page(), interval_unit="year")) == []


def test_a_lookup_key_belongs_to_one_price(session: Session, conflict: type[Exception]) -> None:
    session.prices.insert(samples.price("price_1", lookup_key="pro"))
    with pytest.raises(conflict), session.savepoint():
        session.prices.insert(samples.price("price_2", lookup_key="pro"))
    session.prices.insert(samples.price("price_2", LIVE, lookup_key="pro"))
    for number in (3, 4):
        session.prices.insert(samples.price(f"price_{number}", lookup_key=None))


def test_promotion_codes_are_found_in_capitals_and_are_active_until_they_expire(
    session: Session,
) -> None:
    session.promotion_codes.insert(samples.promotion_code())
    session.promotion_codes.insert(samples.promotion_code("promo_2", active=False))
    session.promotion_codes.insert(samples.promotion_code("promo_3", expires_at=None, code="x"))

    def found(**filters: Any) -> list[str]:
        every = session.promotion_codes.every(TEST, **filters)
        return [kept.value.id for kept in every]

    assert found() == ["promo_3", "promo_2", "promo_1"]
    assert found(code="SUMMER") == ["promo_2", "promo_1"]
    assert found(active=True, now=1_999) == ["promo_3", "promo_1"]
    assert found(active=True, now=2_000) == ["promo_3"]
    assert found(active=False, now=2_000) == ["promo_2", "promo_1"]


# --- access --------------------------------------------------------------------------------------


def test_open_reservations_are_those_that_have_not_ended(session: Session) -> None:
    for number in range(1, 4):
        session.reservations.insert(samples.reservation(f"rsv_{number}", expires_ms=number * 1_000))
    ended = samples.reservation("rsv_4", status="committed", expires_ms=9_000)
    session.reservations.insert(ended)
    found = session.reservations.every(TEST, customer="cus_1", is_open=True)
    assert [kept.value.id for kept in found] == ["rsv_3", "rsv_2", "rsv_1"]
    session.purge_reservations(3_000)
    left = session.reservations.every(TEST, customer="cus_1")
    assert [kept.value.id for kept in left] == ["rsv_4", "rsv_3"]


def test_limits_for_everybody_are_found_alone(session: Session) -> None:
    session.usage_limits.insert(samples.usage_limit())
    session.usage_limits.insert(samples.usage_limit("ulim_2", customer=None))
    found = session.usage_limits.every(TEST, for_all=True)
    assert [kept.value.id for kept in found] == ["ulim_2"]


def test_a_state_is_told_once(session: Session, conflict: type[Exception]) -> None:
    session.access_states.insert(samples.access_state())
    again = structs.replace(samples.access_state(), id="acst_2")
    with pytest.raises(conflict), session.savepoint():
        session.access_states.insert(again)

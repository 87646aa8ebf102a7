"""The session that every SQL engine shares: the ports' verbs, on named statements."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from tripmeter.model.access import Account, ApiKey, StreamSession
from tripmeter.model.alert import Activation, ActivationKind, Alert, FiredMark
from tripmeter.model.invoice import Invoice
from tripmeter.model.meter import Meter
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept, StoredReply
from tripmeter.model.subscription import SubscriptionItem
from tripmeter.store import kinds
from tripmeter.store.actions import SqlActions
from tripmeter.store.agenda import SqlAgenda
from tripmeter.store.looking import SqlLooking
from tripmeter.store.members import SqlSignIns
from tripmeter.store.outbox import SqlOutbox
from tripmeter.store.records import DocumentRecords, Statements, listed
from tripmeter.store.usage import SqlUsage


class SessionStatements(Statements, Protocol):
    """Statements with savepoints."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what happens inside if it raises."""
        ...


class SqlSession(SqlActions):
    """One connection, seen through the verbs of `ports.Session`."""

    def __init__(self, statements: SessionStatements) -> None:
        super().__init__(statements)
        self._sql = statements
        self.usage = SqlUsage(statements)
        self.outbox = SqlOutbox(statements)
        self.accounts = DocumentRecords(statements, kinds.ACCOUNT)
        self.keys = DocumentRecords(statements, kinds.KEY)
        self.customers = DocumentRecords(statements, kinds.CUSTOMER)
        self.meters = DocumentRecords(statements, kinds.METER)
        self.alerts = DocumentRecords(statements, kinds.ALERT)
        self.alert_notifications = DocumentRecords(statements, kinds.ALERT_NOTIFICATION)
        self.firings = DocumentRecords(statements, kinds.FIRING)
        self.events = DocumentRecords(statements, kinds.EVENT)
        self.destinations = DocumentRecords(statements, kinds.ENDPOINT)
        self.attempts = DocumentRecords(statements, kinds.ATTEMPT)
        self.products = DocumentRecords(statements, kinds.PRODUCT)
        self.prices = DocumentRecords(statements, kinds.PRICE)
        self.coupons = DocumentRecords(statements, kinds.COUPON)
        self.discounts = DocumentRecords(statements, kinds.DISCOUNT)
        self.promotion_codes = DocumentRecords(statements, kinds.PROMOTION_CODE)
        self.tax_rates = DocumentRecords(statements, kinds.TAX_RATE)
        self.subscriptions = DocumentRecords(statements, kinds.SUBSCRIPTION)
        self.subscription_items = DocumentRecords(statements, kinds.SUBSCRIPTION_ITEM)
        self.invoices = DocumentRecords(statements, kinds.INVOICE)
        self.invoice_items = DocumentRecords(statements, kinds.INVOICE_ITEM)
        self.invoice_payments = DocumentRecords(statements, kinds.INVOICE_PAYMENT)
        self.balance_transactions = DocumentRecords(statements, kinds.BALANCE_TRANSACTION)
        self.credit_grants = DocumentRecords(statements, kinds.CREDIT_GRANT)
        self.credit_transactions = DocumentRecords(statements, kinds.CREDIT_TRANSACTION)
        self.features = DocumentRecords(statements, kinds.FEATURE)
        self.product_features = DocumentRecords(statements, kinds.PRODUCT_FEATURE)
        self.entitlements = DocumentRecords(statements, kinds.ENTITLEMENT)
        self.test_clocks = DocumentRecords(statements, kinds.TEST_CLOCK)
        self.usage_limits = DocumentRecords(statements, kinds.USAGE_LIMIT)
        self.access_states = DocumentRecords(statements, kinds.ACCESS_STATE)
        self.reservations = DocumentRecords(statements, kinds.RESERVATION)
        self.limit_changes = DocumentRecords(statements, kinds.LIMIT_CHANGE)
        self.notice_addresses = DocumentRecords(statements, kinds.NOTICE_ADDRESS)
        self.agenda = SqlAgenda(statements)
        self.members = DocumentRecords(statements, kinds.MEMBER)
        self.sign_ins = SqlSignIns(statements)
        self.looking = SqlLooking(statements)
        self.error_reports = DocumentRecords(statements, kinds.ERROR_REPORT)

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what happens inside if it raises."""
        return self._sql.savepoint()

    def every_account(self) -> list[Account]:
        """All accounts of the engine, oldest first."""
        rows = self._sql.rows("every_account", {})
        return [msgspec.json.decode(doc, type=Account) for (doc,) in rows]

    def key_by_digest(self, digest: bytes) -> ApiKey | None:
        """The API key with this SHA-256, revoked ones included."""
        rows = self._sql.rows("key_by_digest", {"digest": digest})
        return msgspec.json.decode(rows[0][0], type=ApiKey) if rows else None

    def invoice_by_token(self, token: str) -> Invoice | None:
        """The invoice whose page for people has this token, whoever's it is."""
        if "\0" in token:
            return None  # none has it, and not every engine may be asked
        rows = self._sql.rows("invoice_by_token", {"token": token})
        return msgspec.json.decode(rows[0][0], type=Invoice) if rows else None

    def open_stream(self, session: StreamSession) -> None:
        """Store a meter event session; forget those that ended before it began."""
        self._sql.run("purge_streams", {"before_ms": session.created_ms})
        row = msgspec.structs.asdict(session) | {"doc": msgspec.json.encode(session)}
        self._sql.run("insert_stream", row)

    def stream_by_digest(self, digest: bytes) -> StreamSession | None:
        """The meter event session whose token has this SHA-256."""
        rows = self._sql.rows("stream_by_digest", {"digest": digest})
        return msgspec.json.decode(rows[0][0], type=StreamSession) if rows else None

    def active_meter(self, scope: Scope, event_name: str) -> Kept[Meter] | None:
        """The active meter for an event name; there is at most one."""
        return self._meter("active_meter", scope, event_name)

    def any_meter(self, scope: Scope, event_name: str) -> Kept[Meter] | None:
        """The newest meter for an event name, active or not."""
        return self._meter("any_meter", scope, event_name)

    def _meter(self, name: str, scope: Scope, event_name: str) -> Kept[Meter] | None:
        rows = self._sql.rows(name, {**scope._asdict(), "event_name": event_name})
        return Kept(rows[0][0], msgspec.json.decode(rows[0][1], type=Meter)) if rows else None

    def alerts_of_meter(self, scope: Scope, meter: str) -> list[Kept[Alert]]:
        """Alerts on a meter that are active."""
        return self._alerts("active_alerts_of_meter", scope, meter)

    def all_alerts_of_meter(self, scope: Scope, meter: str) -> list[Kept[Alert]]:
        """Alerts on a meter, whatever their status."""
        return self._alerts("all_alerts_of_meter", scope, meter)

    def untallied_alerts(self, scope: Scope, customer: str) -> list[Kept[Alert]]:
        """Active alerts that may concern a customer, and that no running total settles."""
        rows = self._sql.rows("untallied_alerts", {**scope._asdict(), "customer": customer})
        return [Kept(no, msgspec.json.decode(doc, type=Alert)) for no, doc in rows]

    def _alerts(self, name: str, scope: Scope, meter: str) -> list[Kept[Alert]]:
        rows = self._sql.rows(name, {**scope._asdict(), "meter": meter})
        return [Kept(no, msgspec.json.decode(doc, type=Alert)) for no, doc in rows]

    def scopes(self) -> list[Scope]:
        """Every scope that has a meter."""
        rows = self._sql.rows("scopes", {})
        return [Scope(account, bool(livemode)) for account, livemode in rows]

    def credit_scopes(self) -> list[Scope]:
        """Every scope that has a credit grant, or an entry of a ledger."""
        rows = self._sql.rows("credit_scopes", {})
        return [Scope(account, bool(livemode)) for account, livemode in rows]

    def count_alerts(self, scope: Scope, meter: str, customer: str | None) -> int:
        """How many alerts, archived ones aside, the (meter, customer) scope has."""
        params = {**scope._asdict(), "meter": meter, "customer": customer}
        return int(self._sql.rows("count_alerts", params)[0][0])

    def activations(self, alert_no: int) -> list[Activation]:
        """All activations of an alert, oldest first."""
        rows = self._sql.rows("activations", {"alert_no": alert_no})
        return [Activation(row[0], ActivationKind(row[1]), *row[2:]) for row in rows]

    def add_activation(self, alert_no: int, activation: Activation) -> None:
        """Open an activation."""
        row = msgspec.structs.asdict(activation) | {"alert_no": alert_no}
        self._sql.run("insert_activation", row)

    def close_activations(self, alert_no: int, position: int) -> None:
        """Close the open activations of an alert."""
        self._sql.run("close_activations", {"alert_no": alert_no, "position": position})

    def customer_numbers(self, scope: Scope, ids: Collection[str]) -> dict[str, int]:
        """Numbers of customers by id; those who do not exist, or are deleted, are left out."""
        possible = [id for id in ids if "\0" not in id]  # no id has it, and not every engine asks
        params = {**scope._asdict(), "ids": listed(possible)}
        return dict(self._sql.rows("customer_numbers", params))

    def bills_meter(self, scope: Scope, meter: str) -> bool:
        """Whether the usage of a meter was ever billed to anybody."""
        return bool(self._sql.rows("bills_meter", {**scope._asdict(), "meter": meter}))

    def billed_items(
        self, scope: Scope, meter: str, customers: Collection[str]
    ) -> list[SubscriptionItem]:
        """The subscription items of customers that bill a meter's usage, oldest first, those
        that were deleted as well: usage may come late for them."""
        params = {**scope._asdict(), "meter": meter, "customers": listed(customers)}
        rows = self._sql.rows("billed_items", params)
        return [msgspec.json.decode(doc, type=SubscriptionItem) for (doc,) in rows]

    def customer_ids(self, numbers: Collection[int]) -> dict[int, str]:
        """Ids of customers by number, deleted ones too."""
        return dict(self._sql.rows("customer_ids", {"numbers": listed(numbers)}))

    def fired(self, meter_no: int, customers: Collection[int]) -> dict[int, list[FiredMark]]:
        """Which alerts have fired on a meter, by number of the customer."""
        params = {"meter_no": meter_no, "customers": listed(customers)}
        found: dict[int, list[FiredMark]] = {}
        for customer_no, *mark in self._sql.rows("fired", params):
            found.setdefault(customer_no, []).append(FiredMark(*mark))
        return found

    def reply(self, scope: Scope, key: str) -> StoredReply | None:
        """What was answered to an idempotency key, for 24 h."""
        rows = self._sql.rows("get_reply", {**scope._asdict(), "key": key})
        return StoredReply(*rows[0]) if rows else None

    def keep_reply(self, scope: Scope, key: str, now_ms: int, reply: StoredReply) -> None:
        """Store the answer to an idempotency key."""
        row = {**scope._asdict(), **reply._asdict(), "key": key, "created_ms": now_ms}
        self._sql.run("keep_reply", row)

    def purge_replies(self, before_ms: int) -> None:
        """Forget answers older than a time."""
        self._sql.run("purge_replies", {"before_ms": before_ms})

    def purge_reservations(self, before_ms: int) -> None:
        """Forget reservations that expired before a time, whatever became of them."""
        self._sql.run("purge_reservations", {"before_ms": before_ms})

    def setting(self, name: str) -> str | None:
        """A value that belongs to the store itself."""
        rows = self._sql.rows("get_setting", {"name": name})
        return str(rows[0][0]) if rows else None

    def set_setting(self, name: str, value: str) -> None:
        """Store such a value."""
        self._sql.run("set_setting", {"name": name, "value": value})

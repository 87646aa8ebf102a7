"""What is sent of messages of alerts, and what an attempt leads to.

Owns one bundle: the runs that go out together, usually one. How many bundles are on their way, and
when, is for `send.py`.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from msgspec import structs

from tripmeter.control.access import account_name
from tripmeter.control.actions import GONE
from tripmeter.control.portal import CONFIRM_WITHIN_MS, portal_secret
from tripmeter.control.portal_mail import addressees
from tripmeter.failpoints import reach
from tripmeter.model.action import (
    NOTICE_ADDRESS,
    ActionRun,
    ActionType,
    AlertTarget,
    MailTemplate,
    Recipient,
    RunAttempt,
    RunState,
    TargetKind,
)
from tripmeter.model.delivery import Answer
from tripmeter.model.mail import Mail, MailAnswer
from tripmeter.model.portal import PortalSession
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.pipeline.act import HISTORY_LIMIT
from tripmeter.pipeline.metrics import ACTION_ATTEMPTS
from tripmeter.ports import Clock, Poster, Session, Work
from tripmeter.ports.outgoing import Mailer, Notifier
from tripmeter.rules.messages import Judged, after_quiet, due_at, judge_message
from tripmeter.rules.retry import JITTER_LIMIT_BP, is_success, parse_retry_after
from tripmeter.wire.alert_message import Message, Surroundings, Trend, message_of
from tripmeter.wire.alert_words import Audience
from tripmeter.wire.chat import chat_body, plain, webhook_body
from tripmeter.wire.invoice_words import Language, language_of
from tripmeter.wire.mail import Letter, digest, letter
from tripmeter.wire.mail_link import SECRET, Reader, link_token
from tripmeter.wire.portal_mail import confirmation
from tripmeter.wire.portal_token import sealed
from tripmeter.wire.signature import HEADER, sign

USER_AGENT: Final = "Tripmeter/1.0 (+alerts)"

_LEFT: Final = "The reader wants no mails about usage any more."
_REMOVED: Final = "The customer has removed the address."
_CLIP: Final = 300
_END_OF_TIME_MS: Final = 2**62
_ALL: Final = 1_000_000


class House(NamedTuple):
    """What the operator has set."""

    base_url: str | None
    language: Language
    brand: str = ""
    """Whose page customers see; empty: the seller's."""


class Bundle(NamedTuple):
    """Runs that go out together, with all that a message takes."""

    lane: str
    runs: Sequence[Kept[ActionRun]]
    target: AlertTarget | None
    templates: Mapping[str, MailTemplate]
    seller: str
    link_secret: str | None
    unsubscribed: frozenset[str]
    removed: frozenset[str] = frozenset()
    """Of a mail of a customer's page: addresses that the customer has removed since."""
    portal_secret: str | None = None

    @property
    def first(self) -> ActionRun:
        """The run that is the longest due."""
        return self.runs[0].value

    @property
    def is_mail(self) -> bool:
        """Whether it goes out by mail."""
        return self.first.action.type is ActionType.EMAIL

    @property
    def shows_trend(self) -> bool:
        """Whether somebody reads how usage develops: the team, of one alert."""
        readers = self.first.recipients
        return len(self.runs) == 1 and not (readers and all(one.is_customer for one in readers))


class Sent(NamedTuple):
    """What became of one run of a bundle."""

    outcome: Literal["accepted", "refused", "postponed"]
    recipients: tuple[Recipient, ...] = ()
    status: int | None = None
    error: str | None = None
    duration_ms: int = 0
    retry_after_s: int | None = None


def bundle_of(session: Session, lane: str, runs: Sequence[Kept[ActionRun]], seller: str) -> Bundle:
    """Runs of a lane with what belongs to them."""
    first = runs[0].value
    scope = Scope.of(first)
    target = first.action.target
    named = {run.value.action.template for run in runs} - {None}
    addresses = {one.address for run in runs for one in run.value.recipients if one.is_customer}
    is_of_page = not first.alert
    return Bundle(
        lane=lane,
        runs=runs,
        target=None if target is None else session.alert_targets.get(scope, target).value,
        templates={id: session.mail_templates.get(scope, id).value for id in named if id},
        seller=seller or account_name(session, scope),
        link_secret=session.setting(SECRET) if addresses else None,
        unsubscribed=frozenset(one for one in addresses if session.unsubscribed(scope, one)),
        removed=_removed(session, scope, first) if is_of_page else frozenset(),
        portal_secret=portal_secret(session) if is_of_page else None,
    )


def _removed(session: Session, scope: Scope, run: ActionRun) -> frozenset[str]:
    there = {one.address for one in addressees(session, scope, run.occasion)}
    return frozenset(one.address for one in run.recipients) - there


class Dispatcher:
    """Sends bundles."""

    def __init__(
        self,
        house: House,
        clock: Clock,
        poster: Poster,
        mailer: Mailer,
        notifier: Notifier | None,
    ) -> None:
        self._house = house
        self._clock = clock
        self._poster = poster
        self._mailer = mailer
        self._notifier = notifier

    async def send(self, bundle: Bundle, trends: Mapping[str, Trend]) -> list[Sent]:
        """Send a bundle once; what became of each of its runs, in their order."""
        if bundle.target is not None and bundle.target.deleted:
            return [Sent("refused", run.value.recipients, error=GONE) for run in bundle.runs]
        if bundle.is_mail:
            return await self._mail(bundle, trends)
        return await self._message(bundle, trends)

    # --- chat and webhooks -----------------------------------------------------------------

    async def _message(self, bundle: Bundle, trends: Mapping[str, Trend]) -> list[Sent]:
        language = self._house.language
        messages = [self._said(run.value, "team", language, bundle, trends) for run in bundle.runs]
        reach("action.sending")
        answer = await self._posted(bundle, messages)
        reach("action.sent")
        sent = _judged_answer(answer, self._clock.now_ms())
        return [sent] * len(bundle.runs)

    async def _posted(self, bundle: Bundle, messages: Sequence[Message]) -> Answer:
        target = bundle.target
        assert target is not None and target.url is not None  # chat goes to targets with a URL
        if target.kind is TargetKind.APPRISE:
            if self._notifier is None:
                missing = "The library is not installed: pip install tripmeter[apprise]."
                return Answer(None, "", {}, missing, 0)
            headline, text = plain(messages)
            return await self._notifier.notify(target.url, headline, text)
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": USER_AGENT}
        if target.kind is TargetKind.WEBHOOK:
            body = webhook_body([run.value for run in bundle.runs], messages)
            headers[HEADER] = sign(body, [target.secret or ""], self._clock.now_ms() // 1000)
        else:
            body = chat_body(target.kind, messages)
        return await self._poster.post(target.url, body, headers)

    def _said(
        self,
        run: ActionRun,
        audience: Audience,
        language: Language,
        bundle: Bundle,
        trends: Mapping[str, Trend],
    ) -> Message:
        around = self._around(run, bundle)
        return message_of(run.occasion, audience, language, around, trends.get(run.id))

    def _around(self, run: ActionRun, bundle: Bundle) -> Surroundings:
        seller = bundle.seller if run.alert else self._house.brand or bundle.seller
        return Surroundings(seller, self._house.base_url, run.livemode, run.account)

    # --- mail ------------------------------------------------------------------------------

    async def _mail(self, bundle: Bundle, trends: Mapping[str, Trend]) -> list[Sent]:
        """One mail to each address that one of the runs still has to reach."""
        waiting = [one for run in bundle.runs for one in run.value.recipients if _waits(one)]
        answers: dict[str, MailAnswer] = {}
        for recipient in {one.address: one for one in waiting}.values():
            answers[recipient.address] = await self._mailed(bundle, recipient, trends)
        return [_outcome(run.value, answers) for run in bundle.runs]

    async def _mailed(
        self, bundle: Bundle, recipient: Recipient, trends: Mapping[str, Trend]
    ) -> MailAnswer:
        if recipient.is_customer and recipient.address in bundle.unsubscribed:
            return MailAnswer("refused", error=_LEFT)
        if recipient.address in bundle.removed:
            return MailAnswer("refused", error=_REMOVED)
        try:
            mail = await asyncio.to_thread(self._written, bundle, recipient, trends)
        except Exception as error:  # whatever a template provokes
            return MailAnswer("refused", error=f"The mail could not be made. {error}"[:_CLIP])
        reach("action.sending")
        answer = await self._mailer.send(mail)
        reach("action.sent")
        return answer

    def _written(self, bundle: Bundle, recipient: Recipient, trends: Mapping[str, Trend]) -> Mail:
        own = [run.value for run in bundle.runs if _reaches(run.value, recipient.address)]
        first = own[0]
        url = self._unsubscribe_url(first, recipient, bundle) if recipient.is_customer else None
        if first.occasion.alert_type == NOTICE_ADDRESS:
            written = self._question(first, bundle)
        else:
            written = self._letter(own, recipient, bundle, trends, url)
        place = [one.address for one in first.recipients].index(recipient.address)
        return Mail(
            id=f"{first.id}.{first.resends}.{place}",
            to=recipient.address,
            subject=written.subject,
            text=written.text,
            html=written.html,
            date_ms=self._clock.now_ms(),
            unsubscribe_url=url,
        )

    def _letter(
        self,
        own: Sequence[ActionRun],
        recipient: Recipient,
        bundle: Bundle,
        trends: Mapping[str, Trend],
        unsubscribe_url: str | None,
    ) -> Letter:
        first = own[0]
        audience: Audience = "customer" if recipient.is_customer else "team"
        language = self._language(first, audience)
        messages = [self._said(run, audience, language, bundle, trends) for run in own]
        around = self._around(first, bundle)
        if len(own) > 1:
            return digest(messages, around, unsubscribe_url)
        template = bundle.templates.get(first.action.template or "")
        return letter(first.occasion, messages[0], around, template, unsubscribe_url)

    def _question(self, run: ActionRun, bundle: Bundle) -> Letter:
        """Whether an address is to be warned: the link to where that is answered."""
        assert bundle.portal_secret is not None  # there was a page, on which the address was named
        language = self._language(run, "customer")
        session = PortalSession(
            id=run.id,
            scope=Scope.of(run),
            customer=run.customer,
            expires_ms=run.first_due_ms + CONFIRM_WITHIN_MS,
            address=run.occasion.address,
        )
        token = sealed(bundle.portal_secret, session)
        url = f"{self._house.base_url or ''}/p/{token}?lang={language}"
        return confirmation(self._around(run, bundle), url, language)

    def _language(self, run: ActionRun, audience: Audience) -> Language:
        if run.action.language is not None:
            return "de" if run.action.language == "de" else "en"
        if audience == "customer" and run.occasion.locales:
            return language_of(list(run.occasion.locales))
        return self._house.language

    def _unsubscribe_url(self, run: ActionRun, to: Recipient, bundle: Bundle) -> str | None:
        if bundle.link_secret is None or self._house.base_url is None:
            return None
        reader = Reader(Scope.of(run), to.address)
        return f"{self._house.base_url}/m/{link_token(reader, bundle.link_secret)}"


def _waits(recipient: Recipient) -> bool:
    return recipient.state == "pending"


def _reaches(run: ActionRun, address: str) -> bool:
    return any(one.address == address and _waits(one) for one in run.recipients)


def _outcome(run: ActionRun, answers: Mapping[str, MailAnswer]) -> Sent:
    """What became of the mails of a run: it succeeds once nobody waits and nobody was refused."""
    recipients = tuple(
        _after(one, answers[one.address]) if _waits(one) else one for one in run.recipients
    )
    own = [answers[one.address] for one in run.recipients if _waits(one)]
    code = next((one.code for one in own if one.error is not None), None)
    took_ms = sum(one.duration_ms for one in own)
    errors = "; ".join(
        f"{one.address}: {one.error}" for one in recipients if one.error is not None
    )[: 2 * _CLIP]
    if any(_waits(one) for one in recipients):
        return Sent("postponed", recipients, code, errors, took_ms)
    is_reached = any(one.state == "accepted" for one in recipients)
    refused = any(one.state == "rejected" for one in recipients)
    if refused or not is_reached:
        return Sent("refused", recipients, code, errors or None, took_ms)
    return Sent("accepted", recipients, own[0].code if own else None, errors or None, took_ms)


def _after(recipient: Recipient, answer: MailAnswer) -> Recipient:
    if answer.outcome == "accepted":
        return structs.replace(recipient, state="accepted", error=None)
    if answer.outcome == "postponed":
        return structs.replace(recipient, error=answer.error)
    state: Literal["rejected", "unsubscribed"] = "rejected"
    if answer.error == _LEFT:
        state = "unsubscribed"
    return structs.replace(recipient, state=state, error=answer.error)


def _judged_answer(answer: Answer, now_ms: int) -> Sent:
    if is_success(answer.status):
        return Sent("accepted", status=answer.status, duration_ms=answer.duration_ms)
    error = answer.error or f"It was answered with {answer.status}: {answer.body}"[:_CLIP]
    return Sent(
        "postponed",
        status=answer.status,
        error=error,
        duration_ms=answer.duration_ms,
        retry_after_s=parse_retry_after(answer.headers.get("retry-after"), now_ms),
    )


# --- what an attempt leads to ------------------------------------------------------------------


def record(work: Work, bundle: Bundle, sent: Sequence[Sent], at_ms: int) -> None:
    """Store an attempt and what it leads to, of all runs of a bundle in one transaction."""
    jitter_bp = random.randint(-JITTER_LIMIT_BP, JITTER_LIMIT_BP)
    for kept, one in zip(bundle.runs, sent, strict=True):
        run = work.session.action_runs.numbered(kept.no)
        after = _recorded(run, kept.value, one, at_ms)
        if run.resends == kept.value.resends:
            judged = judge_message(
                outcome=one.outcome,
                attempt=_attempts_since(run) + 1,
                first_attempt_ms=run.first_due_ms,
                now_ms=work.now_ms,
                retry_after_s=one.retry_after_s,
                jitter_bp=jitter_bp,
            )
            after = _decided(after, judged, bundle.target)
            ACTION_ATTEMPTS.labels(run.action.type.value, judged.reason).inc()
        work.session.action_runs.replace(kept.no, after)


def _attempts_since(run: ActionRun) -> int:
    """How many attempts were made since it was due first: waits begin anew with a resend."""
    return sum(one.created_ms >= run.first_due_ms for one in run.history)


def _recorded(run: ActionRun, sent_as: ActionRun, sent: Sent, at_ms: int) -> ActionRun:
    number = run.attempts + 1
    attempt = RunAttempt(
        number=number,
        created_ms=at_ms,
        outcome="succeeded" if sent.outcome == "accepted" else "failed",
        status=sent.status,
        error=sent.error,
        duration_ms=sent.duration_ms,
    )
    is_same = run.resends == sent_as.resends
    return structs.replace(
        run,
        attempts=number,
        history=(*run.history, attempt)[-HISTORY_LIMIT:],
        last_error=sent.error,
        recipients=sent.recipients if is_same else run.recipients,
    )


def _decided(run: ActionRun, judged: Judged, target: AlertTarget | None) -> ActionRun:
    if judged.reason == "delivered":
        return structs.replace(run, state=RunState.SUCCEEDED)
    if judged.next_attempt_ms is None:
        recipients = tuple(
            structs.replace(one, state="rejected") if _waits(one) else one for one in run.recipients
        )
        return structs.replace(run, state=RunState.FAILED, recipients=recipients)
    quiet = None if target is None else target.quiet_hours
    return structs.replace(run, due_ms=after_quiet(judged.next_attempt_ms, quiet))


def bring_forward(work: Work, by_ms: int) -> None:
    """Plan anew what waits, after the clock was set back by so much: what was never tried by its
    target, the rest that much earlier, though not before now."""
    session = work.session
    for lane in session.due_lanes():
        for no, run in session.due_runs(lane, _END_OF_TIME_MS, _ALL):
            scope, target = Scope.of(run), run.action.target
            to = None if target is None else session.alert_targets.get(scope, target).value
            due_ms = due_at(work.now_ms, to) if not run.attempts else run.due_ms - by_ms
            session.action_runs.replace(no, structs.replace(run, due_ms=max(due_ms, work.now_ms)))

"""A customer's page: usage with its lines, and what the customer may change; without scripts.

Everything that is not ours is escaped; digits are written from integers and decimals. Its style
lies beside it, in `portal_page.css`, with the colours of the brand put in.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from typing import Final, NamedTuple

from tripmeter.model.portal import Brand, MeterFacts, PortalFacts
from tripmeter.model.quantity import as_decimal, of_decimal
from tripmeter.model.standing import Reason
from tripmeter.model.usage_limit import LimitChange, LimitKind, SetBy, UsageLimit
from tripmeter.wire.invoice_words import WORDS, Language, date_text, money_text, number_text
from tripmeter.wire.portal_words import PORTAL_WORDS, PortalWords

_WIDTH: Final = 1000
"""Units of a bar's drawing."""

_MARK: Final = 5


class Trouble(NamedTuple):
    """Why something was not saved, at which field, and what was typed there."""

    field: str
    """`limit:mtr_…`, `warning:mtr_…` or `email`."""
    message: str
    typed: str = ""
    is_question: bool = False
    """Whether it is to be confirmed: it would stop usage at once."""


class Place(NamedTuple):
    """Where and how a page is shown."""

    token: str
    form_token: str
    language: Language
    brand: Brand
    return_url: str | None = None
    query: str = ""
    """What keeps the language that was asked for: `?lang=de`, or nothing."""

    @property
    def words(self) -> PortalWords:
        """The words of its language."""
        return PORTAL_WORDS[self.language]

    def number(self, scaled: int) -> str:
        """A quantity as people read it."""
        return number_text(as_decimal(scaled), self.language)


def policy(brand: Brand) -> str:
    """What a browser may do on the page: its own style, its own logo, its own forms."""
    digest = base64.b64encode(hashlib.sha256(_style(brand).encode()).digest()).decode()
    return (
        "default-src 'none'; base-uri 'none'; form-action 'self'; img-src 'self';"
        f" style-src 'sha256-{digest}'; frame-ancestors 'none'"
    )


def portal_page(
    facts: PortalFacts, place: Place, done: str | None = None, trouble: Trouble | None = None
) -> str:
    """The HTML of a customer's page; with what was just done, or why it was not."""
    words = place.words
    parts = [
        _head(facts, place),
        _notice(words, done),
        _trouble(words, trouble),
        f"<h2>{words.usage}</h2>",
        *([] if facts.meters else [f'<p class="quiet">{words.no_usage}</p>']),
        *(_meter(one, place, trouble) for one in facts.meters),
        _money(facts, place),
        _invoices(facts, place),
        _addresses(facts, place, trouble),
        _changes(facts, place),
        _foot(place),
    ]
    name = place.brand.name or facts.account_name
    return _page(f"{words.title} · {name}", place, "\n".join(filter(None, parts)))


def message_page(title: str, text: str, place: Place, form: str = "") -> str:
    """A page that says one thing."""
    body = f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{form}"
    return _page(title, place, body)


def expired_page(place: Place) -> str:
    """What is shown for a link that is no good any more, or never was."""
    return message_page(place.words.expired, place.words.expired_advice, place)


def confirm_page(email: str, place: Place) -> str:
    """Asks the owner of an address whether it is to be used. Who fetches links does not answer."""
    words = place.words
    form = _form(place, "confirm", f"<button>{escape(words.confirm_button)}</button>")
    return message_page(words.confirm_title, words.confirm_text.format(email), place, form)


def confirmed_page(email: str, place: Place) -> str:
    """Says that an address is confirmed."""
    words = place.words
    return message_page(words.confirmed_title, words.confirmed_text.format(email), place)


def _page(title: str, place: Place, body: str) -> str:
    icon = "" if place.brand.logo is None else '<link rel="icon" href="logo">\n'
    return f"""<!doctype html>
<html lang="{place.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
{icon}<title>{escape(title)}</title>
<style>{_style(place.brand)}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


@cache
def _style(brand: Brand) -> str:
    text = resources.files("tripmeter.wire").joinpath("portal_page.css").read_text("utf-8")
    text = text.replace("BRAND_LIGHT", brand.color).replace("BRAND_DARK", brand.color_on_dark)
    return f"\n{text}"


def _head(facts: PortalFacts, place: Place) -> str:
    name = escape(place.brand.name or facts.account_name)
    shown = name
    if place.brand.logo is not None:
        shown = f'<img src="logo" alt="{name}">'
    who = facts.customer.details.get("name") or facts.customer.email or facts.customer.id
    test = "" if facts.customer.livemode else f" · {place.words.test_mode}"
    return (
        f'<header><div><h1>{place.words.title}</h1><p class="about">{escape(str(who))}{test}</p>'
        f'</div><div class="brand">{shown}</div></header>'
    )


def _notice(words: PortalWords, done: str | None) -> str:
    text = words.done.get(done or "")
    return "" if text is None else f'<p class="notice" role="status">{escape(text)}</p>'


def _trouble(words: PortalWords, trouble: Trouble | None) -> str:
    if trouble is None or trouble.is_question:
        return ""
    if not trouble.field:
        return f'<p class="trouble" role="alert">{escape(trouble.message)}</p>'
    link = f'<a href="#{_id(trouble.field)}">{escape(trouble.message)}</a>'
    return f'<p class="trouble" role="alert">{words.problem}: {link}</p>'


def _id(field: str) -> str:
    return escape(field.replace(":", "-"))


def _form(place: Place, action: str, inside: str, *, inline: bool = False, **hidden: str) -> str:
    fields = {"form": place.form_token, "action": action, **hidden}
    given = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    kind = ' class="inline"' if inline else ""
    address = escape(f"{place.token}{place.query}")
    return f'<form method="post" action="{address}"{kind}>{given}{inside}</form>'


# --- meters --------------------------------------------------------------------------------------


class _Line(NamedTuple):
    """One line in a bar."""

    kind: str
    name: str
    at: int


def _lines(one: MeterFacts, words: PortalWords) -> list[_Line]:
    found = [_Line("alert", f"{words.alert}: {alert.title}", alert.at) for alert in one.alerts]
    for bound in one.limits:
        limit = bound.limit
        is_own = limit.set_by is SetBy.CUSTOMER
        if limit.kind is LimitKind.WARNING:
            name = words.warning if is_own else words.alert
            found.append(_Line("warning", name, bound.at))
        else:
            name = words.own_limit if is_own else words.providers_limit
            found.append(_Line("limit", name, bound.at))
    return sorted(found, key=lambda line: line.at)


def _meter(one: MeterFacts, place: Place, trouble: Trouble | None) -> str:
    words, name = place.words, one.meter.display_name
    lines = _lines(one, words)
    parts = (
        f'<div class="meter"><h3>{escape(name)}</h3>',
        _figure(one, place),
        _bar(one, lines, place),
        _legend(lines, place),
        _own_limit(one, place, trouble),
        _own_warnings(one, place, trouble),
        "</div>",
    )
    return "\n".join(parts)


def _figure(one: MeterFacts, place: Place) -> str:
    words, used = place.words, place.number(one.used)
    hard = [bound.at for bound in one.limits if bound.limit.kind is LimitKind.HARD]
    text = words.used.format(used=used)
    if hard:
        text = words.used_of.format(used=used, limit=place.number(min(hard)))
    period = words.periods[one.period]
    resets = ""
    if one.end_ms is not None:
        resets = " " + words.resets.format(date_text(one.end_ms, place.language))
    said = {
        Reason.REVOKED: words.stopped_revoked,
        Reason.LIMIT_REACHED: words.stopped,
        Reason.RESTORED: words.restored,
    }.get(one.now.reason)
    stopped = "" if said is None else f'<p class="stopped">{escape(said)}</p>'
    return (
        f'<p class="figure">{escape(text)}</p>'
        f'<p class="about">{escape(period)}.{escape(resets)}</p>{stopped}'
    )


def _bar(one: MeterFacts, lines: Sequence[_Line], place: Place) -> str:
    """Usage and every line, drawn to scale; the list below says the same in words.

    Without a line there is nothing to be on the way to, and no bar.
    """
    if not lines:
        return ""
    most = max([one.used, *(line.at for line in lines), 1])
    scale = most + most // 20
    hard = [line.at for line in lines if line.kind == "limit"]
    over = " over" if hard and one.used >= min(hard) else ""
    filled = max(one.used, 0) * _WIDTH // scale
    marks = "".join(
        f'<rect class="mark {line.kind}" x="{line.at * _WIDTH // scale}" y="0" width="{_MARK}"'
        ' height="24"/>'
        for line in lines
    )
    label = escape(place.words.used.format(used=place.number(one.used)))
    return (
        f'<svg class="bar" viewBox="0 0 {_WIDTH} 24" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(one.meter.display_name)}: {label}">'
        f'<rect class="ground" x="0" y="4" width="{_WIDTH}" height="16"/>'
        f'<rect class="filled{over}" x="0" y="4" width="{filled}" height="16"/>{marks}</svg>'
    )


def _legend(lines: Iterable[_Line], place: Place) -> str:
    rows = "".join(
        f"<li><span>{escape(line.name)}</span><span>{place.number(line.at)}</span></li>"
        for line in lines
    )
    return f'<ul class="lines">{rows}</ul>' if rows else ""


def _own_limit(one: MeterFacts, place: Place, trouble: Trouble | None) -> str:
    words, meter = place.words, one.meter.id
    own = next(iter(one.own(LimitKind.HARD)), None)
    field = f"limit:{meter}"
    asked = trouble if trouble is not None and trouble.field == field else None
    most = "" if one.most is None else " " + words.own_limit_most.format(place.number(one.most))
    below = ""
    if one.used > 0:
        below = " " + words.below_hint.format(place.number(one.used))
    hint = f"{words.own_limit_hint}{most}{below}"
    value = "" if own is None else place.number(of_decimal(own.limit))
    confirm = ""
    if asked is not None and asked.is_question:
        confirm = (
            f'<p class="error" role="alert" id="{_id(field)}-asked">{escape(asked.message)}</p>'
            '<label class="check"><input type="checkbox" name="sure" value="yes"> '
            f"{words.confirm_check}</label>"
        )
    name = one.meter.display_name
    inside = _field(field, words.own_limit, hint, asked, value, about=name) + confirm
    inside += f"<button>{words.save}</button></div>"
    made = _form(place, "limit", inside, meter=meter, period=one.period.value)
    if own is not None:
        button = f'<button class="plain">{words.remove_limit}</button>'
        made += _form(place, "remove_limit", button, inline=True, id=own.id)
    return made


def _field(
    field: str,
    label: str,
    hint: str,
    asked: Trouble | None,
    value: str = "",
    kind: str = "text",
    about: str = "",
) -> str:
    """A labelled field with its hint, and what was wrong with it; ends within its row."""
    id_ = _id(field)
    unseen = f'<span class="hidden">: {escape(about)}</span>' if about else ""
    is_wrong = asked is not None and not asked.is_question
    error = f'<p class="error" id="{id_}-error">{escape(asked.message)}</p>' if asked else ""
    if asked is not None and asked.is_question:
        error = ""
    typed = asked.typed if asked is not None else value
    wrong = ' aria-invalid="true"' if is_wrong else ""
    described = f"{id_}-hint" + (f" {id_}-error" if is_wrong else "")
    mode = ' inputmode="decimal"' if kind == "text" else ' autocomplete="email"'
    return (
        f'<label for="{id_}">{escape(label)}{unseen}</label>'
        f'<p class="hint" id="{id_}-hint">{escape(hint)}</p>{error}<div class="row">'
        f'<input type="{kind}" id="{id_}" name="value" value="{escape(typed)}" required'
        f' maxlength="254" aria-describedby="{described}"{wrong}{mode}>'
    )


def _own_warnings(one: MeterFacts, place: Place, trouble: Trouble | None) -> str:
    words, field = place.words, f"warning:{one.meter.id}"
    asked = trouble if trouble is not None and trouble.field == field else None
    rows = "".join(
        f"<li><span>{place.number(of_decimal(own.limit))}</span>{_remove_warning(own, place)}</li>"
        for own in one.own(LimitKind.WARNING)
    )
    known = f'<p class="own">{words.warnings}</p><ul class="lines">{rows}</ul>' if rows else ""
    name = one.meter.display_name
    inside = _field(field, words.add_warning, words.warning_hint, asked, about=name)
    inside += f'<button class="plain">{words.add}</button></div>'
    made = _form(place, "warning", inside, meter=one.meter.id, period=one.period.value)
    return known + made


def _remove_warning(own: UsageLimit, place: Place) -> str:
    words = place.words
    label = escape(words.remove_warning.format(place.number(of_decimal(own.limit))))
    button = f'<button class="plain" aria-label="{label}">{words.remove}</button>'
    return _form(place, "remove_warning", button, inline=True, id=own.id)


# --- money ---------------------------------------------------------------------------------------


def _money(facts: PortalFacts, place: Place) -> str:
    words, language = place.words, place.language
    spent = "".join(
        f'<p class="figure">{escape(money_text(one.amount, one.currency, language))}</p>'
        f'<p class="about">{date_text(one.start_ms, language)} \u2013 '
        f"{date_text(one.end_ms, language)}</p>"
        for one in facts.spend
    )
    left = "".join(
        f'<p class="figure">{escape(money_text(amount, currency, language))}</p>'
        for amount, currency in facts.credits
    )
    return (
        f"<h2>{words.spend}</h2>{spent or _quiet(words.no_spend)}"
        f"<h2>{words.credits}</h2>{left or _quiet(words.no_credits)}"
    )


def _quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _invoices(facts: PortalFacts, place: Place) -> str:
    words = place.words
    heads = (words.number, words.date, words.status, words.amount, words.document)
    rows = [
        [
            escape(one.number or one.id),
            escape(date_text(one.created_ms, place.language)),
            escape(WORDS[place.language].statuses[one.status]),
            escape(money_text(one.total, one.currency, place.language)),
            f'<a href="../i/{escape(one.token)}/pdf{place.query}">{words.pdf}'
            f'<span class="hidden"> {escape(one.number or one.id)}</span></a>'
            if one.token
            else "",
        ]
        for one in facts.invoices
    ]
    return _table(words.invoices, words.no_invoices, heads, rows)


def _table(title: str, empty: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(head)}">{cell}</td>'
            for head, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    if not body:
        return f"<h2>{title}</h2>{_quiet(empty)}"
    names = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<h2>{title}</h2><table><caption class="hidden">{title}</caption>'
        f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"
    )


# --- addresses and changes -----------------------------------------------------------------------


def _addresses(facts: PortalFacts, place: Place, trouble: Trouble | None) -> str:
    words = place.words
    rows = ""
    for one in facts.addresses:
        state = words.unconfirmed if one.confirmed_ms is None else words.confirmed
        label = escape(words.remove_address.format(one.email))
        button = f'<button class="plain" aria-label="{label}">{words.remove}</button>'
        rows += (
            f'<li><span>{escape(one.email)} <span class="quiet">({state})</span></span>'
            f"{_form(place, 'remove_address', button, inline=True, id=one.id)}</li>"
        )
    known = f'<ul class="lines">{rows}</ul>' if rows else ""
    asked = trouble if trouble is not None and trouble.field == "email" else None
    inside = _field("email", words.address, words.addresses_hint, asked, kind="email")
    inside += f'<button class="plain">{words.add_address}</button></div>'
    return f"<h2>{words.addresses}</h2>{known}{_form(place, 'address', inside)}"


def _changes(facts: PortalFacts, place: Place) -> str:
    words = place.words
    heads = (words.when, words.who, words.what, words.before, words.after)
    rows = [[*_change(one, facts.meter_names, place)] for one in facts.changes]
    return _table(words.changes, words.no_changes, heads, rows)


def _change(one: LimitChange, names: Mapping[str, str], place: Place) -> Iterator[str]:
    words = place.words
    yield escape(date_text(one.created_ms, place.language)) + " " + _time(one.created_ms)
    yield words.you if one.set_by is SetBy.CUSTOMER else words.provider
    is_own = one.set_by is SetBy.CUSTOMER
    hard = words.own_limit if is_own else words.providers_limit
    kind = words.warning if one.kind is LimitKind.WARNING else hard
    yield f"{kind}: {escape(names.get(one.meter, one.meter))}"
    for level in (one.before, one.after):
        yield words.none if level is None else place.number(of_decimal(level))


def _time(moment_ms: int) -> str:
    minutes = moment_ms // 60_000
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _foot(place: Place) -> str:
    if place.return_url is None:
        return ""
    return f'<footer><a href="{escape(place.return_url)}">{place.words.back}</a></footer>'

"""What messages of alerts say, in English and German: to the customer, and to the operator's team.

Sentences are filled in with `customer`, `title`, `meter`, `value` and `limit`.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from tripmeter.wire.invoice_words import Language

Audience = Literal["customer", "team"]
"""Who reads a message: the customer concerned, or the operator's people."""


class Sentences(NamedTuple):
    """One occasion in words."""

    subject: str
    headline: str
    message: str


class AlertWords(NamedTuple):
    """The words of one language."""

    test: str
    customer: str
    alert: str
    meter: str
    used: str
    spent: str
    balance: str
    limit: str
    warning: str
    period: str
    happened: str
    trend: str
    trend_text: str
    open_customer: str
    why_customer: str
    why_team: str
    why_warned: str
    unsubscribe: str
    digest_subject: str
    digest_headline: str
    and_more: str
    all_usage: str
    leaving_title: str
    leaving: str
    leave: str
    left_title: str
    left: str
    stay: str
    stayed_title: str
    stayed: str
    link_wrong: str
    link_advice: str
    sentences: Mapping[tuple[str, Audience, str], Sentences]
    """By type of alert, audience and moment."""


ENGLISH: Final = AlertWords(
    test="Test",
    customer="Customer",
    alert="Alert",
    meter="Meter",
    used="Used",
    spent="Spent",
    balance="Credits left",
    limit="Line of the alert",
    warning="Your warning",
    period="Period",
    happened="Time",
    trend="Last 7 days",
    trend_text="{now} ({change} on the 7 days before)",
    open_customer="Open the customer",
    why_customer="You receive this mail because your account with {seller} has an alert on it.",
    why_team="You receive this mail because an alert at {seller} names this address.",
    why_warned="You receive this mail because you have {seller} warn you at this address.",
    unsubscribe="Receive no more mails about your usage",
    digest_subject="{count} alerts",
    digest_headline="{count} alerts since the last message",
    and_more="and {count} more",
    all_usage="usage",
    leaving_title="Mails about your usage",
    leaving="Shall {address} receive no more mails about your usage?",
    leave="Receive no more",
    left_title="You receive no more mails",
    left="{address} receives no more mails about your usage.",
    stay="Receive them again",
    stayed_title="You receive mails again",
    stayed="{address} receives mails about your usage.",
    link_wrong="This link does not work",
    link_advice="It may have been cut. Use the link of the mail as it is.",
    sentences={
        ("usage_limit", "customer", "triggered"): Sentences(
            "You have used {value}: {meter}",
            "You have used {value}",
            "Your usage of {meter} has come to {value}, and so to your warning at {limit}. Usage "
            "goes on.",
        ),
        ("usage_threshold", "customer", "triggered"): Sentences(
            "{title}: you have used {value}",
            "You have used {value}",
            "Your usage of {meter} has come to {value}, and so to the line of {limit}.",
        ),
        ("usage_threshold", "customer", "recovered"): Sentences(
            "{title}: a new period has begun",
            "A new period has begun",
            "Your usage of {meter} is {value} now, below the line of {limit}.",
        ),
        ("spend_threshold", "customer", "triggered"): Sentences(
            "{title}: your spend is {value}",
            "Your spend is {value}",
            "What you have used in this period costs {value}, which is over the line of {limit}.",
        ),
        ("spend_threshold", "customer", "recovered"): Sentences(
            "{title}: a new period has begun",
            "A new period has begun",
            "Your spend is {value} now, below the line of {limit}.",
        ),
        ("credit_balance_threshold", "customer", "triggered"): Sentences(
            "{title}: {value} of credits left",
            "You have {value} of credits left",
            "Your credits have fallen to {value}, and so to the line of {limit}.",
        ),
        ("credit_balance_threshold", "customer", "recovered"): Sentences(
            "{title}: you have credits again",
            "You have credits again",
            "Your credits are {value} now, above the line of {limit}.",
        ),
        ("usage_threshold", "team", "triggered"): Sentences(
            "{customer} has used {value}: {title}",
            "{customer} has used {value}",
            "The usage of {meter} has come to {value}, and so to the line of {limit}.",
        ),
        ("usage_threshold", "team", "recovered"): Sentences(
            "{customer} is below the line again: {title}",
            "{customer} is below the line again",
            "A new period has begun: the usage of {meter} is {value}.",
        ),
        ("spend_threshold", "team", "triggered"): Sentences(
            "{customer} has spent {value}: {title}",
            "{customer} has spent {value}",
            "The spend of the period has come to {value}, which is over the line of {limit}.",
        ),
        ("spend_threshold", "team", "recovered"): Sentences(
            "{customer} is below the line again: {title}",
            "{customer} is below the line again",
            "The spend of the period is {value}, below the line of {limit}.",
        ),
        ("credit_balance_threshold", "team", "triggered"): Sentences(
            "{customer} has {value} of credits left: {title}",
            "{customer} has {value} of credits left",
            "The credits have fallen to {value}, and so to the line of {limit}.",
        ),
        ("credit_balance_threshold", "team", "recovered"): Sentences(
            "{customer} has credits again: {title}",
            "{customer} has credits again",
            "The credits are {value} now, above the line of {limit}.",
        ),
    },
)

GERMAN: Final = AlertWords(
    test="Test",
    customer="Kunde",
    alert="Alarm",
    meter="Zähler",
    used="Verbraucht",
    spent="Kosten",
    balance="Verbleibendes Guthaben",
    limit="Grenze des Alarms",
    warning="Ihre Warnung",
    period="Zeitraum",
    happened="Zeitpunkt",
    trend="Letzte 7 Tage",
    trend_text="{now} ({change} gegenüber den 7 Tagen davor)",
    open_customer="Kunden öffnen",
    why_customer="Sie erhalten diese E-Mail, weil für Ihr Konto bei {seller} ein Alarm besteht.",
    why_team="Sie erhalten diese E-Mail, weil ein Alarm bei {seller} diese Adresse nennt.",
    why_warned="Sie erhalten diese E-Mail, weil {seller} Sie an diese Adresse warnen soll.",
    unsubscribe="Keine E-Mails über Ihren Verbrauch mehr erhalten",
    digest_subject="{count} Alarme",
    digest_headline="{count} Alarme seit der letzten Nachricht",
    and_more="und {count} weitere",
    all_usage="Verbrauch",
    leaving_title="E-Mails über Ihren Verbrauch",
    leaving="Soll {address} keine E-Mails über Ihren Verbrauch mehr erhalten?",
    leave="Keine mehr erhalten",
    left_title="Sie erhalten keine E-Mails mehr",
    left="{address} erhält keine E-Mails über Ihren Verbrauch mehr.",
    stay="Wieder erhalten",
    stayed_title="Sie erhalten wieder E-Mails",
    stayed="{address} erhält E-Mails über Ihren Verbrauch.",
    link_wrong="Dieser Link funktioniert nicht",
    link_advice="Vielleicht wurde er abgeschnitten. Nutzen Sie den Link der E-Mail unverändert.",
    sentences={
        ("usage_limit", "customer", "triggered"): Sentences(
            "Sie haben {value} verbraucht: {meter}",
            "Sie haben {value} verbraucht",
            "Ihr Verbrauch ({meter}) hat mit {value} Ihre Warnung bei {limit} erreicht. Die "
            "Nutzung geht weiter.",
        ),
        ("usage_threshold", "customer", "triggered"): Sentences(
            "{title}: Sie haben {value} verbraucht",
            "Sie haben {value} verbraucht",
            "Ihr Verbrauch ({meter}) hat mit {value} die Grenze von {limit} erreicht.",
        ),
        ("usage_threshold", "customer", "recovered"): Sentences(
            "{title}: ein neuer Zeitraum hat begonnen",
            "Ein neuer Zeitraum hat begonnen",
            "Ihr Verbrauch ({meter}) liegt mit {value} unter der Grenze von {limit}.",
        ),
        ("spend_threshold", "customer", "triggered"): Sentences(
            "{title}: Ihre Kosten betragen {value}",
            "Ihre Kosten betragen {value}",
            "Ihr Verbrauch in diesem Zeitraum kostet {value} und liegt über der Grenze von "
            "{limit}.",
        ),
        ("spend_threshold", "customer", "recovered"): Sentences(
            "{title}: ein neuer Zeitraum hat begonnen",
            "Ein neuer Zeitraum hat begonnen",
            "Ihre Kosten liegen mit {value} unter der Grenze von {limit}.",
        ),
        ("credit_balance_threshold", "customer", "triggered"): Sentences(
            "{title}: noch {value} Guthaben",
            "Sie haben noch {value} Guthaben",
            "Ihr Guthaben ist auf {value} gefallen und hat die Grenze von {limit} erreicht.",
        ),
        ("credit_balance_threshold", "customer", "recovered"): Sentences(
            "{title}: Sie haben wieder Guthaben",
            "Sie haben wieder Guthaben",
            "Ihr Guthaben liegt mit {value} über der Grenze von {limit}.",
        ),
        ("usage_threshold", "team", "triggered"): Sentences(
            "{customer} hat {value} verbraucht: {title}",
            "{customer} hat {value} verbraucht",
            "Der Verbrauch ({meter}) hat mit {value} die Grenze von {limit} erreicht.",
        ),
        ("usage_threshold", "team", "recovered"): Sentences(
            "{customer} ist wieder unter der Grenze: {title}",
            "{customer} ist wieder unter der Grenze",
            "Ein neuer Zeitraum hat begonnen: der Verbrauch ({meter}) beträgt {value}.",
        ),
        ("spend_threshold", "team", "triggered"): Sentences(
            "{customer} hat Kosten von {value}: {title}",
            "{customer} hat Kosten von {value}",
            "Die Kosten des Zeitraums betragen {value} und liegen über der Grenze von {limit}.",
        ),
        ("spend_threshold", "team", "recovered"): Sentences(
            "{customer} ist wieder unter der Grenze: {title}",
            "{customer} ist wieder unter der Grenze",
            "Die Kosten des Zeitraums liegen mit {value} unter der Grenze von {limit}.",
        ),
        ("credit_balance_threshold", "team", "triggered"): Sentences(
            "{customer} hat noch {value} Guthaben: {title}",
            "{customer} hat noch {value} Guthaben",
            "Das Guthaben ist auf {value} gefallen und hat die Grenze von {limit} erreicht.",
        ),
        ("credit_balance_threshold", "team", "recovered"): Sentences(
            "{customer} hat wieder Guthaben: {title}",
            "{customer} hat wieder Guthaben",
            "Das Guthaben liegt mit {value} über der Grenze von {limit}.",
        ),
    },
)

ALERT_WORDS: Final[Mapping[Language, AlertWords]] = {"en": ENGLISH, "de": GERMAN}

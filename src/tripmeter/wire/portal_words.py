"""The words of a customer's page, in English and German, and how numbers are typed into it."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from tripmeter.model.usage_limit import LimitPeriod
from tripmeter.wire.invoice_words import Language


class PortalWords(NamedTuple):
    """The words of one language; those with braces are filled in."""

    title: str
    test_mode: str
    back: str
    usage: str
    no_usage: str
    used_of: str
    used: str
    periods: Mapping[LimitPeriod, str]
    resets: str
    stopped: str
    stopped_revoked: str
    restored: str
    providers_limit: str
    own_limit: str
    own_limit_hint: str
    own_limit_most: str
    below_hint: str
    save: str
    remove: str
    remove_limit: str
    warning: str
    alert: str
    warnings: str
    add_warning: str
    warning_hint: str
    add: str
    remove_warning: str
    confirm_below: str
    confirm_check: str
    spend: str
    no_spend: str
    credits: str
    no_credits: str
    invoices: str
    no_invoices: str
    pdf: str
    addresses: str
    addresses_hint: str
    address: str
    confirmed: str
    unconfirmed: str
    add_address: str
    remove_address: str
    changes: str
    no_changes: str
    when: str
    who: str
    what: str
    before: str
    after: str
    none: str
    you: str
    provider: str
    expired: str
    expired_advice: str
    stale: str
    problem: str
    number_error: str
    positive_error: str
    too_high: str
    same_warning: str
    email_error: str
    too_many: str
    gone: str
    amount: str
    period: str
    number: str
    date: str
    status: str
    document: str
    done: Mapping[str, str]
    confirm_title: str
    confirm_text: str
    confirm_button: str
    confirmed_title: str
    confirmed_text: str
    mail_subject: str
    mail_text: str
    mail_button: str
    mail_why: str


ENGLISH: Final = PortalWords(
    title="Usage and limits",
    test_mode="Test mode",
    back="Back",
    usage="Usage",
    no_usage="Nothing was used yet.",
    used_of="{used} of {limit} used",
    used="{used} used",
    periods={
        LimitPeriod.BILLING: "in this billing period",
        LimitPeriod.LIFETIME: "in all",
        LimitPeriod.MONTH: "in this calendar month (UTC)",
    },
    resets="Counts anew from {} on.",
    stopped="The limit is reached: usage is stopped.",
    stopped_revoked="Access was taken away by your provider.",
    restored="The limit is reached; your provider lets usage go on.",
    providers_limit="Limit of your provider",
    own_limit="Your own limit",
    own_limit_hint="Usage is stopped as soon as it has come to this.",
    own_limit_most="Up to {}.",
    below_hint="{} are used already: with a limit of that or less, usage is stopped at once.",
    save="Save limit",
    remove="Remove",
    remove_limit="Remove limit",
    warning="Your warning",
    alert="Alert of your provider",
    warnings="Your warnings",
    add_warning="Warn me at",
    warning_hint="You are told once in each period; usage goes on.",
    add="Add warning",
    remove_warning="Remove the warning at {}",
    confirm_below="{used} are used already, and that is not less than {limit}. When you save this"
    " limit, usage of {meter} is stopped at once{until}.",
    confirm_check="Stop usage at once",
    spend="Spend so far",
    no_spend="There is no subscription.",
    credits="Credits",
    no_credits="There are no credits.",
    invoices="Invoices",
    no_invoices="There are no invoices yet.",
    pdf="PDF",
    addresses="Where you are told",
    addresses_hint="Warnings go to every confirmed address.",
    address="E-mail address",
    confirmed="confirmed",
    unconfirmed="waits for the link in our e-mail",
    add_address="Add address",
    remove_address="Remove {}",
    changes="Changes of limits",
    no_changes="No limit was changed yet.",
    when="When (UTC)",
    who="Who",
    what="What",
    before="From",
    after="To",
    none="none",
    you="You",
    provider="Provider",
    expired="This link has expired",
    expired_advice="Links to this page are good for an hour and cannot be changed. Open it again"
    " from where you came.",
    stale="This page was open for too long, or was not ours. Look at it again, and repeat what you"
    " wanted.",
    problem="That could not be saved",
    number_error="Write a number such as 1,000 or 2.5, with at most 15 digits.",
    positive_error="It must be more than zero.",
    too_high="Your provider allows {} at most.",
    same_warning="There is such a warning already.",
    email_error="This is no e-mail address.",
    too_many="There are as many as there can be. Remove one first.",
    gone="That is gone already.",
    amount="Amount",
    period="Period",
    number="Number",
    date="Date",
    status="Status",
    document="Document",
    done={
        "limit": "Your limit is saved.",
        "limit_stopped": "Your limit is saved. More is used already, so usage is stopped now.",
        "limit_removed": "Your limit is removed.",
        "warning": "Your warning is saved.",
        "warning_reached": "Your warning is saved. It is reached already.",
        "warning_removed": "Your warning is removed.",
        "address": "We have sent an e-mail to the address. Open the link in it.",
        "address_removed": "The address is removed.",
    },
    confirm_title="Confirm your e-mail address",
    confirm_text="Should warnings about your usage go to {}?",
    confirm_button="Yes, tell me there",
    confirmed_title="Your address is confirmed",
    confirmed_text="Warnings about your usage go to {} from now on.",
    mail_subject="Confirm your e-mail address for {}",
    mail_text="Somebody, probably you, wants warnings about usage of {brand} to go to this"
    " address.\n\nIf that is right, open the link within 24 hours. If not, do nothing: no warning"
    " will come.",
    mail_button="Confirm the address",
    mail_why="You receive this mail because this address was entered on a page of {}.",
)

GERMAN: Final = PortalWords(
    title="Nutzung und Limits",
    test_mode="Testmodus",
    back="Zurück",
    usage="Nutzung",
    no_usage="Noch wurde nichts genutzt.",
    used_of="{used} von {limit} genutzt",
    used="{used} genutzt",
    periods={
        LimitPeriod.BILLING: "in diesem Abrechnungszeitraum",
        LimitPeriod.LIFETIME: "insgesamt",
        LimitPeriod.MONTH: "in diesem Kalendermonat (UTC)",
    },
    resets="Zählt ab {} von vorn.",
    stopped="Das Limit ist erreicht: Die Nutzung ist gestoppt.",
    stopped_revoked="Ihr Anbieter hat den Zugang gesperrt.",
    restored="Das Limit ist erreicht; Ihr Anbieter lässt die Nutzung weiter zu.",
    providers_limit="Limit Ihres Anbieters",
    own_limit="Ihr eigenes Limit",
    own_limit_hint="Die Nutzung wird gestoppt, sobald dieser Wert erreicht ist.",
    own_limit_most="Höchstens {}.",
    below_hint="{} sind schon genutzt: Mit einem Limit bis zu diesem Wert wird die Nutzung sofort"
    " gestoppt.",
    save="Limit speichern",
    remove="Entfernen",
    remove_limit="Limit entfernen",
    warning="Ihre Warnung",
    alert="Benachrichtigung Ihres Anbieters",
    warnings="Ihre Warnungen",
    add_warning="Warnen bei",
    warning_hint="Sie werden einmal je Zeitraum gewarnt; die Nutzung geht weiter.",
    add="Warnung hinzufügen",
    remove_warning="Warnung bei {} entfernen",
    confirm_below="{used} sind schon genutzt, also nicht weniger als {limit}. Wenn Sie dieses"
    " Limit speichern, wird die Nutzung von {meter} sofort gestoppt{until}.",
    confirm_check="Nutzung sofort stoppen",
    spend="Kosten bisher",
    no_spend="Es gibt kein Abonnement.",
    credits="Guthaben",
    no_credits="Es gibt kein Guthaben.",
    invoices="Rechnungen",
    no_invoices="Es gibt noch keine Rechnungen.",
    pdf="PDF",
    addresses="Wohin Warnungen gehen",
    addresses_hint="Warnungen gehen an jede bestätigte Adresse.",
    address="E-Mail-Adresse",
    confirmed="bestätigt",
    unconfirmed="wartet auf den Link in unserer E-Mail",
    add_address="Adresse hinzufügen",
    remove_address="{} entfernen",
    changes="Änderungen an Limits",
    no_changes="Noch wurde kein Limit geändert.",
    when="Wann (UTC)",
    who="Wer",
    what="Was",
    before="Von",
    after="Auf",
    none="keins",
    you="Sie",
    provider="Anbieter",
    expired="Dieser Link ist abgelaufen",
    expired_advice="Links auf diese Seite gelten eine Stunde und lassen sich nicht ändern. Öffnen"
    " Sie die Seite dort neu, wo Sie herkamen.",
    stale="Diese Seite war zu lange offen oder nicht von uns. Sehen Sie sie noch einmal an, und"
    " wiederholen Sie, was Sie wollten.",
    problem="Das ließ sich nicht speichern",
    number_error="Schreiben Sie eine Zahl wie 1.000 oder 2,5 mit höchstens 15 Ziffern.",
    positive_error="Der Wert muss größer als null sein.",
    too_high="Ihr Anbieter erlaubt höchstens {}.",
    same_warning="Diese Warnung gibt es schon.",
    email_error="Das ist keine E-Mail-Adresse.",
    too_many="Mehr sind nicht möglich. Entfernen Sie zuerst eine.",
    gone="Das gibt es nicht mehr.",
    amount="Betrag",
    period="Zeitraum",
    number="Nummer",
    date="Datum",
    status="Status",
    document="Dokument",
    done={
        "limit": "Ihr Limit ist gespeichert.",
        "limit_stopped": "Ihr Limit ist gespeichert. Es ist schon mehr genutzt: Die Nutzung ist"
        " jetzt gestoppt.",
        "limit_removed": "Ihr Limit ist entfernt.",
        "warning": "Ihre Warnung ist gespeichert.",
        "warning_reached": "Ihre Warnung ist gespeichert. Sie ist schon erreicht.",
        "warning_removed": "Ihre Warnung ist entfernt.",
        "address": "Wir haben eine E-Mail an die Adresse geschickt. Öffnen Sie den Link darin.",
        "address_removed": "Die Adresse ist entfernt.",
    },
    confirm_title="Bestätigen Sie Ihre E-Mail-Adresse",
    confirm_text="Sollen Warnungen zu Ihrer Nutzung an {} gehen?",
    confirm_button="Ja, dorthin",
    confirmed_title="Ihre Adresse ist bestätigt",
    confirmed_text="Warnungen zu Ihrer Nutzung gehen ab jetzt an {}.",
    mail_subject="Bestätigen Sie Ihre E-Mail-Adresse für {}",
    mail_text="Jemand, wahrscheinlich Sie, möchte, dass Warnungen zur Nutzung von {brand} an diese"
    " Adresse gehen.\n\nWenn das stimmt, öffnen Sie den Link innerhalb von 24 Stunden. Wenn nicht,"
    " tun Sie nichts: Es kommt keine Warnung.",
    mail_button="Adresse bestätigen",
    mail_why="Sie erhalten diese E-Mail, weil diese Adresse auf einer Seite von {} eingegeben"
    " wurde.",
)

PORTAL_WORDS: Final[Mapping[Language, PortalWords]] = {"en": ENGLISH, "de": GERMAN}

_GROUPED: Final = {
    "en": re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII),
    "de": re.compile(r"\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII),
}
_PLAIN: Final = re.compile(r"-?\d{1,15}([.,]\d{1,15})?", re.ASCII)


def typed_number(text: str, language: Language) -> Decimal | None:
    """What somebody typed: `1,000.5` or `1000.5`, in German `1.000,5`; None if it is no number.

    Either mark stands for the point where there is one and it does not group thousands.
    """
    text = "".join(text.split()).replace("\u00a0", "")
    if _GROUPED[language].fullmatch(text):
        separator, point = (",", ".") if language == "en" else (".", ",")
        return Decimal(text.replace(separator, "").replace(point, "."))
    if _PLAIN.fullmatch(text):
        return Decimal(text.replace(",", "."))
    return None


def accepted(header: str | None) -> list[str]:
    """The languages of an `Accept-Language` header, the most wanted first."""
    found = []
    for place, part in enumerate((header or "")[:500].split(",")):
        name, _, weight = part.strip().partition(";q=")
        found.append((-_weight(weight), place, name))
    return [name for weight, _, name in sorted(found) if name and weight < 0]


def _weight(text: str) -> int:
    """In thousandths; 1000 without one."""
    if not text:
        return 1000
    match = re.fullmatch(r"([01])(?:\.(\d{0,3}))?", text.strip(), re.ASCII)
    return 0 if match is None else int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0"))

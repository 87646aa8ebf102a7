"""The mail by which an address that was named on a customer's page is confirmed."""

from tripmeter.wire.alert_message import Surroundings
from tripmeter.wire.invoice_words import Language
from tripmeter.wire.mail import Letter, notice
from tripmeter.wire.portal_words import PORTAL_WORDS


def confirmation(around: Surroundings, url: str, language: Language) -> Letter:
    """The mail that asks the owner of the address; `url` is where the answer is given."""
    words = PORTAL_WORDS[language]
    return notice(
        words.mail_subject.format(around.seller),
        words.confirm_title,
        words.mail_text.format(brand=around.seller),
        (words.mail_button, url),
        words.mail_why.format(around.seller),
        around,
        language,
    )

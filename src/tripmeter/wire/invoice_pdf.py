"""An invoice as a PDF. Owns the way in: the library is loaded when the first PDF is made."""

from tripmeter.model.invoice import Invoice
from tripmeter.wire.invoice_view import NOTHING, Known, invoice_view
from tripmeter.wire.invoice_words import Language


def invoice_pdf(
    invoice: Invoice,
    seller_name: str,
    *,
    language: Language = "en",
    known: Known = NOTHING,
) -> bytes:
    """The PDF of an invoice, with its fonts in it; the same invoice gives the same bytes."""
    from tripmeter.wire.invoice_paper import Paper  # noqa: PLC0415 (see above)

    paper = Paper(invoice_view(invoice, seller_name, language, known))
    paper.set_invoice()
    return bytes(paper.output())

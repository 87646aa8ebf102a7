"""How an invoice is set on paper: columns, lines, page breaks. Imported by `invoice_pdf` alone.

Lengths are millimetres. No number of the invoice is reckoned with here: all of it is text.
"""

from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Final, NamedTuple

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos

from tripmeter.wire.invoice_view import Row, Total, View

_FONT: Final = "Source Sans Pro"
_FILES: Final = {"": "SourceSansPro-Regular.ttf", "B": "SourceSansPro-Semibold.ttf"}

_INK: Final = (22, 25, 29)
_QUIET: Final = (90, 98, 112)
_RULE: Final = (205, 210, 217)

_MARGIN: Final = 18
_BOTTOM: Final = 22
_LINE: Final = 5
_SMALL_LINE: Final = 4.2
_GAP: Final = 4
"""Between columns."""
_WIDTHS: Final = (26, 30, 35)
"""Of quantity, unit price and amount."""
_SUMS: Final = (54, 42)
"""Of the labels and the amounts of the totals."""
_PAGES: Final = "{\u00a7nb\u00a7}"
"""Stands for the number of pages until it is known; what nobody writes on an invoice."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Set(NamedTuple):
    """A row with its texts broken into lines."""

    description: list[str]
    notes: list[str]
    numbers: list[list[str]]

    @property
    def texts(self) -> list[tuple[str, float, tuple[int, int, int], float]]:
        """Its lines on the left, with their heights, colours and sizes."""
        described = [(line, _LINE, _INK, 10.5) for line in self.description]
        return described + [(line, _SMALL_LINE, _QUIET, 9) for line in self.notes]

    @property
    def height(self) -> float:
        """How much of a page it takes, with the space around it."""
        text = len(self.description) * _LINE + len(self.notes) * _SMALL_LINE
        return max(text, *(len(lines) * _LINE for lines in self.numbers)) + 4


class Paper(FPDF):
    """The pages of one invoice."""

    def __init__(self, view: View) -> None:
        super().__init__(format=view.page_size)
        self.view = view
        self.set_margins(_MARGIN, _MARGIN)
        self.c_margin = 0
        self.alias_nb_pages(_PAGES)
        self.set_auto_page_break(False)
        for style, name in _FILES.items():
            font = resources.files("font_source_sans_pro").joinpath("files", name)
            self.add_font(_FONT, style, str(font))
        number = dict(view.facts).get(view.words.number, "")
        self.set_title(f"{view.title} {number}".strip())
        self.set_author(view.seller)
        self.set_lang(view.words.language)
        self.set_creation_date(_EPOCH + timedelta(milliseconds=view.written_ms))

    def set_invoice(self) -> None:
        """All of the invoice, from its head to its footer."""
        self.add_page()
        self._head()
        self._about()
        self._reasons()
        self._column_heads()
        for row in self.view.rows:
            self._row(row)
        self._sums()
        self._remarks()

    def footer(self) -> None:
        """The foot of every page; called by the library, as the name has it."""
        self.set_y(-14)
        self._ink(_QUIET, 9)
        self.cell(self.epw / 2, 5, self._foot_text())
        page = self.view.words.page.format(self.page_no(), _PAGES)
        width = self.get_string_width(page.replace(_PAGES, "9"))  # how many is not known yet
        self.set_x(self.l_margin + self.epw - width)
        self.cell(width, 5, page)

    def _foot_text(self) -> str:
        number = dict(self.view.facts).get(self.view.words.number)
        parts = filter(None, (self.view.seller, number))
        return self._cut(" · ".join(parts), self.epw / 2 - _GAP)

    # --- the head ----

    def _head(self) -> None:
        self._ink(_INK, 20, "B")
        half = self.epw / 2
        top = self.get_y()
        self.multi_cell(
            half, 9, self.view.title, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        self._ink(_QUIET, 10.5)
        self.cell(half, 5, self.view.words.statuses[self.view.status])
        below = self.get_y() + 5
        self.set_xy(self.l_margin + half, top + 1.5)
        self._ink(_INK, 12, "B")
        self.multi_cell(half, 6, self.view.seller, align=Align.R)
        self.set_y(max(below, self.get_y()) + 6)

    def _about(self) -> None:
        half = self.epw / 2 - _GAP
        top = self.get_y()
        self._facts(half)
        after_facts = self.get_y()
        self.set_y(top)
        if self.view.customer:
            left = self.l_margin + self.epw / 2 + _GAP
            self._text(self.view.words.bill_to, half, left, _QUIET)
            for line in self.view.customer:
                self._text(line, half, left)
        self.set_y(max(after_facts, self.get_y()) + 6)

    def _facts(self, width: float) -> None:
        self._ink(_QUIET, 10.5)
        names = [self.get_string_width(name) for name, _ in self.view.facts]
        label = min(max(names, default=0) + 5, width / 2)
        for name, fact in self.view.facts:
            top = self.get_y()
            self._text(name, label, self.l_margin, _QUIET)
            below = self.get_y()
            self.set_y(top)
            self._text(fact, width - label, self.l_margin + label)
            self.set_y(max(below, self.get_y()))

    def _reasons(self) -> None:
        self._text(self.view.words.amount_due, self.epw, self.l_margin, _QUIET)
        self._ink(_INK, 16, "B")
        self.cell(self.epw, 8, self.view.due, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        for reason in self.view.reasons:
            self._long_text(reason, _QUIET)
        if self.view.memo:
            self.ln(2)
            self._long_text(self.view.memo, _INK)
        self.ln(5)

    # --- the lines ----

    def _column_heads(self) -> None:
        words = self.view.words
        if not self._fits(6 + 5 * _LINE):
            self.add_page()
        self._ink(_QUIET, 9)
        self.cell(self._description_width, 6, words.description)
        names = (words.quantity, words.unit_price, words.amount)
        for width, name in zip(_WIDTHS, names, strict=True):
            self.cell(width, 6, name, align=Align.R)
        self.ln(6)
        self._rule()

    @property
    def _description_width(self) -> float:
        return float(self.epw - sum(_WIDTHS))

    def _row(self, row: Row) -> None:
        """A row stays together, unless a page cannot hold it. It is read from left to right."""
        made = self._broken(row)
        if not self._fits(made.height if made.height <= self._whole_page else 4 * _LINE):
            self._next_page()
        page, top = self.page, self.get_y() + 2
        self.set_y(top)
        first, *others = made.texts
        self._flowing(*first)
        self._numbers(made, top)
        self.set_y(top + first[1])
        for text in others:
            self._flowing(*text)
        numbers_end = top + max(map(len, made.numbers)) * _LINE if self.page == page else 0
        self.set_y(max(self.get_y(), numbers_end) + 2)
        self._rule()

    def _broken(self, row: Row) -> _Set:
        width = self._description_width - _GAP
        self._ink(_INK, 10.5)
        description = self._lines(row.description, width)
        numbers = [
            self._lines(text, column - _GAP / 2)
            for column, text in zip(
                _WIDTHS, (row.quantity, row.unit_price, row.amount), strict=True
            )
        ]
        self._ink(_QUIET, 9)
        notes = [line for note in (row.period, *row.notes) for line in self._lines(note, width)]
        return _Set(description, notes, numbers)

    def _numbers(self, made: _Set, top: float) -> None:
        self._ink(_INK, 10.5)
        left = self.l_margin + self._description_width
        for width, lines in zip(_WIDTHS, made.numbers, strict=True):
            for place, line in enumerate(lines):
                self.set_xy(left, top + place * _LINE)
                self.cell(width, _LINE, line, align=Align.R)
            left += width

    def _flowing(self, line: str, height: float, colour: tuple[int, int, int], size: float) -> None:
        if not self._fits(height):
            self._next_page()
        self._ink(colour, size)
        self.set_x(self.l_margin)
        self.cell(0, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    # --- the end ----

    def _sums(self) -> None:
        """The totals stay together, and with at least the space of a row above them."""
        self.ln(4)
        if not self._fits(len(self.view.totals) * 6 + 4):
            self.add_page()
        for total in self.view.totals:
            self._total(total)

    def _total(self, total: Total) -> None:
        label, amount = _SUMS
        left = self.l_margin + self.epw - label - amount
        if total.strong:
            self.ln(1)
            self.set_draw_color(*_INK)
            self.line(left, self.get_y(), left + label + amount, self.get_y())
            self.ln(1.5)
        style = "B" if total.strong else ""
        self._ink(_INK if total.strong else _QUIET, 12 if total.strong else 10.5, style)
        self.set_x(left)
        self.cell(label, 6, self._cut(total.label, label - 1))
        self.set_text_color(*_INK)
        self.cell(amount, 6, total.amount, align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _remarks(self) -> None:
        if self.view.footer:
            self.ln(8)
            self._long_text(self.view.footer, _QUIET)

    # --- setting text ----

    def _ink(self, colour: tuple[int, int, int], size: float, style: str = "") -> None:
        self.set_font(_FONT, style, size)
        self.set_text_color(*colour)

    def _text(
        self, text: str, width: float, left: float, colour: tuple[int, int, int] = _INK
    ) -> None:
        self._ink(colour, 10.5)
        self.set_x(left)
        self.multi_cell(width, _LINE, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _long_text(self, text: str, colour: tuple[int, int, int]) -> None:
        """Text that may go on on the next page."""
        self._ink(colour, 10.5)
        for line in self._lines(text, self.epw):
            if not self._fits(_LINE):
                self.add_page()
            self._ink(colour, 10.5)
            self.set_x(self.l_margin)
            self.cell(self.epw, _LINE, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _lines(self, text: str, width: float) -> list[str]:
        """Text broken into lines, by the font that is set."""
        lines: Any = self.multi_cell(
            width, _LINE, text, align=Align.L, dry_run=True, output=MethodReturnValue.LINES
        )
        return list(lines)

    def _cut(self, text: str, width: float) -> str:
        """A text that fits on one line, by the font that is set."""
        if self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(text + "…") > width:
            text = text[:-1]
        return text.rstrip() + "…"

    def _rule(self) -> None:
        self.set_draw_color(*_RULE)
        self.line(self.l_margin, self.get_y(), self.l_margin + self.epw, self.get_y())

    @property
    def _whole_page(self) -> float:
        return float(self.h - _MARGIN - _BOTTOM - 10)

    def _fits(self, height: float) -> bool:
        return bool(self.get_y() + height <= self.h - _BOTTOM)

    def _next_page(self) -> None:
        self.add_page()
        self._column_heads()

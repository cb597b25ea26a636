"""What we asked for against what the provider states: everything that differs, in words; pure.

Exact: a hundredth of a cent too much is a difference, because a provider that holds it will round
it somewhere, and not necessarily the way our totals do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation

from invoicing.document import Document
from invoicing.model import Recorded
from invoicing.money import Number, exactly, plain, rounded
from invoicing.provider import Echo, Figure, Plan
from invoicing.totals import Totals

NOT_STATED = "not stated"
NOT_ASKED_FOR = "not the one asked for"
"""Of what may be about a person: neither side is shown."""
BESIDE = " beside the "
"""Between the names of two texts in that of both together: it is compared where each agrees."""
NONE = "none"
"""A VAT rate that only one side has."""


class Difference(Recorded):
    """One figure that is not the same on both sides.

    `figure` is a `Figure`, for VAT with its rate: `vat 21`. `by` is how far theirs is from ours
    (`0.01 more`), empty where that says nothing. A buyer may be a person, so who it is on either
    side is never kept: `ours` is empty.
    """

    figure: str
    ours: str
    theirs: str
    by: str = ""

    def __str__(self) -> str:
        if not self.ours:
            return f"{self.figure}: {self.theirs}"
        by = f" ({self.by})" if self.by else ""
        return f"{self.figure}: ours {self.ours}, theirs {self.theirs}{by}"


class Expected(Recorded):
    """What the provider's invoice is to say. What is None is not expected, and not compared."""

    totals: Totals
    prepaid: Number = Decimal(0)
    rounding: Number = Decimal(0)
    due: Number
    issue_date: str | None = None
    due_date: str | None = None
    buyer: str | None = None
    number: str | None = None
    reference: str | None = None
    said: dict[str, str] = {}

    @classmethod
    def of(cls, reference: str, document: Document, plan: Plan, buyer: str | None) -> Expected:
        """That of a request whose plan is made; the buyer as the look-ups know it."""
        with exactly():
            rounding = document.rounding + plan.rounding
        return cls(
            totals=plan.totals,
            prepaid=document.prepaid,
            rounding=rounding,
            due=plan.to_pay,
            issue_date=document.issue_date.isoformat(),
            due_date=document.due_date.isoformat() if document.due_date else None,
            buyer=buyer,
            number=document.number,
            reference=reference,
            said=plan.said,
        )


def differences(
    expected: Expected, echo: Echo, promised: tuple[Figure, ...]
) -> tuple[Difference, ...]:
    """What in the echo is not as expected, in the order of `Figure`; empty when all agrees.

    A figure the provider promised to state and did not is a difference; one it states without
    having promised is compared too. A VAT row at 0 percent with no VAT may be missing on either
    side.
    """
    ours = expected
    compare = _Comparison(ours.totals, echo, frozenset(promised))
    return (
        *compare.word(Figure.CURRENCY, ours.totals.currency, echo.currency),
        *compare.amount(Figure.NET, ours.totals.net, echo.net),
        *compare.vat(),
        *compare.amount(Figure.GROSS, ours.totals.gross, echo.gross),
        *compare.amount(Figure.PREPAID, ours.prepaid, echo.prepaid),
        *compare.amount(Figure.ROUNDING, ours.rounding, echo.rounding),
        *compare.amount(Figure.DUE, ours.due, echo.due),
        *compare.word(Figure.ISSUE_DATE, ours.issue_date, echo.issue_date),
        *compare.word(Figure.DUE_DATE, ours.due_date, echo.due_date),
        *compare.buyer(ours.buyer),
        *compare.word(Figure.NUMBER, ours.number, echo.number),
        *compare.word(Figure.REFERENCE, ours.reference, echo.reference),
        *_said_otherwise(ours.said, echo.said),
    )


def _said_otherwise(ours: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[Difference]:
    other = {name for name, digest in ours.items() if theirs.get(name, digest) != digest}
    for name in ours:
        apart = name.split(BESIDE) if BESIDE in name else ()
        if name in other and other.isdisjoint(apart):
            yield Difference(figure=name, ours="", theirs=NOT_ASKED_FOR)


def says_who(text: str) -> bool:
    """Whether a text that is compared says whose invoice it is, or who is paid: a name, a number
    that somebody is registered under, an account number."""
    return text.endswith(
        ("name", "VAT number", "account number", "registration number", "identity number")
    )


def says_how_much(text: str) -> bool:
    """Whether a text that is compared is about money, or says which way it goes."""
    return text.endswith(
        ("amount", "amounts", "figures of the lines", "fee", "discount", "reduction")
    ) or text in ("exchange rate", "kind of invoice")


class _Comparison:
    def __init__(self, expected: Totals, echo: Echo, promised: frozenset[Figure]) -> None:
        self._expected = expected
        self._echo = echo
        self._promised = promised

    def word(self, figure: Figure, ours: str | None, theirs: str | None) -> Iterator[Difference]:
        if ours is None or ours == theirs:
            return
        if theirs is not None or figure in self._promised:
            yield Difference(figure=figure, ours=ours, theirs=theirs or NOT_STATED)

    def buyer(self, ours: str | None) -> Iterator[Difference]:
        for difference in self.word(Figure.BUYER, ours, self._echo.buyer):
            stated = difference.theirs != NOT_STATED
            yield Difference(
                figure=Figure.BUYER,
                ours="",
                theirs=NOT_ASKED_FOR if stated else NOT_STATED,
            )

    def amount(self, figure: Figure, ours: Decimal, theirs: Decimal | None) -> Iterator[Difference]:
        if theirs is not None:
            yield from self._differing(figure, ours, theirs)
        elif figure in self._promised:
            yield Difference(figure=figure, ours=self._ours(ours), theirs=NOT_STATED)

    def vat(self) -> Iterator[Difference]:
        if self._echo.vat is None:
            yield from self.amount(Figure.VAT, self._expected.vat, None)
            return
        ours = _by_rate((plain(row.rate), row.vat) for row in self._expected.vat_rows)
        theirs = _by_rate((_rate(rate), vat) for rate, vat in self._echo.vat.items())
        for rate in sorted(ours.keys() | theirs.keys(), key=_ascending):
            yield from self._vat_at(rate, ours.get(rate), theirs.get(rate))

    def _vat_at(
        self, rate: str, ours: Decimal | None, theirs: Decimal | None
    ) -> Iterator[Difference]:
        figure = f"{Figure.VAT} {rate}"
        if ours is not None and theirs is not None:
            yield from self._differing(figure, ours, theirs)
        elif rate == "0" and not (ours or theirs):
            return
        elif theirs is None:
            yield Difference(figure=figure, ours=self._ours(ours or Decimal(0)), theirs=NOT_STATED)
        else:
            yield Difference(figure=figure, ours=NONE, theirs=self._theirs(theirs))

    def _differing(self, figure: str, ours: Decimal, theirs: Decimal) -> Iterator[Difference]:
        if ours != theirs:
            yield Difference(
                figure=figure,
                ours=self._ours(ours),
                theirs=self._theirs(theirs),
                by=self._by(ours, theirs),
            )

    def _by(self, ours: Decimal, theirs: Decimal) -> str:
        if self._echo.currency not in (None, self._expected.currency):
            return ""
        with exactly():
            size = self._written(abs(theirs - ours))
        return f"{size} {'more' if theirs > ours else 'less'}"

    def _ours(self, amount: Decimal) -> str:
        return f"{self._written(amount)} {self._expected.currency}"

    def _theirs(self, amount: Decimal) -> str:
        return f"{self._written(amount)} {self._echo.currency or self._expected.currency}"

    def _written(self, amount: Decimal) -> str:
        """With the currency's decimals, and with more where the amount has more."""
        usual = rounded(amount, self._expected.currency)
        return f"{usual:f}" if usual == amount else plain(amount)


def _by_rate(stated: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    with exactly():
        for rate, vat in stated:
            found[rate] += vat
    return dict(found)


def _rate(written: str) -> str:
    """Normalised; what is not a number is `?`, a rate we never have."""
    try:
        rate = Decimal(written)
    except InvalidOperation:
        return "?"
    return plain(rate) if rate.is_finite() else "?"


def _ascending(rate: str) -> Decimal:
    return Decimal("Infinity") if rate == "?" else Decimal(rate)

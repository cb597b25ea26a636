"""What may still be credited of one invoice: a ledger of its lines, allowances, charges and VAT.

Pure data and pure answers. Amounts are the document's own: with VAT where its prices contain it.
Four rules hold whatever is asked, by whomever, in whatever order:

- Of no line, and of no VAT rate, is more credited than was invoiced: in units, net, VAT or gross.
- The VAT of a credit is what the norm says of its own amounts (BR-CO-17), rounded as the provider
  rounds it.
- What is left can be credited by one more document. So credits that together take everything come
  to the invoice's own totals, to the cent.
- What a credit has reserved, and does not use, is there again.

**Rounding.** The VAT of two parts need not add up to the VAT of the whole. Where it would not, the
credit is so many cents larger or smaller that it does: the fewest, shown as an allowance or charge
(VAT per category) or in the line's price (VAT per line), and kept as what is left of that rate. An
amount that a person names is never changed: it is refused, with the nearest that can be credited.

**Lines.** A part of a line is worth its share of the line, with its own allowances and charges; the
last units take what rounding left. **Allowances of the document** go with the lines of their rate,
in proportion. **Charges of the document**, such as freight, stay until the rest is credited as a
whole, or by amount. **An amount at a VAT rate** belongs to no line, and lowers what is left of the
rate. What was **prepaid** has no part in any of it: it lowers what is due, not what was invoiced.
A **rounding** goes back with the whole alone.

A reservation that is given back may leave the rest a cent of VAT off what one document can state.
Then a credit of the whole rest takes all but a few cents, and the next one takes those. Where no
amount fits, the last one comes to the gross that is left, and its VAT is a cent more or less: seen
twice in thirty thousand tries of random credits, ended at random, where prices contain VAT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import JsonValue, StrictBool, StringConstraints, model_validator

from invoicing.document import (
    Code,
    Day,
    Document,
    Inconsistent,
    Positive,
    Text,
    Vat,
    VatCategory,
)
from invoicing.errors import FieldProblem
from invoicing.lengths import Length
from invoicing.model import Recorded, Typed
from invoicing.money import Number, added, exactly, percentage, plain, rounded, vat_inside
from invoicing.request import Goal, InvoiceRequest, Options
from invoicing.state.invoice import Instruction, Invoice
from invoicing.totals import Totals, VatRounding, totals
from invoicing.values import MOST_LINES

MOST_RATES = 100
"""Amounts of one credit, each at a rate of its own."""

CreditName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$")]


class CreditedLine(Typed):
    """So many units of a line; left out, all that are left of it. Units of a return count as they
    do on its line, without the minus sign."""

    id: Code
    quantity: Positive | None = None


class CreditedAmount(Typed):
    """An amount at one VAT rate that belongs to no line, such as goodwill."""

    category: VatCategory = VatCategory.STANDARD
    rate: Number
    amount: Positive
    """With VAT where the invoice's prices contain it, else without."""


class Credit(Instruction):
    """What one credit takes back: the whole of what is left, or lines and amounts.

    The same name again with the same content is the same credit. `reason` stands on the credit note
    as well (BT-22): the buyer reads it.
    """

    credit: CreditName
    reason: Text
    whole: StrictBool = False
    lines: Annotated[tuple[CreditedLine, ...], Length(MOST_LINES)] = ()
    amounts: Annotated[tuple[CreditedAmount, ...], Length(MOST_RATES)] = ()
    number: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """BT-1 of the credit note, where the caller numbers them."""
    issue_date: Day | None = None
    """Of the credit note; left out, the day in UTC on which it is asked for."""
    options: Options = {}
    """Added to the invoice's."""
    hold: StrictBool = False
    """Whether it waits for a release before anything irreversible."""
    goal: Goal | None = None
    """How far the credit note is to get: approved, sent or delivered; left out, as far as its
    invoice, where that can be seen of a credit note at all."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        wrong = []
        if self.goal in (Goal.DRAFTED, Goal.PAID):
            message = "of a credit note it is approved, sent or delivered"
            wrong.append(FieldProblem(field="goal", message=message))
        if self.whole == bool(self.lines or self.amounts):
            wrong.append(FieldProblem(field="whole", message="either that, or lines or amounts"))
        for field, names in (
            ("lines", [line.id for line in self.lines]),
            ("amounts", [(each.category, each.rate) for each in self.amounts]),
        ):
            wrong += [
                FieldProblem(field=f"{field}[{place}]", message="is named twice")
                for place, name in enumerate(names)
                if name in names[:place]
            ]
        if wrong:
            raise Inconsistent(wrong)
        return self


class NotLeft(Exception):
    """More than is left, or nothing; `problems` says of each what is left."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class Rate(NamedTuple):
    """A VAT category at a rate."""

    category: VatCategory
    rate: str

    def __str__(self) -> str:
        return f"{self.category} {self.rate} %"


class Part(Recorded):
    """What is left of one line, or of an allowance or charge of the document; or of a rate, apart
    from those: what rounding and credits by amount have left, mostly 0 or less."""

    id: str
    kind: Literal["line", "allowance", "charge", "rest"]
    category: VatCategory
    rate: str
    amount: Number
    """As it counts in the sum: that of an allowance is negative."""
    units: Number | None = None
    """Of a line, as its quantity: those of a return are negative."""

    @property
    def under(self) -> Rate:
        """Its rate."""
        return Rate(self.category, self.rate)

    @property
    def name(self) -> str:
        """What the document calls it: the line's own id."""
        return self.id.partition(" ")[2]


class Take(Recorded):
    """What a credit takes of one part."""

    part: str
    amount: Number
    units: Number | None = None


class Sums(Recorded):
    """Money of a credit, or what is left, in the invoice's currency."""

    net: Number = Decimal(0)
    vat: Number = Decimal(0)
    gross: Number = Decimal(0)


class Portion(Recorded):
    """What one credit takes, worked out: `document_of` writes it down."""

    takes: tuple[Take, ...]
    given: dict[str, Number] = {}
    """Of the takes from a rate's rest, what was named as an amount; the others are rounding."""
    vat: dict[str, Number]
    """The VAT of it, by what it is rounded over."""
    whole: bool
    """Whether it is the invoice as it stood, of which nothing had been credited."""
    sums: Sums


class Held(Recorded):
    """One credit in the ledger. Of what is credited for good only the sums are kept."""

    status: Literal["reserved", "credited"] = "reserved"
    portion: Portion | None = None
    sums: Sums


class LineLeft(Recorded):
    """What is left of a line."""

    id: str
    units: Number
    amount: Number


class RateLeft(Recorded):
    """What is left at a VAT rate."""

    category: VatCategory
    rate: str
    sums: Sums


class Left(Recorded):
    """What may still be credited; what is reserved for a credit under way is not in it."""

    currency: str
    lines: tuple[LineLeft, ...]
    rates: tuple[RateLeft, ...]
    sums: Sums

    def __str__(self) -> str:
        return f"{self.sums.gross} {self.currency} with VAT is left to credit"


class Requested(Recorded):
    """What an invoice's workflow answers to the query `request`: all that a credit must know."""

    request: InvoiceRequest
    """As it is asked for now: a person may have corrected its document."""
    invoice: Invoice
    """Without its lines."""
    rounding: VatRounding | None = None
    """None: it is not planned yet."""
    context: dict[str, JsonValue] = {}
    differs: bool = False
    """Whether the provider states other figures than were asked for."""
    credited_before: tuple[str, ...] = ()
    """Credit notes of it that the register knows of from a life that Temporal has forgotten."""
    reference_taken: bool = False
    """Whether the register refused it, for its reference stands for something else."""


class CreditLedger(Recorded):
    """What is left of one invoice. Each change returns a new ledger."""

    currency: str
    rounding: VatRounding
    prices_include_vat: bool
    parts: tuple[Part, ...]
    vat: dict[str, Number]
    """The VAT left, by what it is rounded over: each rate, or each part."""
    held: dict[str, Held] = {}
    """Every credit, by name."""

    @classmethod
    def of(cls, document: Document, rounding: VatRounding) -> Self:
        """Everything is left."""
        parts = _parts(document)
        empty = cls(
            currency=document.currency,
            rounding=rounding,
            prices_include_vat=document.prices_include_vat,
            parts=parts,
            vat={},
        )
        with exactly():
            sums = empty.by_pot(parts, [part.amount for part in parts])
            rates = {empty.pot(part): part.under for part in parts}
            vat = {pot: empty.vat_of(amount, rates[pot]) for pot, amount in sums.items()}
        return empty.model_copy(update={"vat": vat})

    @property
    def left(self) -> Left:
        """What may still be credited."""
        with exactly():
            sums = self._sums_left()
        return Left(
            currency=self.currency,
            lines=tuple(
                LineLeft(id=part.name, units=abs(part.units), amount=part.amount)
                for part in self.parts
                if part.units is not None
            ),
            rates=tuple(
                RateLeft(category=each.category, rate=each.rate, sums=sums[each]) for each in sums
            ),
            sums=Sums(
                net=added((each.net for each in sums.values()), self.currency),
                vat=added((each.vat for each in sums.values()), self.currency),
                gross=added((each.gross for each in sums.values()), self.currency),
            ),
        )

    @property
    def credited(self) -> Decimal:
        """What is credited for good, with VAT."""
        final = (each.sums.gross for each in self.held.values() if each.status == "credited")
        return added(final, self.currency)

    @property
    def nothing_left(self) -> bool:
        """Whether everything is credited or reserved."""
        return not any(part.amount for part in self.parts)

    def reserve(self, name: str, portion: Portion) -> Self:
        """Take it for a credit under way. It must have been worked out of this ledger."""
        held = {**self.held, name: Held(portion=portion, sums=portion.sums)}
        return self._moved(portion, -1, held)

    def release(self, name: str) -> Self:
        """The credit came to nothing: what it had reserved is there again."""
        held = self.held.get(name)
        if held is None or held.portion is None:
            return self
        others = {other: each for other, each in self.held.items() if other != name}
        return self._moved(held.portion, 1, others)

    def book(self, name: str) -> Self:
        """The credit is final: what it had reserved is credited for good."""
        held = self.held.get(name)
        if held is None or held.portion is None:
            return self
        credited = Held(status="credited", sums=held.sums)
        return self.model_copy(update={"held": {**self.held, name: credited}})

    def _moved(self, portion: Portion, sign: int, held: Mapping[str, Held]) -> Self:
        taken = {take.part: take for take in portion.takes}
        with exactly():
            parts = tuple(
                _with(part, taken[part.id], sign) if part.id in taken else part
                for part in self.parts
            )
            vat = {
                pot: amount + sign * portion.vat.get(pot, Decimal(0))
                for pot, amount in self.vat.items()
            }
        return self.model_copy(update={"parts": parts, "vat": vat, "held": dict(held)})

    # How VAT is rounded

    def pot(self, part: Part) -> str:
        """What the VAT of a part is rounded over."""
        return part.id if self.rounding == "line" else rest_of(part.under)

    def by_pot(self, parts: Sequence[Part], amounts: Sequence[Decimal]) -> dict[str, Decimal]:
        """The sums over which VAT is rounded, of these amounts of these parts."""
        sums: dict[str, Decimal] = {}
        nothing = rounded(Decimal(0), self.currency)
        for part, amount in zip(parts, amounts, strict=True):
            sums[self.pot(part)] = sums.get(self.pot(part), nothing) + amount
        return sums

    def vat_of(self, amount: Decimal, under: Rate) -> Decimal:
        """The VAT on an amount, or in it where prices contain it."""
        of = vat_inside if self.prices_include_vat else percentage
        return of(amount, Decimal(under.rate), self.currency)

    def sums(self, amount: Decimal, vat: Decimal) -> Sums:
        """An amount and its VAT as net, VAT and gross."""
        net = amount - vat if self.prices_include_vat else amount
        return Sums(net=net, vat=vat, gross=net + vat)

    def _sums_left(self) -> dict[Rate, Sums]:
        amounts: dict[Rate, Decimal] = {}
        vats: dict[Rate, Decimal] = {}
        pots = set[str]()
        nothing = rounded(Decimal(0), self.currency)
        for part in self.parts:
            under, pot = part.under, self.pot(part)
            amounts[under] = amounts.get(under, nothing) + part.amount
            more = nothing if pot in pots else self.vat[pot]
            vats[under] = vats.get(under, nothing) + more
            pots.add(pot)
        return {under: self.sums(amounts[under], vats[under]) for under in amounts}


def rest_of(under: Rate) -> str:
    """The id of what is left of a rate apart from lines, allowances and charges."""
    return f"rest {under}"


def rounding_of(document: Document, made: Totals) -> VatRounding:
    """How the provider rounds the VAT of this document, by the totals that were planned for it."""
    if made.rounding is not None:
        return made.rounding
    if document.vat_rounding is not None:
        return document.vat_rounding
    return "category" if totals(document, "category").vat_rows == made.vat_rows else "line"


def _parts(document: Document) -> tuple[Part, ...]:
    amounts = document.amounts()
    parts = [
        _part(f"line {line.id}", "line", line.vat, each.amount, line.quantity)
        for line, each in zip(document.lines, amounts.lines, strict=True)
    ]
    parts += [
        _part(f"allowance {place}", "allowance", each.vat, -amounts.of(each))
        for place, each in enumerate(document.allowances)
    ]
    parts += [
        _part(f"charge {place}", "charge", each.vat, amounts.of(each))
        for place, each in enumerate(document.charges)
    ]
    nothing = rounded(Decimal(0), document.currency)
    parts += [
        Part(
            id=rest_of(under),
            kind="rest",
            category=under.category,
            rate=under.rate,
            amount=nothing,
        )
        for under in dict.fromkeys(part.under for part in parts)
    ]
    return tuple(parts)


def _part(
    identity: str,
    kind: Literal["line", "allowance", "charge"],
    vat: Vat,
    amount: Decimal,
    units: Decimal | None = None,
) -> Part:
    return Part(
        id=identity,
        kind=kind,
        category=vat.category,
        rate=plain(vat.rate),
        amount=amount,
        units=units,
    )


def _with(part: Part, take: Take, sign: int) -> Part:
    units = part.units
    if units is not None:
        units = units + sign * (take.units or 0)
    return part.model_copy(update={"amount": part.amount + sign * take.amount, "units": units})

"""Orders, their lines and invoices as Riverty's accounting core keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from sandbox.kit.accounts import Part, Stated, of_lines
from sandbox.riverty.forms import Json
from sandbox.riverty.words import Kind, VatPer


@dataclass(frozen=True)
class Heard:
    """A fault of the stand-in's own that struck a request."""

    key: str | None
    seconds: float


CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Objection:
    """One entry of `errorDetails`."""

    field: str
    why: str
    given: str | None = None

    @classmethod
    def empty(cls, name: str) -> Objection:
        """A mandatory field without content."""
        return cls(name, f"Field {name} must not be empty.")

    def described(self) -> Json:
        """As it stands in the notification; the mixed spelling is the provider's."""
        given = {} if self.given is None else {"providedValue": self.given}
        return {"fieldName": self.field, **given, "ErrorDescription": self.why}


@dataclass(eq=False)
class Submission:
    """One request that the gateway has taken; nobody has judged it while `objections` is None."""

    kind: Kind
    business: str
    customer: str
    order: str
    body: Json
    transaction: str
    request: str | None
    in_turn: bool
    """Whether its order was confirmed when it came in."""
    told: Mapping[str, Heard]
    objections: Sequence[Objection] | None = None

    @property
    def invoice(self) -> str | None:
        """The invoice it names."""
        return self.body.get("invoiceReference")

    @property
    def items(self) -> list[Json]:
        """What it says about lines."""
        items: list[Json] = self.body["items"]
        return items

    @property
    def numbers(self) -> list[int]:
        """The lines it names."""
        return [item["orderItemReference"] for item in self.items]


@dataclass
class Line:
    """One position of an order; `asked` is what the caller wrote, as far as the core kept it."""

    asked: Json
    vat_per: VatPer = "unit"
    skew: Decimal = Decimal(0)
    status: Literal["open", "invoiced", "cancelled"] = "open"
    invoice: str | None = None
    returned: Decimal = Decimal(0)
    """Pieces that came back."""
    credited: Decimal = Decimal(0)
    """Gross, by returns and goodwills."""

    @property
    def number(self) -> int:
        """Its orderItemReference."""
        number: int = self.asked["orderItemReference"]
        return number

    @property
    def gross(self) -> Decimal:
        """What it comes to, VAT included."""
        return worth(self.asked) + self.skew

    @property
    def vat(self) -> Decimal:
        """The VAT in it."""
        return included(self.asked, self.vat_per)


@dataclass
class Order:
    """One order that the core has accepted."""

    asked: Json
    business: str
    customer: str
    lines: list[Line]

    @property
    def reference(self) -> str:
        """The caller's name for it."""
        reference: str = self.asked["orderReference"]
        return reference

    @property
    def gross(self) -> Decimal:
        """Of all its lines."""
        return sum((line.gross for line in self.lines), Decimal(0))

    def line(self, number: int) -> Line | None:
        """The line with this orderItemReference."""
        return next((line for line in self.lines if line.number == number), None)

    def named(self, submission: Submission) -> list[Line]:
        """The lines that a request names."""
        return [line for line in self.lines if line.number in submission.numbers]


@dataclass
class Invoice:
    """One invoice that the core has accepted."""

    asked: Json
    order: Order
    lines: list[Line]
    paid: Decimal = Decimal(0)
    document: str | None = None
    """The id of its document, once that is rendered."""

    @property
    def reference(self) -> str:
        """Its number, which the caller gave it."""
        reference: str = self.asked["invoiceReference"]
        return reference

    @property
    def gross(self) -> Decimal:
        """What it comes to, VAT included."""
        return sum((line.gross for line in self.lines), Decimal(0))

    @property
    def vat(self) -> Decimal:
        """The VAT in it."""
        return sum((line.vat for line in self.lines), Decimal(0))

    @property
    def credited(self) -> Decimal:
        """What returns and goodwills have taken off it."""
        return sum((line.credited for line in self.lines), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        """Still to be paid; below zero there is something to refund."""
        return self.gross - self.credited - self.paid


def stated(invoice: Invoice) -> Stated:
    """What it states, for the ledger."""
    return of_lines([(_part(line.asked, line.gross, line.vat), line.vat) for line in invoice.lines])


def credited(items: Sequence[Json], order: Order) -> Stated:
    """What a return or a goodwill states, for the ledger."""
    return of_lines([_credited(item, order) for item in items])


def _credited(item: Json, order: Order) -> tuple[Part, Decimal]:
    line = order.line(item["orderItemReference"])
    vat = included(item, line.vat_per if line else "unit")
    described = item | {"description": line.asked["description"] if line else ""}
    return _part(described, worth(item), vat), vat


def _part(asked: Json, gross: Decimal, vat: Decimal) -> Part:
    quantity, rate = Decimal(asked["quantity"]), Decimal(asked["vatPercent"])
    name = str(asked["orderItemReference"])
    return Part(name, asked["description"], quantity, rate, gross - vat)


def included(item: Json, vat_per: VatPer) -> Decimal:
    """The VAT in so many pieces."""
    pieces = Decimal(item["quantity"]) if vat_per == "unit" else Decimal(1)
    return cents(Decimal(item["vatAmount"]) * pieces)


def worth(item: Json) -> Decimal:
    """Gross, to the cent, of so many pieces at their price."""
    return cents(Decimal(item["grossUnitPrice"]) * Decimal(item["quantity"]))

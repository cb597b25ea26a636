"""One sales invoice as Mollie keeps it, what it adds up to, and how it looks on the wire."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from sandbox.kit.accounts import Part, Rates, Stated, Taxed, added, skewed
from sandbox.mollie.forms import Json, minor, wrong
from sandbox.mollie.words import Rounding

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Figures:
    """What an invoice adds up to; the first two without VAT."""

    subtotal: Decimal
    """Before any discount."""
    discounted: Decimal
    vat: Decimal
    rates: Rates

    @property
    def total(self) -> Decimal:
        """With VAT, after discounts."""
        return self.discounted + self.vat


@dataclass(frozen=True)
class _Part:
    """One line, or all lines of one rate, in the prices as given: with VAT or without it."""

    rate: Decimal
    before: Decimal
    after: Decimal


@dataclass
class Invoice:
    """One invoice as it is stored; `asked` holds the fields of the caller."""

    asked: Json
    mode: str
    profile: str
    rounding: Rounding
    reference: str | None = None
    status: str = "draft"
    e_invoice: str | None = None
    """The second axis: issuing, issued or failed; None unless it is an e-invoice and issued."""
    number: str | None = None
    paid: Decimal = Decimal(0)
    """What was received for it and not charged back."""
    refunded: Decimal = Decimal(0)
    skew: Decimal = Decimal(0)
    """By how much its amounts are wrong, because a test said so."""
    mailed: bool = False
    rendered: bool = False
    """Whether its PDF is there."""
    links: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    """What its page and its PDF are found under, by whoever was given the link."""
    issued_at: datetime | None = None
    paid_at: datetime | None = None
    due: list[Callable[[], None]] = field(default_factory=list)
    """What Mollie still has to do with it, oldest first."""
    id: str = field(
        default_factory=lambda: "invoice_" + "".join(secrets.choice(_LETTERS) for _ in range(21))
    )
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def currency(self) -> str:
        """The one currency of its lines."""
        return str(self.asked["lines"][0]["unitPrice"]["currency"])

    @property
    def figures(self) -> Figures:
        """What it adds up to, now."""
        exact = figures(self.asked, self.rounding)
        skewed = {name: getattr(exact, name) + self.skew for name in ("subtotal", "discounted")}
        return replace(exact, **skewed)

    @property
    def total(self) -> Decimal:
        """With VAT."""
        return self.figures.total

    @property
    def standing(self) -> bool:
        """Whether no credit note has taken it back."""
        return self.status != "cancelled"

    @property
    def remaining(self) -> Decimal:
        """Still to be paid; nothing once it is cancelled (I)."""
        return max(self.total - self.paid, Decimal(0)) if self.standing else Decimal(0)

    @property
    def due_at(self) -> datetime | None:
        """When the payment term ends; unknown until it is issued."""
        days = int((self.asked.get("paymentTerm") or "30 days").split()[0])
        return None if self.issued_at is None else self.issued_at + timedelta(days=days)


def figures(asked: Json, rounding: Rounding) -> Figures:
    """What these lines add up to, each step rounded half up to the smallest unit of the currency.

    None of this is documented beyond one example with one line (89.00 and 21 % are 107.69): (U).
    Chosen here: a discount on a line applies to quantity times price, a discount on the invoice is
    spread over the lines in proportion, both in the prices as given. VAT is taken from what is left
    per line or, as electronic invoices must have it, from the sum of each rate.

    Raises:
        Problem: a discount exceeds what it is taken from.
    """
    unit = minor(asked["lines"][0]["unitPrice"]["currency"])
    parts = [_priced(index, line, unit) for index, line in enumerate(asked["lines"])]
    parts = _spread(parts, asked.get("discount"), unit)
    if rounding == "rate":
        parts = _by_rate(parts)
    inclusive = asked.get("vatMode") == "inclusive"
    taxes = [_tax(part.after, part.rate, unit, inclusive=inclusive) for part in parts]
    earlier = [_tax(part.before, part.rate, unit, inclusive=inclusive) for part in parts]
    within, once = (taxes, earlier) if inclusive else ([Decimal(0)], [Decimal(0)])
    before, after = _sum(part.before for part in parts), _sum(part.after for part in parts)
    rates = added(
        {part.rate: Taxed(part.after - (tax if inclusive else 0), tax)}
        for part, tax in zip(parts, taxes, strict=True)
    )
    return Figures(before - _sum(once), after - _sum(within), _sum(taxes), rates)


def stated(invoice: Invoice) -> Stated:
    """What it states, for the ledger; of lines without the discount on the whole."""
    parts = tuple(_part(invoice, index) for index, _ in enumerate(invoice.asked["lines"]))
    return Stated(parts, skewed(invoice.figures.rates, invoice.skew))


def _part(invoice: Invoice, index: int) -> Part:
    line, unit = invoice.asked["lines"][index], minor(invoice.currency)
    priced = _priced(index, line, unit)
    inclusive = invoice.asked.get("vatMode") == "inclusive"
    within = _tax(priced.after, priced.rate, unit, inclusive=True) if inclusive else Decimal(0)
    quantity, net = Decimal(line["quantity"]), priced.after - within
    return Part(str(index + 1), line["description"], quantity, priced.rate, net)


def _priced(index: int, line: Json, unit: Decimal) -> _Part:
    before = line["quantity"] * Decimal(line["unitPrice"]["value"])
    off = _off(before, line.get("discount"), unit)
    if off > before:
        wrong(f"lines.{index}.discount.value", "A discount should not exceed its line")
    return _Part(Decimal(line["vatRate"]), before, before - off)


def _off(amount: Decimal, discount: Json | None, unit: Decimal) -> Decimal:
    if discount is None:
        return Decimal(0)
    value = Decimal(discount["value"])
    return value if discount["type"] == "amount" else _rounded(amount * value / 100, unit)


def _spread(parts: Sequence[_Part], discount: Json | None, unit: Decimal) -> list[_Part]:
    """Take a discount on the whole invoice from its lines, to the last cent."""
    total = _sum(part.after for part in parts)
    off = _off(total, discount, unit)
    if off > total:
        wrong("discount.value", "A discount should not exceed the invoice")
    taken = seen = Decimal(0)
    left = []
    for part in parts:
        seen += part.after
        # Rounding what was taken so far, not each share, makes the shares add up.
        share = _rounded(off * seen / total, unit) - taken if off else Decimal(0)
        taken += share
        left.append(replace(part, after=part.after - share))
    return left


def _by_rate(parts: Sequence[_Part]) -> list[_Part]:
    return [
        _Part(
            rate,
            _sum(part.before for part in parts if part.rate == rate),
            _sum(part.after for part in parts if part.rate == rate),
        )
        for rate in dict.fromkeys(part.rate for part in parts)
    ]


def _tax(amount: Decimal, rate: Decimal, unit: Decimal, *, inclusive: bool) -> Decimal:
    return _rounded(amount * rate / (100 + rate if inclusive else 100), unit)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _rounded(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, ROUND_HALF_UP)


def money(amount: Decimal, currency: str) -> Json:
    """An amount on the wire."""
    value = format(_rounded(amount, minor(currency)), "f")
    return {"currency": currency, "value": value}


def moment(at: datetime | None) -> str | None:
    """A date and time on the wire."""
    return None if at is None else at.isoformat(timespec="seconds")


def invoice_dto(invoice: Invoice, status: str, base: str) -> Json:
    """The invoice as Mollie shows it.

    Args:
        invoice: which one.
        status: the word for its state.
        base: where the API is, for the links.
    """
    asked = invoice.asked
    return {
        "resource": "sales-invoice",
        "id": invoice.id,
        "profileId": invoice.profile,
        "mode": invoice.mode,
        "invoiceNumber": invoice.number,
        "status": status,
        "isEInvoice": bool(asked.get("isEInvoice")),
        "vatScheme": asked.get("vatScheme") or "standard",
        "vatMode": asked.get("vatMode") or "exclusive",
        "memo": asked.get("memo"),
        "metadata": asked.get("metadata"),
        "paymentTerm": asked.get("paymentTerm") or "30 days",
        # One object in the request, a list in the answer.
        "paymentDetails": [asked["paymentDetails"]] if asked.get("paymentDetails") else [],
        "emailDetails": asked.get("emailDetails"),
        "recipientIdentifier": asked["recipientIdentifier"],
        # The locale is written, never shown.
        "recipient": {n: given for n, given in asked["recipient"].items() if n != "locale"},
        "lines": asked["lines"],
        "discount": asked.get("discount"),
        **_totals(invoice),
        "createdAt": moment(invoice.created_at),
        "issuedAt": moment(invoice.issued_at),
        "paidAt": moment(invoice.paid_at),
        "dueAt": moment(invoice.due_at),
        **_present(invoice),
        "_links": _links(invoice, base),
    }


def _present(invoice: Invoice) -> Json:
    """What the document does not let be null: absent where there is none."""
    given = {"eInvoiceStatus": invoice.e_invoice}
    given |= {name: invoice.asked.get(name) for name in ("customerId", "mandateId")}
    return {name: value for name, value in given.items() if value is not None}


def _totals(invoice: Invoice) -> Json:
    figures, currency = invoice.figures, invoice.currency
    return {
        "amountDue": money(invoice.remaining, currency),
        "subtotalAmount": money(figures.subtotal, currency),
        "totalAmount": money(figures.total, currency),
        "totalVatAmount": money(figures.vat, currency),
        "discountedSubtotalAmount": money(figures.discounted, currency),
    }


def _links(invoice: Invoice, base: str) -> Json:
    links = {"self": link(f"{base}/v2/sales-invoices/{invoice.id}")}
    page = f"{base}/invoices/{invoice.links}"
    if invoice.issued_at is not None:
        links["invoicePayment"] = link(page, "text/html")
    if invoice.rendered:
        links["pdfLink"] = link(f"{page}/pdf", "application/pdf")
    links["documentation"] = link(
        "https://docs.mollie.com/reference/get-sales-invoice", "text/html"
    )
    return links


def link(href: str, kind: str = "application/hal+json") -> Json:
    """A link as HAL has it."""
    return {"href": href, "type": kind}

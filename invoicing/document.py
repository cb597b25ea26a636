"""The neutral invoice, in the vocabulary of EN 16931 (the BT- and BG- numbers are that norm's).

It says what is invoiced, to whom, for how much. It carries no provider's field: what only one
provider has goes into `InvoiceRequest.options`.

Rules that span its fields stand in `rules.py`, those of VAT in `vat.py`, what one field may hold in
`fields.py`. A mistake never repeats what was typed: it may be somebody's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    ModelWrapValidatorHandler,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic_extra_types.country import CountryAlpha2

from invoicing import rules
from invoicing.attachment import MOST_ATTACHMENTS, StoredFile, SupportingDocument
from invoicing.errors import FieldProblem
from invoicing.fields import (
    Bic,
    Code,
    Day,
    Email,
    Iban,
    Means,
    Name,
    NotNegative,
    NotZero,
    Percent,
    Positive,
    Text,
    Unit,
    VatNumber,
)
from invoicing.inconsistent import Inconsistent, refuse
from invoicing.known import Known
from invoicing.lengths import Length
from invoicing.model import Typed
from invoicing.money import (
    Currency,
    Number,
    added,
    exactly,
    nothing,
    percentage,
    priced,
    rounded,
)
from invoicing.values import (
    MOST_ADJUSTMENTS,
    MOST_ADJUSTMENTS_IN_ALL,
    MOST_IDENTIFIERS,
    MOST_LINES,
    MOST_NOTES,
    MOST_PRECEDENTS,
    readable,
)
from invoicing.vat import Vat, VatCategory

__all__ = [
    "Address",
    "Adjustment",
    "Bic",
    "Code",
    "Contact",
    "Day",
    "Delivery",
    "Document",
    "DocumentAdjustment",
    "DocumentAmounts",
    "Email",
    "Iban",
    "Identifier",
    "Inconsistent",
    "Line",
    "LineAmounts",
    "Name",
    "NotNegative",
    "Party",
    "Payment",
    "Percent",
    "Period",
    "Positive",
    "Precedent",
    "StoredFile",
    "SupportingDocument",
    "Text",
    "Vat",
    "VatAccounting",
    "VatCategory",
    "VatNumber",
]
"""A document and all it is made of: who reads or writes one finds the words here."""


class Period(Typed):
    """BG-14, BG-26: first and last day, both included."""

    start: Day
    end: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise Inconsistent([FieldProblem(field="end", message="is before start")])
        return self


class Identifier(Typed):
    """A value under a scheme, such as 0208 for Belgian enterprise numbers.

    Schemes are of ISO 6523, those of electronic addresses of EAS. An electronic address and a
    standard item must name theirs (BR-62 to BR-64).
    """

    value: Name
    scheme: Code | None = None


class Address(Typed):
    """BG-5, BG-8."""

    street: Name | None = None
    additional: Name | None = None
    city: Name | None = None
    postal_code: (
        Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(readable)]
        | None
    ) = None
    region: Name | None = None
    country: CountryAlpha2


class Contact(Typed):
    """BG-6, BG-9."""

    name: Name | None = None
    phone: Code | None = None
    email: Email | None = None


class Party(Typed):
    """BG-4 seller, BG-7 buyer, BG-10 payee."""

    name: Name
    trading_name: Name | None = None
    given_name: Name | None = None
    family_name: Name | None = None
    type: Literal["business", "consumer"] = "business"
    vat_number: VatNumber | None = None
    registration: Identifier | None = None
    identifiers: Annotated[tuple[Identifier, ...], Length(MOST_IDENTIFIERS)] = ()
    electronic_address: Identifier | None = None
    account_number: Code | None = None
    """The seller's own number for this buyer, where the provider keeps one."""
    address: Address | None = None
    contact: Contact | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] | None = None


class Adjustment(Typed):
    """BG-27, BG-28 on a line, BG-20, BG-21 on the document: an amount or a percentage, not both.

    The norm wants a reason or its code (UNCL 5189 for allowances, UNCL 7161 for charges). Where
    neither is given, an adaptor that has to say one says that it is an allowance, or a charge.
    """

    amount: NotNegative | None = None
    percent: Percent | None = None
    reason: Name | None = None
    reason_code: Code | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.amount is None) == (self.percent is None):
            raise ValueError("give either amount or percent")
        return self

    def of(self, base: Decimal, currency: str) -> Decimal:
        """The amount, rounded: as given, or the percentage of `base`."""
        if self.percent is None:
            return rounded(self.amount or Decimal(0), currency)
        return percentage(base, self.percent, currency)


class DocumentAdjustment(Adjustment):
    """BG-20, BG-21: on the document, so it names its own VAT.

    A percentage is of the lines with that VAT; see `Document.amount_of`.
    """

    vat: Vat


class LineAmounts(NamedTuple):
    """What a line comes to, each figure rounded to the currency's minor unit."""

    price: Decimal
    lowered: Decimal
    """By its allowances together."""
    amount: Decimal


class Line(Typed):
    """BG-25. The unit price (BT-146) is per `base_quantity` units, before allowances.

    A negative quantity is a return: the line counts as the exact opposite of its purchase.
    """

    id: Code
    name: Name
    description: Text | None = None
    quantity: NotZero
    unit: Unit = "C62"
    """BT-130, UN/ECE Recommendation 20: C62 is one piece, KWH, DAY, MTR, LTR …"""
    unit_price: NotNegative
    base_quantity: Positive = Decimal(1)
    allowances: Annotated[tuple[Adjustment, ...], Length(MOST_ADJUSTMENTS)] = ()
    charges: Annotated[tuple[Adjustment, ...], Length(MOST_ADJUSTMENTS)] = ()
    vat: Vat
    period: Period | None = None
    note: Text | None = None
    seller_item_id: Name | None = None
    buyer_item_id: Name | None = None
    standard_item_id: Identifier | None = None
    order_line: Name | None = None
    """BT-132, the line of the purchase order this one refers to."""
    accounting_reference: Name | None = None

    def price(self, currency: str) -> Decimal:
        """Quantity × unit price / base quantity, rounded; before allowances and charges."""
        return priced(self.quantity, self.unit_price, self.base_quantity, currency)

    def amount(self, currency: str) -> Decimal:
        """The price less the allowances plus the charges, each rounded (BT-131)."""
        return self.amounts(currency).amount

    def amounts(self, currency: str) -> LineAmounts:
        """The same with what it is made of, each computed once."""
        price = self.price(currency)
        if not (self.allowances or self.charges):
            return LineAmounts(price, nothing(currency), price)
        with exactly():
            lowered = added((one.of(price, currency) for one in self.allowances), currency)
            raised = added((one.of(price, currency) for one in self.charges), currency)
            return LineAmounts(price, lowered, added((price, -lowered, raised), currency))


class Delivery(Typed):
    """BG-13."""

    actual_date: Day | None = None
    """BT-72."""
    party_name: Name | None = None
    location: Identifier | None = None
    address: Address | None = None


class Payment(Typed):
    """BG-16: how the buyer should pay. `means` is UNCL4461: 30 credit transfer, 59 SEPA debit."""

    means: Means | None = None
    reference: Name | None = None
    iban: Iban | None = None
    bic: Bic | None = None
    account_name: Name | None = None
    mandate: Name | None = None
    terms: Text | None = None


class Precedent(Typed):
    """BG-3: an earlier invoice this document refers to, as a credit note must."""

    number: Name
    issue_date: Day | None = None


class VatAccounting(Typed):
    """BT-6, BT-111: the VAT of the whole in the currency in which the seller accounts for it, where
    that is not the document's. At which rate it was found is the seller's to know."""

    currency: Currency
    vat: Number


class Document(Typed):
    """BG-0. Amounts are in `currency`; everything else is what the parties agreed.

    The amounts of a credit note are positive: its type says which way the money goes.
    """

    type: Literal["invoice", "credit_note"] = "invoice"
    number: (
        Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(readable)]
        | None
    ) = None
    """BT-1, when the caller numbers its invoices; left out, the provider numbers this one."""
    currency: Currency
    issue_date: Day
    due_date: Day | None = None
    tax_point_date: Day | None = None
    period: Period | None = None
    seller: Party | None = None
    """Left out where the provider's account already is the seller."""
    buyer: Party
    payee: Party | None = None
    delivery: Delivery | None = None
    payment: Payment | None = None
    notes: Annotated[tuple[Text, ...], Length(MOST_NOTES)] = ()
    buyer_reference: Name | None = None
    purchase_order: Name | None = None
    sales_order: Name | None = None
    contract: Name | None = None
    project: Name | None = None
    accounting_reference: Name | None = None
    precedents: Annotated[tuple[Precedent, ...], Length(MOST_PRECEDENTS)] = ()
    lines: Annotated[tuple[Line, ...], Length(MOST_LINES, least=1)]
    allowances: Annotated[tuple[DocumentAdjustment, ...], Length(MOST_ADJUSTMENTS)] = ()
    charges: Annotated[tuple[DocumentAdjustment, ...], Length(MOST_ADJUSTMENTS)] = ()
    prices_include_vat: StrictBool = False
    """Whether every price, allowance and charge of the document contains its VAT."""
    vat_rounding: Literal["line", "category"] | None = None
    """Where VAT is rounded; left out, as the provider does it."""
    prepaid: NotNegative = Decimal(0)
    """BT-113, already paid; lowers the amount due, not the totals. At most the whole, rounded."""
    rounding: Number = Decimal(0)
    """BT-114, what makes the whole a sum that can be paid in cash or in whole kronor: added to the
    amount due, or below zero taken from it. VAT and totals stay as they are."""
    vat_accounting: VatAccounting | None = None
    attachments: Annotated[tuple[SupportingDocument, ...], Length(MOST_ATTACHMENTS)] = ()
    """BG-24: what supports it, as files in the store or at addresses."""

    @model_validator(mode="before")
    @classmethod
    def _adjusted_within_bounds(cls, given: Any) -> Any:
        """Counted before a single one is looked at."""
        count = _adjustments_in(given)
        if count > MOST_ADJUSTMENTS_IN_ALL:
            message = (
                f"have {count} allowances and charges with those of the document, "
                f"at most {MOST_ADJUSTMENTS_IN_ALL}"
            )
            raise Inconsistent([FieldProblem(field="lines", message=message)])
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        with exactly():
            amounts = self.amounts()
            refuse(rules.broken(self, amounts))
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _known_again(
        cls, given: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        return info.context.read(given, read) if isinstance(info.context, Known) else read(given)

    def amounts(self) -> DocumentAmounts:
        """What every line comes to, computed now and once. Nothing of it is kept in the document.

        A caller that needs the amount of more than one line or adjustment asks here.
        """
        lines = tuple(line.amounts(self.currency) for line in self.lines)
        by_vat: dict[_VatKey, Decimal] = {}
        with exactly():
            for line, amounts in zip(self.lines, lines, strict=True):
                key = _key(line.vat)
                by_vat[key] = by_vat.get(key, nothing(self.currency)) + amounts.amount
        return DocumentAmounts(self.currency, lines, by_vat)

    def amount_of(self, adjustment: DocumentAdjustment) -> Decimal:
        """What one of the document's own adjustments comes to, rounded. Looks at every line: of
        several adjustments ask `amounts`."""
        return self.amounts().of(adjustment)


_VatKey = tuple[VatCategory, Decimal]


def _key(vat: Vat) -> _VatKey:
    """Equal for two that are the `same`."""
    return vat.category, vat.rate


class DocumentAmounts(NamedTuple):
    """What the lines of a document come to, in their order and by VAT."""

    currency: str
    lines: tuple[LineAmounts, ...]
    by_vat: Mapping[_VatKey, Decimal]

    def of(self, adjustment: DocumentAdjustment) -> Decimal:
        """What one of the document's own adjustments comes to, rounded."""
        base = self.by_vat.get(_key(adjustment.vat), Decimal(0))
        return adjustment.of(base, self.currency)

    def taxed_as(self, vat: Vat) -> bool:
        """Whether there are lines with this VAT."""
        return _key(vat) in self.by_vat


def _adjustments_in(given: Any) -> int:
    """How many are listed in what was typed as a document, whatever else is wrong with it."""
    if not isinstance(given, dict):
        return 0
    lines = given.get("lines")
    if not isinstance(lines, list | tuple) or len(lines) > MOST_LINES:
        return 0  # which is refused for itself
    return sum(map(_listed, (given, *lines)))


def _listed(given: Any) -> int:
    if isinstance(given, dict):
        both = (given.get("allowances"), given.get("charges"))
    elif isinstance(given, Line):
        both = (given.allowances, given.charges)
    else:
        return 0
    return sum(len(each) for each in both if isinstance(each, list | tuple))

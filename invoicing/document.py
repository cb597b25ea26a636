"""The neutral invoice, in the vocabulary of EN 16931 (the BT- and BG- numbers are that norm's).

It says what is invoiced, to whom, for how much. It carries no provider's field: what only one
provider has goes into `InvoiceRequest.options`.

Rules that span fields stand at the end, one function each, named after the norm's rule where it has
one (BR-…). A mistake never repeats what was typed: it may be somebody's name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import chain, islice
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_extra_types.country import CountryAlpha2

from invoicing.errors import FieldProblem
from invoicing.lengths import MOST_PROBLEMS, Length
from invoicing.model import Typed
from invoicing.money import (
    MOST_DIGITS,
    Currency,
    Number,
    added,
    exactly,
    minor_units,
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
    MOST_WRITTEN,
    bic,
    day,
    email,
    iban,
    not_zero,
    readable,
    vat_number,
)

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(readable)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(readable)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=50), AfterValidator(readable)]
Day = Annotated[date, BeforeValidator(day)]
Written = Annotated[str, StringConstraints(max_length=MOST_WRITTEN)]
Email = Annotated[Written, AfterValidator(email)]
VatNumber = Annotated[Written, AfterValidator(vat_number)]
Iban = Annotated[Written, AfterValidator(iban)]
Bic = Annotated[Written, AfterValidator(bic)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
NotZero = Annotated[Number, AfterValidator(not_zero)]


class Inconsistent(ValueError):
    """Values that are each well written and do not go together.

    `problems` name the fields by their path from the model that was checked.
    """

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


class VatCategory(StrEnum):
    """BT-151, UNCL5305: why this rate applies."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"
    CANARY_ISLANDS = "L"
    CEUTA_MELILLA = "M"


_TAXED = (VatCategory.STANDARD, VatCategory.CANARY_ISLANDS, VatCategory.CEUTA_MELILLA)
_EXPLAINED = (
    VatCategory.EXEMPT,
    VatCategory.REVERSE_CHARGE,
    VatCategory.INTRA_COMMUNITY,
    VatCategory.EXPORT,
    VatCategory.OUTSIDE_SCOPE,
)


class Vat(Typed):
    """BG-30: category and rate in percent. Only S, L and M may have a rate above zero.

    The norm wants a reason for E, AE, K, G and O. All but E have one standard reason each, which an
    adaptor can fill in, so only E must bring its own.
    """

    category: VatCategory = VatCategory.STANDARD
    rate: Percent
    exemption_reason: Text | None = None
    exemption_code: Code | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _refuse(problem for rule in _VAT_RULES for problem in rule(self))
        return self

    def same(self, other: Vat) -> bool:
        """Whether both fall into one VAT row: the same category at the same rate."""
        return (self.category, self.rate) == (other.category, other.rate)


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
    """A value under a scheme (ISO 6523, EAS), such as 0208 for Belgian enterprise numbers."""

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
    """BG-27, BG-28 on a line, BG-20, BG-21 on the document: an amount or a percentage, not both."""

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
    unit: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")] = "C62"
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

    means: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")] | None = None
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
    """BT-113, already paid; lowers the amount due, not the totals."""

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
            _refuse(problem for rule in _DOCUMENT_RULES for problem in rule(self, amounts))
        return self

    def amounts(self) -> DocumentAmounts:
        """What every line comes to, computed now and once. Nothing of it is kept in the document.

        A caller that needs the amount of more than one line or adjustment asks here.
        """
        lines = tuple(line.amounts(self.currency) for line in self.lines)
        alike: defaultdict[_VatKey, list[Decimal]] = defaultdict(list)
        for line, amounts in zip(self.lines, lines, strict=True):
            alike[_key(line.vat)].append(amounts.amount)
        by_vat = {key: added(each, self.currency) for key, each in alike.items()}
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


_Problems = Iterator[FieldProblem]


def _refuse(problems: Iterable[FieldProblem]) -> None:
    if found := list(islice(problems, MOST_PROBLEMS)):
        raise Inconsistent(found)


def _rate_fits_category(vat: Vat) -> _Problems:
    """BR-S-05 and its sisters for Z, E, AE, K, G and O."""
    if vat.category is VatCategory.STANDARD and not vat.rate:
        yield FieldProblem(field="rate", message="must be more than 0 for category S; 0 % is Z")
    if vat.category not in _TAXED and vat.rate:
        yield FieldProblem(field="rate", message=f"must be 0 for category {vat.category}")


def _exemption_is_explained(vat: Vat) -> _Problems:
    """BR-E-10."""
    reasons = (vat.exemption_reason, vat.exemption_code)
    if vat.category is VatCategory.EXEMPT and reasons == (None, None):
        yield FieldProblem(
            field="exemption_reason", message="needed for category E, or an exemption_code"
        )


def _no_reason_without_exemption(vat: Vat) -> _Problems:
    """BR-S-10, BR-Z-10, BR-AF-10, BR-AG-10."""
    if vat.category in _EXPLAINED:
        return
    for field in ("exemption_reason", "exemption_code"):
        if getattr(vat, field) is not None:
            yield FieldProblem(field=field, message=f"has no place in category {vat.category}")


def _line_ids_differ(document: Document, _: DocumentAmounts) -> _Problems:
    """BT-126 identifies the line."""
    first: dict[str, int] = {}
    for index, line in enumerate(document.lines):
        if first.setdefault(line.id, index) != index:
            yield FieldProblem(
                field=f"lines[{index}].id", message=f"is that of lines[{first[line.id]}] too"
            )


def _due_after_issue(document: Document, _: DocumentAmounts) -> _Problems:
    if document.due_date and document.due_date < document.issue_date:
        yield FieldProblem(field="due_date", message="is before issue_date")


def _credit_note_names_its_invoice(document: Document, _: DocumentAmounts) -> _Problems:
    """BG-3: what is taken back must be known."""
    if document.type == "credit_note" and not document.precedents:
        yield FieldProblem(
            field="precedents", message="a credit note must name the invoice that it credits"
        )


def _buyer_is_taxed_instead(document: Document, _: DocumentAmounts) -> _Problems:
    """BR-AE-02 to 04, BR-IC-02 to 04: the buyer owes the VAT, so the buyer must be known by it."""
    if document.buyer.vat_number:
        return
    used = {vat.category for _, vat in _vats(document)}
    if VatCategory.INTRA_COMMUNITY in used:
        yield FieldProblem(field="buyer.vat_number", message="needed for VAT category K")
    if VatCategory.REVERSE_CHARGE in used and not document.buyer.registration:
        yield FieldProblem(
            field="buyer.vat_number", message="needed for VAT category AE, or a registration"
        )


def _outside_scope_stands_alone(document: Document, _: DocumentAmounts) -> _Problems:
    """BR-O-11 to 14: what is not subject to VAT is not mixed with what is."""
    vats = list(_vats(document))
    if all(vat.category is not VatCategory.OUTSIDE_SCOPE for _, vat in vats):
        return
    for path, vat in vats:
        if vat.category is not VatCategory.OUTSIDE_SCOPE:
            yield FieldProblem(
                field=f"{path}.vat.category", message="must be O, as elsewhere in this document"
            )


def _allowances_fit_the_line(document: Document, amounts: DocumentAmounts) -> _Problems:
    for index, line in enumerate(amounts.lines):
        if abs(line.lowered) > abs(line.price):
            yield FieldProblem(
                field=f"lines[{index}].allowances", message="come to more than the line itself"
            )


def _returns_adjust_by_percentage(document: Document, _: DocumentAmounts) -> _Problems:
    """An amount has no sign, so nobody could tell which way it moves a negative line."""
    returns = ((index, line) for index, line in enumerate(document.lines) if line.quantity < 0)
    for index, line in returns:
        for path, adjustment in _on_line(index, line):
            if adjustment.amount is not None:
                yield FieldProblem(
                    field=f"{path}.amount",
                    message="give a percent instead: the quantity is negative",
                )


def _percentage_is_of_something(document: Document, amounts: DocumentAmounts) -> _Problems:
    """A percentage of no line at all would be a silent 0.00."""
    for path, adjustment in _on_document(document):
        if adjustment.percent is not None and not amounts.taxed_as(adjustment.vat):
            yield FieldProblem(
                field=f"{path}.percent", message="is of the lines with this VAT; there are none"
            )


def _amounts_fit_the_currency(document: Document, _: DocumentAmounts) -> _Problems:
    """An amount of 0.001 EUR cannot be paid; unit prices may be finer."""
    for path, amount in _amounts(document):
        if amount != rounded(amount, document.currency):
            decimals = minor_units(document.currency)
            yield FieldProblem(
                field=path, message=f"{document.currency} has {decimals} decimals, not more"
            )


def _totals_fit_a_number(document: Document, amounts: DocumentAmounts) -> _Problems:
    """Bounded from above: nothing subtracted, all of it taxed at the highest rate there is."""
    sizes = [line.amount for line in amounts.lines]
    sizes += [amounts.of(adjustment) for _, adjustment in _on_document(document)]
    if 2 * added(map(abs, sizes), document.currency) + document.prepaid >= 10**MOST_DIGITS:
        yield FieldProblem(field="lines", message="come to an absurdly large amount")


def _on_line(index: int, line: Line) -> Iterator[tuple[str, Adjustment]]:
    for kind, adjustments in (("allowances", line.allowances), ("charges", line.charges)):
        for position, adjustment in enumerate(adjustments):
            yield f"lines[{index}].{kind}[{position}]", adjustment


def _on_document(document: Document) -> Iterator[tuple[str, DocumentAdjustment]]:
    for kind, adjustments in (("allowances", document.allowances), ("charges", document.charges)):
        for position, adjustment in enumerate(adjustments):
            yield f"{kind}[{position}]", adjustment


def _vats(document: Document) -> Iterator[tuple[str, Vat]]:
    for index, line in enumerate(document.lines):
        yield f"lines[{index}]", line.vat
    for path, adjustment in _on_document(document):
        yield path, adjustment.vat


def _amounts(document: Document) -> Iterator[tuple[str, Decimal]]:
    on_lines = (_on_line(index, line) for index, line in enumerate(document.lines))
    for path, adjustment in chain(*on_lines, _on_document(document)):
        if adjustment.amount is not None:
            yield f"{path}.amount", adjustment.amount
    yield "prepaid", document.prepaid


_VAT_RULES = (_rate_fits_category, _exemption_is_explained, _no_reason_without_exemption)

_DOCUMENT_RULES = (
    _line_ids_differ,
    _due_after_issue,
    _credit_note_names_its_invoice,
    _buyer_is_taxed_instead,
    _outside_scope_stands_alone,
    _allowances_fit_the_line,
    _returns_adjust_by_percentage,
    _percentage_is_of_something,
    _amounts_fit_the_currency,
    _totals_fit_a_number,
)

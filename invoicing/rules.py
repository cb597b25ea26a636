"""The rules that span fields of a document, one function each, named after the norm's rule where it
has one (BR-…). Each is asked once for a document, and looks at every line once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

from invoicing import attachment
from invoicing.codes import LISTS
from invoicing.errors import FieldProblem
from invoicing.money import MOST_DIGITS, added, minor_units, rounded
from invoicing.totals import BOTH_ROUNDINGS, gross, summed
from invoicing.vat import VatCategory

if TYPE_CHECKING:  # a document asks its rules
    from invoicing.document import (
        Adjustment,
        Document,
        DocumentAdjustment,
        DocumentAmounts,
        Identifier,
        Line,
        Party,
    )
    from invoicing.vat import Vat

_Problems = Iterator[FieldProblem]


def broken(document: Document, amounts: DocumentAmounts) -> _Problems:
    """Every rule that this document breaks; `amounts` are its own, computed once."""
    return (problem for rule in _DOCUMENT_RULES for problem in rule(document, amounts))


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


def _attachments_differ_and_fit(document: Document, _: DocumentAmounts) -> _Problems:
    return attachment.broken(document.attachments)


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


def _supply_within_the_union_is_delivered(document: Document, _: DocumentAmounts) -> _Problems:
    """BR-IC-11, BR-IC-12: when the goods went over the border, and into which country."""
    if all(vat.category is not VatCategory.INTRA_COMMUNITY for _, vat in _vats(document)):
        return
    delivery = document.delivery
    if not (document.period or (delivery and delivery.actual_date)):
        yield FieldProblem(
            field="delivery.actual_date", message="needed for VAT category K, or a period"
        )
    if not (delivery and delivery.address):
        yield FieldProblem(
            field="delivery.address",
            message="needed for VAT category K: the country it was delivered to",
        )


def _outside_scope_has_no_vat_numbers(document: Document, _: DocumentAmounts) -> _Problems:
    """BR-O-02 to 04."""
    if all(vat.category is not VatCategory.OUTSIDE_SCOPE for _, vat in _vats(document)):
        return
    for name, party in (("seller", document.seller), ("buyer", document.buyer)):
        if party and party.vat_number:
            yield FieldProblem(
                field=f"{name}.vat_number",
                message="has no place in VAT category O: not subject to VAT",
            )


def _payee_is_another(document: Document, _: DocumentAmounts) -> _Problems:
    """BR-17: BG-10 is for a payee who is not the seller, neither by name nor by an identifier."""
    payee, seller = document.payee, document.seller
    if not (payee and seller):
        return
    known = {one.value for one in seller.identifiers}
    if payee.name in (seller.name, seller.trading_name) or any(
        one.value in known for one in payee.identifiers
    ):
        yield FieldProblem(
            field="payee",
            message="has the seller's name or identifier; leave out who is the seller",
        )


def _paid_and_rounded_within_the_whole(document: Document, amounts: DocumentAmounts) -> _Problems:
    """BT-113, BT-114: nobody has paid more than it comes to, and to round moves a sum by no more
    than itself. Where the document leaves VAT rounding to the provider, the larger of both counts.
    """
    prepaid, rounding = document.prepaid, document.rounding
    if not (prepaid or rounding):
        return
    modes = [document.vat_rounding] if document.vat_rounding else BOTH_ROUNDINGS
    every = [gross(document, amounts, mode) for mode in modes]
    whole = added((max(every), rounding), document.currency)
    if abs(rounding) > max(map(abs, every)):
        yield FieldProblem(
            field="rounding",
            message=f"is more than the whole, which is {max(every, key=abs)} {document.currency} "
            "with VAT; it makes that a sum that can be paid, and no other one",
        )
    elif prepaid and prepaid > whole:
        yield FieldProblem(
            field="prepaid",
            message=f"is more than the whole, which is {whole} {document.currency} with VAT; "
            "money that goes back to the buyer is a line with a negative quantity",
        )


def _vat_is_accounted_for_elsewhere(document: Document, amounts: DocumentAmounts) -> _Problems:
    """BR-DEC-15, PEPPOL-EN16931-R005 and R055: in another currency, as fine as that, on the same
    side of zero as the VAT itself."""
    given = document.vat_accounting
    if given is None:
        return
    if given.currency == document.currency:
        yield FieldProblem(
            field="vat_accounting.currency", message="is the document's own; leave it out"
        )
    if given.vat != rounded(given.vat, given.currency):
        yield _too_fine("vat_accounting.vat", given.currency)
    modes = [document.vat_rounding] if document.vat_rounding else BOTH_ROUNDINGS
    every = [summed(document, amounts, mode).vat for mode in modes]
    if all(vat < 0 < given.vat or given.vat < 0 < vat for vat in every):
        yield FieldProblem(
            field="vat_accounting.vat",
            message="is on the other side of zero than the VAT of the document",
        )


def _codes_are_known(document: Document, _: DocumentAmounts) -> _Problems:
    """BR-62 to 64, BR-CL-10, 11, 19 to 21, 25, 26: where a code stands says of which list it is."""
    for name in ("seller", "buyer", "payee"):
        if party := getattr(document, name):
            yield from _of_party(name, party)
    if document.delivery and (location := document.delivery.location):
        yield from _scheme("delivery.location", location, "identifier_schemes")
    for index, line in enumerate(document.lines):
        if item := line.standard_item_id:
            yield from _scheme(
                f"lines[{index}].standard_item_id", item, "identifier_schemes", needed=True
            )
        for path, adjustment in _on_line(index, line):
            yield from _reason(path, adjustment)
    for path, adjustment in _on_document(document):
        yield from _reason(path, adjustment)


def _of_party(name: str, party: Party) -> _Problems:
    if address := party.electronic_address:
        yield from _scheme(f"{name}.electronic_address", address, "address_schemes", needed=True)
    if registration := party.registration:
        yield from _scheme(f"{name}.registration", registration, "identifier_schemes")
    for index, identifier in enumerate(party.identifiers):
        yield from _scheme(f"{name}.identifiers[{index}]", identifier, "identifier_schemes")


def _scheme(path: str, given: Identifier, of: str, *, needed: bool = False) -> _Problems:
    if given.scheme is not None:
        yield from _code(f"{path}.scheme", given.scheme, of)
    elif needed:
        yield FieldProblem(field=f"{path}.scheme", message=f"is required: {LISTS[of].title}")


def _reason(path: str, adjustment: Adjustment) -> _Problems:
    if adjustment.reason_code is not None:
        of = "allowance_reasons" if "allowances" in path else "charge_reasons"
        yield from _code(f"{path}.reason_code", adjustment.reason_code, of)


def _code(path: str, code: str, of: str) -> _Problems:
    try:
        LISTS[of].check(code)
    except ValueError as error:
        yield FieldProblem(field=path, message=str(error))


def _outside_scope_stands_alone(document: Document, _: DocumentAmounts) -> _Problems:
    """BR-O-11 to 14: what is not subject to VAT is not mixed with what is."""
    if all(vat.category is not VatCategory.OUTSIDE_SCOPE for _, vat in _vats(document)):
        return
    for path, vat in _vats(document):
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
            yield _too_fine(path, document.currency)


def _too_fine(path: str, currency: str) -> FieldProblem:
    message = f"{currency} has {minor_units(currency)} decimals, not more"
    return FieldProblem(field=path, message=message)


def _totals_fit_a_number(document: Document, amounts: DocumentAmounts) -> _Problems:
    """Bounded from above: nothing subtracted, all of it taxed at the highest rate there is."""
    sizes = [line.amount for line in amounts.lines]
    sizes += [amounts.of(adjustment) for _, adjustment in _on_document(document)]
    beside = document.prepaid + abs(document.rounding)
    if 2 * added(map(abs, sizes), document.currency) + beside >= 10**MOST_DIGITS:
        yield FieldProblem(field="lines", message="come to an absurdly large amount")
    else:
        yield from _paid_and_rounded_within_the_whole(document, amounts)
        yield from _vat_is_accounted_for_elsewhere(document, amounts)


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
    for path, adjustment in chain(chain.from_iterable(on_lines), _on_document(document)):
        if adjustment.amount is not None:
            yield f"{path}.amount", adjustment.amount
    yield "prepaid", document.prepaid
    yield "rounding", document.rounding


_DOCUMENT_RULES = (
    _line_ids_differ,
    _due_after_issue,
    _credit_note_names_its_invoice,
    _attachments_differ_and_fit,
    _buyer_is_taxed_instead,
    _supply_within_the_union_is_delivered,
    _outside_scope_has_no_vat_numbers,
    _outside_scope_stands_alone,
    _payee_is_another,
    _codes_are_known,
    _allowances_fit_the_line,
    _returns_adjust_by_percentage,
    _percentage_is_of_something,
    _amounts_fit_the_currency,
    _totals_fit_a_number,
)

"""Invoro: what an invoice needs before it can be sent.

The page says that sending validates, and not against what. These are the fatal rules of EN 16931,
of Peppol BIS Billing 3.0 and of XRechnung that a document of ours can break; those that the
document itself refuses (`invoicing.rules`) are not asked again. A draft breaks none: it may be
completed at the provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from invoicing.document import Document, Party, VatCategory
from invoicing.errors import FieldProblem
from invoicing.totals import summed
from providers.invoro.encode import ways_to_pay
from providers.invoro.options import TYPE_CODES, InvoroOptions, PaymentMeans
from providers.kit.mistakes import Mistakes

_Problems = Iterator[FieldProblem]

_CREDIT_TRANSFER = ("30", "58")
_DIRECT_DEBIT = ("49", "59")


def check_sending(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    """Every rule that would keep it from being sent, with the rule's name."""
    rules = [*_NORM]
    if document.buyer.electronic_address or options.peppol_look_up:
        rules += _PEPPOL
    if (options.document_type or "").startswith("xrechnung"):
        rules += _XRECHNUNG
    for rule in rules:
        for problem in rule(document, options):
            mistakes.wrong(problem.field, problem.message)


def _can_be_reached(document: Document, _: InvoroOptions) -> _Problems:
    buyer = document.buyer
    known = buyer.electronic_address or buyer.vat_number or buyer.registration
    if not (known or (buyer.contact and buyer.contact.email)):
        yield _needs(
            "buyer.electronic_address",
            "needed to deliver it, or a vat_number, a registration or an e-mail address",
        )


def _addresses(document: Document, _: InvoroOptions) -> _Problems:
    if not document.buyer.address:
        yield _needs("buyer.address", "its country is needed to send it (BR-10, BR-11)")
    if document.seller and not document.seller.address:
        yield _needs("seller.address", "its country is needed to send it (BR-08, BR-09)")


def _when_to_pay(document: Document, options: InvoroOptions) -> _Problems:
    if options.type_code(document) == TYPE_CODES["credit_note"]:
        return
    due = summed(document, document.amounts(), "category").due + (
        options.rounding_amount or Decimal(0)
    )
    if due > 0 and not (document.due_date or (document.payment and document.payment.terms)):
        yield _needs("due_date", "needed to send it, or payment.terms (BR-CO-25)")


def _seller_is_known(document: Document, options: InvoroOptions) -> _Problems:
    seller = document.seller
    if seller is None:
        return
    if not (seller.vat_number or seller.registration or seller.identifiers):
        yield _needs(
            "seller.vat_number", "needed to send it, or a registration or identifier (BR-CO-26)"
        )
    elif not (seller.vat_number or options.seller_tax_registration) and _subject_to_vat(document):
        yield _needs(
            "seller.vat_number",
            "needed to send it, or options.seller_tax_registration (BR-S-02 and its like)",
        )


def _subject_to_vat(document: Document) -> bool:
    vats = [line.vat for line in document.lines]
    vats += [one.vat for one in (*document.allowances, *document.charges)]
    return any(vat.category is not VatCategory.OUTSIDE_SCOPE for vat in vats)


def _ways_to_pay_are_whole(document: Document, options: InvoroOptions) -> _Problems:
    for at, way in _ways(document, options):
        yield from _way_is_whole(way, at)


def _ways(document: Document, options: InvoroOptions) -> Iterator[tuple[str, PaymentMeans]]:
    """Each with the path at which it was given."""
    ways = ways_to_pay(document, options)
    first = len(ways) - len(options.payments)
    for index, way in enumerate(ways):
        if index >= first:
            yield f"options.payments.{index - first}", way
        elif document.payment:  # else the options say more of one that is not there
            yield "document.payment", way


def _way_is_whole(way: PaymentMeans, at: str) -> _Problems:
    code, iban = ("means", "iban") if at == "document.payment" else ("means_code", "bank_accounts")
    has_account = any(account.iban for account in way.bank_accounts)
    if not way.means_code:
        yield FieldProblem(field=f"{at}.{code}", message="needed to send it (BR-49)")
    if any(not account.iban for account in way.bank_accounts):
        yield FieldProblem(field=f"{at}.{iban}", message="an account needs its number (BR-50)")
    elif way.means_code in _CREDIT_TRANSFER and not has_account:
        message = f"needed to send it with means {way.means_code} (BR-61)"
        yield FieldProblem(field=f"{at}.{iban}", message=message)


def _vat_currency_is_another(document: Document, options: InvoroOptions) -> _Problems:
    if options.vat_currency == document.currency:
        message = "is the document's currency; leave it out (PEPPOL-EN16931-R005)"
        yield FieldProblem(field="options.vat_currency", message=message)


def _classified_by_a_list(document: Document, options: InvoroOptions) -> _Problems:
    for line in document.lines:
        for one in options.line(line).classifications:
            if not one.list_id:
                at = f"lines.{line.id}" if line.id in options.lines else "line_defaults"
                yield FieldProblem(
                    field=f"options.{at}.classifications",
                    message="each needs its list_id to be sent (BR-65)",
                )
                break


def _buyer_can_route_it(document: Document, options: InvoroOptions) -> _Problems:
    marked = options.mark == "buyer_reference"
    if not (document.buyer_reference or document.purchase_order or marked):
        message = "needed, or a purchase_order, to go by Peppol (PEPPOL-EN16931-R003)"
        yield _needs("buyer_reference", message)


def _seller_has_an_address_there(document: Document, _: InvoroOptions) -> _Problems:
    if document.seller and not document.seller.electronic_address:
        message = "needed to go by Peppol (PEPPOL-EN16931-R020)"
        yield _needs("seller.electronic_address", message)


def _collected_by_a_mandate(document: Document, options: InvoroOptions) -> _Problems:
    for at, way in _ways(document, options):
        mandate = way.direct_debit and way.direct_debit.mandate_id
        if way.means_code in _DIRECT_DEBIT and not mandate:
            name = "mandate" if at == "document.payment" else "direct_debit.mandate_id"
            message = f"needed with means {way.means_code} (PEPPOL-EN16931-R061)"
            yield FieldProblem(field=f"{at}.{name}", message=message)


def _lines_within_the_period(document: Document, _: InvoroOptions) -> _Problems:
    whole = document.period
    if whole is None:
        return
    for index, line in enumerate(document.lines):
        if line.period and line.period.start < whole.start:
            message = "is before the document's period (PEPPOL-EN16931-R110)"
            yield _needs(f"lines[{index}].period.start", message)
        if line.period and line.period.end > whole.end:
            message = "is after the document's period (PEPPOL-EN16931-R111)"
            yield _needs(f"lines[{index}].period.end", message)


def _xrechnung_names_the_buyer(document: Document, options: InvoroOptions) -> _Problems:
    if not (document.buyer_reference or options.mark == "buyer_reference"):
        yield _needs("buyer_reference", "needed for XRechnung (BR-DE-15)")
    yield from _placed(document.buyer, "buyer", "BR-DE-8, BR-DE-9")
    if document.seller:
        yield from _placed(document.seller, "seller", "BR-DE-3, BR-DE-4")


def _placed(party: Party, name: str, rules: str) -> _Problems:
    """A party without any address is asked for one already."""
    for field in ("city", "postal_code") if party.address else ():
        if not getattr(party.address, field):
            yield _needs(f"{name}.address.{field}", f"needed for XRechnung ({rules})")


def _needs(field: str, message: str) -> FieldProblem:
    return FieldProblem(field=f"document.{field}", message=message)


_NORM = (
    _can_be_reached,
    _addresses,
    _when_to_pay,
    _seller_is_known,
    _ways_to_pay_are_whole,
    _vat_currency_is_another,
    _classified_by_a_list,
)
_PEPPOL = (
    _buyer_can_route_it,
    _seller_has_an_address_there,
    _collected_by_a_mandate,
    _lines_within_the_period,
)
_XRECHNUNG = (_xrechnung_names_the_buyer,)

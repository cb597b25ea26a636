"""Invoro: what an invoice needs before it can be sent.

The page says that sending validates, and not against what. These are the rules of
`providers.kit.electronic`, and what only options can say. A draft breaks none: it may be completed
at the provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain

from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.totals import summed
from providers.invoro.encode import ways_to_pay
from providers.invoro.options import TYPE_CODES, InvoroOptions, PaymentMeans
from providers.kit.beside import Beside, needs
from providers.kit.electronic import broken
from providers.kit.mistakes import Mistakes

_Problems = Iterator[FieldProblem]


def check_sending(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    """Every rule that would keep it from being sent, with the rule's name."""
    due = summed(document, document.amounts(), "category").due
    beside = Beside(
        due=due + (options.rounding_amount or Decimal(0)),
        credit=options.type_code(document) == TYPE_CODES["credit_note"],
        ways=[*_ways(document, options)],
        tax_registration=_number_at_a_tax_office(options),
        buyer_reference=options.mark == "buyer_reference",
        sales_order=options.mark == "sales_order",
        vat_currency=options.vat_currency,
    )
    rules = broken(
        document,
        beside,
        peppol=bool(document.buyer.electronic_address or options.peppol_look_up),
        xrechnung=(options.document_type or "").startswith("xrechnung"),
    )
    own = (_can_be_reached(document), _classified_by_a_list(document, options))
    for problem in chain(rules, *own):
        mistakes.wrong(problem.field, problem.message)


def _can_be_reached(document: Document) -> _Problems:
    buyer = document.buyer
    known = buyer.electronic_address or buyer.vat_number or buyer.registration
    if not (known or (buyer.contact and buyer.contact.email)):
        yield needs(
            "buyer.electronic_address",
            "needed to deliver it, or a vat_number, a registration or an e-mail address",
        )


def _number_at_a_tax_office(options: InvoroOptions) -> str | None:
    number = options.seller_tax_registration
    return number.value if number else None


def _ways(document: Document, options: InvoroOptions) -> Iterator[tuple[str, PaymentMeans]]:
    """Each with the path at which it was given."""
    ways = ways_to_pay(document, options)
    first = len(ways) - len(options.payments)
    for index, way in enumerate(ways):
        if index >= first:
            yield f"options.payments[{index - first}]", way
        elif document.payment:  # else the options say more of one that is not there
            yield "document.payment", way


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

"""What an electronic invoice is held against beside the rules that a document asks for by itself
(`invoicing.rules`), whoever sends it: those fatal rules of EN 16931, of Peppol BIS Billing 3.0 and
of XRechnung that a document of ours can break, named as there.

The rules that Peppol has for the sellers of single countries are in `providers.kit.national`. They
are not asked of an XRechnung, which goes by Peppol as what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from stdnum import ean
from stdnum.au import abn
from stdnum.be import vat as enterprise
from stdnum.no import orgnr as norwegian
from stdnum.se import orgnr as swedish

from invoicing.document import Address, Document, Identifier, Party, VatCategory
from invoicing.errors import FieldProblem
from providers.kit.beside import Beside, needs
from providers.kit.national import national

_Problems = Iterator[FieldProblem]


def broken(
    document: Document, beside: Beside, *, peppol: bool = False, xrechnung: bool = False
) -> _Problems:
    """Every rule that would keep it from being sent."""
    rules = [*_NORM, *(_PEPPOL if peppol else ()), *(_XRECHNUNG if xrechnung else ())]
    if peppol and not xrechnung:
        rules.append(national)
    return (problem for rule in rules for problem in rule(document, beside))


def _addresses(document: Document, _: Beside) -> _Problems:
    if not document.buyer.address:
        yield needs("buyer.address", "its country is needed to send it (BR-10, BR-11)")
    if document.seller and not document.seller.address:
        yield needs("seller.address", "its country is needed to send it (BR-08, BR-09)")


def _when_to_pay(document: Document, beside: Beside) -> _Problems:
    terms = document.due_date or (document.payment and document.payment.terms)
    if beside.due > 0 and not (beside.credit or terms):
        yield needs("due_date", "needed to send it, or payment.terms (BR-CO-25)")


def _seller_is_known(document: Document, beside: Beside) -> _Problems:
    seller = document.seller
    if seller is None:
        return
    if not (seller.vat_number or seller.registration or seller.identifiers):
        yield needs(
            "seller.vat_number", "needed to send it, or a registration or identifier (BR-CO-26)"
        )
    elif not (seller.vat_number or beside.tax_registration) and _subject_to_vat(document):
        yield needs(
            "seller.vat_number",
            "needed to send it, or options.seller_tax_registration (BR-S-02 and its like)",
        )


def _subject_to_vat(document: Document) -> bool:
    vats = [line.vat for line in document.lines]
    vats += [one.vat for one in (*document.allowances, *document.charges)]
    return any(vat.category is not VatCategory.OUTSIDE_SCOPE for vat in vats)


def _ways_are_whole(_: Document, beside: Beside) -> _Problems:
    for at, way in beside.ways:
        code, iban = _own(at, "means", "iban") or ("means_code", "bank_accounts")
        if not way.means_code:
            yield FieldProblem(field=f"{at}.{code}", message="needed to send it (BR-49)")
        if any(not account.iban for account in way.bank_accounts):
            yield FieldProblem(field=f"{at}.{iban}", message="an account needs its number (BR-50)")
        elif way.means_code in _TRANSFERS and not way.bank_accounts:
            message = f"needed to send it with means {way.means_code} (BR-61)"
            yield FieldProblem(field=f"{at}.{iban}", message=message)


def _own(at: str, *names: str) -> tuple[str, ...]:
    """How the document's own payment calls them; nothing for other ways."""
    return names if at == "document.payment" else ()


def _vat_currency_is_another(document: Document, beside: Beside) -> _Problems:
    if beside.vat_currency == document.currency:
        message = "is the document's currency; leave it out (PEPPOL-EN16931-R005)"
        yield FieldProblem(field="options.vat_currency", message=message)


def _buyer_can_route_it(document: Document, beside: Beside) -> _Problems:
    if not (document.buyer_reference or document.purchase_order or beside.buyer_reference):
        message = "needed, or a purchase_order, to go by Peppol (PEPPOL-EN16931-R003)"
        yield needs("buyer_reference", message)


def _seller_has_an_address_there(document: Document, _: Beside) -> _Problems:
    if document.seller and not document.seller.electronic_address:
        message = "needed to go by Peppol (PEPPOL-EN16931-R020)"
        yield needs("seller.electronic_address", message)


def _collected_by_a_mandate(_: Document, beside: Beside) -> _Problems:
    for at, way in beside.ways:
        mandate = way.direct_debit and way.direct_debit.mandate_id
        if way.means_code in _DEBITS and not mandate:
            (name,) = _own(at, "mandate") or ("direct_debit.mandate_id",)
            message = f"needed with means {way.means_code} (PEPPOL-EN16931-R061)"
            yield FieldProblem(field=f"{at}.{name}", message=message)


class _Register(NamedTuple):
    """Numbers of one scheme: whose they are, how many digits they have, and the rule."""

    title: str
    digits: int
    is_valid: Callable[[str], bool]
    rule: str


REGISTERS = {
    "0007": _Register("Swedish organisation number", 10, swedish.is_valid, "R049"),
    "0088": _Register("GLN", 13, ean.is_valid, "R040"),
    "0151": _Register("Australian business number", 11, abn.is_valid, "R050"),
    "0192": _Register("Norwegian organisation number", 9, norwegian.is_valid, "R041"),
    "0208": _Register("Belgian enterprise number", 10, enterprise.is_valid, "R043"),
}
"""By scheme of ISO 6523: those whose check digits Peppol looks at (PEPPOL-COMMON-R040 to R050)."""


def _misnumbered(document: Document, _: Beside) -> _Problems:
    """Numbers of the parties that cannot be: what is sent to one would reach nobody."""
    for name in ("seller", "buyer", "payee"):
        if party := getattr(document, name):
            for field, identifier in _numbers(party):
                register = REGISTERS.get(identifier.scheme or "")
                if register and not _is_one(identifier.value, register):
                    message = (
                        f"is no {register.title}: {register.digits} digits, the last of them for "
                        f"checking (PEPPOL-COMMON-{register.rule})"
                    )
                    yield needs(f"{name}.{field}.value", message)


def _numbers(party: Party) -> Iterator[tuple[str, Identifier]]:
    for field in ("electronic_address", "registration"):
        if identifier := getattr(party, field):
            yield field, identifier
    for index, identifier in enumerate(party.identifiers):
        yield f"identifiers[{index}]", identifier


def _is_one(number: str, register: _Register) -> bool:
    plain = number.isascii() and number.isdigit() and len(number) == register.digits
    return plain and register.is_valid(number)


def _within_the_period(document: Document, _: Beside) -> _Problems:
    """PEPPOL-EN16931-R110 and R111: of lines that have a period of their own."""
    whole = document.period
    if whole is None:
        return
    for index, line in enumerate(document.lines):
        if line.period and line.period.start < whole.start:
            message = "is before the document's period (PEPPOL-EN16931-R110)"
            yield needs(f"lines[{index}].period.start", message)
        if line.period and line.period.end > whole.end:
            message = "is after the document's period (PEPPOL-EN16931-R111)"
            yield needs(f"lines[{index}].period.end", message)


def _xrechnung_says_who_and_where(document: Document, beside: Beside) -> _Problems:
    """A party without any address is asked for one already, and a seller that the document leaves
    out is known at the provider."""
    if not (document.buyer_reference or beside.buyer_reference):
        yield needs("buyer_reference", "needed for XRechnung (BR-DE-15)")
    yield from _placed("buyer", document.buyer.address, "BR-DE-8, BR-DE-9")
    if document.delivery:
        yield from _placed("delivery", document.delivery.address, "BR-DE-10, BR-DE-11")
    if seller := document.seller:
        yield from _placed("seller", seller.address, "BR-DE-3, BR-DE-4")
        for field, rule in (("name", "BR-DE-5"), ("phone", "BR-DE-6"), ("email", "BR-DE-7")):
            if not getattr(seller.contact, field, None):
                yield needs(f"seller.contact.{field}", f"needed for XRechnung ({rule})")


def _placed(name: str, address: Address | None, rules: str) -> _Problems:
    for field in ("city", "postal_code") if address else ():
        if not getattr(address, field):
            yield needs(f"{name}.address.{field}", f"needed for XRechnung ({rules})")


def _xrechnung_says_how_to_pay(_: Document, beside: Beside) -> _Problems:
    """BR-DE-23 to 25: a transfer, a card and a debit each bring their own, and nothing else."""
    if not beside.ways:
        yield needs("payment.means", "needed for XRechnung (BR-DE-1)")
    for at, way in beside.ways:
        said = {"an account": way.bank_accounts, "a card": way.card, "a mandate": way.direct_debit}
        for codes, own, rule in _BRING:
            if way.means_code in codes and not said[own]:
                message = f"needs {own} for XRechnung with means {way.means_code} ({rule}-a)"
                yield FieldProblem(field=at, message=message)
            others = [one for one, given in said.items() if given and one != own]
            if way.means_code in codes and others:
                message = f"{' and '.join(others)} has no place with means {way.means_code}"
                yield FieldProblem(field=at, message=f"{message} for XRechnung ({rule}-b)")


_TRANSFERS = ("30", "58")
_DEBITS = ("49", "59")
_BRING = (
    (_TRANSFERS, "an account", "BR-DE-23"),
    (("48", "54", "55"), "a card", "BR-DE-24"),
    (("59",), "a mandate", "BR-DE-25"),
)
_NORM = (_addresses, _when_to_pay, _seller_is_known, _ways_are_whole, _vat_currency_is_another)
_PEPPOL = (
    _buyer_can_route_it,
    _seller_has_an_address_there,
    _collected_by_a_mandate,
    _misnumbered,
    _within_the_period,
)
_XRECHNUNG = (_xrechnung_says_who_and_where, _xrechnung_says_how_to_pay)

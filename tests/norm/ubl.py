"""A document of ours as UBL 2.1, completed as a provider completes it, for the judge to read.

No provider of ours takes UBL, so this stands here. It says what the document says, and of its own
accord only what `tests.norm.held` says that a provider completes: number, seller, what a party's
address lacks, when an invoice without a day is due, the code for a way of paying.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from invoicing.document import (
    Address,
    Adjustment,
    Document,
    Identifier,
    Line,
    LineAmounts,
    Party,
    Period,
    SupportingDocument,
    Vat,
    VatCategory,
)
from invoicing.money import plain, vat_inside
from invoicing.totals import Part, Totals, VatRounding, split, summed
from invoicing.vat import STANDARD_REASONS

_CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
_CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
_ROOT = "urn:oasis:names:specification:ubl:schema:xsd:{}-2"
for _prefix, _namespace in (("cac", _CAC), ("cbc", _CBC)):
    ElementTree.register_namespace(_prefix, _namespace)

SELLER = Party(
    name="Utrecht Bird Seed BV",
    vat_number="NL004495445B01",
    registration=Identifier(value="12345678", scheme="0106"),
    address=Address(street="Oudegracht 1", city="Utrecht", postal_code="3511 AA", country="NL"),
)
"""The provider's account, where a document names no seller."""


def written(document: Document, rounding: VatRounding) -> tuple[bytes, Totals]:
    """The document in UBL, and the totals that stand in it."""
    amounts = document.amounts()
    sums, parts = summed(document, amounts, rounding), split(document, amounts, rounding)
    credit = document.type == "credit_note"
    kind = "CreditNote" if credit else "Invoice"
    root = Element(f"{{{_ROOT.format(kind)}}}{kind}")
    _head(root, document, credit=credit)
    _references(root, document, credit=credit)
    _parties(root, document)
    _paying(root, document, credit=credit)
    for given, split_up, charge in (
        (document.allowances, parts.allowances, False),
        (document.charges, parts.charges, True),
    ):
        for one, part in zip(given, split_up, strict=True):
            adjusted = _adjusted(root, one, part.net, document.currency, charge=charge)
            _category(_group(adjusted, "TaxCategory"), one.vat)
    _sums(root, document, sums)
    for line, each, part in zip(document.lines, amounts.lines, parts.lines, strict=True):
        _line(root, document, line, each, part)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=False), sums


def _text(parent: Element, name: str, value: object, **attributes: str) -> None:
    if value is not None:
        SubElement(parent, f"{{{_CBC}}}{name}", attributes).text = str(value)


def _group(parent: Element, name: str) -> Element:
    return SubElement(parent, f"{{{_CAC}}}{name}")


def _named(parent: Element, group: str, name: str, value: object) -> None:
    if value is not None:
        _text(_group(parent, group), name, value)


def _money(parent: Element, name: str, amount: Decimal, currency: str) -> None:
    _text(parent, name, format(amount, "f"), currencyID=currency)


def _identifier(parent: Element, name: str, given: Identifier | None) -> None:
    if given:
        scheme = {"schemeID": given.scheme} if given.scheme else {}
        _text(parent, name, given.value, **scheme)


def _head(root: Element, document: Document, *, credit: bool) -> None:
    _text(root, "CustomizationID", "urn:cen.eu:en16931:2017")
    _text(root, "ID", document.number or "2025-1")
    _text(root, "IssueDate", document.issue_date)
    if credit:
        _text(root, "TaxPointDate", document.tax_point_date)
        _text(root, "CreditNoteTypeCode", "381")
    else:
        _text(root, "DueDate", document.due_date)
        _text(root, "InvoiceTypeCode", "380")
    for note in document.notes:
        _text(root, "Note", note)
    if not credit:
        _text(root, "TaxPointDate", document.tax_point_date)
    _text(root, "DocumentCurrencyCode", document.currency)
    _text(root, "TaxCurrencyCode", document.vat_accounting and document.vat_accounting.currency)
    _text(root, "AccountingCost", document.accounting_reference)
    _text(root, "BuyerReference", document.buyer_reference)
    _period(root, document.period)


def _period(parent: Element, period: Period | None) -> None:
    if period:
        group = _group(parent, "InvoicePeriod")
        _text(group, "StartDate", period.start)
        _text(group, "EndDate", period.end)


def _references(root: Element, document: Document, *, credit: bool) -> None:
    if document.purchase_order or document.sales_order:
        order = _group(root, "OrderReference")
        # The schema wants an ID where only the seller's order is known; the norm's rules say NA.
        _text(order, "ID", document.purchase_order or "NA")
        _text(order, "SalesOrderID", document.sales_order)
    for precedent in document.precedents:
        reference = _group(_group(root, "BillingReference"), "InvoiceDocumentReference")
        _text(reference, "ID", precedent.number)
        _text(reference, "IssueDate", precedent.issue_date)
    _named(root, "ContractDocumentReference", "ID", document.contract)
    for attachment in document.attachments:
        _attachment(_group(root, "AdditionalDocumentReference"), attachment)
    if not document.project:
        return
    if not credit:
        _named(root, "ProjectReference", "ID", document.project)
        return
    project = _group(root, "AdditionalDocumentReference")
    _text(project, "ID", document.project)
    _text(project, "DocumentTypeCode", "50")


def _attachment(group: Element, given: SupportingDocument) -> None:
    """Of a file what is in it has no part in any rule."""
    _text(group, "ID", given.reference)
    _text(group, "DocumentDescription", given.description)
    if not (given.file or given.location):
        return
    attached = _group(group, "Attachment")
    if file := given.file:
        names = {"mimeCode": file.media_type, "filename": file.name}
        _text(attached, "EmbeddedDocumentBinaryObject", "Y2FuYXJ5", **names)
    _named(attached, "ExternalReference", "URI", given.location)


def _parties(root: Element, document: Document) -> None:
    outside = any(line.vat.category is VatCategory.OUTSIDE_SCOPE for line in document.lines)
    seller = document.seller or SELLER
    known = {
        "vat_number": None if outside else seller.vat_number or SELLER.vat_number,
        "registration": seller.registration or SELLER.registration,
        "address": seller.address or SELLER.address,
    }
    _party(
        _group(_group(root, "AccountingSupplierParty"), "Party"),
        seller.model_copy(update=known),
        seller.identifiers,
    )
    # The norm has room for one identifier of the buyer, and of the payee.
    buyer, payee = document.buyer, document.payee
    _party(
        _group(_group(root, "AccountingCustomerParty"), "Party"),
        buyer.model_copy(update={"address": buyer.address or SELLER.address}),
        buyer.identifiers[:1],
    )
    if payee:
        group = _group(root, "PayeeParty")
        _identified(group, payee.identifiers[:1])
        _named(group, "PartyName", "Name", payee.name)
        if payee.registration:
            _identifier(_group(group, "PartyLegalEntity"), "CompanyID", payee.registration)
    if delivery := document.delivery:
        group = _group(root, "Delivery")
        _text(group, "ActualDeliveryDate", delivery.actual_date)
        if delivery.location or delivery.address:
            place = _group(group, "DeliveryLocation")
            _identifier(place, "ID", delivery.location)
            if delivery.address:
                _address(place, "Address", delivery.address)
        if delivery.party_name:
            party = _group(group, "DeliveryParty")
            _named(party, "PartyName", "Name", delivery.party_name)


def _party(group: Element, party: Party, identifiers: Sequence[Identifier]) -> None:
    _identifier(group, "EndpointID", party.electronic_address)
    _identified(group, identifiers)
    _named(group, "PartyName", "Name", party.trading_name)
    if party.address:
        _address(group, "PostalAddress", party.address)
    if party.vat_number:
        tax = _group(group, "PartyTaxScheme")
        _text(tax, "CompanyID", party.vat_number)
        _named(tax, "TaxScheme", "ID", "VAT")
    legal = _group(group, "PartyLegalEntity")
    _text(legal, "RegistrationName", party.name)
    _identifier(legal, "CompanyID", party.registration)
    if party.contact:
        contact = _group(group, "Contact")
        _text(contact, "Name", party.contact.name)
        _text(contact, "Telephone", party.contact.phone)
        _text(contact, "ElectronicMail", party.contact.email)


def _identified(group: Element, identifiers: Iterable[Identifier]) -> None:
    for each in identifiers:
        _identifier(_group(group, "PartyIdentification"), "ID", each)


def _address(parent: Element, name: str, address: Address) -> None:
    group = _group(parent, name)
    _text(group, "StreetName", address.street)
    _text(group, "AdditionalStreetName", address.additional)
    _text(group, "CityName", address.city)
    _text(group, "PostalZone", address.postal_code)
    _text(group, "CountrySubentity", address.region)
    _named(group, "Country", "IdentificationCode", address.country)


def _paying(root: Element, document: Document, *, credit: bool) -> None:
    payment = document.payment
    due = document.due_date if credit else None
    if payment or due:
        group = _group(root, "PaymentMeans")
        means = payment and (payment.means or ("59" if payment.mandate else None))
        iban = payment and payment.iban
        if means in ("30", "58") and not iban:
            iban = "NL91ABNA0417164300"
        _text(group, "PaymentMeansCode", means or ("30" if iban else "1"))
        _text(group, "PaymentDueDate", due)
        _text(group, "PaymentID", payment and payment.reference)
        if payment and payment.mandate and means not in ("30", "58"):
            mandate = _group(group, "PaymentMandate")
            _text(mandate, "ID", payment.mandate)
            _named(mandate, "PayerFinancialAccount", "ID", payment.iban)
        elif iban:
            account = _group(group, "PayeeFinancialAccount")
            _text(account, "ID", iban)
            _text(account, "Name", payment and payment.account_name)
            _named(account, "FinancialInstitutionBranch", "ID", payment and payment.bic)
    terms = payment and payment.terms
    if terms or not document.due_date:
        _named(root, "PaymentTerms", "Note", terms or "within 30 days")


def _adjusted(
    parent: Element, given: Adjustment, amount: Decimal, currency: str, *, charge: bool
) -> Element:
    group = _group(parent, "AllowanceCharge")
    _text(group, "ChargeIndicator", str(charge).lower())
    _text(group, "AllowanceChargeReasonCode", given.reason_code)
    if given.reason or not given.reason_code:
        standard = "Charge" if charge else "Allowance"
        _text(group, "AllowanceChargeReason", given.reason or standard)
    if given.percent is not None:
        _text(group, "MultiplierFactorNumeric", plain(given.percent))
    _money(group, "Amount", amount, currency)
    return group


def _category(group: Element, vat: Vat) -> None:
    _text(group, "ID", vat.category.value)
    if vat.category is not VatCategory.OUTSIDE_SCOPE:
        _text(group, "Percent", plain(vat.rate))
    _named(group, "TaxScheme", "ID", "VAT")


def _sums(root: Element, document: Document, sums: Totals) -> None:
    currency = document.currency
    tax = _group(root, "TaxTotal")
    _money(tax, "TaxAmount", sums.vat, currency)
    said = {(vat.category, plain(vat.rate)): vat for vat in reversed(list(_vats(document)))}
    for row in sums.vat_rows:
        group = _group(tax, "TaxSubtotal")
        _money(group, "TaxableAmount", row.taxable, currency)
        _money(group, "TaxAmount", row.vat, currency)
        category = _group(group, "TaxCategory")
        _text(category, "ID", row.category.value)
        if row.category is not VatCategory.OUTSIDE_SCOPE:
            _text(category, "Percent", plain(row.rate))
        vat = said[row.category, plain(row.rate)]
        standard = None if vat.exemption_reason else STANDARD_REASONS.get(row.category)
        _text(category, "TaxExemptionReasonCode", vat.exemption_code or standard)
        _text(category, "TaxExemptionReason", vat.exemption_reason)
        _named(category, "TaxScheme", "ID", "VAT")
    if accounted := document.vat_accounting:
        total = _group(root, "TaxTotal")
        _money(total, "TaxAmount", accounted.vat, accounted.currency)
    group = _group(root, "LegalMonetaryTotal")
    for name, amount in (
        ("LineExtensionAmount", sums.line_net),
        ("TaxExclusiveAmount", sums.net),
        ("TaxInclusiveAmount", sums.gross),
        ("AllowanceTotalAmount", sums.allowances if document.allowances else None),
        ("ChargeTotalAmount", sums.charges if document.charges else None),
        ("PrepaidAmount", document.prepaid or None),
        ("PayableRoundingAmount", document.rounding or None),
        ("PayableAmount", sums.due),
    ):
        if amount is not None:
            _money(group, name, amount, currency)


def _vats(document: Document) -> Iterator[Vat]:
    for line in document.lines:
        yield line.vat
    for adjustment in (*document.allowances, *document.charges):
        yield adjustment.vat


def _line(root: Element, document: Document, line: Line, amounts: LineAmounts, part: Part) -> None:
    credit, currency = document.type == "credit_note", document.currency
    group = _group(root, "CreditNoteLine" if credit else "InvoiceLine")
    _text(group, "ID", line.id)
    _text(group, "Note", line.note)
    quantity = "CreditedQuantity" if credit else "InvoicedQuantity"
    _text(group, quantity, format(line.quantity, "f"), unitCode=line.unit)
    _money(group, "LineExtensionAmount", part.net, currency)
    _text(group, "AccountingCost", line.accounting_reference)
    _period(group, line.period)
    _named(group, "OrderLineReference", "LineID", line.order_line)
    for given, charge in ((line.allowances, False), (line.charges, True)):
        for one in given:
            amount = _without_vat(document, one.of(amounts.price, currency), line.vat)
            _adjusted(group, one, amount, currency, charge=charge)
    _item(group, line)
    price = _group(group, "Price")
    net = line.unit_price
    if document.prices_include_vat:
        net = round(net * 100 / (100 + line.vat.rate), 10)
    _money(price, "PriceAmount", net, currency)
    base = format(line.base_quantity, "f")
    _text(price, "BaseQuantity", base, unitCode=line.unit)


def _without_vat(document: Document, amount: Decimal, vat: Vat) -> Decimal:
    if not document.prices_include_vat:
        return amount
    return amount - vat_inside(amount, vat.rate, document.currency)


def _item(group: Element, line: Line) -> None:
    item = _group(group, "Item")
    _text(item, "Description", line.description)
    _text(item, "Name", line.name)
    _named(item, "BuyersItemIdentification", "ID", line.buyer_item_id)
    _named(item, "SellersItemIdentification", "ID", line.seller_item_id)
    if line.standard_item_id:
        _identifier(_group(item, "StandardItemIdentification"), "ID", line.standard_item_id)
    _category(_group(item, "ClassifiedTaxCategory"), line.vat)

"""Zero Friction: whether a request can be carried out, and how."""

from __future__ import annotations

from pydantic import BaseModel

from invoicing.document import Document, Line, VatCategory
from invoicing.provider import LookUp
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.bounds import KIB
from providers.kit.coverage import (
    PARTY,
    Coverage,
    ignored,
    refused,
    said,
    said_unless,
    under,
)
from providers.kit.mistakes import Mistakes
from providers.zero_friction.encode import MEANS, UNITS, period_of, tax_key, unit_price
from providers.zero_friction.options import (
    BankAccountChoice,
    ContractChoice,
    CustomerChoice,
    ZeroFrictionOptions,
)
from providers.zero_friction.settings import ZeroFrictionSettings
from providers.zero_friction.states import Context, ContractQuery, TaxQuery, TaxWanted

WITHIN_THE_UNION = (
    "K cannot be invoiced here: its document says when and into which country it was delivered"
    " (BR-IC-11, BR-IC-12), for which there is no place"
)
MOST_NAMED = 96 * KIB
"""Bytes of names with their ids, of the 128 KiB that may be known of an invoice."""
_ID = 48
"""What an id takes of them, with the signs around it."""
NOTES = "has no place here; put it into the notes"
DESCRIBE = "has no place here; put it into the description"
COVERAGE = Coverage(
    said(
        *("number", "issue_date", "due_date", "period.start", "period.end", "contract", "notes"),
        "buyer.account_number",
        *under("payment", "means", "reference", "iban"),
        *under("lines[]", "name", "description", "note", "quantity", "unit", "unit_price"),
        *under("lines[]", "base_quantity", "vat.rate", "period.start", "period.end"),
    ),
    said_unless("the account number finds the customer", "buyer.name"),
    refused("credit the invoice itself; it cannot be written here", "type"),
    refused("has no place here: the rate follows from each line's period", "tax_point_date"),
    refused("has no place here: the bank account decides who is paid", "payee"),
    refused("has no place here; name a service location in the options instead", "delivery"),
    refused("has no place here; name it in the notes", "attachments"),
    refused(NOTES, "buyer_reference", "purchase_order", "sales_order", "project"),
    refused("has no place here", "accounting_reference", "lines[].accounting_reference"),
    refused("has no place here; credit an invoice instead of referring to it", "precedents"),
    refused("has no place here; write it as a line with a negative quantity", "allowances"),
    refused("has no place here; write it as a line", "charges"),
    refused("prices are without VAT here", "prices_include_vat"),
    refused("has no place here; register the payment instead", "prepaid"),
    refused("has no place here; write the VAT in that currency into the notes", "vat_accounting"),
    refused("has no place here: the buyer is asked for the whole", "rounding"),
    refused("has no place here: the mandate is kept with the customer", "payment.mandate"),
    refused("has no place here; put them into the notes", "payment.terms"),
    refused(
        "has no place here; lower the price or write it as a line of its own", "lines[].allowances"
    ),
    refused(
        "has no place here; raise the price or write it as a line of its own", "lines[].charges"
    ),
    refused(
        "has no place here; name a billing item in the options instead", "lines[].seller_item_id"
    ),
    refused(DESCRIBE, *under("lines[]", "buyer_item_id", "standard_item_id", "order_line")),
    ignored("must be the one the organisation bills in; another is refused", "currency"),
    ignored("the organisation of the account is the seller", *under("seller", *PARTY)),
    ignored(
        "the customer is kept at the provider, and found by its account number or name",
        *under("buyer", *(name for name in PARTY if name not in ("name", "account_number"))),
    ),
    ignored(
        "the organisation's bank account, found by its IBAN, brings its own",
        *under("payment", "bic", "account_name"),
    ),
    ignored("lines keep their order", "lines[].id"),
    ignored(
        "what an invoice says about it belongs to the tax code",
        *under("lines[].vat", "exemption_reason", "exemption_code"),
    ),
    ignored(
        "the rate or the tax code named in the options decides; K is refused",
        "lines[].vat.category",
    ),
    ignored("VAT is rounded per line here; another way is refused", "vat_rounding"),
)
"""What becomes of every field of a document here."""


def check_request(
    request: InvoiceRequest,
    options: ZeroFrictionOptions,
    settings: ZeroFrictionSettings,
    mistakes: Mistakes,
) -> None:
    """Everything that is wrong in it, or not offered here."""
    document = request.document
    if request.goal is Goal.DELIVERED:
        mistakes.unoffered("goal", "delivery cannot be seen here; ask for sent")
    if document.currency != settings.currency:
        mistakes.unoffered("document.currency", f"this organisation bills in {settings.currency}")
    if document.vat_rounding == "category":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per line here")
    COVERAGE.refuse(document, mistakes)
    _check_payment(document, options, mistakes)
    for index, line in enumerate(document.lines):
        _check_line(document, line, f"document.lines[{index}]", mistakes)
    _check_named(document, options, mistakes)
    for line_id in options.lines.keys() - {line.id for line in document.lines}:
        mistakes.wrong(f"options.lines.{line_id}", "the document has no such line")


def _check_named(document: Document, options: ZeroFrictionOptions, mistakes: Mistakes) -> None:
    """What is looked up by name is remembered with its id, for every call that follows."""
    items, places = _named(document, options)
    codes = {tax_key(line, options.line(line).tax_code) for line in document.lines}
    if sum(len(name.encode()) + _ID for name in (*items, *places, *codes)) > MOST_NAMED:
        mistakes.unoffered(
            "options.lines",
            "name more billing items, service locations and tax codes than can be remembered; give"
            " them by id",
        )


def _named(document: Document, options: ZeroFrictionOptions) -> tuple[set[str], set[str]]:
    """The billing items and the service locations that are to be looked up."""
    chosen = [options.line(line) for line in document.lines]
    items = (one.billing_item.name for one in chosen if one.billing_item)
    places = (one.service_location.external_id for one in chosen if one.service_location)
    return {name for name in items if name}, {name for name in places if name}


def _check_payment(document: Document, options: ZeroFrictionOptions, mistakes: Mistakes) -> None:
    if document.payment:
        means = document.payment.means
        if means and means not in MEANS and not options.payment_method:
            mistakes.unoffered("document.payment.means", f"must be one of {', '.join(MEANS)}")
    groups = len(options.property_groups)
    known = groups == 1 or (groups == 0 and contract_choice(document, options))
    if _bank_account_choice(document, options).property_group and not known:
        mistakes.wrong("options.bank_account", "needs a contract or exactly one property group")


def _check_line(document: Document, line: Line, at: str, mistakes: Mistakes) -> None:
    if line.unit not in UNITS:
        mistakes.unoffered(f"{at}.unit", f"{line.unit} is not a unit here")
    if line.vat.category is VatCategory.INTRA_COMMUNITY:
        mistakes.unoffered(f"{at}.vat.category", WITHIN_THE_UNION)
    if unit_price(line) is None:
        mistakes.unoffered(f"{at}.base_quantity", "the price of one unit is not exact")
    period = period_of(document, line)
    if period.start.year != period.end.year:
        mistakes.wrong(f"{at}.period", "lies in more than one calendar year; split the line")


def customer_choice(document: Document, options: ZeroFrictionOptions) -> CustomerChoice:
    """By what the customer is found."""
    if options.customer:
        return options.customer
    if document.buyer.account_number:
        return CustomerChoice(account_number=document.buyer.account_number)
    return CustomerChoice(name=document.buyer.name)


def _bank_account_choice(document: Document, options: ZeroFrictionOptions) -> BankAccountChoice:
    if options.bank_account:
        return options.bank_account
    if document.payment and document.payment.iban:
        return BankAccountChoice(iban=document.payment.iban)
    return BankAccountChoice(default=True)


def contract_choice(document: Document, options: ZeroFrictionOptions) -> ContractChoice | None:
    """Which contract it is under: that of the options, else the document's, by its number."""
    if options.contract or not document.contract:
        return options.contract
    return ContractChoice(number=document.contract)


def first_context(
    document: Document, options: ZeroFrictionOptions, settings: ZeroFrictionSettings
) -> Context:
    """What later calls will need of this request."""
    found = {
        "customer_id": customer_choice(document, options).id,
        "bank_account_id": _bank_account_choice(document, options).id,
        "property_group_ids": tuple(group.id for group in options.property_groups),
    }
    return Context.model_validate(
        {name: value for name, value in found.items() if value}
        | {
            "invoice_date": settings.start(document.issue_date).isoformat(),
            "invoice_type": options.invoice_type,
            "channel": options.channel,
        }
    )


def look_ups(document: Document, options: ZeroFrictionOptions) -> tuple[tuple[LookUp, ...], ...]:
    """Customer, accounts and codes at once; then what belongs to the customer; then its group."""
    items, places = _named(document, options)
    customer = customer_choice(document, options)
    account = _bank_account_choice(document, options)
    contract = contract_choice(document, options)
    waves = (
        (
            None if customer.id else _look_up("customer", customer),
            None if account.id or account.property_group else _look_up("bank account", account),
            _look_up("tax codes", TaxQuery(wanted=_tax_wanted(document, options))),
            LookUp(name="billing items", query={"names": sorted(items)}) if items else None,
        ),
        (
            _look_up(
                "contract",
                ContractQuery(
                    contract=contract,
                    terminated=options.include_terminated_contracts,
                    property_group=bool(account.property_group and not options.property_groups),
                ),
            )
            if contract
            else None,
            LookUp(name="service locations", query={"external_ids": sorted(places)})
            if places
            else None,
        ),
        (LookUp(name="property group") if account.property_group else None,),
    )
    needed = (tuple(one for one in wave if one) for wave in waves)
    return tuple(wave for wave in needed if wave)


def _look_up(name: str, query: BaseModel) -> LookUp:
    return LookUp(name=name, query=query.model_dump(mode="json", exclude_none=True))


def _tax_wanted(document: Document, options: ZeroFrictionOptions) -> tuple[TaxWanted, ...]:
    """One wish per rate and choice, so that a thousand equal lines ask once."""
    wanted: dict[str, TaxWanted] = {}
    for index, line in enumerate(document.lines):
        choice = options.line(line).tax_code
        key = tax_key(line, choice)
        before = wanted.get(key) or TaxWanted(key=key, rate=line.vat.rate, choice=choice)
        periods = dict.fromkeys([*before.periods, period_of(document, line)])
        wanted[key] = before.model_copy(
            update={"periods": tuple(periods), "lines": (*before.lines, index)}
        )
    return tuple(wanted.values())

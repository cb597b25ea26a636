"""Quiddly: Swedish invoice service with reminders, collection and factoring.

Page: https://dev.quiddly.com/docs/platform/api/endpoins/invoice/create (its spelling)

Stated there: every field of create and of its answer, which are required, the product and
distribution codes, the VAT percentages, the ledger's words, `clientId` where the user is not the
client's own, `debitInvoiceNumber` for a credit invoice, identification numbers that are valid for
the debtor's type. A row's `total` is without VAT, `totals.total` with it; balances are 0 as long as
nothing is activated.

Public (the vendor's guides): signing in and how long a token lives; activation with its optional
overrides, "ready to be sent to the debtor"; at least one row; a quantity is text, a discount a
percentage or an amount; the feed of payments, in which a payment stays until it is marked as
exported; the client's own PDF, uploaded as form data that names client and invoice.

Inferred: an activated invoice with a distribution code is sent by Quiddly without being asked
again, and no field shows when, so it counts as sent; fees are without VAT and part of the VAT rows;
VAT adds up from the rows; rows take an article and an account number, as answers show them; e-mail
needs an address, a letter a postal one. Form data with a file is `multipart/form-data`, though the
page's headers say JSON; only a draft takes a PDF; a later upload takes the place of an earlier one,
for an invoice has one `document.attachment`, so that an upload of unknown outcome is made again.
Routes to read, list and delete are likely and nowhere written down: settings name them, and without
them nothing is asked that cannot be answered.

Assumed: how large a PDF may be (10 MiB).

Unknown, therefore a setting: `type` of a credit invoice and the sign of its amounts; which of a
payment's two amounts is in the invoice's currency where the base currency is another. Unknown, and
left alone: words of `statuses.main` other than CREATED (activation is told by its date and user),
the form of errors (the HTTP status decides), whether an invoice number may be used twice.

Unknown too: for how long a call whose answer was lost may still take effect (the port's default),
and whether a 429 is given before anything is done (only reading calls believe it).

Our reference has no place of its own. It is written into `ourReference` ("your reference of the
invoice", says the page) or, where the request fills that itself, into `ourOrderNumber`; where both
are taken or the settings forbid it, the invoice states none. Invoices are searched by number, and
one that states another reference in that place is left out.

There is no guard against a second draft and, without a list, no way to look for the first. So a
create of unknown outcome is answered by *cannot tell*. A draft too many is inert: `approve`
activates exactly the one id it is given.

Sending is part of activation, so `send` has nothing to call. A credit would take two calls (create,
activate) and more than a target knows, so no plan offers it: a credit invoice is a request of its
own, a credit note that names the invoice. Marking payments as booked needs a voucher of the
caller's bookkeeping, so that is left to it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, Inexact, localcontext
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StrictBool,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel
from stdnum import ean
from stdnum import exceptions as stdnum
from stdnum.se import orgnr, personnummer, postnummer

from invoicing.document import (
    Address,
    Code,
    Delivery,
    Document,
    Line,
    Name,
    NotNegative,
    Party,
    Positive,
    Text,
    Vat,
    VatCategory,
)
from invoicing.errors import FieldProblem, Rejected, Unavailable, Unreadable, Unsupported
from invoicing.model import Recorded, Typed
from invoicing.money import Currency, Number, exactly, plain, rounded
from invoicing.provider import (
    CONFIRMED,
    AttachCall,
    Attachment,
    Batch,
    CreateCall,
    Echo,
    Event,
    Figure,
    Found,
    Item,
    LookUpCall,
    Pace,
    Paces,
    PaymentStatus,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Stage,
    Subject,
    Target,
)
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import LineTotal, Totals, totals
from providers import webhooks
from providers.checks import Mistakes, parsed, refuse_given, stated
from providers.files import Content, Directory, FileName, NotUsable
from providers.files import read as read_file
from providers.http import (
    Answer,
    BaseUrl,
    Call,
    File,
    HeaderSecret,
    Json,
    Token,
    Tokens,
    encode,
    exchange,
    unclear,
)

NAME = "Quiddly"
TOKEN_SECONDS = 86_400
MAX_PDF = 10 * 1024 * 1024
"""Bytes of the client's own PDF. Assumed: no page states a limit."""
MAX_PAGES = 10
"""Of the feed, in one poll; what is left is asked for again at once."""
_Parsed = TypeVar("_Parsed", bound=BaseModel)


# --- settings -------------------------------------------------------------------------------------


def _route(placeholder: str) -> AfterValidator:
    def check(route: str) -> str:
        try:
            named = [name for _, name, _, _ in Formatter().parse(route) if name is not None]
        except ValueError:
            named = []
        if not route.startswith("/") or named != [placeholder]:
            raise ValueError(f"must begin with / and contain {{{placeholder}}} once")
        return route

    return AfterValidator(check)


class QuiddlySettings(Typed):
    """One client at Quiddly, or several behind one user; then `client_id` says which."""

    base_url: BaseUrl
    """`https://{alias}api.{domain}`: every customer of Quiddly's has a domain of its own."""
    token: HeaderSecret | None = None
    """A service account's long-lived token; else sign in by username and password."""
    username: Name | None = None
    password: Annotated[SecretStr | None, Field(validate_default=True)] = None
    client_id: Name | None = None
    """Needed where the user is not the client's own; then answers about others are not ours."""
    base_currency: Currency = "SEK"
    """In which Quiddly handles the invoices and their transactions."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    read_route: Annotated[str, _route("id")] | None = None
    """Inferred, such as `/invoices/{id}`; without it nothing is read and people confirm."""
    find_route: Annotated[str, _route("number")] | None = None
    """Inferred, such as `/invoices?invoiceNumber={number}`, answered with a list."""
    delete_route: Annotated[str, _route("id")] | None = None
    """Inferred, such as `/invoices/{id}`, called with DELETE."""
    files: Directory | None = None
    """Where the PDFs are that requests name, for every worker; without it none is taken."""
    payments_feed: bool = True
    """The feed has one reader: what is acknowledged here is gone for everybody. Off where another
    system exports the payments."""
    feed_minutes: Annotated[float, Field(gt=0, le=1440)] = 15.0
    feed_page: Annotated[int, Field(ge=1, le=1000)] = 10
    """Payments per page. The guide's own figure; how many may be asked for is unknown."""
    invoice_amount: Literal["amount", "amountLocale"] = "amount"
    """Unknown: which amount of a payment is in the invoice's currency if that is not the base."""
    credit_type: Name | None = None
    """Unknown: the `type` of a credit invoice. Without it credit notes are refused."""
    credit_amounts: Literal["positive", "negative"] = "positive"
    """Unknown: how the amounts of a credit invoice are signed."""
    write_reference: bool = True
    """Whether our reference stands on the invoice where the request leaves room. It keeps two
    invoices of one number apart."""
    vat_rounding: Literal["line", "category"] = "line"
    """Unknown. Per line makes the VAT rows the sums of the article rows, as in the example."""

    @field_validator("password")
    @classmethod
    def _one_way_in(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        token, username = info.data.get("token"), info.data.get("username")
        if token and (username or value):
            raise ValueError("must be left out, as the username: there is a token")
        if not token and not (username and value):
            raise ValueError("needed together with a username, unless there is a token")
        return value


# --- options --------------------------------------------------------------------------------------

ProductCode = Literal[
    "INVOICE_SERVICE",
    "REMINDER_SERVICE",
    "COLLECTION_SERVICE",
    "INVOICE_FACTORING_LOAN",
    "INVOICE_FACTORING_SELL",
]
DistributionCode = Literal["LETTER", "EMAIL", "NULL"]
"""`NULL`, as the page writes it: nobody sends the invoice; on the wire it is null."""
Fee = Literal["administration", "freight"]


class DebtorOptions(Typed):
    """What a buyer has here and nowhere else."""

    cell_phone: Code | None = None
    invoice_name: Name | None = None
    """Above the postal address, where it is not the buyer's name."""
    address3: Name | None = None
    delivery_address3: Name | None = None
    fmi: Code | None = None
    """The buyer's id for invoices in the internet bank."""
    distribution_channel: Code | None = None
    distribution_channel_override: StrictBool | None = None


class LineOptions(Typed):
    """What a line has here and nowhere else; `unit` instead of the word for the unit's code."""

    unit: Code | None = None
    account_number: Code | None = None
    """The account in the client's own books."""


class Activation(Typed):
    """What is to be different from the draft once it is activated. Best left empty."""

    product_code: ProductCode | None = None
    distribution_code: DistributionCode | None = None
    reminder_profile_code: Code | None = None
    document_template_code: Code | None = None
    payment_reference: Name | None = None
    service_provider_code: Code | None = None
    use_recourse: StrictBool | None = None

    def wire(self) -> dict[str, str | bool | None]:
        given = self.model_dump(exclude_none=True)
        return {to_camel(name): _null(value) for name, value in given.items()}


class QuiddlyOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document.

    `distribution_code`: EMAIL where the buyer has an e-mail address, else LETTER, if the goal is
    sent or paid; NULL if it is approved; Quiddly's default if it is drafted · `our_reference`: the
    seller's contact, else the request's reference · `charges`: which fee each charge of the
    document is, freight by the reason code FC · `pdf`: a file of the client's own that is attached
    to the draft, by its path below the account's directory · `base_currency`: that of the settings
    · `lines`: by line id.
    """

    product_code: ProductCode | None = None
    distribution_code: DistributionCode | None = None
    document_template_code: Code | None = None
    service_provider_code: Code | None = None
    type: Code | None = None
    use_recourse: StrictBool | None = None
    refund: StrictBool | None = None
    our_reference: Name | None = None
    terms_of_delivery: Text | None = None
    base_currency: Currency | None = None
    exchange_rate: Positive | None = None
    round_off: Annotated[Number, Field(gt=-1, lt=1)] = Decimal(0)
    """Added to what is to be paid, to make it a round sum."""
    tax_reduction: NotNegative = Decimal(0)
    """What the tax office pays instead of the buyer."""
    charges: tuple[Fee, ...] = ()
    pdf: FileName | None = None
    debtor: DebtorOptions = DebtorOptions()
    lines: dict[Code, LineOptions] = {}
    activation: Activation = Activation()

    def line(self, line: Line) -> LineOptions:
        """What this line says for itself."""
        return self.lines.get(line.id, LineOptions())


class _Told(Recorded):
    """What has been heard of one invoice, in answers and events: all there is without a read."""

    id: str
    client: str = ""
    stage: Stage | None = None
    distribution: str | None = None
    status: str = ""
    echo: Echo = Echo()
    owed: bool = False
    """Whether a balance was ever seen: from then on, none means paid."""
    reference: str | None = None
    payments: dict[str, Number] = {}
    """By the payment's id, so that none counts twice."""
    uncounted: tuple[str, ...] = ()
    """Payments that name another invoice, another currency or no amount, by event."""


class _Context(Recorded):
    """What later calls need; all but `told` from the plan."""

    number: str = ""
    currency: str = ""
    due: Number = Decimal(0)
    """What the buyer is to pay."""
    credit: bool = False
    mark: Literal["ourReference", "ourOrderNumber"] | None = None
    """Where the draft carries our reference."""
    distribution: DistributionCode | None = None
    """What the draft says; the one for activation is in `activate`."""
    hands_out: bool = False
    """Whether the caller distributes it, so that an activated invoice has nothing left to send."""
    activate: dict[str, str | bool | None] = {}
    told: _Told | None = None

    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_defaults=True)

    def of(self, provider_id: str) -> _Told | None:
        """What was heard of this invoice, and not of one that it replaced."""
        return self.told if self.told and self.told.id == provider_id else None


class _OwnPdf(Recorded):
    """What the plan knows of the one attachment: which file it is, and its content's digest."""

    path: str
    sha256: str


# --- tables ---------------------------------------------------------------------------------------

INVOICES = "/invoices"
ACTIVATE = "/invoices/{id}/activate"
PAYMENTS = "/vouchers/external/export/payments"
EXPORT = "/vouchers/{id}/external/export"
ATTACH = "/documents/invoice"
PAYMENT = "payment"

MAIN = {"CREATED": Stage.DRAFTED}
"""Before activation; after it the word is undocumented and decides nothing."""

UNPROVEN = (Stage.DRAFTED, Stage.APPROVING)
"""Where one activation may have happened without our having seen it."""

DISTRIBUTED = {
    "LETTER": Stage.SENT,
    "EMAIL": Stage.SENT,
    "NULL": Stage.APPROVED,
}
"""How far an activated invoice is, by its distribution code."""

TAKEN_OUT = ("404", "409", "410")
"""What an acknowledgement that is repeated may be answered with; the feed shows if it is not so."""

VAT_RATES = (0, 6, 12, 25)

UNITS = {  # UN/ECE Recommendation 20 → words for people; a code without one is written as it is
    "C62": "pcs",
    "H87": "pcs",
    "EA": "pcs",
    "HUR": "h",
    "DAY": "day",
    "MON": "month",
    "ANN": "year",
    "KGM": "kg",
    "MTR": "m",
    "MTK": "m2",
    "MTQ": "m3",
    "LTR": "l",
    "KWH": "kWh",
    "MWH": "MWh",
}

REASONS = {  # what the norm wants printed for a category that explains itself
    VatCategory.INTRA_COMMUNITY: "Intra-Community supply",
    VatCategory.EXPORT: "Export outside the EU",
    VatCategory.OUTSIDE_SCOPE: "Not subject to VAT",
}
ELSEWHERE = (VatCategory.CANARY_ISLANDS, VatCategory.CEUTA_MELILLA)
FREIGHT = "FC"  # UNCL7161
GLN = "0088"  # ISO 6523
TRANSFERS = ("30", "31", "42", "58")  # UNCL4461

UNSAID = {
    "tax_point_date": "has no place here; put it into the notes",
    "period": "has no place here; put it into the notes",
    "payee": "has no place here: the client's own account is paid",
    "contract": "has no place here; put it into the notes",
    "project": "has no place here; put it into the notes",
    "accounting_reference": "has no place here",
    "allowances": "has no place here; lower the lines instead",
    "prices_include_vat": "prices are without VAT here",
    "prepaid": "has no place here",
}
LINE_UNSAID = {
    "charges": "has no place here; raise the price or write it as a line of its own",
    "period": "has no place here; put it into the description",
    "buyer_item_id": "has no place here; put it into the description",
    "standard_item_id": "has no place here; put it into the description",
    "order_line": "has no place here; put it into the description",
    "accounting_reference": "has no place here; put it into the description",
}
DISCOUNT_UNSAID = {
    "reason": "a discount has no words here; put them into the description",
    "reason_code": "a discount has no words here; put them into the description",
}
PAYMENT_UNSAID = {
    "iban": "has no place here: the client's own account is paid",
    "bic": "has no place here: the client's own account is paid",
    "account_name": "has no place here: the client's own account is paid",
    "mandate": "has no place here: the buyer pays by the reference",
}
ADDRESS_UNSAID = {"region": "has no place here; use a third address line in the options"}
DELIVERY_UNSAID = {"location": "has no place here; put it into the notes"}
IGNORED = {
    "seller": "the client of the account is the seller; only the contact's name is printed",
    "payment.means": "a transfer, as every invoice here is paid",
    "precedents[].issue_date": "the number says which invoice is credited",
    "charges[].reason": "the fee's name says it",
    "buyer.trading_name": "the invoice is addressed to the legal name",
    "buyer.given_name": "the name says it",
    "buyer.family_name": "likewise",
    "buyer.language": "the document template decides it",
    "buyer.electronic_address": "the distribution code decides how it travels",
    "buyer.registration.scheme": "there is one field, read by the debtor's type",
    "lines[].id": "lines keep their order",
    "lines[].vat.category": "the percentage, reverse charge or the remark says it",
    "lines[].vat.exemption_code": "the remark says it in words",
}
"""What a document may carry and this provider is knowingly not told, and why that loses nothing."""

NOT_SENT = {
    "activatedDate": "activation is a step of its own, after the figures are checked",
    "activatedById": "likewise",
}
"""Fields of create that this adaptor never writes, and why."""

NOT_READ = {
    "clientName": "the client's id says it",
    "productCode": "as asked; decides no figure",
    "serviceProviderCode": "likewise",
    "paymentReference": "printed for the buyer",
    "debitInvoiceNumber": "as asked",
    "dates.invoiceDate": "as asked",
    "dates.expireDate": "likewise",
    "dates.deliveryDate": "likewise",
    "dates.ledgerPerformedDate": "the ledger's word says how far it is",
    "debtor.id": "our customer number is compared",
    "debtor.name": "personal; the customer number is compared",
    "debtor.identificationNumber": "likewise",
    "debtor.type": "as asked",
    "debtor.GLN": "as asked",
    "debtor.FMI": "likewise",
    "debtor.email": "personal, and as asked",
    "debtor.phone": "likewise",
    "debtor.cellPhone": "likewise",
    "debtor.invoiceAddress": "likewise",
    "debtor.deliveryAddress": "likewise",
    "debtor.vatNumber": "as asked",
    "debtor.distributionChannel": "as asked; the invoice's distribution code decides",
    "debtor.distributionChannelOverride": "likewise",
    "document": "names of files, for whoever fetches them from /storage/{fileName}",
    "documentTemplateCode": "as asked; how it looks",
    "type": "as asked",
    "isRecourse": "between the client and its factor",
    "useRecourse": "likewise",
    "createdDate": "told by our own history",
    "createdBy": "the user of the settings, a mail address",
    "reminderProfileCode": "the ledger's word shows what comes of it",
    "yourReference": "as asked, and free text",
    "yourContactPerson": "likewise",
    "yourOrderNumber": "as asked",
    "articleRows": "as asked; the VAT rows and the totals hold what they come to",
    "remark": "as asked, and free text",
    "terms": "likewise",
    "fees": "as asked; part of the totals",
    "reverseCharge": "as asked; the VAT rows show it",
    "refund": "as asked",
    "vats.totalTaxable": "net is their sum",
    "totals.totalToPay": "follows from the total and what was asked for",
    "totals.totalRoundOff": "likewise",
    "totals.taxReduction": "likewise",
    "totals.totalVat": "the VAT rows are its parts",
    "totals.totalToPayBase": "in the base currency",
    "currency.exchangeRate": "as asked",
    "balances.totalLocale": "balances are compared in one currency only",
    "balances.capitalLocale": "likewise",
    "balances.capitalService": "part of the total",
    "balances.capitalServiceLocale": "likewise",
    "balances.capitalFinanced": "between the client and its factor",
    "balances.capitalFinancedLocale": "likewise",
    "balances.reminder": "part of the total",
    "balances.reminderLocale": "likewise",
    "balances.interest": "likewise",
    "balances.interestLocale": "likewise",
    "partPayment.partPaymentPlanId": "that there is a plan is shown",
}
"""What an answer carries that is knowingly not read, and why."""

PAYMENT_NOT_READ = {
    "date": "when it was booked; the history says when we heard",
    "paymentDate": "likewise",
    "name": "personal",
    "externalPaymentMethodCode": "for bookkeeping",
    "accountNumber": "likewise",
}
"""What a payment of the feed carries that is knowingly not kept, and why."""

PACES = Paces(
    # Activation is answered when it is done: what does not show soon is for a person.
    approval=Pace(first=timedelta(seconds=2), cap=timedelta(minutes=5), deadline=timedelta(hours=1))
)
BLIND_PACES = PACES.model_copy(
    update={
        # Payments come as events and cut the wait short; looking again finds nothing else.
        "payment": Pace(
            first=timedelta(days=1), factor=2, cap=timedelta(days=7), deadline=timedelta(days=120)
        )
    }
)


# --- the adaptor ----------------------------------------------------------------------------------


class Quiddly:
    """The verbs of `invoicing.provider.Provider`, with its feed, for one client."""

    Settings: ClassVar[type[BaseModel]] = QuiddlySettings
    Options: ClassVar[type[BaseModel]] = QuiddlyOptions
    name = "quiddly"

    def __init__(self, settings: QuiddlySettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http
        self._tokens = Tokens(self._sign_in)
        # Without one the feed has another reader.
        self.feed_interval = (
            timedelta(minutes=settings.feed_minutes) if settings.payments_feed else None
        )

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port. Nothing is looked up: the debtor travels with every invoice."""
        mistakes = Mistakes()
        settings = self._settings
        options = parsed(QuiddlyOptions, request.options, "options", mistakes)
        _check_document(request.document, settings, mistakes)
        if options:
            _check_options(request, options, settings, mistakes)
        pdf = await _planned_pdf(options.pdf, settings, mistakes) if options else None
        mistakes.settle(NAME)
        options = options or QuiddlyOptions()
        sums = totals(request.document, settings.vat_rounding)
        context = _first_context(request, options, settings, sums)
        # Handed out by the caller, once it is activated: that counts as sent.
        sends = context.hands_out or _distribution(request, options) != "NULL"
        blind = settings.read_route is None
        return Plan(
            totals=sums,
            echoes=tuple(Figure),
            find_first=settings.find_route is not None,
            blind=blind,
            sent_by="approve" if sends else "send",
            attachments=(pdf,) if pdf else (),
            keys=(request.document.number or "",),
            paces=BLIND_PACES if blind else PACES,
            # A verb may need a token, see it refused, need another and be repeated.
            call_timeout=timedelta(seconds=4 * settings.timeout),
            buyer=request.document.buyer.account_number,
            context=context.given(),
        )

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port. No plan of this adaptor asks for any."""
        raise Rejected(f"{NAME}: there is no look-up called {call.look_up.name}")

    async def find(self, target: Target) -> Search:
        """See the port. By our invoice number, where a route for that is known.

        A list that shows other numbers too was not filtered, and may have been cut. Where one with
        our number states another reference, the number is taken: a second one under it would get
        the first one's payments.
        """
        if self._settings.find_route is None:
            return Search(complete=False)
        context = _Context.model_validate(target.context)
        route, ids = self._settings.find_route, {"number": context.number}
        request = self._request("find", "GET", route, ids=ids)
        listed = _list(await self._ask(request), request)
        known = [_parse(_Invoice, item, request) for item in listed]
        alike = [one for one in known if one.invoice_number == context.number]
        ours = [one for one in alike if self._is_of_client(one)]
        if any(one.reference(context) not in (None, target.reference) for one in ours):
            raise Rejected(
                f"{NAME} has another reference's invoice under this number",
                fields=[FieldProblem(field="document.number", message="is taken")],
            )
        found = (self._heard(one, context) for one in ours)
        return Search(
            invoices=tuple(_snapshot(told, context) for told in found),
            complete=len(alike) == len(known),
        )

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. The answer states every figure; nothing happens before activation."""
        body = _encoded(call, self._settings)
        request = self._request("create", "POST", INVOICES, changes=True, json=body)
        context = _Context.model_validate(call.target.context)
        return _snapshot(self._heard(await self._invoice(request), context), context)

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. Without a route for it: what was heard last, and what the events add."""
        invoice_id = _id(call.target)
        context = _Context.model_validate(call.target.context)
        told, invoice = context.of(invoice_id), None
        if self._settings.read_route is None:
            if told is None:
                raise Rejected(
                    f"{NAME}: this invoice was never seen from here, and no route to read one is "
                    "configured"
                )
            told = _confirmed(told, call.events, context)
            told = _proven(_with_payments(told, call.events, context), context)
        else:
            request = self._request("read", "GET", self._settings.read_route, id=invoice_id)
            try:
                invoice = await self._invoice(request)
            except Rejected as error:
                if error.code not in ("404", "410"):
                    raise
                return Snapshot(provider_id=invoice_id, stage=Stage.DELETED)
            told = _with_payments(self._heard(invoice, context, told), call.events, context)
        return _snapshot(told, context, invoice)

    async def attach(self, call: AttachCall) -> Found:
        """See the port. Uploads the PDF that was planned, and no other under its name."""
        target = call.target
        told = _Context.model_validate(target.context).of(_id(target))
        client = self._settings.client_id or (told.client if told else "")
        if not client:
            raise Rejected(f"{NAME}: no answer names the client: set the account's client id")
        request = self._request(
            "attach",
            "POST",
            ATTACH,
            changes=True,
            form={"clientId": client, "invoiceId": _id(target)},
            file=await _planned_file(call.attachment, self._settings),
        )
        document = _parse(_Document, await self._ask(request), request)
        if document.invoice_id not in (None, target.provider_id):
            raise unclear(request, "is about another invoice")
        return Found()

    async def approve(self, target: Target) -> Snapshot:
        """See the port. Activates this one id; where a code says so, that sends it as well."""
        context = _Context.model_validate(target.context)
        request = self._request(
            "approve", "POST", ACTIVATE, changes=True, id=_id(target), json=context.activate
        )
        told = self._heard(await self._invoice(request), context, context.of(_id(target)))
        if told.stage in UNPROVEN and self._settings.read_route is None:
            raise unclear(request, "does not show an activation, and no look can")
        if told.stage is Stage.DRAFTED:
            told = told.model_copy(update={"stage": Stage.APPROVING})
        return _snapshot(told, context)

    async def send(self, target: Target) -> Snapshot:
        """See the port. Reached only if an activated invoice has no distribution code."""
        raise Unsupported(
            f"{NAME} sends an activated invoice by itself, by its distribution code, and this one "
            "has none: send it yourself, then skip"
        )

    async def delete(self, target: Target) -> Snapshot:
        """See the port. A draft that is no longer there is deleted."""
        route = self._settings.delete_route
        if route is None:
            raise Unsupported(
                f"{NAME} documents no way to delete a draft: delete it there, or leave it, since "
                "nothing comes of a draft that is not activated"
            )
        request = self._request("delete", "DELETE", route, changes=True, id=_id(target))
        try:
            await self._ask(request)
        except Rejected as error:
            if error.code not in ("404", "410"):
                raise
        context = _Context.model_validate(target.context)
        told = context.of(_id(target)) or _Told(id=_id(target))
        return _snapshot(told.model_copy(update={"stage": Stage.DELETED}), context)

    async def credit(self, target: Target) -> Snapshot:
        """See the port. Two calls and a document of its own, which one verb cannot be."""
        raise Unsupported(
            f"{NAME} credits by an invoice of its own: ask for a credit note that names this one"
        )

    # news

    async def check(self) -> None:
        """See the port. Signs in; a token that was given is tried where there is a feed to read."""
        await self._bearer()
        if self._settings.payments_feed:
            query = {"page": "1", "limit": "1"}
            await self._ask(self._request("check", "GET", PAYMENTS, query=query))

    async def about(self, event: Event) -> Subject:
        """See the port. By our invoice number; money that names none is a question for a person."""
        if event.kind != PAYMENT:
            return Subject()
        keys, amount = webhooks.named(event.body.get("invoiceNumber")), _amount(event)
        if not keys or amount is None:
            raise Unreadable(f"{NAME}: a payment does not say how much it is for which invoice")
        body = {"invoiceNumber": keys[0], "amount": f"{amount:f}", "currency": _money(event)}
        return Subject(keys=keys, event=event.model_copy(update={"body": body}))

    async def poll(self) -> Batch:
        """See the port. Payments nobody has marked as exported, in the provider's order."""
        found: dict[str, Item] = {}
        size = self._settings.feed_page
        for page in range(1, MAX_PAGES + 1) if self._settings.payments_feed else ():
            query = {"page": str(page), "limit": str(size)}
            request = self._request("payments", "GET", PAYMENTS, query=query)
            listed = _list(await self._ask(request), request)
            items = [_item(payment, self._settings) for payment in listed]
            found.update((item.event.id, item) for item in items)
            if len(items) < size:
                return Batch(items=tuple(found.values()))
        return Batch(items=tuple(found.values()), more=bool(found))

    async def acknowledge(self, item: Item) -> None:
        """See the port. Ours is the event's id, under which its workflow can be found."""
        voucher = item.receipt.get("voucher")
        if not isinstance(voucher, str):
            raise Rejected(f"{NAME}: a payment without an id cannot be acknowledged")
        body: Json = {"externalId": item.event.id}
        # Counted as changing nothing: it may be repeated, so a lost answer is no doubt.
        request = self._request("acknowledge", "PUT", EXPORT, id=voucher, json=body)
        try:
            await self._ask(request)
        except Rejected as error:
            if error.code not in TAKEN_OUT:
                raise

    # calls

    def _is_of_client(self, invoice: _Invoice) -> bool:
        return self._settings.client_id in (None, invoice.client_id or self._settings.client_id)

    def _heard(self, invoice: _Invoice, context: _Context, before: _Told | None = None) -> _Told:
        """What an answer says, with what earlier ones and events said about payments."""
        before = before or _Told(id=invoice.id)
        balance = invoice.balances.total
        negative = context.credit and self._settings.credit_amounts == "negative"
        return before.model_copy(
            update={
                "client": invoice.client_id or before.client,
                "stage": _stage(invoice, context) if self._is_of_client(invoice) else None,
                "distribution": invoice.distribution,
                "status": _status(invoice),
                "echo": _echo(invoice, -1 if negative else 1),
                "owed": before.owed or bool(invoice.is_activated and balance),
                "reference": invoice.reference(context) or before.reference,
            }
        )

    async def _invoice(self, request: Call) -> _Invoice:
        """The one invoice an exchange answers with, and that it is the one asked about."""
        invoice = _parse(_Invoice, await self._ask(request), request)
        if invoice.id != request.ids.get("id", invoice.id):
            raise unclear(request, "is about another invoice")
        return invoice

    def _request(
        self,
        name: str,
        method: str,
        route: str,
        *,
        changes: bool = False,
        id: str | None = None,  # noqa: A002
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: Json = None,
        form: Mapping[str, str] | None = None,
        file: File | None = None,
    ) -> Call:
        return Call(
            provider=NAME,
            name=name,
            method=method,
            base_url=self._settings.base_url,
            route=route,
            changes=changes,
            ids=ids or ({} if id is None else {"id": id}),
            query=query or {},
            json=json,
            form=form,
            file=file,
            timeout=self._settings.timeout,
        )

    async def _ask(self, request: Call) -> Json:
        """One exchange. A 401 refuses before anything is done, so with a token that can be renewed
        it is repeated once."""
        token = await self._bearer()
        answer = await exchange(self._http, _signed(request, token))
        if answer.status == httpx.codes.UNAUTHORIZED and not self._settings.token:
            self._tokens.drop(token)
            answer = await exchange(self._http, _signed(request, await self._bearer()))
        if not answer.ok:
            raise _refusal(request, answer)
        return answer.body

    async def _bearer(self) -> str:
        token = self._settings.token
        return token.get_secret_value() if token else await self._tokens.get()

    async def _sign_in(self) -> Token:
        """It changes nothing, so whatever goes wrong here leaves the call it was meant for
        certainly undone."""
        password = self._settings.password
        json: Json = {
            "username": self._settings.username,
            "password": password.get_secret_value() if password else None,
        }
        request = self._request("sign in", "POST", "/authenticate", json=json)
        try:
            answer = await exchange(self._http, request)
            told = _parse(_SignedIn, answer.body, request) if answer.ok else None
        except Unreadable as error:
            raise Unavailable(error.message) from None
        if told is None:
            raise Rejected(f"{NAME} refuses the username or password", code=str(answer.status))
        return Token(told.id_token.get_secret_value(), TOKEN_SECONDS)


# --- planning -------------------------------------------------------------------------------------


def _check_document(document: Document, settings: QuiddlySettings, mistakes: Mistakes) -> None:
    """What can be judged whatever the options are."""
    refuse_given(document, UNSAID, "document", mistakes)
    if document.vat_rounding not in (None, settings.vat_rounding):
        mistakes.unoffered("document.vat_rounding", f"VAT is rounded per {settings.vat_rounding}")
    if not document.number:
        mistakes.wrong("document.number", "needed: invoices are numbered by the caller here")
    if not document.due_date:
        mistakes.wrong("document.due_date", "needed")
    _check_precedents(document, mistakes)
    _check_payment(document, mistakes)
    _check_buyer(document.buyer, mistakes)
    _check_delivery(document.delivery, mistakes)
    _check_vats(document, mistakes)
    for index, line in enumerate(document.lines):
        _check_line(line, f"document.lines[{index}]", mistakes)


def _check_precedents(document: Document, mistakes: Mistakes) -> None:
    count = len(document.precedents)
    if document.type == "invoice" and count:
        mistakes.unoffered("document.precedents", "only a credit note names another invoice here")
    if document.type == "credit_note" and count != 1:
        mistakes.unoffered("document.precedents", "a credit note names exactly one invoice here")


def _check_payment(document: Document, mistakes: Mistakes) -> None:
    payment = document.payment
    if payment is None:
        return
    refuse_given(payment, PAYMENT_UNSAID, "document.payment", mistakes)
    if payment.means not in (None, *TRANSFERS):
        mistakes.unoffered("document.payment.means", "the buyer pays by transfer here")


def _check_buyer(buyer: Party, mistakes: Mistakes) -> None:
    at = "document.buyer"
    if not buyer.account_number:
        mistakes.wrong(f"{at}.account_number", "needed: your number for this customer")
    _check_identity(buyer, f"{at}.registration.value", mistakes)
    _check_gln(buyer, f"{at}.identifiers", mistakes)
    if buyer.address:
        _check_address(buyer.address, f"{at}.address", mistakes)
        for part in ("street", "postal_code", "city"):
            if not getattr(buyer.address, part):
                mistakes.wrong(f"{at}.address.{part}", "needed")


def _check_identity(buyer: Party, at: str, mistakes: Mistakes) -> None:
    try:
        _identity(buyer)
    except stdnum.ValidationError:
        what = "organisation" if buyer.type == "business" else "personal identity"
        mistakes.wrong(at, f"is not a valid Swedish {what} number")


def _check_gln(buyer: Party, at: str, mistakes: Mistakes) -> None:
    if any(one.scheme != GLN for one in buyer.identifiers):
        mistakes.unoffered(at, f"only a GLN has a place here (scheme {GLN})")
    elif len(buyer.identifiers) > 1:
        mistakes.unoffered(at, "there is place for one GLN")
    elif not all(len(one.value) == 13 and ean.is_valid(one.value) for one in buyer.identifiers):
        mistakes.wrong(at, "is not a valid GLN: 13 digits, the last a check digit")


def _check_address(address: Address, at: str, mistakes: Mistakes) -> None:
    refuse_given(address, ADDRESS_UNSAID, at, mistakes)
    try:
        _zip(address)
    except stdnum.ValidationError:
        mistakes.wrong(f"{at}.postal_code", "is not a Swedish one: 5 digits")


def _check_delivery(delivery: Delivery | None, mistakes: Mistakes) -> None:
    if delivery:
        refuse_given(delivery, DELIVERY_UNSAID, "document.delivery", mistakes)
        if delivery.address:
            _check_address(delivery.address, "document.delivery.address", mistakes)


def _check_vats(document: Document, mistakes: Mistakes) -> None:
    vats = _vats(document)
    for at, vat in vats.items():
        if vat.rate not in VAT_RATES:
            allowed = ", ".join(map(str, VAT_RATES))
            mistakes.unoffered(f"{at}.vat.rate", f"must be one of {allowed}")
        if vat.category in ELSEWHERE:
            mistakes.unoffered(f"{at}.vat.category", "only Swedish VAT is reported here")
    categories = {vat.category for vat in vats.values()}
    if VatCategory.REVERSE_CHARGE in categories and len(categories) > 1:
        mistakes.unoffered("document.lines", "reverse charge is for a whole invoice here")


def _check_line(line: Line, at: str, mistakes: Mistakes) -> None:
    refuse_given(line, LINE_UNSAID, at, mistakes)
    for index, allowance in enumerate(line.allowances):
        refuse_given(allowance, DISCOUNT_UNSAID, f"{at}.allowances[{index}]", mistakes)
    if _unit_price(line) is None:
        mistakes.unoffered(f"{at}.base_quantity", "the price of one unit is not exact")


def _check_options(
    request: InvoiceRequest, options: QuiddlyOptions, settings: QuiddlySettings, mistakes: Mistakes
) -> None:
    """What the options decide, alone or together with the document."""
    document = request.document
    _check_goal(request, settings, mistakes)
    _check_type(document, options, settings, mistakes)
    _check_distribution(request, options, mistakes)
    _check_currency(document, options, settings, mistakes)
    _check_fees(document, options, mistakes)
    for field in ("round_off", "tax_reduction"):
        if getattr(options, field) != rounded(getattr(options, field), document.currency):
            mistakes.wrong(f"options.{field}", f"is finer than {document.currency}")
    for line_id in options.lines.keys() - {line.id for line in document.lines}:
        mistakes.wrong(f"options.lines.{line_id}", "the document has no such line")
    if options.debtor.address3 and not document.buyer.address:
        mistakes.wrong("options.debtor.address3", "the buyer has no address")
    if options.debtor.delivery_address3 and not (document.delivery and document.delivery.address):
        mistakes.wrong("options.debtor.delivery_address3", "the delivery has no address")


def _check_goal(request: InvoiceRequest, settings: QuiddlySettings, mistakes: Mistakes) -> None:
    if request.goal is Goal.DELIVERED:
        mistakes.unoffered("goal", "delivery cannot be seen here; ask for sent")
    if request.goal is Goal.PAID and request.document.type == "credit_note":
        mistakes.unoffered("goal", "a credit note is not paid; ask for sent")
    if request.goal is Goal.PAID and not (settings.payments_feed or settings.read_route):
        mistakes.unoffered("goal", "neither the feed of payments nor a route to read is configured")


def _check_type(
    document: Document, options: QuiddlyOptions, settings: QuiddlySettings, mistakes: Mistakes
) -> None:
    if document.type == "credit_note" and not (options.type or settings.credit_type):
        message = "nobody documents the type of a credit invoice; name it in options.type"
        mistakes.unoffered("document.type", message)


def _check_distribution(
    request: InvoiceRequest, options: QuiddlyOptions, mistakes: Mistakes
) -> None:
    """Of both codes: the draft's counts if the one for activation is left out."""
    code = _distribution(request, options)
    if code == "NULL" and request.goal is Goal.SENT:
        message = "NULL sends nothing: ask for approved, or for paid"
        mistakes.wrong("options.distribution_code", message)
    buyer = request.document.buyer
    if code == "EMAIL" and not (buyer.contact and buyer.contact.email):
        mistakes.wrong("document.buyer.contact.email", "needed for distribution by EMAIL")
    if code == "LETTER" and not buyer.address:
        mistakes.wrong("document.buyer.address", "needed for distribution by LETTER")


def _check_currency(
    document: Document, options: QuiddlyOptions, settings: QuiddlySettings, mistakes: Mistakes
) -> None:
    base, rate = options.base_currency or settings.base_currency, options.exchange_rate
    if document.currency == base and rate not in (None, 1):
        mistakes.wrong("options.exchange_rate", f"must be 1: the base currency is {base} too")
    if document.currency != base and rate is None:
        mistakes.wrong("options.exchange_rate", f"needed: the base currency is {base}")


def _check_fees(document: Document, options: QuiddlyOptions, mistakes: Mistakes) -> None:
    if options.charges and len(options.charges) != len(document.charges):
        mistakes.wrong("options.charges", f"must be {len(document.charges)}, one per charge")
        return
    fees = _fees(document, options)
    for index, fee in enumerate(fees):
        if fee is None:
            message = "say in options.charges which fee it is: administration or freight"
            mistakes.wrong(f"document.charges[{index}]", message)
        elif fee in fees[:index]:
            mistakes.unoffered(f"document.charges[{index}]", f"there is place for one {fee} fee")


def _fees(document: Document, options: QuiddlyOptions) -> tuple[Fee | None, ...]:
    by_code: list[Fee | None] = [
        "freight" if one.reason_code == FREIGHT else None for one in document.charges
    ]
    return options.charges or tuple(by_code)


def _distribution(request: InvoiceRequest, options: QuiddlyOptions) -> DistributionCode | None:
    """How it will travel; None where nothing is to be said about it."""
    return options.activation.distribution_code or _drafted_distribution(request, options)


def _drafted_distribution(
    request: InvoiceRequest, options: QuiddlyOptions
) -> DistributionCode | None:
    contact = request.document.buyer.contact
    if options.distribution_code or request.goal is Goal.DRAFTED:
        return options.distribution_code
    if request.goal is Goal.APPROVED:
        return "NULL"
    return "EMAIL" if contact and contact.email else "LETTER"


def _mark(
    document: Document, options: QuiddlyOptions
) -> Literal["ourReference", "ourOrderNumber"] | None:
    if not _our_words(document, options):
        return "ourReference"
    return None if document.sales_order else "ourOrderNumber"


def _first_context(
    request: InvoiceRequest, options: QuiddlyOptions, settings: QuiddlySettings, sums: Totals
) -> _Context:
    code = _distribution(request, options)
    with exactly():
        due = sums.gross + options.round_off - options.tax_reduction
    return _Context(
        number=request.document.number or "",
        currency=sums.currency,
        due=due,
        credit=request.document.type == "credit_note",
        hands_out=code == "NULL" and request.goal is Goal.PAID,
        mark=_mark(request.document, options) if settings.write_reference else None,
        distribution=_drafted_distribution(request, options),
        activate=options.activation.wire(),
    )


def _vats(document: Document) -> dict[str, Vat]:
    lines = {f"document.lines[{index}]": one.vat for index, one in enumerate(document.lines)}
    charges = {f"document.charges[{index}]": one.vat for index, one in enumerate(document.charges)}
    return lines | charges


def _unit_price(line: Line) -> Decimal | None:
    """The price of one unit, where a Decimal can say it exactly."""
    with localcontext() as context:
        context.clear_flags()
        price = line.unit_price / line.base_quantity
        return None if context.flags[Inexact] else price


def _is_swedish(address: Address | None) -> bool:
    return address is None or address.country == "SE"


def _identity(buyer: Party) -> str | None:
    """As Quiddly writes it, digits only; a stdnum error where it is Swedish and not valid.

    A foreign buyer's number is passed on: nobody says what would be valid for it.
    """
    number = buyer.registration.value if buyer.registration else None
    if number is None or not _is_swedish(buyer.address):
        return number
    if buyer.type == "business":
        return str(orgnr.validate(number))
    return str(personnummer.validate(number)).replace("-", "")


def _zip(address: Address) -> str | None:
    """Without the space that Swedish ones are written with; a stdnum error if it is not valid."""
    if address.postal_code is None or address.country != "SE":
        return address.postal_code
    return str(postnummer.validate(address.postal_code))


# --- the client's own PDF -------------------------------------------------------------------------


async def _planned_pdf(
    path: str | None, settings: QuiddlySettings, mistakes: Mistakes
) -> Attachment | None:
    at = "options.pdf"
    if path is None:
        return None
    if settings.files is None:
        mistakes.unoffered(at, "the account's settings name no directory for files")
        return None
    try:
        content = await _pdf(settings.files, path)
    except NotUsable as reason:
        mistakes.wrong(at, str(reason))
        return None
    return Attachment(name="own pdf", query={"path": path, "sha256": content.sha256})


async def _planned_file(attachment: Attachment, settings: QuiddlySettings) -> File:
    """What is to be uploaded; Rejected if it is not what it was when it was planned."""
    pdf = _OwnPdf.model_validate(attachment.query)
    if settings.files is None:
        raise Rejected(f"{NAME}: the account's settings no longer name a directory for files")
    try:
        content = await _pdf(settings.files, pdf.path)
    except NotUsable as reason:
        raise Rejected(f"{NAME}: the client's own PDF {reason}") from None
    if content.sha256 != pdf.sha256:
        raise Rejected(
            f"{NAME}: the client's own PDF has changed since it was planned: put the planned one "
            "back and retry, or skip to go on without it"
        )
    name = PurePosixPath(pdf.path).name
    return File("file", name, "application/pdf", content.data, content.sha256)


async def _pdf(directory: Path, path: str) -> Content:
    content = await read_file(directory, path, MAX_PDF)
    if not content.data.startswith(b"%PDF-"):
        raise NotUsable("is not a PDF")
    return content


# --- encoding -------------------------------------------------------------------------------------


def _encoded(call: CreateCall, settings: QuiddlySettings) -> Json:
    """The body of create, without what is not said."""
    document = call.document
    options = QuiddlyOptions.model_validate(call.options)
    context = _Context.model_validate(call.target.context)
    credit = document.type == "credit_note"
    sign = -1 if credit and settings.credit_amounts == "negative" else 1
    base = options.base_currency or settings.base_currency
    payment, contact = document.payment, document.buyer.contact
    with exactly():
        body: dict[str, Json] = {
            "clientId": settings.client_id,
            "productCode": options.product_code,
            "invoiceNumber": document.number,
            "paymentReference": payment.reference if payment else None,
            "debitInvoiceNumber": document.precedents[0].number if credit else None,
            "dates": _encoded_dates(document),
            "debtor": _encoded_debtor(document, options.debtor),
            "documentTemplateCode": options.document_template_code,
            "type": options.type or (settings.credit_type if credit else "INVOICE"),
            "useRecourse": options.use_recourse,
            "ourReference": _our_words(document, options),
            "yourReference": document.buyer_reference,
            "yourContactPerson": contact.name if contact else None,
            "ourOrderNumber": document.sales_order,
            "yourOrderNumber": document.purchase_order,
            "articleRows": [
                _encoded_row(document, line, total, options, sign)
                for line, total in zip(document.lines, call.totals.lines, strict=True)
            ],
            "vats": _encoded_vats(call.totals, sign),
            "remark": _remark(document),
            "terms": _said(
                {
                    "payment": payment.terms if payment else None,
                    "delivery": options.terms_of_delivery,
                }
            ),
            "fees": _encoded_fees(document, options, sign),
            "reverseCharge": _is_reverse_charge(document) or None,
            "refund": options.refund,
            "totals": _encoded_totals(call.totals, options, sign),
            "currency": {
                "invoiceCurrency": document.currency,
                "baseCurrency": base,
                "exchangeRate": options.exchange_rate or Decimal(1),
            },
            "serviceProviderCode": options.service_provider_code,
        }
    said = _said(body)
    if context.distribution:
        said["distributionCode"] = _null(context.distribution)
    if context.mark:
        said[context.mark] = call.target.reference
    return said


def _our_words(document: Document, options: QuiddlyOptions) -> str | None:
    contact = document.seller.contact if document.seller else None
    return options.our_reference or (contact.name if contact else None)


def _encoded_dates(document: Document) -> dict[str, Json]:
    delivered = document.delivery.actual_date if document.delivery else None
    return _said(
        {
            "invoiceDate": document.issue_date.isoformat(),
            "expireDate": document.due_date.isoformat() if document.due_date else None,
            "deliveryDate": delivered.isoformat() if delivered else None,
        }
    )


def _encoded_debtor(document: Document, options: DebtorOptions) -> dict[str, Json]:
    buyer, contact, delivery = document.buyer, document.buyer.contact, document.delivery
    name = options.invoice_name or buyer.name
    return _said(
        {
            "customerNumber": buyer.account_number,
            "name": buyer.name,
            "identificationNumber": _identity(buyer),
            "type": "COMPANY" if buyer.type == "business" else "PERSON",
            "GLN": buyer.identifiers[0].value if buyer.identifiers else None,
            "email": contact.email if contact else None,
            "phone": contact.phone if contact else None,
            "cellPhone": options.cell_phone,
            "invoiceAddress": _encoded_address(buyer.address, name, options.address3)
            if buyer.address
            else None,
            "deliveryAddress": _encoded_address(
                delivery.address, delivery.party_name, options.delivery_address3
            )
            if delivery
            else None,
            "vatNumber": buyer.vat_number,
            "distributionChannelOverride": options.distribution_channel_override,
            "distributionChannel": options.distribution_channel,
            "FMI": options.fmi,
        }
    )


def _encoded_address(
    address: Address | None, name: str | None, third: str | None
) -> dict[str, Json]:
    if address is None:
        return _said({"name": name})
    return _said(
        {
            "name": name,
            "address": address.street,
            "address2": address.additional,
            "address3": third,
            "zip": _zip(address),
            "city": address.city,
            "countryCode": str(address.country),
        }
    )


def _encoded_row(
    document: Document, line: Line, total: LineTotal, options: QuiddlyOptions, sign: int
) -> Json:
    """`total` is without VAT here, unlike that of the invoice."""
    texts = (line.name, line.description, line.note)
    return _said(
        {
            "description": "\n".join(text for text in texts if text),
            "articleNumber": line.seller_item_id,
            "accountNumber": options.line(line).account_number,
            "price": _unit_price(line),
            "quantity": _quantity(sign * line.quantity),
            "unit": options.line(line).unit or UNITS.get(line.unit, line.unit),
            "vatPercentage": int(line.vat.rate),
            "total": sign * total.net,
            "totalExclVat": sign * total.net,
            "totalVat": sign * total.vat,
            **_discount(document, line, sign),
        }
    )


def _discount(document: Document, line: Line, sign: int) -> dict[str, Json]:
    """One percentage as such; several allowances, or an amount, as what they come to."""
    given = line.allowances
    if not given or (len(given) == 1 and given[0].percent is not None):
        percent = given[0].percent if given else Decimal(0)
        return {"discountType": "PERCENTAGE", "totalDiscount": percent}
    price = line.price(document.currency)
    amount = sum((one.of(price, document.currency) for one in given), Decimal(0))
    return {"discountType": "CURRENCY", "totalDiscount": sign * amount}


def _quantity(quantity: Decimal) -> str:
    """Text with a decimal point and, as in the examples, two decimals or more."""
    whole, _, decimals = plain(quantity).partition(".")
    return f"{whole}.{decimals:0<2}"


def _encoded_vats(sums: Totals, sign: int) -> Json:
    """By percentage: two reasons for 0 percent are one row here."""
    rows: dict[int, dict[str, Decimal]] = {}
    for row in sums.vat_rows:
        at = rows.setdefault(int(row.rate), {"totalTaxable": Decimal(0), "totalVat": Decimal(0)})
        at["totalTaxable"] += sign * row.taxable
        at["totalVat"] += sign * row.vat
    return [{"percentage": rate, **amounts} for rate, amounts in sorted(rows.items())]


def _encoded_fees(document: Document, options: QuiddlyOptions, sign: int) -> dict[str, Json]:
    fees: dict[str, Json] = {}
    for fee, charge in zip(_fees(document, options), document.charges, strict=True):
        fees[f"{fee}"] = sign * document.amount_of(charge)
        fees[f"{fee}VatPercentage"] = int(charge.vat.rate)
    return fees


def _encoded_totals(sums: Totals, options: QuiddlyOptions, sign: int) -> Json:
    to_pay = sums.gross + options.round_off - options.tax_reduction
    return {
        "total": sign * sums.gross,
        "totalExclVat": sign * sums.net,
        "totalVat": sign * sums.vat,
        "totalRoundOff": sign * options.round_off,
        "taxReduction": sign * options.tax_reduction,
        "totalToPay": sign * to_pay,
    }


def _remark(document: Document) -> str | None:
    """The notes, and why there is no VAT; reverse charge has a field of its own."""
    reasons = (
        vat.exemption_reason or REASONS.get(vat.category, "") for vat in _vats(document).values()
    )
    texts = dict.fromkeys([*document.notes, *reasons])
    return "\n".join(text for text in texts if text) or None


def _is_reverse_charge(document: Document) -> bool:
    return document.lines[0].vat.category is VatCategory.REVERSE_CHARGE


def _null(code: str) -> str | None:
    return None if code == "NULL" else code


def _said(body: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in body.items() if value not in (None, {})}


def _id(target: Target) -> str:
    if not target.provider_id:
        raise Rejected(f"{NAME}: there is no invoice yet")
    return target.provider_id


# --- decoding -------------------------------------------------------------------------------------


class _Wire(BaseModel):
    """What the provider writes: camel case, more fields than we read, null for nothing."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


_Section = TypeVar("_Section", bound=_Wire)


def _or_empty(value: Any) -> Any:
    return {} if value is None else value


_Maybe = Annotated[_Section, BeforeValidator(_or_empty)]
"""A part of an invoice that may be null."""


class _SignedIn(_Wire):
    id_token: HeaderSecret
    token_type: Annotated[str | None, Field(pattern="(?i)^bearer$")] = None


class _Statuses(_Wire):
    main: str | None = None
    ledger: str | None = None
    ledger_sub_type: str | None = None


class _PartPayment(_Wire):
    is_part_payment: bool | None = None


class _Dates(_Wire):
    paused_until_date: str | None = None
    latest_financial_date: str | None = None


class _Debtor(_Wire):
    customer_number: str | None = None


class _VatRow(_Wire):
    percentage: Number
    total_vat: Number


class _Sums(_Wire):
    total: Number | None = None
    total_excl_vat: Number | None = None


class _Currencies(_Wire):
    invoice_currency: str | None = None
    base_currency: str | None = None


class _Balances(_Wire):
    total: Number | None = None
    capital: Number | None = None


class _Invoice(_Wire):
    id: Annotated[str, Field(min_length=1)]
    client_id: str | None = None
    invoice_number: str | None = None
    activated_date: str | None = None
    activated_by_id: str | None = None
    distribution_code: str | None = None
    our_reference: Any = None
    our_order_number: Any = None
    statuses: _Maybe[_Statuses] = _Statuses()
    part_payment: _Maybe[_PartPayment] = _PartPayment()
    dates: _Maybe[_Dates] = _Dates()
    debtor: _Maybe[_Debtor] = _Debtor()
    vats: tuple[_VatRow, ...] | None = None
    totals: _Maybe[_Sums] = _Sums()
    currency: _Maybe[_Currencies] = _Currencies()
    balances: _Maybe[_Balances] = _Balances()

    @property
    def is_activated(self) -> bool:
        return bool(self.activated_date and self.activated_by_id)

    def reference(self, context: _Context) -> str | None:
        """What stands where this request's draft carries our reference."""
        places = {"ourReference": self.our_reference, "ourOrderNumber": self.our_order_number}
        return stated(places[context.mark]) if context.mark else None

    @property
    def distribution(self) -> str:
        return _word(self.distribution_code or "NULL")


class _Document(_Wire):
    id: Annotated[str, Field(min_length=1)]
    invoice_id: str | None = None


def _parse(model: type[_Parsed], data: Any, request: Call) -> _Parsed:
    try:
        return model.model_validate(data)
    except ValidationError:
        raise unclear(request, "is not what was expected") from None


def _list(body: Json, request: Call) -> Sequence[Json]:
    if not isinstance(body, list):
        raise unclear(request, "is not a list")
    return body


def _refusal(request: Call, answer: Answer) -> Rejected:
    """No error is documented: the status decides, and what was said is kept for a person."""
    denied = answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
    what = "the credentials of this account for" if denied else "to"
    sentence = f"{NAME} refuses {what} {request.name} (HTTP {answer.status})"
    return Rejected(sentence, code=str(answer.status), fields=_words(answer.body))


def _words(body: Json) -> list[FieldProblem]:
    if body is None:
        return []
    said = body if isinstance(body, Mapping) else {"answer": body}
    return [
        FieldProblem(
            field=_word(name), message=(value if isinstance(value, str) else encode(value))[:500]
        )
        for name, value in said.items()
    ]


def _stage(invoice: _Invoice, context: _Context) -> Stage | None:
    """By the marks of activation; one of the two alone is no more than on the way."""
    if invoice.is_activated:
        return _activated(invoice.distribution, context)
    if invoice.activated_date or invoice.activated_by_id:
        return Stage.APPROVING
    return MAIN.get(invoice.statuses.main or "")


def _activated(distribution: str | None, context: _Context) -> Stage | None:
    stage = DISTRIBUTED.get(distribution or "NULL")
    return Stage.SENT if stage is Stage.APPROVED and context.hands_out else stage


def _status(invoice: _Invoice) -> str:
    statuses = invoice.statuses
    words = [
        _word(word)
        for word in (statuses.main, statuses.ledger, statuses.ledger_sub_type)
        if word is not None
    ]
    if invoice.dates.paused_until_date:
        words.append(f"paused until {_day(invoice.dates.paused_until_date)}")
    if invoice.part_payment.is_part_payment:
        words.append("part payment")
    return " · ".join(words)


def _echo(invoice: _Invoice, sign: int) -> Echo:
    sums = invoice.totals
    with exactly():
        return Echo(
            currency=invoice.currency.invoice_currency,
            net=None if sums.total_excl_vat is None else sign * sums.total_excl_vat,
            vat=_vat(invoice, sign),
            gross=None if sums.total is None else sign * sums.total,
            buyer=invoice.debtor.customer_number,
            number=invoice.invoice_number,
        )


def _vat(invoice: _Invoice, sign: int) -> dict[str, Decimal] | None:
    if invoice.vats is None:
        return None
    sums: dict[str, Decimal] = {}
    for row in invoice.vats:
        rate = plain(row.percentage)
        sums[rate] = sums.get(rate, Decimal(0)) + sign * row.total_vat
    return sums


def _snapshot(told: _Told, context: _Context, invoice: _Invoice | None = None) -> Snapshot:
    """What is known; with the invoice itself where it has just been read."""
    kept = told.model_dump(mode="json", exclude_defaults=True)
    by_balance = _by_balance(invoice, told, context) if invoice else None
    uncounted = [f"{len(told.uncounted)} payments not counted"] if told.uncounted else []
    return Snapshot(
        provider_id=told.id,
        stage=told.stage,
        payment=by_balance or _by_payments(told, context),
        status=" · ".join([*filter(None, [told.status]), *uncounted]),
        number=told.echo.number,
        echo=told.echo,
        context={"told": kept},
        reference=told.reference,
    )


# --- payments -------------------------------------------------------------------------------------


def _item(payment: Json, settings: QuiddlySettings) -> Item:
    """One payment as an event. What cannot be read becomes one too: `about` complains, and the
    others are not held up."""
    said = payment if isinstance(payment, Mapping) else {}
    voucher = _plain(said.get("id"))
    named = isinstance(voucher, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,100}", voucher)
    digest = hashlib.sha256(encode(said.get("id") or payment).encode()).hexdigest()[:32]
    currency, base = said.get("invoiceCurrency"), said.get("baseCurrency")
    amount = said.get("amount" if currency == base else settings.invoice_amount)
    body = {"invoiceNumber": said.get("invoiceNumber"), "amount": amount, "currency": currency}
    return Item(
        event=Event(
            id=f"{PAYMENT}-{voucher if named else digest}",
            kind=PAYMENT,
            # As much of it as fits a name: what is longer says nothing that could be ours.
            body={
                name: _short(_plain(body[name]))
                for name in body
                if name in said or name == "currency"
            },
        ),
        receipt={"voucher": voucher} if isinstance(voucher, str) and voucher else {},
    )


def _short(value: JsonValue) -> JsonValue:
    return "?" if isinstance(value, str) and len(value) > webhooks.MOST_NAME else value


def _plain(value: Json) -> JsonValue:
    """A number as text, because history knows no exact ones; text and null as they are."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str | None):
        return "?"
    # Written out, a number may be much longer than it came.
    if isinstance(value, Decimal) and abs(value.adjusted()) > webhooks.MOST_NAME:
        return "?"
    return value if isinstance(value, str | None) else format(Decimal(value), "f")


_number: TypeAdapter[Decimal] = TypeAdapter(Number)


def _amount(event: Event) -> Decimal | None:
    try:
        return _number.validate_python(event.body.get("amount"))
    except ValidationError:
        return None


def _money(event: Event) -> JsonValue:
    """The currency as far as it is one: what is no code of three letters is not the invoice's."""
    code = event.body.get("currency")
    return code if code is None or (isinstance(code, str) and len(code) == 3) else "?"


def _with_payments(told: _Told, events: Iterable[Event], context: _Context) -> _Told:
    """Each payment counts once, whenever and however often it is told of.

    One without a number was brought here by a person who knows that it is meant for us.
    """
    payments, uncounted = dict(told.payments), dict.fromkeys(told.uncounted)
    for event in (one for one in events if one.kind == PAYMENT):
        amount = _amount(event)
        is_ours = event.body.get("invoiceNumber") in (None, "", context.number)
        fits = event.body.get("currency") in (None, context.currency)
        if amount is not None and is_ours and fits:
            payments[event.id] = amount
        else:
            uncounted[event.id] = None
    return told.model_copy(update={"payments": payments, "uncounted": tuple(uncounted)})


def _confirmed(told: _Told, events: Iterable[Event], context: _Context) -> _Told:
    """What a person says about calls of unknown outcome; never backwards."""
    for verb in _verbs(events):
        if verb == "approve" and told.stage in (*UNPROVEN, None):
            stage = _once_activated(told, context)
        elif verb == "send" and told.stage is Stage.APPROVED:
            stage = Stage.SENT
        elif verb == "delete" and told.stage is Stage.DRAFTED:
            stage = Stage.DELETED
        else:
            continue
        told = told.model_copy(update={"stage": stage})
    return told


def _proven(told: _Told, context: _Context) -> _Told:
    """Only what is activated is paid: money tells of an activation whose answer was lost."""
    came = any(amount > 0 for amount in told.payments.values())
    if context.credit or not came or told.stage not in UNPROVEN:
        return told
    return told.model_copy(update={"stage": _once_activated(told, context)})


def _once_activated(told: _Told, context: _Context) -> Stage | None:
    """How far it is if it has been activated the way it was asked."""
    code = context.activate.get("distributionCode", told.distribution)
    return _activated(code if isinstance(code, str) else None, context)


def _verbs(events: Iterable[Event]) -> Iterator[JsonValue]:
    return (event.body.get("verb") for event in events if event.kind == CONFIRMED)


def _by_balance(invoice: _Invoice, told: _Told, context: _Context) -> PaymentStatus | None:
    """By what the debtor still owes; None where that says nothing.

    Nothing is owed before the claim is booked either, so that it is must have shown: by a financial
    event, or by a balance seen earlier.
    """
    total, capital = invoice.balances.total, invoice.balances.capital
    booked = invoice.dates.latest_financial_date or told.owed
    if total is None or context.credit or not (invoice.is_activated and booked):
        return None
    if total <= 0:
        return PaymentStatus.PAID
    one_currency = invoice.currency.invoice_currency == invoice.currency.base_currency
    partly = one_currency and capital is not None and capital < context.due
    return PaymentStatus.PARTLY_PAID if partly or _received(told) > 0 else PaymentStatus.UNPAID


def _by_payments(told: _Told, context: _Context) -> PaymentStatus:
    """By the payments heard of. A negative one takes back what an earlier one brought."""
    activated = told.stage in (Stage.APPROVED, Stage.SENT)
    received = _received(told)
    if context.credit or not (activated or told.payments):
        return PaymentStatus.UNKNOWN
    if received >= context.due:
        return PaymentStatus.PAID
    if received > 0:
        return PaymentStatus.PARTLY_PAID
    came_and_went = any(amount > 0 for amount in told.payments.values())
    return PaymentStatus.REVERSED if came_and_went else PaymentStatus.UNPAID


def _received(told: _Told) -> Decimal:
    with exactly():
        return sum(told.payments.values(), Decimal(0))


def _signed(request: Call, token: str) -> Call:
    return replace(request, headers={"Authorization": f"Bearer {token}"})


def _day(written: str) -> str:
    try:
        return date.fromisoformat(written[:10]).isoformat()
    except ValueError:
        return "?"


def _word(text: str) -> str:
    """A word of the provider's; anything that could be free text stays out of ids and statuses."""
    return text if len(text) <= 80 and text.replace("_", "").isalnum() else "?"

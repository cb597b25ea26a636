"""Paperpost prints invoices and posts them as letters. It is invented: nobody offers this service.

Page: there is none. What follows pretends that there is, and is written as it would be then.

Stated there: the routes, fields and states below; amounts are text; VAT is rounded per rate; a
letter is a draft until it is finalised, which numbers it a moment later, and is posted on demand;
only drafts can be deleted; a list by reference is whole; every answer states our reference.

Inferred: a refusal (a 4xx that judges the request itself) was not done. For how long a call whose
answer was lost may still take effect is not said: the port's default.

Unknown: what a letter is called that came back. Its word would be shown and waited on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import httpx
from pydantic import BaseModel, Field, StrictBool

from invoicing import provider as port
from invoicing.document import Document, Line, VatCategory
from invoicing.errors import FieldProblem, Rejected
from invoicing.model import Typed
from invoicing.money import Number, plain
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import totals
from providers.kit.api import Api, known_id
from providers.kit.api import refused as refused_call
from providers.kit.coverage import ADDRESS, CONTACT, Coverage, ignored, refused, said, under
from providers.kit.http import Answer, BaseUrl, Call, HeaderSecret, Json, unclear
from providers.kit.mistakes import Mistakes, parsed, stated
from providers.kit.wire import Wire
from providers.kit.words import Words, safe_word

NAME = "Paperpost"
LETTERS = "/v1/letters"
LETTER = "/v1/letters/{id}"
STATES = Words(
    {
        "draft": port.Stage.DRAFTED,
        "finalising": port.Stage.APPROVING,
        "final": port.Stage.APPROVED,
        "posting": port.Stage.SENDING,
        "posted": port.Stage.SENT,
    }
)
COVERAGE = Coverage(
    said("currency", "issue_date", "due_date", "buyer.name", *under("buyer.address", *ADDRESS)),
    said(*under("lines[]", "name", "quantity", "unit_price", "vat.rate")),
    refused(
        "has no place here",
        *("type", "number", "tax_point_date", "period", "seller", "payee", "delivery", "payment"),
        *("notes", "buyer_reference", "purchase_order", "sales_order", "contract", "project"),
        *("accounting_reference", "precedents", "allowances", "charges", "prices_include_vat"),
        *("prepaid", "rounding", "vat_accounting", "attachments"),
        *under("buyer", "trading_name", "given_name", "family_name", "type", "vat_number"),
        *under("buyer", "registration", "identifiers", "electronic_address", "language"),
        *under("lines[]", "description", "unit", "base_quantity", "allowances", "charges"),
        *under("lines[]", "period", "note", "seller_item_id", "buyer_item_id"),
        *under("lines[]", "standard_item_id", "order_line", "accounting_reference"),
        *under("lines[].vat", "exemption_reason", "exemption_code"),
    ),
    ignored("a letter goes to the address", "buyer.account_number"),
    ignored("a letter goes to the address", *under("buyer.contact", *CONTACT)),
    ignored("lines keep their order", "lines[].id"),
    ignored("the rate says it; others than S and Z are refused", "lines[].vat.category"),
    ignored("VAT is rounded per rate here; another way is refused", "vat_rounding"),
)
"""What becomes of every field of a document here."""

STATED = (
    port.Figure.CURRENCY,
    port.Figure.NET,
    port.Figure.VAT,
    port.Figure.GROSS,
    port.Figure.BUYER,
    port.Figure.REFERENCE,
)
"""What a letter states, and so what is compared before it is posted."""


class PaperpostSettings(Typed):
    """One account: `PAPERPOST_TOKEN`, or `PAPERPOST__<ACCOUNT>__TOKEN`."""

    base_url: BaseUrl = "https://api.paperpost.example"
    token: HeaderSecret
    timeout: Annotated[float, Field(gt=0, le=25)] = 20.0
    """Seconds for one exchange; a plan that says nothing else gives a verb 30."""


class PaperpostOptions(Typed):
    """`InvoiceRequest.options`: what only this provider has. `registered`: by registered mail."""

    registered: StrictBool = False


class Paperpost:
    """The verbs of `invoicing.provider.Provider` for one account."""

    Settings: ClassVar[type[BaseModel]] = PaperpostSettings
    Options: ClassVar[type[BaseModel]] = PaperpostOptions
    coverage: ClassVar[Coverage] = COVERAGE
    unsaid: ClassVar[Mapping[str, str]] = {}
    name = "paperpost"

    def __init__(self, settings: PaperpostSettings, http: httpx.AsyncClient) -> None:
        self._api = Api(
            http,
            provider=NAME,
            base_url=settings.base_url,
            timeout=settings.timeout,
            refusal=_refusal,
            headers=lambda: {"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        )

    async def plan(self, request: InvoiceRequest) -> port.Plan:
        """See the port. Nothing is looked up: the recipient travels with every letter."""
        mistakes = Mistakes()
        parsed(PaperpostOptions, request.options, "options", mistakes)
        if request.goal in (Goal.DELIVERED, Goal.PAID):
            mistakes.unoffered("goal", "what becomes of a posted letter is not told; ask for sent")
        _check(request.document, mistakes)
        mistakes.settle(NAME)
        return port.Plan(
            totals=totals(request.document, "category"),
            echoes=STATED,
            find_first=True,
            buyer=request.document.buyer.name,
        )

    async def find(self, target: port.Target) -> port.Search:
        """See the port. The list is whole, so what is not in it is not there."""
        request = self._api.call("find", "GET", LETTERS, query={"reference": target.reference})
        listed = await self._api.read(_List, request)
        ours = (one for one in listed.letters if one.reference == target.reference)
        return port.Search(invoices=tuple(_snapshot(one) for one in ours))

    async def create(self, call: port.CreateCall) -> port.Snapshot:
        """See the port."""
        return await self._letter(self._api.call("create", "POST", LETTERS, json=_encoded(call)))

    async def read(self, call: port.ReadCall) -> port.Snapshot:
        """See the port."""
        letter = known_id(call.target, NAME)
        asked = self._letter(self._api.call("read", "GET", LETTER, id=letter))
        return await self._api.unless_gone(letter, asked)

    async def approve(self, target: port.Target) -> port.Snapshot:
        """See the port. Answered as `finalising`; the number comes with a later look."""
        return await self._told("approve", f"{LETTER}/finalise", target)

    async def send(self, target: port.Target) -> port.Snapshot:
        """See the port."""
        return await self._told("send", f"{LETTER}/post", target)

    async def delete(self, target: port.Target) -> port.Snapshot:
        """See the port."""
        letter = known_id(target, NAME)
        return await self._api.remove(self._api.call("delete", "DELETE", LETTER, id=letter))

    async def _told(self, name: str, route: str, target: port.Target) -> port.Snapshot:
        return await self._letter(self._api.call(name, "POST", route, id=known_id(target, NAME)))

    async def _letter(self, request: Call) -> port.Snapshot:
        """The one letter an exchange answers with, and that it is the one asked about."""
        letter = await self._api.read(_Letter, request)
        if letter.id != request.ids.get("id", letter.id):
            raise unclear(request, "is about another letter")
        return _snapshot(letter)


def _refusal(request: Call, answer: Answer) -> Rejected:
    # What they say goes into the fields alone: it may name somebody.
    return refused_call(
        request, answer, [FieldProblem(field=request.name, message=str(answer.body)[:500])]
    )


def _check(document: Document, mistakes: Mistakes) -> None:
    if document.vat_rounding == "line":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per rate here")
    COVERAGE.refuse(document, mistakes)
    address = document.buyer.address
    if not (address and address.street and address.postal_code and address.city):
        mistakes.wrong("document.buyer.address", "street, postal code and city are needed")
    for index, line in enumerate(document.lines):
        if line.vat.category not in (VatCategory.STANDARD, VatCategory.ZERO):
            mistakes.unoffered(f"document.lines[{index}].vat.category", "must be S or Z here")


def _encoded(call: port.CreateCall) -> Json:
    document, options = call.document, PaperpostOptions.model_validate(call.options)
    return {
        "reference": call.target.reference,
        "currency": document.currency,
        "date": document.issue_date.isoformat(),
        "due_on": document.due_date.isoformat() if document.due_date else None,
        "buyer": document.buyer.name,
        "address": document.buyer.model_dump(mode="json")["address"],
        "lines": [_encoded_line(line) for line in document.lines],
        "registered": options.registered,
    }


def _encoded_line(line: Line) -> Json:
    figures = {"quantity": line.quantity, "price": line.unit_price, "vat": line.vat.rate}
    return {"text": line.name} | {name: plain(figure) for name, figure in figures.items()}


class _Letter(Wire):
    id: Annotated[str, Field(min_length=1)]
    reference: str
    state: str
    number: str | None = None
    buyer: str
    currency: str
    net: Number
    vat: dict[str, Number]
    gross: Number


class _List(Wire):
    letters: tuple[_Letter, ...]


def _snapshot(letter: _Letter) -> port.Snapshot:
    return port.Snapshot(
        provider_id=letter.id,
        stage=STATES[letter.state],
        status=safe_word(letter.state),
        number=letter.number,
        # They call the figures what we call them.
        echo=port.Echo.model_validate(letter.model_dump()),
        reference=stated(letter.reference),
    )

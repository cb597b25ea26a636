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

from typing import Annotated, Any, ClassVar, TypeVar

import httpx
from pydantic import BaseModel, Field, StrictBool, ValidationError

from invoicing import provider as port
from invoicing.document import Document, Line, VatCategory
from invoicing.errors import FieldProblem, Rejected, Unsupported
from invoicing.model import Recorded, Typed
from invoicing.money import Number, plain
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import totals
from providers.kit.http import BaseUrl, Call, HeaderSecret, Json, exchange, unclear
from providers.kit.mistakes import Mistakes, parsed, refuse_given, stated

NAME = "Paperpost"
LETTERS = "/v1/letters"
LETTER = "/v1/letters/{id}"
STATES = {
    "draft": port.Stage.DRAFTED,
    "finalising": port.Stage.APPROVING,
    "final": port.Stage.APPROVED,
    "posting": port.Stage.SENDING,
    "posted": port.Stage.SENT,
}
SAID = {"currency", "issue_date", "due_date", "buyer", "lines", "vat_rounding"}
BUYER_SAID = {"name", "address"}
LINE_SAID = {"id", "name", "quantity", "unit_price", "vat"}
IGNORED = {"contact": "a letter goes to the address", "account_number": "likewise"}
"""What a document may carry that is knowingly not told, and why that loses nothing."""

_Parsed = TypeVar("_Parsed", bound=BaseModel)


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
    name = "paperpost"

    def __init__(self, settings: PaperpostSettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http

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
            echoes=tuple(figure for figure in port.Figure if figure != "number"),
            find_first=True,
            buyer=request.document.buyer.name,
        )

    async def look_up(self, call: port.LookUpCall) -> port.Found:
        """See the port. No plan of this adaptor asks for any."""
        raise Rejected(f"{NAME}: there is no look-up called {call.look_up.name}")

    async def find(self, target: port.Target) -> port.Search:
        """See the port. The list is whole, so what is not in it is not there."""
        request = self._request("find", "GET", LETTERS, query={"reference": target.reference})
        listed = await self._answer(_List, request)
        ours = (one for one in listed.letters if one.reference == target.reference)
        return port.Search(invoices=tuple(_snapshot(one) for one in ours))

    async def create(self, call: port.CreateCall) -> port.Snapshot:
        """See the port."""
        return await self._letter(self._request("create", "POST", LETTERS, json=_encoded(call)))

    async def read(self, call: port.ReadCall) -> port.Snapshot:
        """See the port."""
        try:
            return await self._letter(self._request("read", "GET", LETTER, call.target))
        except Rejected as error:
            return _gone(error, call.target)

    async def approve(self, target: port.Target) -> port.Snapshot:
        """See the port. Answered as `finalising`; the number comes with a later look."""
        return await self._letter(self._request("approve", "POST", f"{LETTER}/finalise", target))

    async def send(self, target: port.Target) -> port.Snapshot:
        """See the port."""
        return await self._letter(self._request("send", "POST", f"{LETTER}/post", target))

    async def delete(self, target: port.Target) -> port.Snapshot:
        """See the port."""
        try:
            await self._ask(self._request("delete", "DELETE", LETTER, target))
        except Rejected as error:
            return _gone(error, target)
        return port.Snapshot(provider_id=_id(target), stage=port.Stage.DELETED)

    async def credit(self, target: port.Target) -> port.Snapshot:
        """See the port. No plan offers it, so whoever cancels a final letter is asked."""
        raise Unsupported(f"{NAME} takes nothing back: write a credit note elsewhere")

    async def _letter(self, request: Call) -> port.Snapshot:
        """The one letter an exchange answers with, and that it is the one asked about."""
        letter = await self._answer(_Letter, request)
        if letter.id != request.ids.get("id", letter.id):
            raise unclear(request, "is about another letter")
        return _snapshot(letter)

    async def _answer(self, model: type[_Parsed], request: Call) -> _Parsed:
        try:
            return model.model_validate(await self._ask(request))
        except ValidationError:
            raise unclear(request, "is not what was expected") from None

    async def _ask(self, request: Call) -> Json:
        """One exchange, never repeated here; everything but a success is raised."""
        answer = await exchange(self._http, request)
        if not answer.ok:
            # What they say goes into the fields alone: it may name somebody.
            said = FieldProblem(field=request.name, message=str(answer.body)[:500])
            sentence = f"{NAME} refuses to {request.name} (HTTP {answer.status})"
            raise Rejected(sentence, code=str(answer.status), fields=[said])
        return answer.body

    def _request(
        self, name: str, method: str, route: str, target: port.Target | None = None, **more: Any
    ) -> Call:
        return Call(
            provider=NAME,
            name=name,
            method=method,
            base_url=self._settings.base_url,
            route=route,
            changes=method != "GET",
            ids={"id": _id(target)} if target else {},
            headers={"Authorization": f"Bearer {self._settings.token.get_secret_value()}"},
            timeout=self._settings.timeout,
            **more,
        )


def _check(document: Document, mistakes: Mistakes) -> None:
    if document.vat_rounding == "line":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per rate here")
    _check_room(document, SAID, "document", mistakes)
    _check_room(document.buyer, BUYER_SAID, "document.buyer", mistakes)
    address = document.buyer.address
    if not (address and address.street and address.postal_code and address.city):
        mistakes.wrong("document.buyer.address", "street, postal code and city are needed")
    for index, line in enumerate(document.lines):
        _check_room(line, LINE_SAID, f"document.lines[{index}]", mistakes)
        if line.vat.category not in (VatCategory.STANDARD, VatCategory.ZERO):
            mistakes.unoffered(f"document.lines[{index}].vat.category", "must be S or Z here")


def _check_room(model: BaseModel, said: set[str], at: str, mistakes: Mistakes) -> None:
    """Whatever has no place in a letter is refused, what documents gain one day as well."""
    unsaid = type(model).model_fields.keys() - said - IGNORED.keys()
    refuse_given(model, dict.fromkeys(sorted(unsaid), "has no place here"), at, mistakes)


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


class _Letter(Recorded):
    id: Annotated[str, Field(min_length=1)]
    reference: str
    state: str
    number: str | None = None
    buyer: str
    currency: str
    net: Number
    vat: dict[str, Number]
    gross: Number


class _List(Recorded):
    letters: tuple[_Letter, ...]


def _snapshot(letter: _Letter) -> port.Snapshot:
    return port.Snapshot(
        provider_id=letter.id,
        stage=STATES.get(letter.state),
        # Should free text ever stand there, it stays there.
        status=letter.state if letter.state.isidentifier() else "?",
        number=letter.number,
        # They call the figures what we call them.
        echo=port.Echo.model_validate(letter.model_dump()),
        reference=stated(letter.reference),
    )


def _id(target: port.Target) -> str:
    if not target.provider_id:
        raise Rejected(f"{NAME}: there is no letter yet")
    return target.provider_id


def _gone(error: Rejected, target: port.Target) -> port.Snapshot:
    """A letter that is not found was deleted; any other refusal stays one."""
    if error.code != "404":
        raise error
    return port.Snapshot(provider_id=_id(target), stage=port.Stage.DELETED)

"""Quiddly: the verbs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import httpx
from pydantic import BaseModel

from invoicing.errors import FieldProblem, Rejected, Unreadable, Unsupported
from invoicing.provider import (
    AttachCall,
    Batch,
    CreateCall,
    CreditsIn,
    DocumentCall,
    Event,
    Figure,
    Found,
    Item,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Stage,
    Subject,
    Target,
)
from invoicing.request import InvoiceRequest
from invoicing.totals import Totals, totals
from providers.kit import webhooks
from providers.kit.api import Api, deleted, known_id, signed_in
from providers.kit.coverage import Coverage
from providers.kit.crediting import Crediting
from providers.kit.http import Call, Json, Token, Tokens, unclear
from providers.kit.mistakes import Mistakes, parsed
from providers.kit.wire import parse
from providers.quiddly.check import (
    COVERAGE,
    check_document,
    check_options,
    distribution,
    first_context,
    planned_pdf,
    upload,
)
from providers.quiddly.decode import (
    SAID_OF_PAYMENT,
    Document,
    Invoice,
    SignedIn,
    confirmed,
    echo_of,
    item_of,
    list_in,
    number_of,
    proven,
    refusal,
    stage_of,
    status_of,
)
from providers.quiddly.document import document
from providers.quiddly.encode import encoded
from providers.quiddly.money import (
    amount_of,
    collection_of,
    currency_of,
    snapshot,
    with_balances,
    with_payments,
)
from providers.quiddly.options import UNSAID, QuiddlyOptions
from providers.quiddly.settings import NAME, QuiddlySettings
from providers.quiddly.states import (
    ACTIVATE,
    ATTACH,
    BLIND_PACES,
    EXPORT,
    INVOICES,
    PACES,
    PAYMENT,
    PAYMENTS,
    TAKEN_OUT,
    UNPROVEN,
    Context,
    Told,
)
from providers.quiddly.words import DISTRIBUTION, PLACES, words_of

_BY_ACTIVATION = {
    DISTRIBUTION: "distributionCode",
    "payment reference": "paymentReference",
    "product": "productCode",
    "recourse": "useRecourse",
}
"""What the draft says, and the activation may say otherwise."""

TOKEN_SECONDS = 86_400

MAX_PAGES = 10
"""Of the feed, in one poll; what is left is asked for again at once."""


FIGURES = (
    *(Figure.CURRENCY, Figure.NET, Figure.VAT, Figure.GROSS, Figure.DUE),
    *(Figure.ISSUE_DATE, Figure.DUE_DATE, Figure.BUYER, Figure.NUMBER),
)
"""What every answer states, by the page's example of one."""


class Quiddly:
    """The verbs of `invoicing.provider.Provider`, with its feed, for one client."""

    Settings: ClassVar[type[BaseModel]] = QuiddlySettings
    Options: ClassVar[type[BaseModel]] = QuiddlyOptions
    coverage: ClassVar[Coverage] = COVERAGE
    unsaid: ClassVar[Mapping[str, str]] = UNSAID
    name = "quiddly"
    credits_in: CreditsIn = "parts"
    crediting: ClassVar[Crediting] = Crediting(
        form=(
            "a credit invoice with `debitInvoiceNumber`, of the `type` that the account or the "
            "credit names; it needs a `number`"
        ),
        repeat=(
            "it is searched for by its number; where no route to search is known, a person is "
            "asked `may_exist`"
        ),
    )

    def __init__(self, settings: QuiddlySettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http
        self._tokens = None if settings.token else Tokens(self._sign_in)
        self._api = Api(
            http,
            provider=NAME,
            base_url=settings.base_url,
            timeout=settings.timeout,
            refusal=refusal,
            headers=settings.headers,
            tokens=self._tokens,
            gone=("404", "410"),
        )
        # Without one the feed has another reader.
        self.feed_interval = (
            timedelta(minutes=settings.feed_minutes) if settings.payments_feed else None
        )

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port. Nothing is looked up: the debtor travels with every invoice."""
        mistakes = Mistakes()
        settings = self._settings
        options = parsed(QuiddlyOptions, request.options, "options", mistakes)
        if options and request.credits:
            options = options.for_credit(request.document, whole=request.credits.whole)
        check_document(request.document, settings, mistakes)
        if options:
            check_options(request, options, settings, mistakes)
        mistakes.settle(NAME)
        options = options or QuiddlyOptions()
        sums = totals(request.document, settings.vat_rounding)
        context = first_context(request, options, settings, sums)
        # Handed out by the caller, once it is activated: that counts as sent.
        sends = context.hands_out or distribution(request, options) != "NULL"
        blind = settings.read_route is None
        return Plan(
            totals=sums,
            echoes=FIGURES,
            rounding=options.round_off,
            due=context.due,
            find_first=settings.find_route is not None,
            uncertain="ask" if blind else "look",
            sent_by="approve" if sends else "send",
            attachments=planned_pdf(request.document),
            keys=(request.document.number or "",),
            paces=BLIND_PACES if blind else PACES,
            # A verb may need a token, see it refused, need another and be repeated.
            call_timeout=timedelta(seconds=4 * settings.timeout),
            buyer=request.document.buyer.account_number,
            said=self._words(request, sums, context),
            context=context.given(),
        )

    async def find(self, target: Target) -> Search:
        """See the port. By our invoice number, where a route for that is known.

        A list that shows other numbers too was not filtered, and may have been cut. Where one with
        our number states another reference, the number is taken: a second one under it would get
        the first one's payments.
        """
        if self._settings.find_route is None:
            return Search(complete=False)
        context = Context.model_validate(target.context)
        route, ids = self._settings.find_route, {"number": context.number}
        request = self._api.call("find", "GET", route, ids=ids)
        listed = list_in(await self._api.ask(request), request)
        # Others are none of ours, however strange they are: they cannot stop the search.
        mine = [item for item in listed if number_of(item, request) == context.number]
        alike = [parse(Invoice, item, request) for item in mine]
        ours = [one for one in alike if self._is_of_client(one)]
        if any(one.reference(context) not in (None, target.reference) for one in ours):
            raise Rejected(
                f"{NAME} has another reference's invoice under this number",
                fields=[FieldProblem(field="document.number", message="is taken")],
            )
        found = (self._heard(one, context) for one in ours)
        return Search(
            invoices=tuple(snapshot(told, context) for told in found),
            complete=len(mine) == len(listed),
        )

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. The answer states every figure; nothing happens before activation."""
        body = encoded(call, self._settings)
        request = self._api.call("create", "POST", INVOICES, json=body)
        context = Context.model_validate(call.target.context)
        return snapshot(self._heard(await self._invoice(request), context), context)

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. Without a route for it: what was heard last, and what the events add."""
        invoice_id = known_id(call.target, NAME)
        context = Context.model_validate(call.target.context)
        told, invoice = context.of(invoice_id), None
        if self._settings.read_route is None:
            if told is None:
                raise Rejected(
                    f"{NAME}: this invoice was never seen from here, and no route to read one is "
                    "configured"
                )
            told = confirmed(told, call.events, context)
            told = proven(with_payments(told, call.events, context), context)
        else:
            request = self._api.call("read", "GET", self._settings.read_route, id=invoice_id)
            try:
                invoice = await self._invoice(request)
            except Rejected as error:
                if not self._api.gone(error):
                    raise
                return deleted(invoice_id)
            told = with_payments(self._heard(invoice, context, told), call.events, context)
        return snapshot(told, context, invoice)

    async def attach(self, call: AttachCall) -> Found:
        """See the port. Uploads the PDF that was planned, and no other under its name."""
        target = call.target
        told = Context.model_validate(target.context).of(known_id(target, NAME))
        client = self._settings.client_id or (told.client if told else "")
        if not client:
            raise Rejected(f"{NAME}: no answer names the client: set the account's client id")
        request = self._api.call(
            "attach",
            "POST",
            ATTACH,
            form={"clientId": client, "invoiceId": known_id(target, NAME)},
            file=upload(call),
        )
        document = await self._api.read(Document, request)
        if document.invoice_id not in (None, target.provider_id):
            raise unclear(request, "is about another invoice")
        return Found()

    async def approve(self, target: Target) -> Snapshot:
        """See the port. Activates this one id; where a code says so, that sends it as well."""
        context = Context.model_validate(target.context)
        request = self._api.call(
            "approve",
            "POST",
            ACTIVATE,
            id=known_id(target, NAME),
            json=context.activate,
        )
        told = self._heard(
            await self._invoice(request), context, context.of(known_id(target, NAME))
        )
        if told.stage in UNPROVEN and self._settings.read_route is None:
            raise unclear(request, "does not show an activation, and no look can")
        if told.stage is Stage.DRAFTED:
            told = told.model_copy(update={"stage": Stage.APPROVING})
        return snapshot(told, context)

    async def delete(self, target: Target) -> Snapshot:
        """See the port. A draft that is no longer there is deleted."""
        route = self._settings.delete_route
        if route is None:
            raise Unsupported(
                f"{NAME} documents no way to delete a draft: delete it there, or leave it, since "
                "nothing comes of a draft that is not activated"
            )
        request = self._api.call("delete", "DELETE", route, id=known_id(target, NAME))
        try:
            await self._api.ask(request)
        except Rejected as error:
            if not self._api.gone(error):
                raise
        context = Context.model_validate(target.context)
        told = context.of(known_id(target, NAME)) or Told(id=known_id(target, NAME))
        return snapshot(told.model_copy(update={"stage": Stage.DELETED}), context)

    # news

    async def document(self, call: DocumentCall) -> bytes:
        """See the port."""
        return await document(self._api, self._settings, call.target)

    async def check(self) -> None:
        """See the port. Signs in; a token that was given is tried where there is a feed to read."""
        if self._tokens:
            await self._tokens.get()
        if self._settings.payments_feed:
            query = {"page": "1", "limit": "1"}
            await self._api.ask(self._api.call("check", "GET", PAYMENTS, query=query))

    async def about(self, event: Event) -> Subject:
        """See the port. By our invoice number; money that names none is a question for a person."""
        if event.kind != PAYMENT:
            return Subject()
        keys, amount = webhooks.named(event.body.get("invoiceNumber")), amount_of(event)
        if not keys or amount is None:
            raise Unreadable(f"{NAME}: a payment does not say how much it is for which invoice")
        body = {"invoiceNumber": keys[0], "amount": f"{amount:f}", "currency": currency_of(event)}
        body |= {name: event.body[name] for name in SAID_OF_PAYMENT if name in event.body}
        return Subject(keys=keys, event=event.model_copy(update={"body": body}))

    async def poll(self) -> Batch:
        """See the port. Payments nobody has marked as exported, in the provider's order."""
        found: dict[str, Item] = {}
        size = self._settings.feed_page
        for page in range(1, MAX_PAGES + 1) if self._settings.payments_feed else ():
            query = {"page": str(page), "limit": str(size)}
            request = self._api.call("payments", "GET", PAYMENTS, query=query)
            listed = list_in(await self._api.ask(request), request)
            items = [item_of(payment, self._settings) for payment in listed]
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
        request = self._api.call("acknowledge", "PUT", EXPORT, changes=False, id=voucher, json=body)
        try:
            await self._api.ask(request)
        except Rejected as error:
            if error.code not in TAKEN_OUT:
                raise

    # calls

    def _words(self, request: InvoiceRequest, sums: Totals, context: Context) -> dict[str, str]:
        """What it will be told in words; our mark in them is compared as the reference."""
        target = Target(
            account=request.account, reference=request.reference, context=context.given()
        )
        call = CreateCall(
            target=target, document=request.document, options=request.options, totals=sums
        )
        written = encoded(call, self._settings)
        body = _as_answered(written) if isinstance(written, Mapping) else written
        mark = next((name for name, at in PLACES.items() if at == context.mark), "")
        changed = {name for name, place in _BY_ACTIVATION.items() if place in context.activate}
        return {
            name: digest for name, digest in words_of(body).items() if name not in (mark, *changed)
        }

    def _is_of_client(self, invoice: Invoice) -> bool:
        return self._settings.client_id in (None, invoice.client_id or self._settings.client_id)

    def _heard(self, invoice: Invoice, context: Context, before: Told | None = None) -> Told:
        """What an answer says, with what earlier ones and events said about payments."""
        before = with_balances(before or Told(id=invoice.id), invoice)
        balance = invoice.balances.total
        negative = context.credit and self._settings.credit_amounts == "negative"
        return before.model_copy(
            update={
                "client": invoice.client_id or before.client,
                "stage": stage_of(invoice, context)
                if self._is_of_client(invoice)
                else Stage.UNKNOWN,
                "distribution": invoice.distribution,
                "status": status_of(invoice),
                "echo": echo_of(invoice, -1 if negative else 1),
                "owed": before.owed or bool(invoice.is_activated and balance),
                "reference": invoice.reference(context) or before.reference,
                "collection": collection_of(invoice),
            }
        )

    async def _invoice(self, request: Call) -> Invoice:
        """The one invoice an exchange answers with, and that it is the one asked about."""
        invoice = await self._api.read(Invoice, request)
        if invoice.id != request.ids.get("id", invoice.id):
            raise unclear(request, "is about another invoice")
        return invoice

    async def _sign_in(self) -> Token:
        password = self._settings.password
        json: Json = {
            "username": self._settings.username,
            "password": password.get_secret_value() if password else None,
        }
        request = self._api.call("sign in", "POST", "/authenticate", changes=False, json=json)
        told = await signed_in(self._http, request, SignedIn, "the username or password")
        return Token(told.id_token.get_secret_value(), TOKEN_SECONDS)


def _as_answered(body: Mapping[str, Json]) -> dict[str, Json]:
    """With what an answer says of what was left out: no reverse charge, and no fees."""
    fees = body.get("fees")
    none: dict[str, Json] = {"administration": 0, "freight": 0}
    given = {**none, **fees} if isinstance(fees, Mapping) else none
    return {"reverseCharge": False, **body, "fees": given}

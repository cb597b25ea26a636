"""Zero Friction: the verbs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import httpx
from pydantic import BaseModel

from invoicing.document import Document
from invoicing.errors import Rejected, Stale, Unreadable
from invoicing.provider import (
    CreateCall,
    CreditsIn,
    Delivery,
    DocumentCall,
    Event,
    Figure,
    Found,
    LookUpCall,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Stage,
    Subject,
    Target,
)
from invoicing.provider.listing import ListCall, ListPage
from invoicing.request import InvoiceRequest
from invoicing.totals import Totals, totals
from providers.kit import webhooks
from providers.kit.api import Api, deleted, known_id, signed_in
from providers.kit.coverage import Coverage
from providers.kit.crediting import Crediting
from providers.kit.http import Call, Json, Token, Tokens, unclear
from providers.kit.mistakes import Mistakes, parsed, stated
from providers.kit.wire import parse
from providers.zero_friction.check import (
    COVERAGE,
    check_request,
    contract_choice,
    customer_choice,
    first_context,
    look_ups,
)
from providers.zero_friction.credit import as_credit_note, credit_plan
from providers.zero_friction.decode import (
    SIGNATURE,
    Created,
    Errors,
    Invoice,
    TokenAnswer,
    at_least,
    event_of,
    reference_of,
    refusal,
    snapshot,
)
from providers.zero_friction.document import document
from providers.zero_friction.encode import encoded, looked_up, unlinked
from providers.zero_friction.envelopes import Envelopes
from providers.zero_friction.listing import list_page
from providers.zero_friction.looking import STALE, LookUps
from providers.zero_friction.options import (
    UNSAID,
    ZeroFrictionOptions,
)
from providers.zero_friction.settings import NAME, ZeroFrictionSettings
from providers.zero_friction.states import (
    FILTER,
    GONE,
    INVOICE,
    PACES,
    SEND_ROUTES,
    Context,
    CreditedId,
)
from providers.zero_friction.words import ASKED, CHOSEN, paid_to, words_of

TOKEN_SECONDS = 300
"""That a token lives where the answer does not say."""


class ZeroFriction:
    """The verbs of `invoicing.provider.Provider` for one organisation."""

    Settings: ClassVar[type[BaseModel]] = ZeroFrictionSettings
    Options: ClassVar[type[BaseModel]] = ZeroFrictionOptions
    coverage: ClassVar[Coverage] = COVERAGE
    unsaid: ClassVar[Mapping[str, str]] = UNSAID
    name = "zero_friction"
    credits_in: CreditsIn = "whole"
    crediting: ClassVar[Crediting] = Crediting(
        form=("a call on the invoice makes a credit note of it, which is sent like an invoice"),
        repeat="the invoice is looked at first: it names its credit note",
    )

    def __init__(self, settings: ZeroFrictionSettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http
        self._api = Api(
            http,
            provider=NAME,
            base_url=settings.base_url,
            timeout=settings.timeout,
            refusal=refusal,
            headers=settings.headers,
            tokens=Tokens(self._fetch_token),
            gone=GONE,
        )
        self._envelopes = Envelopes(self._api)
        self._look_ups = LookUps(self._api, self._envelopes, settings)

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port."""
        mistakes = Mistakes()
        options = parsed(ZeroFrictionOptions, request.options, "options", mistakes)
        options = options or ZeroFrictionOptions()
        if request.credits:
            return credit_plan(request, options, self._settings, mistakes)
        check_request(request, options, self._settings, mistakes)
        mistakes.settle(NAME)
        document = request.document
        figures = (Figure.NET, Figure.VAT, Figure.GROSS, Figure.BUYER)
        sums = totals(document, "line")
        return Plan(
            totals=sums,
            echoes=(*figures, Figure.NUMBER) if document.number else figures,
            look_ups=look_ups(document, options),
            find_first=True,
            credits=True,
            paces=PACES,
            # A verb may need a token, see it refused, need another and be repeated.
            call_timeout=timedelta(seconds=4 * self._settings.timeout),
            buyer=customer_choice(document, options).id,
            said=self._words(document, options, sums),
            context=first_context(document, options, self._settings).given(),
        )

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port."""
        return await self._look_ups.look_up(call)

    async def find(self, target: Target) -> Search:
        """See the port. Nobody says whether the search covers our reference, so unless the settings
        do, all of the customer's invoices of this type are gone through."""
        context = Context.model_validate(target.context)
        if context.credits:
            return await self._credit_note_of(context.credits, target)
        body: dict[str, Json] = {
            "customerId": looked_up(context.customer_id, "customer"),
            "invoiceType": [context.invoice_type],
        }
        if self._settings.search_covers_reference:
            body["flexSearch"] = target.reference
        return await self._matching(target.reference, context, body)

    async def list_page(self, call: ListCall) -> ListPage:
        """See the port."""
        return await list_page(self._api, self._settings, call)

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. The answer promises no more than the id. A credit note is no draft that is
        written: the invoice is credited as a whole, by the one call for it."""
        if credited := Context.model_validate(call.target.context).credits:
            return await self._credit_invoice(credited, call.target)
        try:
            return await self._create(call)
        except Rejected as error:
            # Whoever tries again or corrects it finds what is there now.
            self._look_ups.drop()
            if error.code in STALE and self._look_ups.keeps:
                raise Stale(error.message, code=error.code, fields=error.fields) from None
            raise

    async def _create(self, call: CreateCall) -> Snapshot:
        body = encoded(call, self._settings)
        request = self._api.call("create", "POST", "/api/bill/Invoices", json=body)
        envelope = await self._envelopes.ask(request)
        created = parse(Created, envelope.data, request)
        problems = tuple(error.problem() for error in envelope.errors)
        return Snapshot(
            provider_id=created.id,
            stage=Stage.DRAFTED,
            problems=problems,
            reference=stated(created.external_reference),
        )

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. Events are hints: the invoice itself is always fetched."""
        invoice_id = known_id(call.target, NAME)
        invoice, errors = await self._read("read", invoice_id)
        if invoice is None:
            return deleted(invoice_id)
        context = Context.model_validate(call.target.context)
        told = self._told(invoice, context, errors)
        return as_credit_note(told, context.credits, call.target) if context.credits else told

    async def approve(self, target: Target) -> Snapshot:
        """See the port. Answered before it is done, so at least `approving`."""
        body: Json = {"invoiceDate": Context.model_validate(target.context).invoice_date}
        told = await self._act("approve", f"{INVOICE}/approve", target, body)
        return at_least(Stage.APPROVING, told, target)

    async def send(self, target: Target) -> Snapshot:
        """See the port. The channel decides the route; whether it worked, a read tells."""
        channel = Context.model_validate(target.context).channel
        told = await self._act("send", f"{INVOICE}/{SEND_ROUTES[channel]}", target)
        return at_least(Stage.SENDING, told, target)

    async def delete(self, target: Target) -> Snapshot:
        """See the port. A draft that is no longer there is deleted."""
        gone = deleted(known_id(target, NAME))
        # What is made in its place is made with what is there then.
        self._look_ups.drop()
        request = self._api.call("delete", "DELETE", INVOICE, id=gone.provider_id)
        try:
            envelope = await self._envelopes.ask(request)
        except Rejected as error:
            if self._api.gone(error):
                return gone
            raise
        if envelope.data is False:
            raise unclear(request, "does not confirm it")
        return gone

    async def credit(self, target: Target) -> Snapshot:
        """See the port. Until the invoice names its credit note it stays `approved`: on its way."""
        told = await self._act("credit", f"{INVOICE}/credit", target)
        return told or Snapshot(provider_id=known_id(target, NAME), stage=Stage.APPROVED)

    # a credit note of one of our invoices

    async def _credit_invoice(self, credited: CreditedId, target: Target) -> Snapshot:
        """Credit it; the note, if the answer shows it. One that does not is looked for."""
        request = self._api.call("credit", "POST", f"{INVOICE}/credit", id=credited.id)
        envelope = await self._envelopes.ask(request)
        note = parse(Invoice, envelope.data, request)
        if note.credited_invoice_id != credited.id:
            raise unclear(request, "does not show the credit note")
        told = snapshot(note, self._settings, envelope.errors)
        return as_credit_note(told, credited, target)

    async def _credit_note_of(self, credited: CreditedId, target: Target) -> Search:
        """The credit note that the invoice names, whoever made it: there is but one of each."""
        invoice, _ = await self._read("find", credited.id)
        if invoice is None:
            raise Rejected(f"{NAME}: the invoice to credit is not there any more")
        if not (note_id := invoice.credited_by_invoice_id):
            return Search()
        note, errors = await self._read("find", note_id)
        if note is None:
            return Search(complete=False)
        told = snapshot(note, self._settings, errors)
        return Search(invoices=(as_credit_note(told, credited, target),))

    async def document(self, call: DocumentCall) -> bytes:
        """See the port."""
        return await document(self._api, call.target)

    async def check(self) -> None:
        """See the port. Master data that every organisation has."""
        await self._envelopes.ask(self._api.call("check", "GET", "/api/cfg/TaxCodes"))

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """See the port. One each. Neither the signature nor the body says when it was."""
        signature = delivery.headers.get(SIGNATURE, "").strip().removeprefix("sha256=")
        spellings = (webhooks.as_hex, webhooks.as_base64)
        if not webhooks.fits(
            delivery.body, [signature], self._settings.webhook_secrets, *spellings
        ):
            raise webhooks.forged(NAME)
        return (event_of(delivery),)

    async def about(self, event: Event) -> Subject:
        """See the port. Of a document or a collection case, by every id that may be an invoice's:
        one that is not will fit none. `read` fetches the invoice, so nothing else is needed."""
        body = event.body
        several = body.get("invoiceIds")
        several = several if isinstance(several, list) else []
        keys = webhooks.named(body.get("invoiceId"), *several, *map(body.get, ("entityId", "id")))
        if not keys and event.kind.startswith("invoice"):
            raise Unreadable(f"{NAME}: an event about an invoice that does not say which")
        return Subject(keys=keys)

    async def _matching(self, reference: str, context: Context, body: dict[str, Json]) -> Search:
        """Live invoices with exactly this reference; complete when every page was seen."""
        request = self._api.call("find", "POST", FILTER, json=body, changes=False)
        items, complete = await self._envelopes.pages(request)
        # Others are none of ours, however strange they are: they cannot stop the search.
        mine = [one for one in items if reference_of(one, request) == reference]
        ours = [parse(Invoice, one, request) for one in mine]
        found = tuple(self._told(one, context, ()) for one in ours if one.is_live)
        return Search(invoices=found, complete=complete)

    # calls

    async def _read(self, name: str, invoice_id: str) -> tuple[Invoice | None, Errors]:
        """The invoice and what the envelope says of it; None where there is none."""
        request = self._api.call(name, "GET", INVOICE, id=invoice_id)
        try:
            envelope = await self._envelopes.ask(request)
        except Rejected as error:
            if self._api.gone(error):
                return None, ()
            raise
        invoice = parse(Invoice, envelope.data, request)
        if invoice.id != invoice_id:
            raise unclear(request, "is about another invoice")
        return invoice, envelope.errors

    async def _act(
        self, name: str, route: str, target: Target, body: Json = None
    ) -> Snapshot | None:
        """A changing call about one invoice; None when the answer does not show that invoice."""
        request = self._api.call(name, "POST", route, id=known_id(target, NAME), json=body)
        envelope = await self._envelopes.ask(request)
        if not isinstance(envelope.data, Mapping):
            return None
        invoice = parse(Invoice, envelope.data, request)
        # Nobody says whether a credit is answered with the invoice or with its credit note.
        if invoice.credited_invoice_id == target.provider_id:
            return Snapshot(provider_id=known_id(target, NAME), stage=Stage.CREDITED)
        if invoice.id != target.provider_id:
            return None
        return self._told(invoice, Context.model_validate(target.context), envelope.errors)

    def _told(self, invoice: Invoice, context: Context, errors: Errors) -> Snapshot:
        """What an answer says of ours: to which account it is paid, too."""
        told = snapshot(invoice, self._settings, errors)
        account = paid_to(invoice.company_bank_account_id, context.bank_account_id)
        if told.echo is None or not account:
            return told
        echo = told.echo.model_copy(update={"said": {**told.echo.said, **account}})
        return told.model_copy(update={"echo": echo})

    def _words(
        self, document: Document, options: ZeroFrictionOptions, sums: Totals
    ) -> dict[str, str]:
        """What it will be told in words, and of which amounts it is made."""
        contract = contract_choice(document, options)
        more = {
            "contract": contract.number if contract else None,
            "buyer's account number": customer_choice(document, options).account_number,
        }
        return words_of(unlinked(document, options, sums, self._settings), ASKED, more) | CHOSEN

    async def _fetch_token(self) -> Token:
        """OAuth 2 client credentials (RFC 6749, section 4.4)."""
        settings = self._settings
        request = Call(
            provider=NAME,
            name="sign in",
            method="POST",
            base_url=settings.token_url,
            route="",
            changes=False,
            form={
                "grant_type": "client_credentials",
                "client_id": settings.client_id,
                "client_secret": settings.client_secret.get_secret_value(),
                "scope": settings.scope,
            },
            timeout=settings.timeout,
        )
        told = await signed_in(self._http, request, TokenAnswer, "the client id or secret")
        lives = TOKEN_SECONDS if told.expires_in is None else told.expires_in
        return Token(told.access_token.get_secret_value(), lives)

"""Invoro: the verbs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar, Literal

import httpx
from pydantic import BaseModel

from invoicing.attachment import files_of
from invoicing.errors import FieldProblem, Rejected, Unavailable, Unreadable
from invoicing.provider import (
    CreateCall,
    CreditsIn,
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
from invoicing.provider import Delivery as WebhookDelivery
from invoicing.provider.listing import ListCall, ListPage
from invoicing.request import InvoiceRequest
from invoicing.totals import Totals, totals
from providers.invoro.check import COVERAGE, RecipientQuery, check_request, first_context, look_ups
from providers.invoro.decode import (
    SIGNATURE,
    Invoice,
    Page,
    Participant,
    data_of,
    event_of,
    keys_of,
    listed,
    refusal,
    same_figures,
    signature_fits,
)
from providers.invoro.encode import credit_note, encoded, since_query
from providers.invoro.listing import list_page
from providers.invoro.meaning import Meaning
from providers.invoro.options import UNSAID, InvoroOptions
from providers.invoro.settings import NAME, InvoroSettings
from providers.invoro.states import INVOICE, INVOICES, UNSENT, Context
from providers.invoro.words import words_of
from providers.kit import webhooks
from providers.kit.api import Api, deleted, known_id
from providers.kit.coverage import Coverage
from providers.kit.crediting import Crediting
from providers.kit.http import Call, Json, unclear
from providers.kit.mistakes import Mistakes, parsed
from providers.kit.wire import parse

MAX_PAGES = 200


class Invoro:
    """The verbs of `invoicing.provider.Provider` for one company."""

    Settings: ClassVar[type[BaseModel]] = InvoroSettings
    Options: ClassVar[type[BaseModel]] = InvoroOptions
    coverage: ClassVar[Coverage] = COVERAGE
    unsaid: ClassVar[Mapping[str, str]] = UNSAID
    name = "invoro"
    credits_in: CreditsIn = "parts"
    inlines_files: Literal[True] = True
    crediting: ClassVar[Crediting] = Crediting(
        form=(
            "a credit note of type 381, made and sent like an invoice, that names it as its "
            "precedent"
        ),
        repeat="it is searched for by its number, or by our mark",
    )
    calls_per_second = 100
    """As stated, per key."""

    def __init__(self, settings: InvoroSettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._meaning = Meaning(settings)
        self._api = Api(
            http,
            provider=NAME,
            base_url=settings.base_url,
            timeout=settings.timeout,
            refusal=refusal,
            headers=settings.headers,
            expects=(httpx.codes.TOO_MANY_REQUESTS,),
        )

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port."""
        mistakes = Mistakes()
        options = parsed(InvoroOptions, request.options, "options", mistakes) or InvoroOptions()
        if credited := request.credits:
            whole = credited.whole
            options = options.for_credit(request.document, credited.provider_id, whole=whole)
        check_request(request, options, mistakes)
        mistakes.settle(NAME)
        document = request.document
        sums, context = (
            totals(document, "category"),
            first_context(request, options, self._settings),
        )
        return Plan(
            totals=sums,
            # The rest stands in `ubl_json`, which may be missing; compared where it is stated.
            echoes=(Figure.CURRENCY, Figure.GROSS),
            said=self._words(request, sums, context),
            look_ups=look_ups(document, options),
            find_first=document.number is not None,
            credits=document.type == "invoice" and self._settings.ubl_figures == "cents",
            sent_by="approve",
            # To credit takes four calls and a search.
            call_timeout=timedelta(seconds=6 * self._settings.timeout),
            rounding=options.rounding_amount or Decimal(0),
            buyer=document.buyer.name,
            context=context.given(),
        )

    def _words(self, request: InvoiceRequest, sums: Totals, context: Context) -> dict[str, str]:
        """What it will be told, with the figures that it may be left to work out by itself."""
        names = {file.sha256: b"" for file in files_of(request.document.attachments)}
        target = Target(account=request.account, reference=request.reference)
        call = CreateCall(
            target=target,
            document=request.document,
            options={**request.options, "calculate_totals": False},
            totals=sums,
            files=names,
        )
        body = encoded(call, context, self._settings)
        none: dict[str, Json] = {"attachments": []}
        return words_of({**none, **body} if isinstance(body, Mapping) else body)

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port. The recipient must be on the network; nothing else is taken from there."""
        if call.look_up.name != "recipient":
            raise Rejected(f"{NAME}: there is no look-up called {call.look_up.name}")
        query = RecipientQuery.model_validate(call.look_up.query)
        request = self._api.call(
            "recipient", "POST", "/peppol/lookup", changes=False, json={"query": query.value}
        )
        if parse(Participant, data_of(await self._body(request)), request).found:
            return Found()
        problem = FieldProblem(field=query.field, message="is not known on the Peppol network")
        raise Rejected(f"{NAME}: the recipient is not on the Peppol network", fields=[problem])

    async def find(self, target: Target) -> Search:
        """See the port. By the number if it is ours, in one call, else by our mark in all pages."""
        context = Context.model_validate(target.context)
        if context.number:
            return await self._by_number(target, context.number, context)
        found, complete = [], True
        async for invoice in self._pages("find", since_query(context.search_from), (context.mark,)):
            if invoice is None or (invoice.is_live and invoice.ubl_json is None):
                complete = False
            elif invoice.is_live and invoice.mentions(context.mark):
                found.append(self._meaning.snapshot(invoice, context, target))
        return Search(invoices=tuple(found), complete=complete)

    async def list_page(self, call: ListCall) -> ListPage:
        """See the port. Whose it is, our mark in it says."""
        return await list_page(self._api, self._settings, call, self._meaning.listed)

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. Nothing leaves the house with it: a draft has no number of a series yet."""
        context = Context.model_validate(call.target.context)
        body = encoded(call, context, self._settings)
        request = self._api.call("create", "POST", INVOICES, json=body)
        return self._meaning.snapshot(await self._invoice(request), context, call.target)

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. Events are hints. Once a credit note is on its way, it is looked at too."""
        context = Context.model_validate(call.target.context)
        invoice = await self._read(known_id(call.target, NAME))
        if invoice is None:
            return deleted(known_id(call.target, NAME))
        snapshot = self._meaning.snapshot(invoice, context, call.target)
        note = await self._read(context.credit_note_id) if context.credit_note_id else None
        return self._credited(snapshot, note) if note else snapshot

    async def approve(self, target: Target) -> Snapshot:
        """See the port. There is no other way to make it final than to send it: `sending`."""
        return await self._send("approve", target)

    async def send(self, target: Target) -> Snapshot:
        """See the port. The same call; the workflow comes here only with what it finds approved."""
        return await self._send("send", target)

    async def delete(self, target: Target) -> Snapshot:
        """See the port. Only drafts can be; one that is no longer there is deleted."""
        gone = deleted(known_id(target, NAME))
        try:
            await self._body(self._api.call("delete", "DELETE", INVOICE, id=gone.provider_id))
        except Rejected as error:
            if not self._api.gone(error):
                raise
        return gone

    async def credit(self, target: Target) -> Snapshot:
        """See the port: a credit note over all of it, `credited` once that is sent.

        A credit note that refers to the invoice is looked for first, so that an attempt whose end
        is not known is taken up where it stopped and never made twice.
        """
        context = Context.model_validate(target.context)
        try:
            invoice = await self._creditable(target, context)
            note = await self._credit_note_of(invoice, context)
        except Unreadable as error:
            # Certainly nothing has been changed so far.
            raise Unavailable(error.message, code=error.code) from None
        if note is None:
            body = credit_note(invoice, target.reference, context, self._settings)
            request = self._api.call("credit", "POST", INVOICES, json=body)
            note = await self._invoice(request)
        same_figures(invoice, note)
        stage = self._meaning.told(note, context)
        if stage is Stage.UNKNOWN:
            raise Unavailable(f"{NAME} does not say how far the credit note is")
        if stage in UNSENT:
            note = await self._invoice(
                self._api.call("credit", "POST", f"{INVOICE}/send", id=note.id)
            )
        snapshot = self._credited(self._meaning.snapshot(invoice, context, target), note)
        found = {"context": {"credit_note_id": note.id}, "keys": (note.id,)}
        return snapshot.model_copy(update=found)

    async def check(self) -> None:
        """See the port. The first page of the list."""
        await self._body(self._api.call("check", "GET", INVOICES))

    def receive(self, delivery: WebhookDelivery) -> tuple[Event, ...]:
        """See the port. One each; the signature brings no time, but the body does."""
        settings = self._settings
        signature = delivery.headers.get(SIGNATURE, "")
        if not signature_fits(delivery.body, signature, settings.webhook_secrets):
            raise webhooks.forged(NAME)
        event = event_of(delivery)
        limit = timedelta(hours=settings.webhook_hours)
        webhooks.check_age(NAME, event.at, delivery.received, limit)
        return (event,)

    async def about(self, event: Event) -> Subject:
        """See the port. By the id of the invoice or of the credit note over it, then its number;
        `read` fetches both, so nothing else of the event is needed."""
        if event.body.get("is_test") is True and self._settings.is_live:
            return Subject()
        keys = keys_of(event)
        if not keys and event.kind.startswith("invoice."):
            raise Unreadable(f"{NAME}: an event about an invoice that does not say which")
        return Subject(keys=keys)

    # finding

    async def _by_number(self, target: Target, number: str, context: Context) -> Search:
        """A live invoice with our number and not our mark is somebody else's: a person decides. One
        that a person has chosen before is ours unless it carries the mark of another reference."""
        found, complete = [], True
        async for invoice in self._pages(
            "find", {"invoice_number": number}, (number, context.mark)
        ):
            if invoice is None:
                complete = False
            elif not invoice.is_live:
                continue
            elif invoice.mentions(context.mark) or self._is_chosen(invoice, context, target):
                found.append(self._meaning.snapshot(invoice, context, target))
            elif invoice.ubl_json is None:
                complete = False
            else:
                problem = FieldProblem(field="document.number", message="is another invoice's")
                raise Rejected(f"{NAME}: the number is taken", fields=[problem])
        return Search(invoices=tuple(found), complete=complete)

    def _is_chosen(self, invoice: Invoice, context: Context, target: Target) -> bool:
        chosen = invoice.id == target.provider_id
        return chosen and self._meaning.reference(invoice, context, target) in (
            None,
            target.reference,
        )

    async def _pages(
        self, name: str, query: Mapping[str, str], about: Sequence[str | None]
    ) -> AsyncIterator[Invoice | None]:
        """Every invoice of a list, each once; at last None if the list was not seen to its end. One
        that cannot be read and mentions nothing of what it is `about` is left out.

        Only an empty page or a stated last page ends it: how many make a full page may change.
        """
        seen: set[str] = set()
        for number in range(1, MAX_PAGES + 1):
            request = self._api.call(
                name, "GET", INVOICES, query={**query, "page": str(number)} if number > 1 else query
            )
            page = parse(Page, await self._body(request), request)
            known = (listed(item, about, request) for item in page.data)
            fresh = {one.id: one for one in known if one and one.id not in seen}
            for invoice in fresh.values():
                yield invoice
            seen |= fresh.keys()
            if not page.data or (page.last_page is not None and number >= page.last_page):
                return
            if not fresh:
                break
        yield None

    # crediting

    async def _creditable(self, target: Target, context: Context) -> Invoice:
        invoice = await self._read(known_id(target, NAME))
        stage = self._meaning.told(invoice, context) if invoice else Stage.DELETED
        if stage is Stage.SENDING:
            raise Unavailable(f"{NAME}: it is still being sent and can be credited after that")
        if invoice is None or not stage.reached(Stage.SENT):
            raise Rejected(f"{NAME}: only an invoice that was sent can be credited")
        return invoice

    async def _credit_note_of(self, invoice: Invoice, context: Context) -> Invoice | None:
        """The live credit note over this invoice, whoever made it; it cannot be older than it."""
        about = (context.credit_mark, invoice.id, invoice.number)
        pages = self._pages("credit", since_query(invoice.created_on), about)
        found = [one async for one in pages]
        if None in found:
            raise Rejected(f"{NAME}: too many invoices to tell whether it was credited before")
        notes = [one for one in found if one and one.is_live and one.credits(invoice, context)]
        done = [one for one in notes if self._meaning.stage(one, context) not in UNSENT]
        if len(done or notes) > 1:
            raise Rejected(f"{NAME}: several credit notes refer to it")
        return next(iter(done or notes), None)

    def _credited(self, snapshot: Snapshot, note: Invoice) -> Snapshot:
        """The invoice's own stage until its credit note is sent."""
        told, stage = (
            self._meaning.snapshot(note, Context(), None),
            self._meaning.told(note, Context()),
        )
        sent = stage.reached(Stage.SENT)
        status = f"{snapshot.status} · credit note {told.status}"
        update = {"status": status, "problems": told.problems or snapshot.problems}
        if sent and snapshot.stage is not Stage.DELETED:
            update["stage"] = Stage.CREDITED
        return snapshot.model_copy(update=update)

    # calls

    async def _send(self, name: str, target: Target) -> Snapshot:
        context = Context.model_validate(target.context)
        invoice = await self._invoice(
            self._api.call(name, "POST", f"{INVOICE}/send", id=known_id(target, NAME))
        )
        told = self._meaning.snapshot(invoice, context, target)
        # It is validated and queued before the answer; the state may lag behind.
        behind = Stage.SENDING.reached(told.stage)
        return told.model_copy(update={"stage": Stage.SENDING}) if behind else told

    async def _read(self, invoice_id: str) -> Invoice | None:
        """None when there is none with this id."""
        request = self._api.call("read", "GET", INVOICE, id=invoice_id)
        try:
            invoice = await self._invoice(request)
        except Rejected as error:
            if self._api.gone(error):
                return None
            raise
        if invoice.direction == "incoming":
            raise Rejected(f"{NAME}: this is an invoice that was received, not one of ours")
        return invoice

    async def _invoice(self, request: Call) -> Invoice:
        """The one invoice an answer holds; it must be the one that was asked about."""
        invoice = parse(Invoice, data_of(await self._body(request)), request)
        if request.ids.get("id", invoice.id) != invoice.id:
            raise unclear(request, "is about another invoice")
        return invoice

    async def _body(self, request: Call) -> Json:
        """The body of a success, whichever 2xx it is; everything else is raised."""
        body = await self._api.ask(request)
        if isinstance(body, Mapping) and body.get("success") is False:
            raise unclear(request, "says that it went well and that it did not")
        return body

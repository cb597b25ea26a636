"""Mollie: the verbs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import httpx
from pydantic import BaseModel

from invoicing.document import Document
from invoicing.errors import FieldProblem, Rejected, Unreadable, Unsupported
from invoicing.provider import (
    CreateCall,
    CreditsIn,
    Delivery,
    DocumentCall,
    Event,
    Figure,
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
from providers.kit.api import Api, deleted, known_id
from providers.kit.coverage import Coverage
from providers.kit.crediting import Crediting
from providers.kit.http import Call, Json, encode, unclear
from providers.kit.mistakes import Mistakes, parsed
from providers.kit.wire import Seen, parse
from providers.mollie.check import (
    COVERAGE,
    check_day,
    check_document,
    check_options,
    echoes,
    first_context,
    not_that_day,
)
from providers.mollie.credit import as_credit_note, credit_plan
from providers.mollie.decode import (
    RESOURCE,
    SIGNATURE,
    Invoice,
    Items,
    Page,
    event_of,
    is_twin,
    reference_in,
    refusal,
    snapshot,
    verify,
)
from providers.mollie.document import document, pay_link
from providers.mollie.encode import (
    changed,
    encoded,
    fixed,
    key,
    recipient_identifier,
)
from providers.mollie.listing import list_page, page_request
from providers.mollie.options import UNSAID, MollieOptions
from providers.mollie.settings import NAME, MollieSettings
from providers.mollie.states import GONE, INVOICE, INVOICES, STATUSES, Context
from providers.mollie.words import words_of

MAX_PAGES = 400


THEIR_DAY = (Figure.ISSUE_DATE, Figure.DUE_DATE)

NO_PAGE = ("400", "404", "410", "422")
"""A page begins at an invoice, and that one may have been deleted since: the list breaks off."""


class Mollie:
    """The verbs of `invoicing.provider.Provider` for one profile."""

    Settings: ClassVar[type[BaseModel]] = MollieSettings
    Options: ClassVar[type[BaseModel]] = MollieOptions
    coverage: ClassVar[Coverage] = COVERAGE
    unsaid: ClassVar[Mapping[str, str]] = UNSAID
    name = "mollie"
    credits_in: CreditsIn = "whole"
    crediting: ClassVar[Crediting] = Crediting(
        form=("the invoice is cancelled, which is a full credit note without a number of its own"),
        repeat="the invoice is looked at first: one that is cancelled is credited",
    )

    def __init__(
        self,
        settings: MollieSettings,
        http: httpx.AsyncClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._http = http
        self._now = now
        self._api = Api(
            http,
            provider=NAME,
            base_url=settings.base_url,
            timeout=settings.timeout,
            refusal=refusal,
            headers=settings.headers,
            gone=GONE,
        )

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port. Nothing is looked up: the recipient travels with every invoice."""
        mistakes = Mistakes()
        settings = self._settings
        options = parsed(MollieOptions, request.options, "options", mistakes)
        if request.credits:
            return credit_plan(request, settings, mistakes)
        check_document(request.document, settings, mistakes)
        if options:
            check_options(request, options, settings, mistakes)
            check_day(request, options, settings, self._now(), mistakes)
        mistakes.settle(NAME)
        options = options or MollieOptions()
        sums = totals(request.document, settings.vat_rounding)
        recipient = recipient_identifier(request.document, options)
        final_at_once = options.status != "draft"
        context = first_context(request, options, settings, sums, recipient)
        body = self._body(request, sums, context)
        return Plan(
            totals=sums,
            echoes=echoes(sums),
            said=words_of(_as_answered(body, request.document)),
            credits=True,
            # Mailed or not: what is final at once was never a draft that could wait.
            sent_by="create" if final_at_once else "approve" if context.sends else "send",
            call_timeout=timedelta(seconds=settings.find_seconds + 2 * settings.timeout),
            theirs=THEIR_DAY if context.any_day else (),
            fixed="" if final_at_once else fixed(body, request.document),
            buyer=recipient,
            context=context.given(),
        )

    async def find(self, target: Target) -> Search:
        """See the port. There is no filter, so the whole list is gone through; what carries our
        reference is ours, and what may be ours without showing it makes the answer uncertain."""
        context = Context.model_validate(target.context)
        if context.credits:
            note = as_credit_note(await self._read("find", context.credits, context), target)
            there = (note,) if note.stage is Stage.SENT else ()
            return Search(invoices=there, complete=note.stage is not Stage.UNKNOWN)
        found: list[Snapshot] = []
        complete = True
        async for request, item in self._listed():
            if item is None or is_twin(item, context):
                complete = False
            elif reference_in(item.get("metadata")) == target.reference:
                invoice = parse(Invoice, item, request)
                if STATUSES[invoice.word] is not Stage.CREDITED:
                    found.append(self._snapshot(invoice, context))
        return Search(invoices=tuple(found), complete=complete)

    async def list_page(self, call: ListCall) -> ListPage:
        """See the port."""
        return await list_page(self._api, self._settings, call)

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. With a status other than draft this one call goes all the way. A
        credit note is no invoice that is written: the one it is of is cancelled."""
        context = Context.model_validate(call.target.context)
        if context.credits:
            credited = call.target.model_copy(update={"provider_id": context.credits})
            told = await self._update("credit", credited, {"status": "cancelled"})
            return as_credit_note(told, call.target)
        if MollieOptions.model_validate(call.options).status != "draft":
            self._refuse_another_day(context)
        body = encoded(call, self._settings)
        headers = {"Idempotency-Key": key(call.target, body)}
        request = self._api.call("create", "POST", INVOICES, json=body, headers=headers)
        invoice = await self._invoice(request)
        return self._snapshot(invoice, context)

    async def update(self, call: CreateCall) -> Snapshot:
        """See the port. A PATCH with all that a draft's may have; what is issued takes none."""
        self._refuse_for_credit(Context.model_validate(call.target.context))
        return await self._update("update", call.target, changed(encoded(call, self._settings)))

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. Events are hints: the invoice itself is always fetched."""
        context = Context.model_validate(call.target.context)
        if context.credits:
            return as_credit_note(await self._read("read", context.credits, context), call.target)
        return await self._read("read", known_id(call.target, NAME), context)

    async def approve(self, target: Target) -> Snapshot:
        """See the port. Issues it, or marks it as paid, and mails it in the same call."""
        context = Context.model_validate(target.context)
        self._refuse_for_credit(context)
        self._refuse_another_day(context)
        told = await self._update("approve", target, context.final(context.finish))
        if told.stage is Stage.DRAFTED:
            return told.model_copy(update={"stage": Stage.APPROVING})
        return told

    async def delete(self, target: Target) -> Snapshot:
        """See the port. A draft that is no longer there is deleted."""
        self._refuse_for_credit(Context.model_validate(target.context))
        gone = deleted(known_id(target, NAME))
        json = self._mode() or None
        request = self._api.call("delete", "DELETE", INVOICE, id=gone.provider_id, json=json)
        try:
            await self._api.ask(request)
        except Rejected as error:
            if not self._api.gone(error):
                raise
        return gone

    async def credit(self, target: Target) -> Snapshot:
        """See the port. Cancelling an issued invoice is a full credit note."""
        self._refuse_for_credit(Context.model_validate(target.context))
        return await self._update("credit", target, {"status": "cancelled"})

    async def document(self, call: DocumentCall) -> bytes:
        """See the port. A credit note is the cancelled invoice, which has none of its own."""
        self._refuse_for_credit(Context.model_validate(call.target.context))
        return await document(self._api, self._http, self._settings, call.target, self._query())

    async def pay_link(self, target: Target) -> str:
        """See the port. A credit note is the cancelled invoice, and nobody pays it."""
        self._refuse_for_credit(Context.model_validate(target.context))
        return await pay_link(self._api, self._settings, target, self._query())

    async def check(self) -> None:
        """See the port. The shortest list there is."""
        query = {"limit": "1", **self._query()}
        await self._api.ask(self._api.call("check", "GET", INVOICES, query=query))

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """See the port. One each; the signature brings no time, but an event says when it was."""
        settings = self._settings
        header = delivery.headers.get(SIGNATURE, "")
        if not verify(delivery.body, header, settings.webhook_secrets):
            raise webhooks.forged(NAME)
        event = event_of(delivery.body)
        limit = timedelta(hours=settings.webhook_hours)
        webhooks.check_age(NAME, event.at, delivery.received, limit)
        return (event,)

    async def about(self, event: Event) -> Subject:
        """See the port. By the invoice's id, then by its number where the whole of it is told.
        `read` fetches the invoice, so nothing else of the event is needed."""
        if event.body.get("resource") == RESOURCE:
            told = event.body
            invoice_id = told.get("id")
        else:
            told = webhooks.members(event.body, "_embedded", "entity")
            invoice_id = event.body.get("entityId") or told.get("id")
        is_one = isinstance(invoice_id, str) and invoice_id.startswith("invoice_")
        keys = webhooks.named(invoice_id, told.get("invoiceNumber")) if is_one else ()
        if keys:
            return Subject(keys=keys)
        if event.kind.startswith(RESOURCE):
            raise Unreadable(f"{NAME}: an event about an invoice that does not say which")
        return Subject()

    # calls

    async def _read(self, name: str, invoice_id: str, context: Context) -> Snapshot:
        request = self._api.call(name, "GET", INVOICE, id=invoice_id, query=self._query())
        try:
            invoice = await self._invoice(request)
        except Rejected as error:
            if self._api.gone(error):
                return deleted(invoice_id)
            raise
        return self._snapshot(invoice, context)

    def _body(self, request: InvoiceRequest, sums: Totals, context: Context) -> dict[str, Json]:
        """What create will write."""
        target = Target(
            account=request.account, reference=request.reference, context=context.given()
        )
        call = CreateCall(
            target=target, document=request.document, options=request.options, totals=sums
        )
        return encoded(call, self._settings)

    def _refuse_for_credit(self, context: Context) -> None:
        """A credit note is no resource here: nothing can be done with one."""
        if context.credits:
            raise Unsupported(f"{NAME} has no call about a credit note: look at the invoice there")

    def _refuse_another_day(self, context: Context) -> None:
        """Before it is issued: it would bear today's date."""
        today, asked = self._settings.day(self._now()), context.issue_date
        if not context.any_day and asked not in (None, today):
            problem = FieldProblem(field="document.issue_date", message=not_that_day(today))
            raise Rejected(f"{NAME} would issue it today, not on its issue date", fields=[problem])

    def _snapshot(self, invoice: Invoice, context: Context) -> Snapshot:
        return snapshot(invoice, context, self._settings.zone)

    async def _update(self, name: str, target: Target, body: dict[str, Json]) -> Snapshot:
        request = self._api.call(
            name, "PATCH", INVOICE, id=known_id(target, NAME), json={**body, **self._mode()}
        )
        invoice = await self._invoice(request)
        return self._snapshot(invoice, Context.model_validate(target.context))

    async def _invoice(self, request: Call) -> Invoice:
        """The one invoice an exchange answers with, and that it is the one asked about."""
        invoice = await self._api.read(Invoice, request)
        if invoice.id != request.ids.get("id", invoice.id):
            raise unclear(request, "is about another invoice")
        return invoice

    async def _listed(self) -> Items:
        """Every invoice of the list, each once; None where it breaks off unseen."""
        until = time.monotonic() + self._settings.find_seconds
        since: str | None = None
        seen = Seen()
        for _ in range(MAX_PAGES):
            request = page_request(self._api, self._settings, since, "find")
            try:
                page = await self._api.read(Page, request)
            except Rejected as error:
                if since is None or error.code not in NO_PAGE:
                    raise
                break
            for item in seen.fresh(page.items):
                yield request, item
            if page.is_last:
                return
            onwards = page.next_from
            if not seen.leads_on(onwards) or time.monotonic() > until:
                break
            since = onwards
        yield request, None

    def _query(self) -> dict[str, str]:
        return {name: encode(value) for name, value in self._mode().items()}

    def _mode(self) -> dict[str, Json]:
        testmode = self._settings.testmode
        return {} if testmode is None else {"testmode": testmode}


def _as_answered(body: Mapping[str, Json], document: Document) -> dict[str, Json]:
    """With what an answer says of what was left out; the due date says the term."""
    term = {} if document.due_date is None else {"paymentTerm": None}
    return {"isEInvoice": False, "discount": None, **body, **term}

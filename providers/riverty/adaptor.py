"""Riverty: the verbs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from invoicing.errors import Forged, Rejected, Unavailable, Unreadable, Unsupported
from invoicing.provider import (
    CancelLinesCall,
    CreateCall,
    CreditsIn,
    Delivery,
    DocumentCall,
    Echo,
    Event,
    OrderPlan,
    OrderReadCall,
    OrderSnapshot,
    OrderTarget,
    Plan,
    ReadCall,
    RegisterCall,
    Snapshot,
    Stage,
    Subject,
    Target,
)
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.totals import totals
from providers.kit import webhooks
from providers.kit.api import Api
from providers.kit.coverage import Coverage
from providers.kit.crediting import Crediting
from providers.kit.http import Json
from providers.kit.mistakes import Mistakes, parsed
from providers.riverty.check import (
    COVERAGE,
    check_goal,
    check_invoice,
    check_line_options,
    check_order,
    check_words,
    first_context,
)
from providers.riverty.credit import ON_NO_LINE, as_credit_note, credit_plan
from providers.riverty.decode import (
    Note,
    accepted,
    comes_from,
    money_of,
    order_snapshot,
    problems,
    refusal,
    status,
    without_refusal,
)
from providers.riverty.document import document
from providers.riverty.encode import cancelled, derived, encoded_order, order_lines, today
from providers.riverty.envelopes import notification, parts
from providers.riverty.options import UNSAID, RivertyOptions
from providers.riverty.settings import NAME, RivertySettings
from providers.riverty.states import (
    DATED,
    PACES,
    ROUTES,
    SUBSCRIPTIONS,
    Context,
    OrderContext,
    Slot,
    bare,
    content_of,
    judged,
    request_id,
    stage_of,
)
from providers.riverty.telling import claimed, order_told, told


class Riverty:
    """The verbs of `Provider`, `Orders`, `Notifies` and `Hooks` for one business code."""

    Settings: ClassVar[type[BaseModel]] = RivertySettings
    Options: ClassVar[type[BaseModel]] = RivertyOptions
    coverage: ClassVar[Coverage] = COVERAGE
    unsaid: ClassVar[Mapping[str, str]] = UNSAID
    name = "riverty"
    credits_in: CreditsIn = "parts"
    crediting: ClassVar[Crediting] = Crediting(
        form="a goodwill, or a return where `credit` in the options says so, of lines of its order",
        repeat="our reference and `X-Request-ID`, the same when it is repeated; the verdict tells",
        amounts=ON_NO_LINE,
    )

    def __init__(self, settings: RivertySettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._api = Api(
            http,
            provider=NAME,
            base_url=settings.base_url,
            timeout=settings.timeout,
            refusal=refusal,
            headers=settings.headers,
            expects=(httpx.codes.INTERNAL_SERVER_ERROR,),
        )

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port. An uncertain call is sent again: references protect, verdicts tell."""
        mistakes = Mistakes()
        options = self._options(request, mistakes)
        if request.credits:
            return credit_plan(request, options, self._settings, mistakes)
        check_goal(request.goal, mistakes)
        check_invoice(request, options, self._settings, mistakes)
        mistakes.settle(NAME)
        sums = totals(request.document, "line")
        context = first_context(request, options, sums, self._settings)
        return Plan(
            totals=sums,
            echoes=(),
            credits=context.credit is not None,
            uncertain="repeat",
            sent_by="approve",
            keys=(context.order,),
            paces=PACES,
            call_timeout=timedelta(seconds=self._settings.timeout),
            context=context.given(),
        )

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. The draft is an order of exactly this document, or part of one that is
        registered already: then nothing is called."""
        context = Context.model_validate(call.target.context)
        if context.is_credit:
            return await self.credit(call.target)
        if context.slot("cancellation").result == "ok":
            # It is made again after one was taken back: nothing that was told is about this one.
            context = context.model_copy(update={"slots": {}, "documents": (), "news": ()})
        if context.delivers:
            return self._snapshot(call.target, context)
        options = RivertyOptions.model_validate(call.options)
        if call.target.generation:
            # The order before this one keeps its reference, cancelled as it is.
            order = derived("invoice", call.target.reference, call.target.generation)
            context = context.model_copy(update={"order": order})
        body = encoded_order(call.document, call.totals, options, context.order, self._settings)
        slot = await self._post("order", context, body, call.target, context.slot("order"))
        return self._snapshot(call.target, context.with_slot("order", slot))

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. No call: what was kept, and what the events add to it."""
        context = Context.model_validate(call.target.context)
        for event in call.events:
            context = told(self._settings, context, event, call.target)
        return self._snapshot(call.target, context)

    async def approve(self, target: Target) -> Snapshot:
        """See the port. Answered before it is judged: `approving` until the verdict."""
        return await self._ask("invoice", target)

    async def delete(self, target: Target) -> Snapshot:
        """See the port. Lines of an order that others made stay that order's; our own order's are
        cancelled, and it is deleted when the verdict says so."""
        context = Context.model_validate(target.context)
        if context.is_credit:
            raise Unsupported(f"{NAME}: a credit that was asked for cannot be taken back from here")
        order = context.slot("order")
        if context.delivers or order.result == "refused":
            gone = context.with_slot("cancellation", Slot(result="ok"))
            return self._snapshot(target, gone)
        if order.result != "ok":
            raise Unavailable(
                f"{NAME} has not confirmed the order yet, so nothing can be cancelled"
            )
        return await self._ask("cancellation", target)

    async def credit(self, target: Target) -> Snapshot:
        """See the port. A goodwill or a return of every line; credited when the verdict says so."""
        credit = Context.model_validate(target.context).credit
        if credit is None:
            raise Unsupported(f"{NAME}: this invoice can only be credited by hand")
        return await self._ask(credit.verb, target)

    # orders

    async def plan_order(self, request: OrderRequest) -> OrderPlan:
        """See the port."""
        mistakes = Mistakes()
        options = self._options(request, mistakes)
        check_goal(request.goal, mistakes)
        check_order(request.document, options, self._settings, mistakes)
        check_line_options(options, (line.id for line in request.document.lines), mistakes)
        mistakes.settle(NAME)
        sums = totals(request.document, "line")
        order = options.order_reference or derived("order", request.reference)
        return OrderPlan(
            totals=sums,
            registers=True,
            # Its invoices and cancellations name lines by their place alone, without a quantity.
            whole_lines=True,
            paces=PACES,
            call_timeout=timedelta(seconds=self._settings.timeout),
            keys=(order,),
            context=OrderContext(
                customer=request.document.buyer.account_number or "",
                order=order,
                cancellation_reason=options.cancellation_reason,
                lines=order_lines(request.document, sums, options, self._settings),
            ).since(OrderContext()),
        )

    async def register(self, call: RegisterCall) -> OrderSnapshot:
        """See the port. Safe to repeat: the reference stays, and what is confirmed is not sent."""
        before = context = OrderContext.of(call.target.context)
        if context.registration.result != "ok":
            options = RivertyOptions.model_validate(call.options)
            body = encoded_order(call.document, call.totals, options, context.order, self._settings)
            slot = await self._post("order", context, body, call.target, context.registration)
            context = context.model_copy(update={"registration": slot})
        return order_snapshot(context, before)

    async def read_order(self, call: OrderReadCall) -> OrderSnapshot:
        """See the port. No call, as for an invoice."""
        before = context = OrderContext.of(call.target.context)
        for event in call.events:
            context = order_told(self._settings, context, event)
        return order_snapshot(claimed(self._settings, context), before)

    async def cancel_lines(self, call: CancelLinesCall) -> OrderSnapshot:
        """See the port. Safe to repeat: an uncertain one goes out again under the same request id,
        and its verdict, should it have come meanwhile, was kept under that id."""
        before = OrderContext.of(call.target.context)
        slot = before.cancellations.get(call.cancellation, Slot())
        if slot.result == "ok":
            return order_snapshot(before, before)
        content = cancelled(before, call)
        verb = f"cancellation {call.cancellation}"
        request = request_id(call.target, verb, content, slot.verdicts)
        if bare(request) in before.loose:
            slot = judged(self._settings, slot, before.loose[bare(request)], request)
        else:
            body = {**content, "cancellationDate": today()}
            slot = await self._post(
                "cancellation", before, body, call.target, slot, request=request
            )
        return order_snapshot(before.with_cancellation(call.cancellation, slot), before)

    # notifications

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """See the port. Nothing is signed, so the sender's address is all the proof there is."""
        if not comes_from(delivery.source, self._settings.sources):
            raise Forged(f"{NAME}: a notification from an address that is not on the list")
        body = notification(delivery.body)
        kind = webhooks.text(body.get("type")).strip()
        if not kind:
            raise Unreadable(f"{NAME}: a notification without a type")
        at = webhooks.moment(body.get("timestamp")) or delivery.received
        count, each = parts(body)
        names = webhooks.digests(delivery.body, count)
        return tuple(
            Event(id=name, kind=kind, at=at, body=part)
            for name, part in zip(names, each, strict=True)
        )

    async def about(self, event: Event) -> Subject:
        """See the port. The invoice, then the request, then the order; with all that `read` and
        `read_order` take from it. The sandbox is shared: what concerns another business code
        concerns nobody here."""
        if not event.kind:
            raise Unreadable(f"{NAME}: an event without a kind")
        note = Note.of(event)
        if note.business not in ("", self._settings.business_code):
            return Subject()
        if note.kind == "paymentReceived" and note.has_unreadable_rest:
            raise Unreadable(f"{NAME}: a payment of which nobody can read what it leaves open")
        about = (note.invoice, note.transaction, note.order)
        if note.kind == "EDIErrorSent":
            # A credit's verdict names its invoice too: the request says which of both it is on.
            about = (note.transaction, note.invoice, note.order)
        keys = webhooks.named(*about)
        if not keys:
            return Subject()
        return Subject(keys=keys, event=note.alone(event), document=note.kind == "documentCreated")

    async def subscribe(self, url: str, types: Iterable[str]) -> str:
        """Have notifications of these types (`EDIErrorSent`, `paymentReceived` …) sent to `url`.

        Returns the subscription's id. Riverty must then be asked to activate every type but
        EDIErrorSent. Raises as the changing verbs do.
        """
        if urlsplit(url).scheme != "https":
            raise Rejected(f"{NAME}: notifications are only sent to https addresses")
        names = [one if "/" in one else f"accounting/{one}" for one in types]
        body: Json = {"callbackUrl": url, "notificationTypes": names}
        request = self._api.call("subscription", "POST", SUBSCRIPTIONS, json=body)
        return accepted(request, await self._api.ask(request), "id")

    async def document(self, call: DocumentCall) -> bytes:
        """See the port. A notification says where it is, often after the invoice's own end."""
        context = Context.model_validate(call.target.context)
        for event in call.events:
            context = told(self._settings, context, event, call.target)
        return await document(self._api, self._settings, context)

    # calls

    async def _ask(self, verb: str, target: Target) -> Snapshot:
        """A request whose whole content is in the context."""
        context = Context.model_validate(target.context)
        content = content_of(context, verb)
        if verb == "invoice":
            context = without_refusal(context, "cancellation")
        slot = context.slot(verb)
        request = request_id(target, verb, content, slot.verdicts)
        dated = {name: today() for name in DATED.get(verb, ())}
        slot = await self._post(verb, context, {**content, **dated}, target, slot, request=request)
        return self._snapshot(target, context.with_slot(verb, slot))

    async def _post(
        self,
        verb: str,
        context: Context | OrderContext,
        body: Mapping[str, Json],
        target: Target | OrderTarget,
        slot: Slot,
        *,
        request: str | None = None,
    ) -> Slot:
        """Send one request; its slot, waiting for the verdict."""
        request = request or request_id(target, verb, body, slot.verdicts)
        ids = {
            "business": self._settings.business_code,
            "customer": context.customer,
            "order": context.order,
        }
        headers = {"X-Request-ID": request}
        call = self._api.call(verb, "POST", ROUTES[verb], ids=ids, headers=headers, json=body)
        ticket = accepted(call, await self._api.ask(call), "internalRequestId")
        waiting = {"result": "", "word": "", "problems": ()} if slot.result != "ok" else {}
        return slot.model_copy(update={"request": request, "ticket": ticket[:100], **waiting})

    # answers

    def _options(
        self, request: InvoiceRequest | OrderRequest, mistakes: Mistakes
    ) -> RivertyOptions:
        options = parsed(RivertyOptions, request.options, "options", mistakes) or RivertyOptions()
        if not self._settings.unlisted_words:
            check_words(options, mistakes)
        return options

    def _snapshot(self, target: Target, context: Context) -> Snapshot:
        stage = stage_of(context, self._settings)
        final = stage.reached(Stage.APPROVED)
        sent = [id_ for slot in context.slots.values() for id_ in slot.ids]
        told = Snapshot(
            provider_id=target.provider_id or context.reference,
            stage=stage,
            payment=context.paid.status,
            money=money_of(context) if final and not context.is_credit else None,
            status=status(context),
            number=context.reference if final else None,
            echo=Echo(),
            problems=problems(context),
            context=context.learned(),
            keys=tuple(dict.fromkeys((context.order, *sent))),
        )
        return as_credit_note(told, context, target) if context.is_credit else told

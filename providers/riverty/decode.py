"""Riverty: what is read from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

import httpx
from pydantic import BaseModel, JsonValue, ValidationError

from invoicing.balance import Movement, Statement, Way
from invoicing.errors import FieldProblem, ProviderError, Unavailable
from invoicing.provider import Event, OrderSnapshot, OrderStage, PaymentStatus, Target
from providers.kit.api import refused
from providers.kit.http import Answer, Call, Json, unclear
from providers.kit.wire import Amount, day_of
from providers.kit.words import safe_word
from providers.riverty.settings import NAME, Network
from providers.riverty.states import (
    VERBS_OF_A_PERSON,
    Context,
    Kept,
    OrderContext,
    Paid,
    Slot,
    bare,
    content_of,
    request_id,
)

NOT_READ = {
    "companyCode": "the business code says it",
    "fiscalYear": "with companyCode, where a payment is booked",
    "orderAmount": "of the order; what is left to pay decides",
    "documentCreationDate": "told by our own history",
    "description": "of a subscription, our own words",
    "callbackUrl": "of a subscription, as asked",
    "notificationTypes": "likewise",
}
"""What answers and notifications carry that is knowingly not read, and why."""


def accepted(request: Call, body: Json, field: str) -> str:
    """The id in the body of a success."""
    told = body.get(field) if isinstance(body, Mapping) else None
    if not isinstance(told, str) or not told:
        raise unclear(request, f"carries no {field}")
    return told


def refusal(request: Call, answer: Answer) -> ProviderError:
    """A wrong subscription key is answered with 500, as everything is that goes wrong there."""
    if answer.status == httpx.codes.INTERNAL_SERVER_ERROR:
        return Unavailable(
            f"{NAME} is not available for {request.name}, or does not know the subscription key:"
            " it answers both with HTTP 500",
            code=str(answer.status),
        )
    return refused(
        request, answer, _refused_fields(answer.body), credentials="the subscription key"
    )


def _refused_fields(body: Json) -> tuple[FieldProblem, ...]:
    """`{type, title, code, description}`, whose description mostly names a path."""
    if not isinstance(body, Mapping):
        return ()
    texts = [str(body[name]) for name in ("title", "description") if body.get(name)]
    described = re.search(r"Path:\s*([\w.\[\]]{1,100})", texts[-1]) if texts else None
    field = described[1] if described else safe_word(str(body.get("type") or "request"))
    return (FieldProblem(field=field, message=": ".join(texts)[:500]),)


def comes_from(source: str, allowed: Iterable[Network]) -> bool:
    """Whether an address is one of these."""
    try:
        address = ip_address(source)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in allowed)


@dataclass(frozen=True)
class Note:
    """A notification, whichever of its objects a field stands in. Empty where it says nothing."""

    kind: str
    order: str
    invoice: str
    customer: str
    business: str
    transaction: str
    request_type: str
    word: str
    problems: tuple[FieldProblem, ...]
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, event: Event) -> Note:
        fields = _flat(event.body)
        return cls(
            kind=event.kind.rsplit("/", 1)[-1],
            order=_text(fields, "orderReference", "orderNo"),
            invoice=_text(fields, "invoiceReference", "invoiceNo"),
            customer=_text(fields, "customerNumber"),
            business=_text(fields, "businessCode"),
            transaction=bare(_text(fields, "transactionId")),
            request_type=_text(fields, "requestType"),
            word=_text(fields, "result"),
            problems=_error_details(fields.get("errorDetails")),
            fields=fields,
        )

    @property
    def has_unreadable_rest(self) -> bool:
        """Whether it says how much is left to be paid, and nobody can read that."""
        return "remainingAmount" in self.fields and _amount(self, "remainingAmount") is None

    def alone(self, event: Event) -> Event:
        """The event with nothing but what is read here, which reads the same: texts of 100
        characters, 20 errors of 380, amounts that are amounts. What is longer was cut before."""
        amounts = {name: _amount(self, name) for name in _OWN_AMOUNTS}
        told: dict[str, JsonValue] = {
            "orderReference": self.order,
            "invoiceReference": self.invoice,
            "customerNumber": self.customer,
            "businessCode": self.business,
            "transactionId": self.transaction,
            "requestType": self.request_type,
            "result": self.word,
            **{name: _text(self.fields, name) for name in _OWN_TEXTS},
            "urlKey": _document_key(self),
            **{name: f"{amount:f}" for name, amount in amounts.items() if amount is not None},
            "errorDetails": [
                {"fieldName": one.field, "ErrorDescription": one.message} for one in self.problems
            ],
        }
        body = {name: value for name, value in told.items() if value not in ("", [])}
        return event.model_copy(update={"body": body})


_OWN_TEXTS = (
    *("currency", "paymentDocument", "documentType", "dunningLevel"),
    # Of a chargeback: its kind, where that does not stand beside the kind of the notification.
    *("type", "timestamp"),
)
_OWN_AMOUNTS = (
    *("remainingAmount", "tolerance", "paidAmount", "amount"),
    "refundedToOriginalPaymentInstrument",
)


def _flat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Its own members and those of its parameters, details and the first document's."""
    found = dict(body)
    for name in ("parameters", "details"):
        inner = found.get(name)
        if isinstance(inner, dict):
            found |= inner
    for name in ("documents", "documentInformation"):
        found |= next(objects(found.get(name)), {})
    return found


def _text(fields: Mapping[str, Any], *names: str) -> str:
    values = (fields.get(name) for name in names)
    return next((str(one).strip()[:100] for one in values if isinstance(one, str | int)), "")


def _error_details(value: Any) -> tuple[FieldProblem, ...]:
    """`providedValue` may be personal and is in the request anyway, so it is left out."""
    found = list(objects(value))[:20]
    return tuple(
        FieldProblem(
            field=safe_word(str(one.get("fieldName") or "request")),
            message=str(one.get("ErrorDescription") or one.get("errorDescription") or "")[:300],
        )
        for one in found
    )


def known_ids(context: Context, target: Target) -> dict[str, tuple[str, ...]]:
    """The ids of our requests by kind, and those that uncertain calls, if any, were sent under."""
    known = {verb: slot.ids for verb, slot in context.slots.items()}
    kinds = ["invoice", *([context.credit.verb] if context.credit else [])]
    if not context.delivers:
        kinds.append("cancellation")
    for verb in kinds:
        request = request_id(target, verb, content_of(context, verb), context.slot(verb).verdicts)
        known[verb] = (*known.get(verb, ()), bare(request))
    return known


def concerns(context: Context, note: Note) -> bool:
    """Whether news are about this invoice: by its reference, or by an order it has to itself. The
    same reference in another order is somebody else's."""
    if note.invoice:
        return note.invoice == context.reference and note.order in ("", context.order)
    return context.alone and bool(note.order) and note.order == context.order


def order_confirmed(context: OrderContext, event: Event) -> OrderContext:
    """What a person has seen of the order, or of one cancellation of its lines."""
    if event.body.get("verb") != "cancel_lines":
        slot = context.registration.model_copy(update={"result": "ok", "problems": ()})
        return context.model_copy(update={"registration": slot})
    name = str(event.body.get("cancellation", ""))
    slot = context.cancellations.get(name, Slot())
    done = slot.model_copy(update={"result": "ok", "problems": ()})
    return context.with_cancellation(name, done)


def confirmed(context: Context, event: Event) -> Context:
    """A person says that a call took effect. What makes a credit is the credit's own request; what
    was not to be credited from here they have credited there."""
    said = str(event.body.get("verb") or "")
    credit = context.credit.verb if context.credit else "goodwill"
    of_credit = said == "credit" or (context.is_credit and said == "create")
    verb = credit if of_credit else VERBS_OF_A_PERSON.get(said)
    if verb is None:
        return context
    slot = context.slot(verb).model_copy(update={"result": "ok", "problems": ()})
    return context.with_slot(verb, slot)


def after_payment(paid: Paid, note: Note, event: Event, currency: str) -> Paid:
    """Payments come in any order and more than once: what was paid stays paid until a chargeback,
    however much an earlier payment had left."""
    mark, reversed_ = _marks(note, event)
    rest, tolerance = _amount(note, "remainingAmount"), _amount(note, "tolerance") or Decimal(0)
    if mark in paid.seen or rest is None or _is_foreign(note, currency):
        return paid
    money = _moved(paid.money, Way.PAYMENT, _amount(note, "paidAmount"), note)
    if reversed_ in paid.seen:
        # It had gone back before it was told of: it counts no more, and both are shown.
        return paid.model_copy(update={"money": money, "seen": (*paid.seen, mark)[-_MARKS:]})
    if not money.went_back:
        # In any order: the least that one has left. What a return leaves nobody says.
        least = rest if money.left is None else min(money.left, rest)
        money = money.model_copy(update={"left": least})
    settled = rest <= max(tolerance, Decimal(0)) or paid.status is PaymentStatus.PAID
    return Paid(
        status=PaymentStatus.PAID if settled else PaymentStatus.PARTLY_PAID,
        seen=(*paid.seen, mark)[-_MARKS:],
        money=money,
    )


def after_chargeback(paid: Paid, note: Note, event: Event, currency: str) -> Paid:
    """The money went back; a payment it names that only arrives now counts no more."""
    mark, reversed_ = _marks(note, event)
    if f"chargeback {mark}" in paid.seen:
        return paid
    seen = (*paid.seen, f"chargeback {mark}", *([reversed_] if reversed_ else []))
    amount = None if _is_foreign(note, currency) else _amount(note, "amount")
    return Paid(
        status=PaymentStatus.REVERSED,
        seen=seen[-_MARKS:],
        money=_moved(paid.money, Way.CHARGEBACK, amount, note),
    )


def after_refund(paid: Paid, note: Note, event: Event, currency: str) -> Paid:
    """The seller gave it back. That of what was too much leaves the invoice paid, and so does that
    of a return: what is left to be paid says a payment, and no refund."""
    mark = f"refund {_marks(note, event)[0]}"
    amount = _amount(note, "refundedToOriginalPaymentInstrument")
    if mark in paid.seen or amount is None or _is_foreign(note, currency):
        return paid
    money = _moved(paid.money, Way.REFUND, amount, note)
    return paid.model_copy(update={"seen": (*paid.seen, mark)[-_MARKS:], "money": money})


_MARKS = 40
"""Of notifications about the money of one invoice that are known again."""


def _is_foreign(note: Note, currency: str) -> bool:
    return _text(note.fields, "currency") not in ("", currency)


def _moved(money: Statement, way: Way, amount: Decimal | None, note: Note) -> Statement:
    """With this movement; one without an amount that can be read is none. A refund's is negative
    in the provider's example."""
    if not amount:
        return money
    by = _text(note.fields, "type") if way is Way.CHARGEBACK else ""
    moved = Movement(
        way=way,
        amount=abs(amount),
        on=day_of(note.fields.get("timestamp")) or "",
        by=safe_word(by) if by and "/" not in by else "",
        id=_text(note.fields, "paymentDocument", "transactionId"),
    )
    left = money.left if way is Way.PAYMENT else None
    return money.moved(moved).model_copy(update={"left": left})


def _marks(note: Note, event: Event) -> tuple[str, str]:
    """What a notification about money is known by, and what a chargeback of it would be."""
    document = _text(note.fields, "paymentDocument")
    mark = f"{note.transaction}/{document}" if note.transaction or document else event.id[:16]
    return mark, f"reversed {document}" if document else ""


def _amount(note: Note, name: str) -> Decimal | None:
    value = note.fields.get(name)
    try:
        return _Rest.model_validate({"amount": value}).amount
    except ValidationError:
        return None


class _Rest(BaseModel):
    amount: Amount


def with_document(context: Context, note: Note) -> tuple[Kept, ...]:
    """With one more document that was announced."""
    kept = Kept(
        type=safe_word(_text(note.fields, "documentType") or "document"),
        key=_document_key(note),
        dunning=_text(note.fields, "dunningLevel")[:10],
    )
    return (*(one for one in context.documents if one != kept), kept)[-10:]


def _document_key(note: Note) -> str:
    return str(note.fields.get("urlKey") or "")[:200]


def with_news(news: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """With one more word of news."""
    return tuple(dict.fromkeys((*news, kind)))[-8:]


def cancellation_of(context: OrderContext, note: Note) -> str | None:
    """Which cancellation a verdict is on: the one whose request it names, else the only one that
    waits for any."""
    for name, slot in context.cancellations.items():
        if note.transaction and note.transaction in slot.ids:
            return name
    waiting = [name for name, slot in context.cancellations.items() if slot.waits]
    return waiting[0] if len(waiting) == 1 else None


def without_refusal(context: Context, verb: str) -> Context:
    """Without what was said against a request that no longer matters."""
    slot = context.slot(verb)
    if slot.result != "refused":
        return context
    over: dict[str, Any] = {"request": "", "ticket": "", "result": "", "word": "", "problems": ()}
    return context.with_slot(verb, slot.model_copy(update=over))


def problems(context: Context) -> tuple[FieldProblem, ...]:
    """What was said against the last request, in the order in which requests follow one another."""
    credit = context.credit.verb if context.credit else "goodwill"
    slots = (context.slot(verb) for verb in (credit, "cancellation", "invoice", "order"))
    return next((slot.problems for slot in slots if slot.request or slot.result), ())


def money_of(context: Context) -> Statement:
    """What notifications said of it, and the last reminder that was made."""
    reminders = [one.dunning for one in context.documents if one.dunning]
    word = f"reminder {safe_word(reminders[-1])}" if reminders else ""
    return context.paid.money.model_copy(update={"collection": word})


def status(context: Context) -> str:
    """Their words: the verdict on each kind of request, what else was told, the documents."""
    verdicts = [f"{verb} {slot.shown}" for verb, slot in context.slots.items()]
    papers = [" ".join(filter(None, (one.type, one.dunning))) for one in context.documents]
    return " · ".join([*verdicts, *context.news, *papers])


def order_snapshot(context: OrderContext, before: OrderContext) -> OrderSnapshot:
    """What is known of an order, with what is new in it."""
    slots = context.cancellations
    stages = {
        "ok": OrderStage.CONFIRMED,
        "refused": OrderStage.REJECTED,
        "": OrderStage.SUBMITTED,
    }
    return OrderSnapshot(
        provider_id=context.order,
        stage=stages.get(context.registration.result, OrderStage.UNKNOWN),
        status=" · ".join([f"order {context.registration.shown}", *context.news]),
        cancelled=tuple(name for name, slot in slots.items() if slot.result == "ok"),
        refused=tuple(name for name, slot in slots.items() if slot.result == "refused"),
        problems=(
            *context.registration.problems,
            *(problem for slot in slots.values() for problem in slot.problems),
        ),
        context=context.since(before),
    )


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Those of a list that are objects; none where it is no list."""
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())

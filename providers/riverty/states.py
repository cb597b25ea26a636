"""Riverty: its routes, what its words mean in ours, and what later calls remember."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Literal, Self
from uuid import NAMESPACE_URL, uuid5

from pydantic import JsonValue

from invoicing.balance import Statement, Way
from invoicing.errors import FieldProblem
from invoicing.model import Recorded
from invoicing.provider import (
    OrderTarget,
    Pace,
    Paces,
    PaymentStatus,
    Stage,
    Target,
)
from providers.kit.http import Json, encode
from providers.kit.words import safe_word
from providers.riverty.settings import RivertySettings, Verb


class Slot(Recorded):
    """What is known of one kind of request about one invoice or order."""

    request: str = ""
    """Our X-Request-ID of the last one that was received."""
    ticket: str = ""
    """Their internalRequestId for it."""
    result: Literal["", "ok", "refused", "unknown"] = ""
    word: str = ""
    verdicts: int = 0
    heard: tuple[str, ...] = ()
    """Shortened ids of the events that brought them."""
    problems: tuple[FieldProblem, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(bare(one) for one in (self.request, self.ticket) if one)

    @property
    def waits(self) -> bool:
        return bool(self.request) and self.result in ("", "unknown")

    @property
    def shown(self) -> str:
        """The verdict in their word; where none came, what else we know."""
        return self.word or self.result or "received"


class Paid(Recorded):
    """What notifications said about the money."""

    status: PaymentStatus = PaymentStatus.UNKNOWN
    seen: tuple[str, ...] = ()
    money: Statement = Statement(tells=(Way.PAYMENT, Way.REFUND, Way.CHARGEBACK))


class Kept(Recorded):
    """One document that Riverty has made. The key is for fetching it, never for the buyer."""

    type: str
    key: str
    dunning: str = ""


class Credit(Recorded):
    """All that a return or goodwill repeats."""

    verb: Literal["goodwill", "return"]
    reason: str
    reference: str
    items: tuple[dict[str, JsonValue], ...]


class Context(Recorded):
    """An invoice: from the plan down to `credit`, from calls and notifications the rest."""

    customer: str = ""
    order: str = ""
    """Its orderReference."""
    delivers: bool = False
    """Part of an order that exists without it."""
    alone: bool = True
    """Whether no other invoice of its order can exist."""
    items: str = ""
    """Its lines' orderItemReferences, as `1-3,7`."""
    invoice: dict[str, str] = {}
    """What the invoice says beside its items, as it is sent."""
    cancellation_reason: str = "CUSTOMER_CANCELLATION"
    credit: Credit | None = None
    is_credit: bool = False
    """Whether this is that credit, of an invoice of ours, and not the invoice."""
    slots: dict[str, Slot] = {}
    paid: Paid = Paid()
    documents: tuple[Kept, ...] = ()
    news: tuple[str, ...] = ()

    def slot(self, verb: str) -> Slot:
        return self.slots.get(verb, Slot())

    def with_slot(self, verb: str, slot: Slot) -> Context:
        return self.model_copy(update={"slots": {**self.slots, verb: slot}})

    @property
    def reference(self) -> str:
        return self.invoice.get("invoiceReference", "")

    def given(self) -> dict[str, JsonValue]:
        """What the plan says."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def learned(self) -> dict[str, JsonValue]:
        """What changes after the plan; every key, for each replaces the one before."""
        empty: dict[str, JsonValue] = {"slots": {}, "paid": {}, "documents": [], "news": []}
        fields = {"order", *empty}
        return empty | self.model_dump(mode="json", include=fields, exclude_defaults=True)


class OrderLine(Recorded):
    """One line of a registered order. Its place in the order is its orderItemReference."""

    id: str
    figures: str
    """A digest of price, quantity and VAT: an invoice takes them from the order, not from us."""


class OrderContext(Recorded):
    """An order: from the plan its first four, from calls and notifications the rest."""

    customer: str = ""
    order: str = ""
    cancellation_reason: str = "CUSTOMER_CANCELLATION"
    lines: tuple[OrderLine, ...] = ()
    registration: Slot = Slot()
    cancellations: dict[str, Slot] = {}
    """By our names. Each has a key of its own in the context that is kept: two that are sent at the
    same time must not overwrite one another."""
    loose: dict[str, str] = {}
    """Verdicts on cancellations nobody has sent, as far as was known, by transaction id."""
    news: tuple[str, ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, JsonValue]) -> Self:
        cancellations = {
            key.removeprefix(_CANCELLATION): value
            for key, value in kept.items()
            if key.startswith(_CANCELLATION)
        }
        return cls.model_validate({**kept, "cancellations": cancellations})

    def places(self) -> dict[str, int]:
        return {line.id: place for place, line in enumerate(self.lines, start=1)}

    def with_cancellation(self, name: str, slot: Slot) -> OrderContext:
        return self.model_copy(update={"cancellations": {**self.cancellations, name: slot}})

    def since(self, before: OrderContext) -> dict[str, JsonValue]:
        """What is new in it, key by key."""
        old = before._flat()
        return {key: value for key, value in self._flat().items() if old.get(key) != value}

    def _flat(self) -> dict[str, JsonValue]:
        plain_keys = self.model_dump(mode="json", exclude={"cancellations"}, exclude_defaults=True)
        slots = {
            f"{_CANCELLATION}{name}": slot.model_dump(mode="json", exclude_defaults=True)
            for name, slot in self.cancellations.items()
        }
        return {**plain_keys, **slots}


_CANCELLATION = "cancellation "

ORDERS = "/accounting/v1/businesses/{business}/customers/{customer}/orders"

ROUTES: dict[str, str] = {
    "order": ORDERS,
    "invoice": f"{ORDERS}/{{order}}/invoices",
    "cancellation": f"{ORDERS}/{{order}}/cancellations",
    "return": f"{ORDERS}/{{order}}/returns",
    "goodwill": f"{ORDERS}/{{order}}/goodwills",
}

SUBSCRIPTIONS = "/administration/v1/notification-callbacks"

VERDICT = Pace(
    first=timedelta(minutes=5), factor=2, cap=timedelta(hours=2), deadline=timedelta(hours=24)
)

PACES = Paces(
    # Shorter than usual: what looks like a provider that is away may be a wrong key.
    unavailable=Pace(
        first=timedelta(seconds=10),
        factor=2,
        cap=timedelta(minutes=10),
        deadline=timedelta(hours=1),
    ),
    drafting=VERDICT,
    approval=VERDICT,
    sending=VERDICT,
    payment=Pace(
        first=timedelta(hours=12), factor=2, cap=timedelta(days=7), deadline=timedelta(days=120)
    ),
    # What was received is buffered, and judged within 24 hours.
    effect=timedelta(hours=24),
)
"""A look costs no call, and news cut every wait short."""

FAILURE = "ERROR_IN_FILE"

NOUNS: tuple[tuple[str, Verb], ...] = (  # the first that a requestType contains
    ("CANCEL", "cancellation"),
    ("RETURN", "return"),
    ("GOODWILL", "goodwill"),
    ("INVOICE", "invoice"),
    ("ORDER", "order"),
)

PROOFS = ("invoiceCreated", "documentCreated", "paymentReceived", "chargebackReceived")
"""Notifications that can name an invoice only if it was accepted."""

VERBS_OF_A_PERSON = {"create": "order", "approve": "invoice", "delete": "cancellation"}


def bare(id_: str) -> str:
    """An id as it can be compared: a UUID with or without its hyphens is the same one."""
    return id_.replace("-", "").lower()


_REQUESTS = uuid5(NAMESPACE_URL, "https://docs.riverty.com/accounting_as_a_service")


CREDITED = ("grossUnitPrice", "quantity", "vatAmount", "vatPercent", "vatType")


def places_in(ranges: str) -> list[int]:
    """The places that `ranges` wrote."""
    ends = (run.split("-") for run in ranges.split(",") if run)
    return [place for run in ends for place in range(int(run[0]), int(run[-1]) + 1)]


def content_of(context: Context, verb: str) -> dict[str, Json]:
    """What a request says, but for today's date: so that it is the same when it is repeated."""
    places = [{"orderItemReference": place} for place in places_in(context.items)]
    if verb == "invoice":
        return {**context.invoice, "items": places}
    if verb == "cancellation":
        return {"cancellationReason": context.cancellation_reason, "items": places}
    credit = context.credit
    if credit is None:
        return {}
    return {
        f"{verb}Reference": credit.reference,
        f"{verb}Reason": credit.reason,
        "invoiceReference": context.reference,
        "items": [_credited(item) for item in credit.items],
    }


DATED = {
    "cancellation": ("cancellationDate",),
    "return": ("returnDate",),
    "goodwill": ("goodwillDate", "creditDate"),
}


def _credited(item: Mapping[str, JsonValue]) -> dict[str, Json]:
    numbers = {name: Decimal(str(item[name])) for name in CREDITED if name != "vatType"}
    place = item["orderItemReference"]
    return {"orderItemReference": int(str(place)), **numbers, "vatType": str(item["vatType"])}


def request_id(
    target: Target | OrderTarget, verb: str, content: Mapping[str, Json], verdicts: int
) -> str:
    """The X-Request-ID. Repeats of one might be ignored, so it is the same for a call that is
    repeated because nobody knows what became of it, and another as soon as something is different:
    the content, because somebody corrected it, or the number of verdicts, because the one before
    was judged and this is a new attempt at the same."""
    kind = "invoice" if isinstance(target, Target) else "order"
    generation = target.generation if isinstance(target, Target) else 0
    digest = hashlib.sha256(encode(content).encode()).hexdigest()
    parts = (kind, target.account, target.reference, verb, str(generation), digest, str(verdicts))
    return str(uuid5(_REQUESTS, "\n".join(parts)))


def order_stage(context: Context) -> Stage:
    """How far the order of an invoice is."""
    if context.delivers:
        return Stage.DRAFTED
    stages = {"ok": Stage.DRAFTED, "refused": Stage.NONE, "": Stage.DRAFTING}
    return stages.get(context.slot("order").result, Stage.UNKNOWN)


def kind_of(settings: RivertySettings, request_type: str) -> str | None:
    """What a verdict is on, by the noun in its request type; None where nobody can say."""
    listed = settings.request_types.get(request_type)
    return listed or next((verb for noun, verb in NOUNS if noun in request_type.upper()), None)


def judged(
    settings: RivertySettings,
    slot: Slot,
    word: str,
    event_id: str,
    problems: tuple[FieldProblem, ...] = (),
) -> Slot:
    """A verdict counted once. An OK is never undone: what follows it answers a duplicate."""
    short = event_id[:16]
    if short in slot.heard:
        return slot
    counted = {"verdicts": slot.verdicts + 1, "heard": (*slot.heard, short)[-10:]}
    if slot.result == "ok":
        return slot.model_copy(update=counted)
    result = _meaning(settings, word)
    kept = problems if result == "refused" else ()
    return slot.model_copy(
        update={**counted, "result": result, "word": safe_word(word), "problems": kept}
    )


def _meaning(settings: RivertySettings, word: str) -> str:
    if word.casefold() == settings.success.casefold():
        return "ok"
    return "refused" if word == FAILURE else "unknown"


def stage_of(context: Context, settings: RivertySettings) -> Stage:
    """From the last thing asked for back to the first; UNKNOWN where its verdict is unknown."""
    credit = context.slot(context.credit.verb if context.credit else "goodwill")
    for slot, stage in (
        (credit, Stage.CREDITED),
        (context.slot("cancellation"), Stage.DELETED),
    ):
        if slot.result in ("ok", "unknown"):
            return stage if slot.result == "ok" else Stage.UNKNOWN
    invoice = context.slot("invoice")
    if invoice.result == "unknown":
        return Stage.UNKNOWN
    if invoice.result == "ok":
        return _sent(context, settings)
    if invoice.result == "refused":
        return Stage.FAILED
    return Stage.APPROVING if invoice.request else order_stage(context)


def _sent(context: Context, settings: RivertySettings) -> Stage:
    announced = context.documents or "invoiceCreated" in context.news
    waits = settings.issuer == "riverty" and settings.document_news
    return Stage.SENDING if waits and not announced else Stage.SENT

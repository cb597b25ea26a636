"""Riverty: what a notification adds to what is known of an invoice or an order. Pure."""

from __future__ import annotations

from invoicing.provider import (
    CONFIRMED,
    Event,
    Target,
)
from providers.kit.words import safe_word
from providers.riverty.decode import (
    Note,
    after_chargeback,
    after_payment,
    after_refund,
    cancellation_of,
    concerns,
    confirmed,
    known_ids,
    order_confirmed,
    with_document,
    with_news,
)
from providers.riverty.settings import RivertySettings
from providers.riverty.states import (
    PROOFS,
    Context,
    OrderContext,
    judged,
    kind_of,
)


def told(settings: RivertySettings, context: Context, event: Event, target: Target) -> Context:
    """With what an event says of this invoice; as it was, if it says nothing of it."""
    if event.kind == CONFIRMED:
        return confirmed(context, event)
    note = Note.of(event)
    if note.customer not in ("", context.customer):
        return context
    if note.kind == "EDIErrorSent":
        return _verdict(settings, context, event, note, target)
    if not concerns(context, note):
        return context
    if note.kind in PROOFS and note.invoice:
        slot = context.slot("invoice").model_copy(update={"result": "ok", "problems": ()})
        context = context.with_slot("invoice", slot)
    if note.kind == "paymentReceived":
        paid = after_payment(context.paid, note, event, settings.currency)
        context = context.model_copy(update={"paid": paid})
    elif note.kind == "chargebackReceived":
        paid = after_chargeback(context.paid, note, event, settings.currency)
        context = context.model_copy(update={"paid": paid})
    elif note.kind == "refundCompleted":
        paid = after_refund(context.paid, note, event, settings.currency)
        context = context.model_copy(update={"paid": paid})
    elif note.kind == "documentCreated":
        context = context.model_copy(update={"documents": with_document(context, note)})
    return context.model_copy(update={"news": with_news(context.news, safe_word(note.kind))})


def _verdict(
    settings: RivertySettings, context: Context, event: Event, note: Note, target: Target
) -> Context:
    verb = _judges(settings, context, note, target)
    if verb:
        slot = judged(settings, context.slot(verb), note.word, event.id, note.problems)
        return context.with_slot(verb, slot)
    if verb is None:
        return context
    return context.model_copy(update={"news": with_news(context.news, "unclear verdict")})


def _judges(settings: RivertySettings, context: Context, note: Note, target: Target) -> str | None:
    """Which of our requests a verdict is on; None: none of them, empty: nobody can say, but it
    names our order."""
    for known, ids in known_ids(context, target).items():
        if note.transaction and note.transaction in ids:
            return known
    verb = kind_of(settings, note.request_type)
    ours = note.order == context.order
    if note.order and not ours:
        return None
    if verb in ("order", "cancellation"):
        return verb if ours and not context.delivers else None
    if note.invoice:
        return (verb or "") if note.invoice == context.reference else None
    if not ours:
        return None
    return verb if verb and context.alone else ""


def order_told(settings: RivertySettings, context: OrderContext, event: Event) -> OrderContext:
    """With what an event says of this order, likewise."""
    if event.kind == CONFIRMED:
        return order_confirmed(context, event)
    note = Note.of(event)
    if note.order != context.order or note.customer not in ("", context.customer):
        return context
    if note.kind != "EDIErrorSent":
        return context.model_copy(update={"news": with_news(context.news, safe_word(note.kind))})
    verb = _order_verb(settings, context, note)
    if verb == "order":
        slot = judged(settings, context.registration, note.word, event.id, note.problems)
        return context.model_copy(update={"registration": slot})
    if verb == "cancellation":
        return _cancellation_judged(settings, context, event, note)
    return context


def _order_verb(settings: RivertySettings, context: OrderContext, note: Note) -> str | None:
    if note.transaction and note.transaction in context.registration.ids:
        return "order"
    ids = (id_ for slot in context.cancellations.values() for id_ in slot.ids)
    if note.transaction and note.transaction in ids:
        return "cancellation"
    return kind_of(settings, note.request_type)


def _cancellation_judged(
    settings: RivertySettings, context: OrderContext, event: Event, note: Note
) -> OrderContext:
    name = cancellation_of(context, note)
    if name is None:
        loose = {**context.loose, note.transaction or event.id[:16]: note.word}
        news = with_news(context.news, "unclear cancellation")
        kept = dict(list(loose.items())[-10:])
        return context.model_copy(update={"loose": kept, "news": news})
    slot = judged(settings, context.cancellations[name], note.word, event.id, note.problems)
    return context.with_cancellation(name, slot)


def claimed(settings: RivertySettings, context: OrderContext) -> OrderContext:
    """Give a verdict that came before its request was known to that request."""
    for name, slot in context.cancellations.items():
        for id_ in slot.ids if slot.waits else ():
            if id_ in context.loose:
                slot = judged(settings, slot, context.loose[id_], id_)
                context = context.with_cancellation(name, slot)
    return context

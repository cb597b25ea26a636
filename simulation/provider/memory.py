"""Where nobody can look: what was told of an invoice, remembered as an adaptor does it, in the
context that calls come with."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from invoicing.provider import CONFIRMED, Event, PaymentStatus, ReadCall, Snapshot, Stage, Target
from simulation.provider.kinds import Kind
from simulation.provider.money import heard, of_told
from simulation.provider.papers import ANNOUNCED
from simulation.provider.shown import NO_FIGURES, PROBLEMS, name_of, own_name
from simulation.wire import Refusal


def remembered(given: ReadCall, kind: Kind) -> Snapshot:
    """What was told last, and what the events add."""
    target = given.target
    told = dict(_kept(target.context))
    if target.provider_id and told.get("id") != target.provider_id:
        told = {"id": target.provider_id}
    money = dict(_kept(target.context, "money"))
    for event in given.events:
        if _is_ours(told, event, target):
            told = _heard(told, event, target, kind)
            money = heard(money, event.body) if "move" in event.body else money
    if "id" not in told:
        if kind.memory == "blind":
            raise Refusal("this invoice was never seen from here")
        told["id"] = name_of(target)
    if not kind.hears:
        return _as_told(told, target, kind)
    # Kept apart: the answer to a change says nothing of it, and takes nothing away.
    shown, (word, stated) = _as_told(told, target, kind), of_told(money)
    context: dict[str, JsonValue] = {"told": told, "money": money}
    return shown.model_copy(update={"payment": word, "money": stated, "context": context})


def heard_of(given: ReadCall, shown: Snapshot) -> Snapshot:
    """With what the news told of its document: that is remembered."""
    if all(event.kind != ANNOUNCED for event in given.events):
        return shown
    return shown.model_copy(update={"context": {**shown.context, "pdf": True}})


def _kept(context: Mapping[str, JsonValue], name: str = "told") -> dict[str, JsonValue]:
    told = context.get(name)
    return told if isinstance(told, dict) else {}


def _is_ours(told: Mapping[str, JsonValue], event: Event, target: Target) -> bool:
    """Whether it is not about another of our invoices."""
    about = event.body.get("id")
    return about is None or told.get("id", about) in (about, own_name(target.reference))


def _heard(
    told: dict[str, JsonValue], event: Event, target: Target, kind: Kind
) -> dict[str, JsonValue]:
    """What was told, and what this event adds."""
    about = event.body.get("id")
    if event.kind == CONFIRMED:
        name = target.provider_id or _own_id(target, kind)
        return {"id": name, **told, "stage": _proved(str(event.body["verb"]), kind)}
    if event.kind == "verdict" and event.body["verb"] in _JUDGED:
        return _judged({"id": about, **told}, event, kind)
    if event.kind == "payment" and about is not None:
        told = {"id": about, **told, "paid": True, "number": event.body.get("number")}
        if not _further(told, Stage.APPROVED):
            told["stage"] = _proved("approve", kind)
    if event.kind == "delivered" and about is not None:
        told = {"id": about, **told, "stage": Stage.DELIVERED.value}
    return told


def _own_id(target: Target, kind: Kind) -> str:
    if kind.memory == "repeats":
        return name_of(target)
    return own_name(target.reference)


def _proved(verb: str, kind: Kind) -> str:
    if verb == kind.sent_by or verb == "send":
        return Stage.SENT.value
    return {
        "create": Stage.DRAFTED,
        "approve": Stage.APPROVED,
        "delete": Stage.DELETED,
        "credit": Stage.CREDITED,
    }[verb].value


_JUDGED = ("create", "approve", "delete", "credit")
_ORDER = ("none", "drafting", "drafted", "approving", "failed", "approved", "sending", "sent")


def _further(told: Mapping[str, JsonValue], stage: Stage) -> bool:
    """Whether it was told to be at or past this stage already."""
    now = str(told.get("stage", "none"))
    if now not in _ORDER:
        return True
    return _ORDER.index(now) >= _ORDER.index(stage.value)


def _judged(told: dict[str, JsonValue], event: Event, kind: Kind) -> dict[str, JsonValue]:
    """An OK stays an OK; a refusal counts for what is still asked for."""
    verb, ok = str(event.body["verb"]), bool(event.body["ok"])
    proved = Stage(_proved(verb, kind))
    if ok:
        known = verb not in ("delete", "credit") and _further(told, proved)
        return told if known else {**told, "stage": proved.value}
    now = told.get("stage", "none")
    if verb == "create" and now in ("none", "drafting"):
        return {**told, "stage": Stage.NONE.value, "refused": True}
    if verb == "approve" and now in ("drafted", "approving"):
        return {**told, "stage": Stage.FAILED.value}
    return told


def _as_told(told: dict[str, JsonValue], target: Target, kind: Kind) -> Snapshot:
    stage = Stage(str(told.get("stage", "none")))
    failed = stage is Stage.FAILED or (stage is Stage.NONE and bool(told.get("refused")))
    number = told.get("number")
    final = stage.reached(Stage.APPROVED) or stage is Stage.CREDITED
    return Snapshot.model_construct(
        provider_id=str(told["id"]),
        stage=stage,
        payment=PaymentStatus.PAID if told.get("paid") else PaymentStatus.UNPAID,
        status=stage.value,
        number=str(number) if number and final else (str(told["id"]) if final else None),
        echo=NO_FIGURES,
        problems=PROBLEMS if failed else (),
        context={"told": told},
        keys=(),
        reference=target.reference if kind.states_reference else None,
    )

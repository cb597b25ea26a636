"""An invoice as this provider shows it: its names, its stage, its figures."""

from __future__ import annotations

from pydantic import JsonValue

from invoicing.errors import FieldProblem
from invoicing.provider import Echo, PaymentStatus, Snapshot, Stage, Target
from simulation.provider.kinds import Kind
from simulation.provider.ledger import Held
from simulation.provider.money import Stands, stated

NO_FIGURES = Echo()
PROBLEMS = (FieldProblem(field="buyer", message="cannot be invoiced just now"),)


def own_name(reference: str) -> str:
    """What such a provider calls an invoice in its news: by our reference."""
    return f"own-{reference}"


def name_of(target: Target) -> str:
    """The id of an invoice at a provider that takes our names: reference and generation."""
    return f"{target.reference}.{target.generation}"


def shown(held: Held, kind: Kind, now: Stands | None, *, strange: bool) -> Snapshot:
    """All that a look shows. Where it is `strange`, the word for the stage is nobody's. `now`: its
    money, where the life is about that."""
    stage = stage_of(held)
    refused = held.state in ("refused", "failed")
    return Snapshot.model_construct(
        provider_id=held.id,
        stage=Stage.UNKNOWN if strange else stage,
        payment=_payment(held, kind, now),
        money=stated(held, kind, now) if now else None,
        status="hmm" if strange else stage.value,
        number=held.number if held.state in ("final", "credited") else None,
        echo=_echo(held) if kind.echoes else NO_FIGURES,
        problems=PROBLEMS if refused else (),
        context={} if kind.can_look else {"told": _told(held)},
        keys=(),
        reference=held.reference if kind.states_reference else None,
    )


def gone(target: Target) -> Snapshot:
    """What is said of an invoice that is not there."""
    return Snapshot.model_construct(provider_id=target.provider_id or "", stage=Stage.DELETED)


def stage_of(held: Held) -> Stage:
    """How far it is, in the port's words."""
    if held.state == "final":
        if held.delivered:
            return Stage.DELIVERED
        if held.sent:
            return Stage.SENT
        return Stage.SENDING if held.sending else Stage.APPROVED
    return _STAGES[held.state]


_STAGES = {
    "drafting": Stage.DRAFTING,
    "draft": Stage.DRAFTED,
    "approving": Stage.APPROVING,
    "failed": Stage.FAILED,
    "deleted": Stage.DELETED,
    "credited": Stage.CREDITED,
    "refused": Stage.NONE,
}


def _payment(held: Held, kind: Kind, now: Stands | None) -> PaymentStatus:
    if now is not None:
        return now.word if kind.can_look else PaymentStatus.UNKNOWN
    return PaymentStatus.PAID if held.paid else PaymentStatus.UNPAID


def _echo(held: Held) -> Echo:
    return Echo.model_construct(
        currency="EUR", net=held.net, vat={"21": held.vat}, gross=held.gross
    )


def _told(held: Held) -> dict[str, JsonValue]:
    """What an answer says of it, to be remembered."""
    return {"id": held.id, "stage": stage_of(held).value, "number": held.number}

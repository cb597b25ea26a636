"""Parts of lines that were asked for before it was known that the provider takes none."""

from __future__ import annotations

from temporalio import workflow

from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from invoicing.state.order import Deliver


def refuse_parts(life: OrderLife) -> None:
    """Give them back, as soon as the plan says so and before anything is begun. From then on they
    are refused when they are asked for."""
    case = life.case
    for name, wanted in tuple(case.under_way.items()):
        why = life.why_not_in_parts(case.ledger, wanted)
        if not why:
            continue
        life.note(f"{name} refused: {why}")
        if isinstance(wanted, Deliver):
            case.refuse(wanted.delivery)
            case.close(wanted.delivery)
        else:
            case.end_cancellation(wanted.cancellation, done=False)

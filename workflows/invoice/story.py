"""The whole life of an invoice, as one reads it."""

from __future__ import annotations

from temporalio import workflow

from workflows.invoice import (
    approval,
    claiming,
    closing,
    correcting,
    draft,
    filing,
    hearing,
    planning,
    searching,
    sending,
    taking_back,
)
from workflows.invoice.life import Life, tell_order
from workflows.kit.endings import Cancelling, Ended, StartOver


async def live(life: Life) -> Ended:
    """plan → claim → look up → create draft → confirm → update → attach → check → (hold) → approve
    → send → track → be alone.

    Its document, where it is kept, is asked for once it is final.

    Each step looks where the invoice is and does only what is missing. So the story may begin again
    from the top at any time: after a doubt, a correction, a cancel, or in a new run.
    """
    while True:
        try:
            if life.case.cancel:
                await taking_back.take_back(life)
            while life.case.adopting:
                await searching.adopt_named(life)
            if life.case.correcting:
                await correcting.correct(life)
            await planning.plan(life)
            await claiming.claim(life)
            await planning.look_up(life)
            await draft.create(life)
            await draft.confirm_draft(life)
            await correcting.bring_up_to_date(life)
            await draft.attach(life)
            await approval.check(life)
            await approval.approve(life)
            await filing.ask_for_document(life)
            await sending.send(life)
            await sending.track(life)
            await searching.be_alone(life)
            life.stop_if_cancelled()
            return Ended(life.case.status)
        except (Cancelling, StartOver):
            continue
        except Ended as ended:
            return ended


async def live_and_tell(life: Life) -> Ended:
    """The story, what others must know of its end, and the look back at what took effect late."""
    life.recorder.go_on()
    ended = await live(life) if life.case.outcome is None else Ended(life.case.outcome)
    closing.end(life, ended)
    await tell_order(life)
    await closing.look_back(life)
    await life.outbox.empty()
    await life.recorder.emptied()
    await workflow.wait_condition(workflow.all_handlers_finished)
    await hearing.hear_of_money(life)
    return ended

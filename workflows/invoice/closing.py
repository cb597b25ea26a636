"""After the end: a create that was ever in doubt may take effect when nobody looks any more.

So a life that was in doubt goes on looking, at growing intervals, for as long as the plan says that
a call may take effect. A draft that is certainly ours is deleted; anything else is a question.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows.invoice.asking import ask
from workflows.invoice.life import Life
from workflows.invoice.searching import look_for_ours, others_of, remove
from workflows.kit.endings import Ended, Overdue, StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Pace
    from invoicing.state.doubt import CREATE
    from invoicing.state.invoice import LATE, Status
    from invoicing.state.questions import Answer, Reason

# A person, or nobody, has taken over what is at the provider: it is not touched any more.
_LEFT_TO_PEOPLE = (Status.ABANDONED, Status.EXPIRED, Status.REJECTED)


def end(life: Life, ended: Ended) -> None:
    """The story is over; lists show its outcome for good."""
    if life.case.outcome is None:
        life.waits.over()
        life.case.outcome = Status(ended.outcome)
        life.note(f"ended: {ended.outcome}")
        life.show()


async def look_back(life: Life) -> None:
    """Look until nothing can take effect late any more. Ends at once where nothing was in doubt."""
    while _may_come(life):
        try:
            search = await look_for_ours(life)
            await remove(life, others_of(life, search), Reason.STRAY_FOUND)
            if _may_come(life):
                await _pause(life)
        except StartOver:
            continue
        except Ended:
            # A person leaves it as it is, or nobody came.
            break
    life.waits.over()
    life.show()


def _may_come(life: Life) -> bool:
    """Whether to go on looking: a create of ours was in doubt, a search is worth asking, and no
    search or person has said, after the last moment of its effect, that nothing came."""
    plan, doubt = life.case.plan, life.case.doubt
    if plan is None or not doubt.watched or life.case.outcome in _LEFT_TO_PEOPLE:
        return False
    searchable = plan.find_first or not life.cannot_look
    return searchable and doubt.until(CREATE) is not None


async def _pause(life: Life) -> None:
    effect = life.paces.effect
    until = life.case.doubt.until(CREATE) or workflow.now()
    pace = Pace(
        first=life.paces.settle,
        factor=2,
        cap=effect / 4,
        # Room for the search that proves it, after the last moment at which it could come.
        deadline=max(until - workflow.now(), timedelta()) + effect,
    )
    try:
        await life.waits.pause(LATE, pace)
    except Overdue:
        what = "the search is not complete, so nobody here knows whether a second invoice came late"
        said = await ask(life, Reason.CANNOT_SEARCH, (Answer.WAIT, Answer.ALONE), what)
        if said is Answer.ALONE:
            life.case.doubt = life.case.doubt.saw(CREATE)

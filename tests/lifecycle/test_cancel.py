"""Cancelling at every instant: the right legal form, and nothing sent after it was acknowledged.

Almost every scenario is played twice: with our `cancel` update, and with Temporal's own Cancel.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.news import Directory
from invoicing.client import InvoicingClient
from invoicing.provider import Plan, Stage
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Invoice, LineStatus, Status
from invoicing.state.questions import Answer
from sandbox.kit.faults import Fault, When
from sandbox.zero_friction import Step, Told
from tests.lifecycle.parking import (
    APPROVED,
    CREATED,
    CREDITED,
    DELETED,
    KINDS,
    NEVER,
    SENT,
    Kind,
    once_more,
    opened,
    target,
)
from tests.lifecycle.world import PACES, Company, World, together
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, simulated, slow
from workflows.invoice import InvoiceWorkflow

PATIENT = 20.0
"""An adaptor's time-out where a gate holds its answer back."""

CHANGES = (Step.CREATE, Step.APPROVE, Step.SEND, Step.MARK_SENT)
"""A cancel waits for these to be over, and for no other call."""


# --- the two ways of cancelling -------------------------------------------------------------------

Way = Callable[[Company, str], Coroutine[Any, Any, None]]


async def by_update(company: Company, reference: str) -> None:
    """Our own; it returns once it is acknowledged."""
    await company.cancel(reference)


async def by_temporal(company: Company, reference: str) -> None:
    """The engine's, as its Web UI offers it; it returns once the server has taken note."""
    await company.client.invoices.handle(reference).cancel(reason="test")


WAYS: dict[str, Way] = {"update": by_update, "Temporal": by_temporal}


def _in_turn(turn: int) -> list[tuple[str, Way]]:
    """One of the ways, another one each turn: how a cancel comes in makes no difference there."""
    return [list(WAYS.items())[turn % len(WAYS)]]


async def ended(company: Company, reference: str, way: Way, status: Status) -> Invoice:
    """The invoice at its end, which must be this one, in the form that belongs to the way."""
    invoice = await company.finished(reference)
    assert invoice.status is status, invoice
    assert (await company.client.invoices.state(reference)) == invoice
    execution = (await company.client.invoices.handle(reference).describe()).status
    wanted = WorkflowExecutionStatus.COMPLETED if way is by_update else _CANCELED
    assert execution is wanted
    assert company.live(reference) == 0
    credited = LineStatus.CREDITED if status is Status.CREDITED else LineStatus.CANCELLED
    assert {line.status for line in invoice.lines} == {credited}
    return invoice


_CANCELED = WorkflowExecutionStatus.CANCELED


async def asked_for(company: Company, reference: str) -> int:
    """How often a cancel stands in the journal."""
    journal = await company.client.invoices.journal(reference)
    return sum(entry.what == "cancel asked for" for entry in journal.entries)


async def until_asked_for(company: Company, reference: str) -> None:
    """Wait until the workflow has heard of the cancel."""
    async with asyncio.timeout(LONG_ENOUGH):
        while not await asked_for(company, reference):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


# --- while a call is under way --------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """The instant at which the `nth` call of `step` waits at a gate, before or after it commits.

    `then` strikes the same call once the gate is open. What the ledger shows in the end is
    `effects`.
    """

    step: Step
    when: When
    effects: tuple[str, ...] = ()
    status: Status = Status.CANCELLED
    nth: int = 1
    then: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)


_DELETED = (CREATED, DELETED)
_CREDITED = (CREATED, APPROVED, CREDITED)
_SENT_AND_CREDITED = (CREATED, APPROVED, SENT, CREDITED)
_MARKED = {"options": {"channel": "mark_sent", "lines": {"2": {"tax_code": {"name": "Reduced"}}}}}


MOMENTS: dict[str, Moment] = {
    "signing in": Moment(Step.TOKEN, "before"),
    "looking up the customer": Moment(Step.CUSTOMERS, "before"),
    "looking up the tax codes": Moment(Step.TAX_CODES, "after"),
    "looking for the reference": Moment(Step.FIND, "after"),
    "creating, not yet stored": Moment(Step.CREATE, "before", _DELETED),
    "creating, stored": Moment(Step.CREATE, "after", _DELETED),
    "creating, stored, answer lost": Moment(Step.CREATE, "after", _DELETED, then=Fault.RESET),
    "creating, not stored, answer lost": Moment(Step.CREATE, "before", then=Fault.RESET),
    "creating, then HTTP 500": Moment(Step.CREATE, "before", then=Fault.SERVER_ERROR),
    "creating, then too many requests": Moment(Step.CREATE, "before", then=Fault.TOO_MANY_REQUESTS),
    "reading the draft": Moment(Step.READ, "before", _DELETED),
    "approving, not yet begun": Moment(Step.APPROVE, "before", _CREDITED, Status.CREDITED),
    "approving, begun": Moment(Step.APPROVE, "after", _CREDITED, Status.CREDITED),
    "approving, begun, answer lost": Moment(
        Step.APPROVE, "after", _CREDITED, Status.CREDITED, then=Fault.RESET
    ),
    "approving, not begun, answer lost": Moment(Step.APPROVE, "before", _DELETED, then=Fault.RESET),
    "approving, then refused": Moment(Step.APPROVE, "before", _DELETED, then=Told.SUCCESS_FALSE),
    "reading what was approved": Moment(Step.READ, "after", _CREDITED, Status.CREDITED, nth=2),
    "sending, not yet begun": Moment(Step.SEND, "before", _SENT_AND_CREDITED, Status.CREDITED),
    "sending, begun": Moment(Step.SEND, "after", _SENT_AND_CREDITED, Status.CREDITED),
    "sending, begun, answer lost": Moment(
        Step.SEND, "after", _SENT_AND_CREDITED, Status.CREDITED, then=Fault.RESET
    ),
    "sending, not begun, answer lost": Moment(
        Step.SEND, "before", _CREDITED, Status.CREDITED, then=Fault.RESET
    ),
    "the last call of all": Moment(
        Step.MARK_SENT, "after", _CREDITED, Status.CREDITED, request=_MARKED
    ),
    "the last call of an approval": Moment(
        Step.READ, "after", _CREDITED, Status.CREDITED, nth=2, request={"goal": Goal.APPROVED}
    ),
    "the last call of a draft": Moment(
        Step.READ, "after", _DELETED, request={"goal": Goal.DRAFTED}
    ),
}


async def cancelled_at(world: World, moment: Moment, way: Way) -> None:
    at_once: dict[str, Any] = {"approval_delay": 0.0, "sending_delay": 0.0}
    async with world.company(patience=PATIENT, **at_once) as company:
        faults = company.stand_in.faults
        gate = faults.place(moment.step, Fault.GATE, when=moment.when, nth=moment.nth)
        if moment.then:
            faults.place(moment.step, moment.then, when=moment.when, nth=moment.nth)
        reference = await company.start(**moment.request)
        await gate.reached(within=LONG_ENOUGH)
        cancelling = asyncio.create_task(way(company, reference))
        if way is by_update and moment.step in CHANGES:
            await until_asked_for(company, reference)
            await asyncio.wait({cancelling}, timeout=0.2)
            assert not cancelling.done(), "acknowledged while a call was under way"
        else:
            await asyncio.wait_for(cancelling, LONG_ENOUGH)
        gate.release()
        await cancelling
        done = company.effects(reference)
        await ended(company, reference, way, moment.status)
        assert company.effects(reference) == list(moment.effects)
        assert way is by_temporal or (SENT in company.effects(reference)) == (SENT in done)
        assert await asked_for(company, reference) == 1


@simulated
async def test_a_cancel_during_any_call_takes_back_what_the_call_did(shared_world: World) -> None:
    await together(
        {
            f"{name}, by {how}": cancelled_at(shared_world, moment, way)
            for turn, (name, moment) in enumerate(MOMENTS.items())
            for how, way in WAYS.items()
            # With an answer that goes wrong as well, one way of cancelling each is enough.
            if not moment.then or way is (by_update, by_temporal)[turn % 2]
        }
    )


async def test_a_send_that_lands_after_its_time_out_lands_before_the_cancel_is_acknowledged(
    shared_world: World,
) -> None:
    # Longer than what is done before the gate opens takes, also on a busy machine.
    patient = PACES.model_copy(update={"settle": timedelta(seconds=6)})
    async with shared_world.company(paces=patient, sending_delay=0.0) as company:
        gate = company.stand_in.faults.place(Step.SEND, Fault.GATE)
        reference = await company.start()
        await gate.reached(within=LONG_ENOUGH)
        await _until_noted(company, reference, "send: UnknownOutcome")
        cancelling = asyncio.create_task(company.cancel(reference))
        await until_asked_for(company, reference)
        gate.release()
        await cancelling
        assert SENT in company.effects(reference)
        await ended(company, reference, by_update, Status.CREDITED)
        assert company.effects(reference) == list(_SENT_AND_CREDITED)


async def _until_noted(company: Company, reference: str, what: str) -> None:
    async with asyncio.timeout(LONG_ENOUGH):
        while what not in [  # noqa: ASYNC110
            entry.what for entry in (await company.client.invoices.journal(reference)).entries
        ]:
            await asyncio.sleep(0.02)


async def planning(world: World, way: Way) -> None:
    async with world.company() as company:
        asked, plan = asyncio.Event(), company.adaptor.plan
        never = asyncio.Event()

        async def slow(request: InvoiceRequest) -> Plan:
            asked.set()
            await never.wait()
            return await plan(request)

        company.adaptor.plan = slow  # type: ignore[method-assign]
        reference = await company.start()
        await asyncio.wait_for(asked.wait(), LONG_ENOUGH)
        await way(company, reference)
        await ended(company, reference, way, Status.CANCELLED)
        never.set()
        assert company.stand_in.calls.all == ()


# --- while it waits -------------------------------------------------------------------------------


async def held(world: World, way: Way) -> None:
    async with world.company() as company:
        reference = await company.start(hold=True)
        await company.until_status(reference, Status.HELD)
        await way(company, reference)
        await ended(company, reference, way, Status.CANCELLED)
        assert company.effects(reference) == list(_DELETED)


async def held_before_sending(world: World, way: Way) -> None:
    async with world.company(approval_delay=NEVER) as company:
        reference = await company.start()
        await company.until_waiting(reference, "approval")
        await company.hold(reference)
        company.stand_in.finish(reference)
        await company.until_status(reference, Status.HELD)
        await way(company, reference)
        await ended(company, reference, way, Status.CREDITED)
        assert company.effects(reference) == list(_CREDITED)


async def approval_running(world: World, way: Way) -> None:
    async with world.company(approval_delay=NEVER) as company:
        reference = await company.start()
        await company.until_waiting(reference, "approval")
        await way(company, reference)
        state = await company.until_status(reference, Status.CANCELLING)
        assert not state.ended, "it cannot be taken back before the approval is over"
        company.stand_in.finish(reference)
        await ended(company, reference, way, Status.CREDITED)
        assert company.effects(reference) == list(_CREDITED)


async def approval_running_then_failing(world: World, way: Way) -> None:
    async with world.company(approval_delay=NEVER) as company:
        company.stand_in.faults.place(Step.APPROVE, Told.ERRORS_FILLED)
        reference = await company.start()
        await company.until_waiting(reference, "approval")
        await way(company, reference)
        company.stand_in.finish(reference)
        await ended(company, reference, way, Status.CANCELLED)
        assert company.effects(reference) == list(_DELETED)


async def sending_running(world: World, way: Way) -> None:
    async with world.company(sending_delay=NEVER) as company:
        reference = await company.start()
        await company.until_waiting(reference, "sending")
        await way(company, reference)
        await ended(company, reference, way, Status.CREDITED)
        assert company.effects(reference) == list(_CREDITED)


async def unpaid(world: World, way: Way) -> None:
    async with world.company() as company:
        reference = await company.start(goal=Goal.PAID)
        await company.until_waiting(reference, "payment")
        await way(company, reference)
        await ended(company, reference, way, Status.CREDITED)
        assert company.effects(reference) == list(_SENT_AND_CREDITED)


WAITS = (
    planning,
    held,
    held_before_sending,
    approval_running,
    approval_running_then_failing,
    sending_running,
    unpaid,
)


@slow
async def test_a_cancel_during_any_wait_takes_the_form_the_stage_asks_for(
    shared_world: World,
) -> None:
    await together(
        {
            f"{wait.__name__}, by {how}": wait(shared_world, way)
            for wait in WAITS
            for how, way in WAYS.items()
        }
    )


# --- while it is parked ---------------------------------------------------------------------------


async def cancelled_when_parked(world: World, kind: Kind, way: Way) -> None:
    async with opened(world, kind) as company:
        reference = await kind.park(company)
        assert (await company.parked(reference)).problem is not None
        sent = company.effects(reference).count(SENT)
        await way(company, reference)
        if kind.asks_again:
            asked = await company.until(reference, lambda state: state.problem is not None)
            await kind.mend(company, reference)
            await company.resolve(reference, once_more(asked.problem))
        await ended(company, reference, way, kind.cancelled)
        assert sorted(company.effects(reference)) == sorted(kind.taken)
        assert company.effects(reference).count(SENT) == sent


@simulated
async def test_a_cancel_of_a_parked_invoice_takes_the_form_the_stage_asks_for(
    shared_world: World,
) -> None:
    await together(
        {
            f"{name}, by {how}": cancelled_when_parked(shared_world, kind, way)
            for turn, (name, kind) in enumerate(KINDS.items())
            for how, way in (_in_turn(turn) if name != "it may not be credited" else _in_turn(0))
        }
    )


async def may_not_be_credited(world: World, way: Way) -> None:
    """To keep it withdraws the cancel: it goes on, and a later cancel asks again."""
    async with world.company() as company:
        reference = await company.start(goal=Goal.PAID, may_credit=False)
        await company.until_waiting(reference, "payment")
        await way(company, reference)
        parked = await company.parked(reference)
        assert parked.problem is not None
        assert parked.problem.reason == "cannot_cancel"
        assert parked.problem.answers == (Answer.RETRY, Answer.KEEP, Answer.ABANDON)
        await company.resolve(reference, Answer.RETRY)
        await company.parked(reference)
        await company.resolve(reference, Answer.KEEP)
        await company.until_waiting(reference, "payment")
        await company.cancel(reference)
        await company.parked(reference)
        await company.resolve(reference, Answer.KEEP)
        await company.until_waiting(reference, "payment")
        company.stand_in.pay(reference)
        assert (await company.finished(reference)).status is Status.PAID
        assert company.effects(reference) == [CREATED, APPROVED, SENT, "paid"]
        described = await company.client.invoices.handle(reference).describe()
        assert described.status is WorkflowExecutionStatus.COMPLETED


async def may_not_be_credited_before_it_is_sent(world: World, way: Way) -> None:
    """What was not yet sent when the cancel came is sent only because a person says so."""
    async with world.company(approval_delay=NEVER) as company:
        reference = await company.start(may_credit=False)
        await company.until_waiting(reference, "approval")
        await way(company, reference)
        await company.until_status(reference, Status.CANCELLING)
        company.stand_in.finish(reference)
        await company.parked(reference)
        assert company.effects(reference) == [CREATED, APPROVED]
        await company.resolve(reference, Answer.KEEP)
        assert (await company.finished(reference)).status is Status.SENT
        assert company.effects(reference) == [CREATED, APPROVED, SENT]


@detail
async def test_what_may_not_be_credited_waits_for_a_person(shared_world: World) -> None:
    await together(
        {
            f"{scenario.__name__}, by {how}": scenario(shared_world, way)
            for scenario in (may_not_be_credited, may_not_be_credited_before_it_is_sent)
            for how, way in WAYS.items()
        }
    )


@detail
async def test_a_draft_may_be_deleted_whether_or_not_it_may_be_credited(company: Company) -> None:
    reference = await company.start(hold=True, may_credit=False)
    await company.until_status(reference, Status.HELD)
    await company.cancel(reference)
    await ended(company, reference, by_update, Status.CANCELLED)


# --- twice ----------------------------------------------------------------------------------------


async def cancelled_twice(world: World, first: Way, second: Way) -> None:
    async with world.company(patience=PATIENT) as company:
        gate = company.stand_in.faults.place(Step.DELETE, Fault.GATE)
        reference = await company.start(hold=True)
        await company.until_status(reference, Status.HELD)
        cancelling = asyncio.create_task(first(company, reference))
        await gate.reached(within=LONG_ENOUGH)
        again = asyncio.create_task(second(company, reference))
        await asyncio.wait({again}, timeout=0.2)
        gate.release()
        await asyncio.gather(cancelling, again)
        assert (await company.finished(reference)).status is Status.CANCELLED
        assert company.effects(reference) == list(_DELETED)
        assert company.stand_in.calls.count("delete") == 1
        assert await asked_for(company, reference) == 1


@detail
async def test_to_cancel_twice_is_one_cancel(shared_world: World) -> None:
    await together(
        {
            f"{one}, then {other}": cancelled_twice(shared_world, WAYS[one], WAYS[other])
            for one, other in itertools.product(WAYS, repeat=2)
        }
    )


# --- when taking it back has troubles of its own --------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """What strikes the first call that takes it back; where a person is asked, they have these
    `answers`."""

    step: Step
    fault: str
    when: When = "before"
    key: str | None = None
    answers: tuple[Answer, ...] = ()
    calls: int = 2


TROUBLES: dict[str, Trouble] = {
    "the delete fails with 500": Trouble(Step.DELETE, Fault.SERVER_ERROR),
    "the delete is done and answered 500": Trouble(
        Step.DELETE, Fault.SERVER_ERROR, "after", calls=1
    ),
    "the delete is done, its answer lost": Trouble(Step.DELETE, Fault.RESET, "after", calls=1),
    "the delete is lost": Trouble(Step.DELETE, Fault.RESET),
    "the delete comes too soon": Trouble(Step.DELETE, Fault.TOO_MANY_REQUESTS),
    "the delete is refused": Trouble(
        Step.DELETE, Told.SUCCESS_FALSE, answers=(Answer.RETRY, Answer.ABANDON)
    ),
    "the delete is done and called refused": Trouble(
        Step.DELETE, Told.SUCCESS_FALSE, "after", calls=1
    ),
    "the credit fails with 500": Trouble(Step.CREDIT, Fault.SERVER_ERROR),
    "the credit is done and answered 500": Trouble(
        Step.CREDIT, Fault.SERVER_ERROR, "after", calls=1
    ),
    "the credit is done, its answer lost": Trouble(Step.CREDIT, Fault.RESET, "after", calls=1),
    "the credit is done, its answer is not JSON": Trouble(
        Step.CREDIT, Fault.NOT_JSON, "after", calls=1
    ),
    "the credit is refused": Trouble(
        Step.CREDIT,
        Told.SUCCESS_FALSE,
        # What is final may also be left to stand.
        answers=(Answer.RETRY, Answer.KEEP, Answer.ABANDON),
    ),
}


async def troubled(world: World, trouble: Trouble, way: Way) -> None:
    credit = trouble.step is Step.CREDIT
    async with world.company() as company:
        reference = await company.start(**({"goal": Goal.PAID} if credit else {"hold": True}))
        await (
            company.until_waiting(reference, "payment")
            if credit
            else company.until_status(reference, Status.HELD)
        )
        company.stand_in.faults.place(
            trouble.step, trouble.fault, when=trouble.when, key=trouble.key
        )
        await way(company, reference)
        if trouble.answers:
            parked = await company.until(reference, lambda state: state.problem is not None)
            assert parked.problem is not None
            assert parked.problem.answers == trouble.answers
            await company.resolve(reference, Answer.RETRY)
        await ended(company, reference, way, Status.CREDITED if credit else Status.CANCELLED)
        assert company.stand_in.calls.count(trouble.step) == trouble.calls
        taken = CREDITED if credit else DELETED
        assert company.effects(reference).count(taken) == 1


async def approved_by_somebody_else(world: World, way: Way) -> None:
    """The delete comes too late: what was a draft is final, so it is credited."""
    async with world.company(patience=PATIENT, approval_delay=0.0) as company:
        gate = company.stand_in.faults.place(Step.DELETE, Fault.GATE)
        reference = await company.start(hold=True)
        await company.until_status(reference, Status.HELD)
        cancelling = asyncio.create_task(way(company, reference))
        await gate.reached(within=LONG_ENOUGH)
        there = target(company, reference)
        day = {"invoice_date": company.stand_in.invoice(reference)["invoiceDate"]}
        await company.adaptor.approve(there.model_copy(update={"context": day}))
        await company.stand_in.ledger.reached(APPROVED, reference)
        gate.release()
        await cancelling
        await ended(company, reference, way, Status.CREDITED)
        assert company.effects(reference) == list(_CREDITED)


@simulated
async def test_taking_back_copes_with_troubles_of_its_own(shared_world: World) -> None:
    scenarios = {
        f"{name}, by {how}": troubled(shared_world, trouble, way)
        for (name, trouble), (how, way) in zip(
            TROUBLES.items(), itertools.cycle(WAYS.items()), strict=False
        )
    }
    others = {
        f"it was approved meanwhile, by {how}": approved_by_somebody_else(shared_world, way)
        for how, way in WAYS.items()
    }
    await together({**scenarios, **others})


# --- together with the end of a call, in one workflow task ----------------------------------------


class Stories:
    """A worker for workflows that can sleep, so that several things await it in one task."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.queue = f"stories-{uuid.uuid4().hex[:8]}"
        self.client = InvoicingClient(world.client.temporal, task_queue=self.queue)

    @contextlib.asynccontextmanager
    async def awake(self) -> AsyncIterator[None]:
        """Meanwhile it works. Nothing is cached, so the next one need not wait for this one."""
        async with Worker(
            self.client.temporal,
            task_queue=self.queue,
            workflows=[InvoiceWorkflow],
            activities=Directory(self.client.temporal).all(),
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_cached_workflows=0,
        ):
            yield


async def _until_none_pending(company: Company, reference: str) -> None:
    handle = company.client.invoices.handle(reference)
    async with asyncio.timeout(LONG_ENOUGH):
        while (await handle.describe()).raw_description.pending_activities:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def in_one_task(world: World, moment: Moment, *, way: Way, cancel_first: bool) -> None:
    """The cancel and the end of the call under way are both news to the same workflow task."""
    stories = Stories(world)
    at_once: dict[str, Any] = {"approval_delay": 0.0, "sending_delay": 0.0}
    async with world.company(patience=PATIENT, **at_once) as company:
        company = replace(company, client=stories.client)
        gate = company.stand_in.faults.place(
            moment.step, Fault.GATE, when=moment.when, nth=moment.nth
        )
        async with stories.awake():
            reference = await company.start(**moment.request)
            await gate.reached(within=LONG_ENOUGH)
        if cancel_first:
            await by_temporal(company, reference)
        gate.release()
        await _until_none_pending(company, reference)
        cancelling = asyncio.create_task(way(company, reference))
        # An update stands in no history before a worker takes it; it only has to be there first.
        await asyncio.wait({cancelling}, timeout=0.5)
        async with stories.awake():
            await cancelling
            await ended(company, reference, way, moment.status)
        assert company.effects(reference) == list(moment.effects)


@simulated
async def test_a_cancel_together_with_the_end_of_a_call_is_not_lost(shared_world: World) -> None:
    """The engine may lose such a cancel (temporalio/sdk-python, issue 352); we must not."""
    chosen = {
        "looking up the customer": (),
        "looking for the reference": (),
        "creating, stored": _DELETED,
        "reading the draft": _DELETED,
        "the last call of a draft": _DELETED,
        "approving, begun": _CREDITED,
        "the last call of an approval": _CREDITED,
        "sending, begun": _SENT_AND_CREDITED,
        "the last call of all": _CREDITED,
    }
    assert {MOMENTS[name].effects for name in chosen} == set(chosen.values())
    scenarios = {
        f"{name}, {'cancel first' if first else 'call first'}": in_one_task(
            shared_world, MOMENTS[name], way=by_temporal, cancel_first=first
        )
        for name in chosen
        for first in (True, False)
    }
    updates = {
        f"{name}, by update": in_one_task(
            shared_world, MOMENTS[name], way=by_update, cancel_first=False
        )
        for name in ("approving, begun", "the last call of an approval", "the last call of all")
    }
    await together({**scenarios, **updates})


async def test_a_cancel_before_the_first_step_stops_everything(shared_world: World) -> None:
    stories = Stories(shared_world)
    async with shared_world.company() as company:
        company = replace(company, client=stories.client)
        reference = await company.start()
        await by_temporal(company, reference)
        async with stories.awake():
            invoice = await ended(company, reference, by_temporal, Status.CANCELLED)
        assert invoice.stage is Stage.NONE
        assert company.stand_in.calls.all == ()

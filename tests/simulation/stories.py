"""Tiny workflows that the engine's tests run, each for one thing that a server does."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from temporalio import exceptions, workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError
from temporalio.workflow import (
    ActivityCancellationType,
    ChildWorkflowCancellationType,
    ParentClosePolicy,
)

WORD = SearchAttributeKey.for_keyword("Word")

SECOND = timedelta(seconds=1)


class Box(BaseModel):
    """A recorded model, as ours are."""

    model_config = ConfigDict(frozen=True)

    text: str = ""
    number: int = 0


class Loose(BaseModel):
    """A model that can change, and so is never handed over by reference."""

    numbers: list[int] = []


class Job(BaseModel):
    """How an activity is to be asked for; times are in seconds."""

    model_config = ConfigDict(frozen=True)

    start_to_close: float | None = 10
    schedule_to_close: float | None = None
    schedule_to_start: float | None = None
    attempts: int = 0
    never_again: tuple[str, ...] = ()
    first: float = 1
    waits: bool = False
    """Whether a cancel waits for the activity's end."""
    how: str = ""
    """For whoever plays the activity."""
    queue: str = "bench"


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _start(job: Job) -> workflow.ActivityHandle[str]:
    wait, at_once = (
        ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        ActivityCancellationType.TRY_CANCEL,
    )
    return workflow.start_activity(
        "work",
        Box(number=1, text=job.how),
        result_type=str,
        task_queue=job.queue,
        start_to_close_timeout=_span(job.start_to_close),
        schedule_to_close_timeout=_span(job.schedule_to_close),
        schedule_to_start_timeout=_span(job.schedule_to_start),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=job.first),
            maximum_attempts=job.attempts,
            non_retryable_error_types=list(job.never_again),
        ),
        cancellation_type=wait if job.waits else at_once,
    )


def said(error: ActivityError) -> str:
    """What a workflow can know of a failed activity."""
    state = error.retry_state.name if error.retry_state else "?"
    cause = error.cause
    if isinstance(cause, exceptions.TimeoutError):
        kind = cause.type.name if cause.type else "?"
        return f"timeout {kind} {state}"
    if isinstance(cause, ApplicationError):
        return f"{cause.type}: {cause.message} {state}"
    return f"{type(cause).__name__} {state}"


@workflow.defn
class Works:
    """Has one activity done, and says how that went, unless it is cancelled."""

    @workflow.run
    async def run(self, job: Job) -> str:
        try:
            return await _start(job)
        except ActivityError as error:
            if workflow.cancellation_reason() is not None:
                raise
            return said(error)


@workflow.defn
class WorksAtOnce:
    """Has an activity done within its own task, says how that went, and goes on for a while."""

    @workflow.run
    async def run(self, job: Job) -> str:
        try:
            answer: str = await workflow.execute_local_activity(
                "work",
                Box(number=1, text=job.how),
                result_type=str,
                schedule_to_close_timeout=_span(job.schedule_to_close),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError as error:
            answer = said(error)
        except ApplicationError as error:
            answer = f"not wrapped: {error}"
        await workflow.sleep(1)
        return answer


@workflow.defn
class Impatient:
    """Cancels its activity on a signal, and goes on for a while."""

    def __init__(self) -> None:
        self._enough = False

    @workflow.run
    async def run(self, job: Job) -> str:
        doing = _start(job)
        await workflow.wait_condition(lambda: self._enough or doing.done())
        asked = workflow.now()
        doing.cancel()
        try:
            answer = await doing
        except ActivityError as error:
            answer = said(error)
        waited = workflow.now() - asked
        await workflow.sleep(5)
        return f"{answer} after {waited.total_seconds():.0f} s"

    @workflow.signal
    def enough(self, _: Box) -> None:
        self._enough = True


@workflow.defn
class CancelsAtOnce:
    """Schedules, and cancels in the same task what was never sent."""

    @workflow.run
    async def run(self, job: Job) -> str:
        doing = _start(job)
        await asyncio.sleep(0)
        doing.cancel()
        try:
            return await doing
        except ActivityError as error:
            return said(error)


@workflow.defn
class Sleeps:
    """Writes down the times it was told."""

    @workflow.run
    async def run(self, spans: Loose) -> list[datetime]:
        times = [workflow.now()]
        for span in spans.numbers:
            await workflow.sleep(span)
            times.append(workflow.now())
        return times


@workflow.defn
class Shop:
    """Counts what it is told, in all the ways there are, until it is closed."""

    @workflow.init
    def __init__(self, start: Box) -> None:
        self._count = start.number
        self._closed = False
        self._open = True
        self._log: list[str] = []
        self._words: tuple[str, ...] = ()

    @workflow.run
    async def run(self, start: Box) -> Box:
        while not self._closed:
            await workflow.wait_condition(lambda: self._closed or not self._open)
            if not self._open:
                workflow.continue_as_new(Box(text=start.text, number=self._count))
        self._log.append("run")
        return Box(text=" ".join(self._log), number=self._count)

    @workflow.signal
    def close(self, _: Box) -> None:
        self._log.append("close")
        self._closed = True

    @workflow.signal
    def roll(self, _: Box) -> None:
        self._open = False

    @workflow.signal
    def label(self, word: Box) -> None:
        workflow.upsert_search_attributes([WORD.value_set(word.text)])
        workflow.upsert_memo({"label": word.text})

    @workflow.signal
    def fail(self, word: Box) -> None:
        raise RuntimeError(word.text)

    @workflow.update
    async def add(self, more: Box) -> Box:
        self._log.append(f"add {more.number}")
        self._count += more.number
        if more.text == "later":
            await workflow.wait_condition(lambda: False)
        if more.text == "wrong":
            raise ApplicationError("wrong", type="Wrong")
        return Box(text=more.text, number=self._count)

    @add.validator
    def _positive(self, more: Box) -> None:
        if more.number < 0:
            raise ValueError("it has to be positive")

    @workflow.update
    async def grow(self, size: Box) -> str:
        return "x" * size.number

    @workflow.query
    def count(self) -> Box:
        return Box(number=self._count)

    @workflow.query
    def broken(self) -> Box:
        raise ValueError("no such thing")


@workflow.defn
class Patient:
    """Does not mind a cancel while it waits for an activity; says how it learnt of it."""

    @workflow.run
    async def run(self, job: Job) -> str:
        try:
            answer = await _start(job)
        except ActivityError as error:
            answer = said(error)
        except asyncio.CancelledError:
            answer = "cancelled"
        seen = workflow.cancellation_reason()
        if seen is None:
            workflow.continue_as_new(job)
        return f"{answer}, {seen}"


class Order(BaseModel):
    """How a child is to be had."""

    model_config = ConfigDict(frozen=True)

    child: str = "child"
    waits: bool = False
    """Whether the parent waits for its end."""
    policy: int = int(ParentClosePolicy.TERMINATE)
    cancellation: int = int(ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED)
    job: Job = Job()
    rejects: bool = False
    cancels: bool = False
    many: int = 1


@workflow.defn
class Parent:
    """Starts one child or many."""

    def __init__(self) -> None:
        self._go = False

    @workflow.run
    async def run(self, order: Order) -> str:
        if order.many > 1:
            await asyncio.gather(*(self._child(order, str(each)) for each in range(order.many)))
        try:
            child = await self._child(order, "")
        except exceptions.WorkflowAlreadyStartedError:
            return "there is one"
        if not order.waits:
            await workflow.wait_condition(lambda: self._go)
            return "left"
        if order.cancels:
            await workflow.sleep(5)
            child.cancel()
        try:
            answer = f"child says {await child}"
        except ChildWorkflowError as error:
            answer = f"child {type(error.cause).__name__}"
        # What it asked for reaches nobody once it has ended.
        await workflow.sleep(1)
        return answer

    @workflow.signal
    def go(self, _: Box) -> None:
        self._go = True

    async def _child(self, order: Order, suffix: str) -> workflow.ChildWorkflowHandle[Works, str]:
        rejects = WorkflowIDReusePolicy.REJECT_DUPLICATE
        return await workflow.start_child_workflow(
            Works.run,
            order.job,
            id=order.child + suffix,
            parent_close_policy=ParentClosePolicy(order.policy),
            cancellation_type=ChildWorkflowCancellationType(order.cancellation),
            id_reuse_policy=rejects if order.rejects else WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )


@workflow.defn
class Caller:
    """Signals another workflow, or cancels it; `text` is its id."""

    @workflow.run
    async def run(self, whom: Box) -> str:
        other = workflow.get_external_workflow_handle(whom.text)
        try:
            if whom.number:
                await other.cancel(reason="no longer wanted")
            else:
                await other.signal("close", Box())
        except exceptions.FailureError as error:
            return error.message
        return "done"


@workflow.defn
class Fickle:
    """Decides by something outside its history: what replay must notice."""

    order: ClassVar[list[str]] = ["work", "play"]

    @workflow.run
    async def run(self, _: Box) -> str:
        for name in self.order:
            await workflow.execute_activity(
                name, Box(), result_type=str, start_to_close_timeout=10 * SECOND
            )
        return "done"


@workflow.defn
class Guessing:
    """Hands an activity something that another replay would make differently."""

    source: ClassVar[random.Random] = random.Random(7)

    @workflow.run
    async def run(self, _: Box) -> str:
        guess = Box(number=self.source.getrandbits(32))
        await workflow.execute_activity(
            "work", guess, result_type=str, start_to_close_timeout=10 * SECOND
        )
        await workflow.sleep(1)
        return "done"


class Weight(BaseModel):
    """What is made too heavy, and how heavy."""

    model_config = ConfigDict(frozen=True)

    what: str
    size: int


@workflow.defn
class Heavy:
    """Says too much, in the way it is told."""

    @workflow.run
    async def run(self, weight: Weight) -> str:
        text = "x" * weight.size
        if weight.what == "activity":
            await workflow.execute_activity(
                "work", Box(text=text), result_type=str, start_to_close_timeout=10 * SECOND
            )
        elif weight.what == "attribute":
            workflow.upsert_search_attributes([WORD.value_set(text)])
        elif weight.what == "memo":
            workflow.upsert_memo({"text": text})
        elif weight.what == "child":
            await workflow.start_child_workflow(Heavy.run, Weight(what=text, size=0), id="child")
        elif weight.what == "continue":
            workflow.continue_as_new(Weight(what=text, size=0))
        elif weight.what == "result":
            return text
        elif weight.what == "signal":
            other = workflow.get_external_workflow_handle("other")
            await other.signal("close", Box(text=text))
        await workflow.wait_condition(lambda: False)
        return ""


@workflow.defn
class Endless:
    """Makes events for as long as it lives."""

    @workflow.run
    async def run(self, _: Box) -> None:
        while True:
            await workflow.sleep(1)


@workflow.defn
class Rolling:
    """Continues as new as soon as it is suggested, counting its runs and what they did."""

    @workflow.run
    async def run(self, state: Loose) -> list[int]:
        turns = 0
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.sleep(1)
            turns += 1
        state.numbers.append(turns)
        if len(state.numbers) < 3:
            workflow.continue_as_new(state)
        return state.numbers


@workflow.defn
class Untidy:
    """Ends while one of its handlers is still at work."""

    @workflow.run
    async def run(self, _: Box) -> None:
        await workflow.sleep(10)

    @workflow.update
    async def linger(self, _: Box) -> None:
        await workflow.wait_condition(lambda: False)


@workflow.defn
class Everything:
    """For a comparison with the real server: each of the usual things once, then once more."""

    def __init__(self) -> None:
        self._told = False
        self._asked = False

    @workflow.run
    async def run(self, round_: Box) -> str:
        done: str = await workflow.execute_activity(
            "work",
            round_,
            result_type=str,
            start_to_close_timeout=10 * SECOND,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50)),
        )
        workflow.upsert_memo({"round": round_.number})
        await workflow.sleep(0.05)
        await workflow.wait_condition(lambda: self._told)
        await workflow.wait_condition(lambda: self._asked)
        if round_.number < 1:
            workflow.continue_as_new(Box(number=round_.number + 1))
        return done

    @workflow.signal
    def tell(self, _: Box) -> None:
        self._told = True

    @workflow.update
    def ask(self, question: Box) -> str:
        self._asked = True
        return f"yes {question.number}"

    @ask.validator
    def _not_negative(self, question: Box) -> None:
        if question.number < 0:
            raise ValueError("refused")

    @workflow.query
    def told(self) -> bool:
        return self._told


ALL = (
    Works,
    WorksAtOnce,
    Impatient,
    CancelsAtOnce,
    Sleeps,
    Shop,
    Patient,
    Parent,
    Caller,
    Fickle,
    Guessing,
    Heavy,
    Endless,
    Rolling,
    Untidy,
    Everything,
)

"""One reference, from its start until nothing of it can come late any more."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from invoicing.client import InvoicingClient, Refused
from invoicing.document import Document
from invoicing.errors import EngineError, InvoicingError
from invoicing.request import Goal, InvoiceRequest, OrderRequest
from invoicing.state.invoice import (
    Cancel,
    Hold,
    Invoice,
    LineStatus,
    Problem,
    Release,
    Resolve,
    Status,
)
from invoicing.state.order import CancelLines, Deliver, Order, invoice_reference
from invoicing.state.questions import Answer
from tests.fuzz.drawn import Deed, Plan
from tests.fuzz.judge import Known, judged, judged_order
from tests.fuzz.operators import Desk, Said
from tests.fuzz.scene import Scene, Slot
from tests.fuzz.setups import VERSION
from tests.fuzz.worker import EFFECT
from tests.patience import LONG_ENOUGH

T = TypeVar("T")

LONGEST = 150.0
"""Seconds after which a life that has not ended is looked at as stuck."""
LOOK = 0.5
"""Seconds between two looks of those who attend to an invoice."""
SAYS = {"by": "an operator", "reason": "fuzz"}


@dataclass
class Verdict:
    """What became of a life; `report` is empty unless something is wrong, or it has not ended."""

    plan: Plan
    outcome: str
    wrong: list[str] = field(default_factory=list)
    answers: int = 0
    seconds: float = 0.0
    report: str = ""


class Cared:
    """One invoice and whoever cares for it: starts, instructs, answers, and at the end judges."""

    def __init__(self, scene: Scene, slot: Slot, plan: Plan, request: InvoiceRequest) -> None:
        self.client: InvoicingClient = scene.client
        self.slot, self.plan, self.request = slot, plan, request
        self.reference = request.reference
        self.chance = random.Random(f"{plan.seed}/{self.reference}")  # noqa: S311
        self.desk = Desk(slot, random.Random(f"{plan.seed}/{self.reference}/desk"))  # noqa: S311
        self.known = Known()
        self.version = 0
        self.began = time.monotonic()
        self.held_since: float | None = None
        self.released_after = self.chance.uniform(0.5, 3)

    def note(self, what: str) -> None:
        """Write down what somebody did."""
        self.known.notes.append(f"{time.monotonic() - self.began:6.2f} {what}")

    async def start(self) -> None:
        """Ask for it, or for it again."""
        await self.client.invoices.start(self.request)
        self.note("asked for")

    async def closed(self) -> bool:
        """Whether its last run is over."""
        last = await self.client.invoices.handle(self.reference).describe()
        return last.status is not WorkflowExecutionStatus.RUNNING

    async def attend(self) -> bool:
        """Look once, and do what is to be done; True when its run is over."""
        listed = await self.client.invoices.listed(self.reference)
        if listed.execution != "running":
            return True
        if listed.status == Status.NEEDS_ATTENTION:
            self.held_since = None
            await self._answer()
        elif listed.status == Status.HELD:
            self.held_since = self.held_since or time.monotonic()
            if time.monotonic() - self.held_since > self.released_after:
                await self._instruct("release", Release(**SAYS))
        elif listed.waiting_for == "provider: payment":
            with contextlib.suppress(LookupError, ValueError):
                self.slot.stand_in.pay(self.slot.setup.mark.format(self.reference))
        return False

    async def do(self, deed: Deed) -> None:
        """What somebody does out of the blue."""
        if deed.at is not None:
            stand_in = self.slot.stand_in
            with contextlib.suppress(TimeoutError):
                nth = stand_in.calls.count(deed.at) + 1
                await stand_in.reached(deed.at, nth, within=6)
        await asyncio.sleep(deed.after if deed.at is None else deed.after * 0.1)
        match deed.what:
            case "hold":
                await self._instruct("hold", Hold(**SAYS), deed.by_signal)
            case "cancel":
                await self.cancel(deed.by_signal)
            case "engine_cancel":
                self.note("cancelled by the engine")
                with contextlib.suppress(RPCError):
                    await self.client.invoices.handle(self.reference).cancel()
            case "terminate_and_begin_again":
                await self._terminate_and_begin_again(deed.after)
            case "cancel_and_begin_again":
                await self._cancel_and_begin_again()

    async def cancel(self, by_signal: bool) -> None:
        """Cancel it; an acknowledgement is remembered."""
        if await self._instruct("cancel", Cancel(**SAYS), by_signal):
            self.known.cancelled = datetime.now(UTC)

    async def _instruct(self, name: str, order: Any, by_signal: bool = False) -> bool:
        """True when it was acknowledged."""
        handle = self.client.invoices.handle(self.reference)
        if by_signal:
            self.note(f"{name}, by signal")
            with contextlib.suppress(RPCError):
                await handle.signal(name, order)
            return False
        self.note(f"{name} …")
        try:
            await _patiently(getattr(self.client.invoices, name)(self.reference, order))
        except (InvoicingError, TimeoutError) as error:
            self.note(f"… {name}: {type(error).__name__} {str(error)[:100]}")
            return False
        self.note(f"… {name} acknowledged")
        return True

    async def _terminate_and_begin_again(self, after: float) -> None:
        self.note("terminated")
        with contextlib.suppress(RPCError):
            await self.client.invoices.handle(self.reference).terminate("somebody was impatient")
        await asyncio.sleep(after if self.chance.random() < 0.5 else 0)
        await self._again(self.request)

    async def _cancel_and_begin_again(self) -> None:
        await self.cancel(by_signal=False)
        while not await self.closed():  # noqa: ASYNC110 - somebody attends to it meanwhile
            await asyncio.sleep(LOOK)
        other = self.request
        if self.chance.random() < 0.6:
            self.version += 1
            document = self.slot.setup.content(self.reference, self.version)
            other = self.request.model_copy(update={"document": document})
        await self._again(other)

    async def begin_again(self) -> None:
        """Somebody thinks better of it, and somebody else answers from now on."""
        self.desk.renew()
        await self._again(self.request)

    async def _again(self, request: InvoiceRequest) -> None:
        handle = self.client.invoices.handle(self.reference)
        before = (await handle.describe()).run_id
        try:
            await _patiently(self.client.invoices.start(request))
        except (InvoicingError, TimeoutError) as error:
            self.note(f"not begun again: {type(error).__name__} {error}")
            if request is not self.request:
                await self._again(self.request)
            return
        if (await handle.describe()).run_id == before:
            self.note("asked for again: it is the same run")
            return
        self.note("begun again")
        self.request, self.known.cancelled, self.known.abandoned = request, None, False
        self.known.wanted = {_version(request.document)}

    async def _answer(self) -> None:
        state = await self.client.invoices.state(self.reference)
        problem = state.problem
        if problem is None:
            return
        wanted = max(self.known.wanted)
        said = await self.desk.decide(problem, self.request, wanted, self.version + 1)
        if said is None:
            return
        if self.plan.hasty:
            await asyncio.sleep(self.chance.choice((0, 0.5, 2)))
        await self._say(problem, said)
        if self.plan.hasty and self.chance.random() < 0.3:
            await self._say(problem, said)

    async def _say(self, problem: Problem, said: Said) -> None:
        answer = Resolve.model_validate(
            {**SAYS, "question": problem.question, "answer": said.answer, **said.more}
        )
        decisive = said.answer in (Answer.CORRECT, Answer.ABANDON, Answer.GO_WITHOUT, Answer.KEEP)
        by_signal = not decisive and self.chance.random() < 0.3
        self.note(f"{problem.question} {problem.reason}: {said.answer} {problem.what[:80]!r}")
        before, version = set(self.known.wanted), self.version
        if said.answer is Answer.CORRECT:
            version = _version(said.more["document"])
            self.version = max(self.version, version)
            self.known.wanted.add(version)
        if said.answer is Answer.KEEP:
            self.known.cancelled = None
        try:
            if by_signal:
                await self.client.invoices.handle(self.reference).signal("resolve", answer)
            else:
                await _patiently(self.client.invoices.resolve(self.reference, answer))
        except Refused as refused:
            self.note(f"… refused: {refused}")
            self.known.wanted = before
            return
        # A signal goes by Temporal's own handle, which raises what Temporal raises.
        except (InvoicingError, RPCError, TimeoutError) as error:
            self.note(f"… {type(error).__name__}")
            self.known.abandoned |= said.answer is Answer.ABANDON
            return
        if said.answer is Answer.CORRECT:
            self.known.wanted = {version}
        self.known.abandoned |= said.answer is Answer.ABANDON
        if said.answer is Answer.GO_WITHOUT:
            self.known.without.add(problem.reason)

    def judge(self, state: Invoice) -> list[str]:
        """What is wrong with it, read from the books."""
        return judged(self.slot, self.reference, _gross(self.request), self.known, state)

    async def report(self) -> str:
        """Everything that helps to see why."""
        lines = [f"  {self.reference}"]
        lines += [f"    unit    {one}" for one in self.slot.units(self.reference)]
        lines += [
            f"    ledger  {entry.at:%H:%M:%S.%f} {entry.effect} {entry.invoice_id} {entry.gross}"
            for entry in self.slot.entries(self.reference)
        ]
        lines += [f"    person  {one}" for one in self.known.notes]
        with contextlib.suppress(Exception):
            state = await self.client.invoices.state(self.reference)
            shown = state.model_dump(mode="json", exclude={"lines", "amounts"})
            lines.append(f"    state   {shown}")
            journal = await self.client.invoices.journal(self.reference)
            lines += [f"    journal {one.at:%H:%M:%S.%f} {one.what}" for one in journal.entries]
        return "\n".join(lines)


async def lived(scene: Scene, plan: Plan, *, told: bool = False) -> Verdict:
    """Live one life, and judge it; `told`: report it whatever it came to."""
    async with scene.slot(plan.setup.name) as slot:
        seen = len(slot.stand_in.calls.all)
        placed = [fault.place(slot.stand_in) for fault in plan.faults]
        life = _Order(scene, slot, plan) if plan.order else _Invoice(scene, slot, plan)
        verdict, begun = Verdict(plan, "?"), time.monotonic()
        try:
            verdict.outcome = await asyncio.wait_for(life.live(), LONGEST)
        except TimeoutError:
            verdict.outcome = "not ended"
            verdict.wrong += await life.stuck()
        except Exception as error:  # noqa: BLE001
            verdict.outcome = "the fuzz failed"
            verdict.wrong.append(f"the fuzz itself: {type(error).__name__}: {error}")
        for one in placed:
            one.release()
        slot.stand_in.faults.clear()
        await _nothing_under_way(slot)
        verdict.seconds = time.monotonic() - begun
        if verdict.outcome != "the fuzz failed":
            verdict.wrong += await life.judge()
        verdict.answers = sum(one.desk.given + one.desk.before for one in life.cared)
        if told or verdict.wrong or verdict.outcome == "not ended":
            calls = [
                f"    call    {call.at:%H:%M:%S.%f} {call.step} {call.method} {call.path[:80]} "
                f"{call.status} {' '.join(call.faults)}"
                for call in slot.stand_in.calls.all[seen:]
            ]
            whole = [await one.report() for one in life.cared]
            wrong = [f"  WRONG: {one}" for one in verdict.wrong]
            verdict.report = "\n".join([str(plan), *wrong, *whole, *calls])
        return verdict


class _Invoice:
    """A life of one invoice."""

    def __init__(self, scene: Scene, slot: Slot, plan: Plan) -> None:
        request = _request(slot, plan)
        self.cared = [Cared(scene, slot, plan, request)]

    async def live(self) -> str:
        (cared,) = self.cared
        await cared.start()
        deeds = asyncio.create_task(_one_after_the_other(cared, cared.plan.deeds))
        try:
            while not (await cared.attend() and deeds.done()):  # noqa: ASYNC110
                await asyncio.sleep(LOOK)
            deeds.result()
        finally:
            deeds.cancel()
        if cared.known.abandoned and cared.chance.random() < 0.5:
            await cared.begin_again()
            while not await cared.attend():  # noqa: ASYNC110
                await asyncio.sleep(LOOK)
        return str((await cared.client.invoices.state(cared.reference)).status)

    async def judge(self) -> list[str]:
        (cared,) = self.cared
        state = await cared.client.invoices.state(cared.reference)
        wrong = cared.judge(state)
        if await cared.closed() and not state.ended:
            wrong.append(f"closed without an end: {state.status}")
        return wrong

    async def stuck(self) -> list[str]:
        return await _stuck(self.cared[0])


class _Order:
    """A life of an order of three lines: two deliveries, or one and a cancellation of the rest."""

    def __init__(self, scene: Scene, slot: Slot, plan: Plan) -> None:
        self._scene, self._slot, self._plan = scene, slot, plan
        self._client = scene.client
        self._chance = random.Random(f"{plan.seed}/order")  # noqa: S311
        self.reference = plan.reference
        self.cared: list[Cared] = []
        content = slot.setup.content(plan.reference, 0)
        content = content.model_copy(update={"number": None})
        self.request = OrderRequest(
            reference=plan.reference,
            provider=slot.setup.provider,
            account=slot.account,
            goal=Goal(plan.goal) if plan.goal in ("sent", "approved") else Goal.SENT,
            document=content,
            options=dict(slot.setup.options),
        )

    async def live(self) -> str:
        await self._client.orders.start(self.request)
        await self._deliver("A", "1")
        deeds = asyncio.create_task(self._deeds())
        try:
            if self._chance.random() < 0.5:
                await self._deliver("B", "2", "3")
            else:
                await self._deliver("B", "2")
                wanted = CancelLines(cancellation="X", lines=("3",), **SAYS)
                await _surely(lambda: self._client.orders.cancel_lines(self.reference, wanted))
            while not (await self._attend() and deeds.done()):  # noqa: ASYNC110
                await asyncio.sleep(LOOK)
            deeds.result()
        finally:
            deeds.cancel()
        return f"order {(await self._order()).status}"

    async def _deliver(self, name: str, *lines: str) -> None:
        reference = invoice_reference(self.reference, name)
        number = {"number": reference.replace(":", "-")} if self._slot.setup.numbers else {}
        wanted = Deliver.model_validate(
            {"delivery": name, "lines": lines, "issue_date": date(2026, 6, 30), **number}
        )
        request = _request(self._slot, self._plan, reference)
        kept = tuple(line for line in request.document.lines if line.id in lines)
        document = request.document.model_copy(update={"lines": kept, **number})
        request = request.model_copy(update={"document": document})
        await _surely(lambda: self._client.orders.deliver(self.reference, wanted))
        self.cared.append(_OfAnOrder(self._scene, self._slot, self._plan, request))

    async def _deeds(self) -> None:
        for deed in self._plan.deeds:
            await asyncio.sleep(deed.after)
            if deed.what == "cancel":
                with contextlib.suppress(InvoicingError, TimeoutError):
                    await _patiently(self._client.orders.cancel(self.reference, Cancel(**SAYS)))
            elif deed.what in ("hold", "engine_cancel") and self.cared:
                await self._chance.choice(self.cared).do(deed)

    async def _attend(self) -> bool:
        """Every invoice of it, then the order itself; True when all are over."""
        over = True
        for one in self.cared:
            with contextlib.suppress(InvoicingError):
                over &= await one.attend()
        listed = await self._client.orders.listed(self.reference)
        if listed.execution != "running":
            return over
        if listed.status == Status.NEEDS_ATTENTION:
            await self._answer()
        elif over:
            await self._deliver_again()
        return False

    async def _answer(self) -> None:
        order = await self._client.orders.state(self.reference)
        if (problem := order.problem) is None:
            return
        said: dict[str, Any] = {"answer": problem.answers[0]}
        if Answer.FREE in problem.answers:
            said = self._where_it_is(order)
        answer = Resolve.model_validate({**SAYS, "question": problem.question, **said})
        with contextlib.suppress(InvoicingError, TimeoutError):
            await _patiently(self._client.orders.resolve(self.reference, answer))

    def _where_it_is(self, order: Order) -> dict[str, Any]:
        """The delivery that ended last without a word on whether it counts."""
        for delivery in order.deliveries:
            reserved = {
                line.id
                for line in order.ledger.lines
                if line.holder == f"delivery/{delivery.delivery}"
                and line.status is LineStatus.RESERVED
            }
            if delivery.ended and reserved:
                finals = [one for one in self._slot.alive(delivery.reference) if one.approved]
                if finals:
                    return {"answer": Answer.INVOICED, "number": delivery.number or "by hand"}
        return {"answer": Answer.FREE}

    async def _deliver_again(self) -> None:
        """What came open again is cancelled: an order ends when every line has ended."""
        order = await self._client.orders.state(self.reference)
        lines = order.ledger.with_status(LineStatus.OPEN)
        if lines and not order.ended:
            name = f"Y{len(order.cancellations)}"
            wanted = CancelLines(cancellation=name, lines=lines, **SAYS)
            with contextlib.suppress(InvoicingError, TimeoutError):
                await _patiently(self._client.orders.cancel_lines(self.reference, wanted))

    async def _order(self) -> Order:
        return await self._client.orders.state(self.reference)

    async def judge(self) -> list[str]:
        wrong = judged_order(self._slot, await self._order())
        for one in self.cared:
            with contextlib.suppress(InvoicingError):
                wrong += [
                    f"{one.reference}: {each}"
                    for each in one.judge(await self._client.invoices.state(one.reference))
                ]
        return wrong

    async def stuck(self) -> list[str]:
        handle = self._client.orders.handle(self.reference)
        wrong = await _task_troubles(handle)
        for one in self.cared:
            wrong += await _stuck(one)
        order = await self._order()
        if not order.ended and (order.waiting is None and not order.problem):
            open_ = [f"{line.id} {line.status} {line.holder}" for line in order.ledger.lines]
            wrong.append(f"the order is stuck: {order.status} {open_}")
        return wrong


class _OfAnOrder(Cared):
    """The invoice of a delivery: begun by its order alone."""

    async def start(self) -> None:
        raise AssertionError("its order starts it")


async def _one_after_the_other(cared: Cared, deeds: tuple[Deed, ...]) -> None:
    for deed in deeds:
        await cared.do(deed)


async def _stuck(cared: Cared) -> list[str]:
    """Why it has not ended: nothing, if it visibly waits for a person or a provider."""
    handle = cared.client.invoices.handle(cared.reference)
    wrong = await _task_troubles(handle)
    try:
        state = await asyncio.wait_for(cared.client.invoices.state(cared.reference), 20)
    except Exception as error:  # noqa: BLE001
        return [*wrong, f"stuck: its state cannot be asked for: {type(error).__name__} {error}"]
    waits = state.waiting is not None and state.waiting.until is not None
    if not await cared.closed() and not waits:
        wrong.append(f"stuck: {state.status}, {state.waiting}")
    elif not await cared.closed():
        cared.note(f"left waiting: {state.waiting} {state.problem}")
    return wrong


async def _task_troubles(handle: Any) -> list[str]:
    raw = (await handle.describe()).raw_description
    attempts = raw.pending_workflow_task.attempt
    return [f"its workflow task was tried {attempts} times"] if attempts > 5 else []


async def _nothing_under_way(slot: Slot) -> None:
    """Until the last call has had its effect, late as it may be, and could have been tidied up."""
    async with asyncio.timeout(EFFECT * 3):
        while slot.under_way:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def _request(slot: Slot, plan: Plan, reference: str = "") -> InvoiceRequest:
    reference = reference or plan.reference
    return InvoiceRequest(
        reference=reference,
        provider=slot.setup.provider,
        account=slot.account,
        goal=Goal(plan.goal),
        hold=plan.hold,
        document=slot.setup.content(reference, 0),
        options=dict(slot.setup.options),
    )


def _version(document: Document) -> int:
    return int(VERSION.findall(document.lines[0].name or "")[0])


def _gross(request: InvoiceRequest) -> Decimal:
    """Every line is rounded alike at all of the six: lines of two at one rate."""
    total = Decimal(0)
    for line in request.document.lines:
        net = (line.quantity * line.unit_price).quantize(Decimal("0.01"))
        total += net + (net * (line.vat.rate or 0) / 100).quantize(Decimal("0.01"))
    return total


async def _patiently(call: Awaitable[T], within: float = LONG_ENOUGH) -> T:
    return await asyncio.wait_for(call, within)


async def _surely(call: Any, tries: int = 6) -> None:
    """An instruction under a name of its own may be repeated until it is acknowledged."""
    for _ in range(tries):
        try:
            await _patiently(call(), 20)
        except (EngineError, TimeoutError):
            continue
        except Refused:
            return
        else:
            return

"""What an operator sees in Temporal's Web UI: for what it waits, for whom, how long, what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionDescription
from temporalio.common import SearchAttributeKey

from invoicing.client import Listed
from invoicing.request import Goal
from invoicing.state import attributes
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import QUESTIONS, Answer
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from tests.lifecycle.parking import KINDS, NEVER, Kind, opened
from tests.lifecycle.world import Company, World, together
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow


async def metadata(company: Company, reference: str) -> WorkflowMetadata:
    """What the Web UI itself asks for."""
    handle = company.client.invoices.handle(reference)
    told = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert isinstance(told, WorkflowMetadata)
    return told


async def listed(company: Company, reference: str) -> dict[str, Any]:
    """Its search attributes, by name."""
    described = await company.client.invoices.handle(reference).describe()
    return {pair.key.name: pair.value for pair in described.typed_search_attributes}


async def shows(company: Company, reference: str, state: Invoice) -> None:
    """Lists and details say what the state says."""
    details = (await metadata(company, reference)).current_details
    known = await listed(company, reference)
    assert state.waiting is not None
    assert state.waiting.until is not None
    assert f"**{state.status}**" in details
    until = f"{state.waiting.until:%Y-%m-%d %H:%M} UTC"
    assert f"| Waits for | {state.waiting}, until {until} |" in details
    assert known["InvoiceStatus"] == state.status
    assert known["WaitingFor"] == str(state.waiting)
    assert known["InvoiceReference"] == reference
    assert known["InvoiceProvider"] == "zero_friction"
    assert state.due_date is not None
    assert known["InvoiceDueDate"] == attributes.midnight(state.due_date)
    assert known.get("ProviderInvoiceId") == state.provider_id
    final = state.number if "approved" in company.effects(reference) else None
    assert known.get("InvoiceNumber") == final
    assert state.amounts is not None or state.provider_id is None
    if state.amounts:
        assert "109.47 + 15.56 = 125.03 EUR" in details


async def parked(world: World, kind: Kind) -> None:
    async with opened(world, kind) as company:
        reference = await kind.park(company)
        state = await company.parked(reference)
        assert state.problem is not None
        await shows(company, reference, state)
        assert (await listed(company, reference))["WaitingFor"] == f"person: {kind.reason}"
        details = (await metadata(company, reference)).current_details
        assert f"### Needs attention: {state.problem.what}" in details
        assert "`resolve`" in details
        assert f"Question `{state.problem.question}`." in details
        for answer in Answer:
            does = f"- `{answer}`: {QUESTIONS[kind.reason].answers.get(answer)}"
            assert (does in details) == (answer in kind.answers)
        for problem in state.problem.fields:
            assert f"- `{problem.field}` {problem.message}" in details


async def test_what_a_parked_invoice_asks_can_be_read_and_listed(shared_world: World) -> None:
    await together({name: parked(shared_world, kind) for name, kind in KINDS.items()})


@detail
async def test_a_signal_that_was_refused_says_so_until_one_is_carried_out(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    handle = company.client.invoices.handle(reference)
    await handle.signal("hold", {"by": "an operator"})
    details = await _details(company, reference, lambda text: "was refused" in text)
    assert (
        "**The last signal was refused.** hold: the input cannot be read: reason: is required"
        in details
    )
    await handle.signal("hold", {"by": "an operator", "reason": "test"})
    await _details(company, reference, lambda text: "was refused" not in text)


async def _details(company: Company, reference: str, shown: Callable[[str], bool]) -> str:
    async with asyncio.timeout(LONG_ENOUGH):
        while not shown(text := (await metadata(company, reference)).current_details):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return text


async def held(world: World) -> None:
    async with world.company() as company:
        reference = await company.start(hold=True)
        await shows(company, reference, await company.until_status(reference, Status.HELD))


async def approving(world: World) -> None:
    async with world.company(approval_delay=NEVER) as company:
        reference = await company.start()
        await shows(company, reference, await company.until_waiting(reference, "approval"))


async def sending(world: World) -> None:
    async with world.company(sending_delay=NEVER) as company:
        reference = await company.start()
        await shows(company, reference, await company.until_waiting(reference, "sending"))


async def unpaid(world: World) -> None:
    async with world.company() as company:
        reference = await company.start(goal=Goal.PAID)
        await shows(company, reference, await company.until_waiting(reference, "payment"))


async def away(world: World) -> None:
    async with world.company() as company:
        company.stand_in.faults.place(Step.CREATE, Fault.TOO_MANY_REQUESTS, retry_after=60)
        reference = await company.start()
        waiting = await company.until_waiting(reference, "provider unavailable")
        await shows(company, reference, waiting)


async def puzzled(world: World) -> None:
    async with world.company() as company:
        company.stand_in.faults.place(Step.READ, Told.UNKNOWN_STATUS, key="inreview", times=10_000)
        reference = await company.start()
        state = await company.until(reference, lambda state: "inreview" in str(state.waiting))
        await shows(company, reference, state)


WAITS: tuple[Callable[[World], Coroutine[Any, Any, None]], ...] = (
    held,
    approving,
    sending,
    unpaid,
    away,
    puzzled,
)


@detail
async def test_what_it_waits_for_can_be_read_and_listed(shared_world: World) -> None:
    await together({wait.__name__: wait(shared_world) for wait in WAITS})


@detail
async def test_lists_show_how_it_ended(company: Company) -> None:
    reference = await company.start()
    invoice = await company.finished(reference)
    known = await listed(company, reference)
    assert known["InvoiceStatus"] == "sent"
    assert known["InvoiceNumber"] == invoice.number
    assert known["ProviderInvoiceId"] == invoice.provider_id
    assert "WaitingFor" not in known
    assert "| Waits for |" not in (await metadata(company, reference)).current_details


async def test_lists_find_what_waits_for_a_person(company: Company) -> None:
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE)
    reference = await company.start()
    await company.parked(reference)

    async def found() -> list[Listed]:
        return [
            one
            async for one in company.client.invoices.list(waiting_for="person")
            if one.reference == reference
        ]

    await _until_listed(found)
    (one,) = await found()
    assert (one.status, one.waiting_for) == ("needs_attention", "person: rejected")


async def _until_listed(found: Callable[[], Awaitable[list[Listed]]]) -> None:
    """Lists are a moment old."""
    async with asyncio.timeout(LONG_ENOUGH):
        while not await found():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_its_line_in_the_list_says_what_it_is(company: Company) -> None:
    reference = await company.start(goal=Goal.PAID)
    described = await company.client.invoices.handle(reference).describe()
    assert isinstance(described, WorkflowExecutionDescription)
    assert await described.static_summary() == "zero_friction · to be paid"


async def test_everything_an_operator_may_send_is_described(company: Company) -> None:
    reference = await company.start(hold=True)
    definition = (await metadata(company, reference)).definition
    offered = {
        offer.name: offer.description
        for offers in (
            definition.query_definitions,
            definition.signal_definitions,
            definition.update_definitions,
        )
        for offer in offers
        if not offer.name.startswith("__")
    }
    assert set(offered) >= {
        *("state", "journal", "provider_event"),
        *("hold", "release", "resolve", "cancel"),
    }
    assert all(offered.values())


async def _lives(company: Company) -> list[str]:
    """Invoices whose histories together hold every kind of call and of wait."""
    faults = company.stand_in.faults
    faults.place(Step.CREATE, Fault.RESET, when="after")
    doubtful = await company.start(goal=Goal.PAID, hold=True)
    await company.until_status(doubtful, Status.HELD)
    await company.release(doubtful)
    await company.until_waiting(doubtful, "payment")
    await company.cancel(doubtful)
    await company.finished(doubtful)
    faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    parked_ = await company.start()
    await company.parked(parked_)
    await company.cancel(parked_)
    await company.finished(parked_)
    faults.place(Step.CREATE, Fault.TOO_MANY_REQUESTS)
    hindered = await company.start()
    await company.finished(hindered)
    return [doubtful, parked_, hindered]


@slow
async def test_every_call_and_every_timer_in_a_history_has_a_summary(company: Company) -> None:
    seen: set[str] = set()
    kinds = {
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_TIMER_STARTED,
    }
    for reference in await _lives(company):
        history = await company.client.invoices.handle(reference).fetch_history()
        for event in history.events:
            if event.event_type in kinds:
                summary = event.user_metadata.summary.data.decode()
                assert summary.strip('"'), event
                seen.add(summary.strip('"'))
    assert seen == {
        "plan",
        "look up customer",
        "look up bank account",
        "look up tax codes",
        "find by our reference",
        "create draft",
        "read the invoice",
        "approve",
        "send",
        "delete draft",
        "credit",
        "letting an uncertain call settle",
        "held: waiting for a release",
        "a person: amounts_differ",
        "waiting for: approval",
        "waiting for: sending",
        "waiting for: payment",
        "waiting for: provider unavailable",
    }


def test_no_more_keywords_than_a_visibility_store_on_sql_has_room_for() -> None:
    kinds = list(attributes.SEARCH_ATTRIBUTES.values())
    assert kinds.count("Keyword") <= 10
    assert kinds.count("Datetime") <= 3
    keys = [one for one in vars(attributes).values() if isinstance(one, SearchAttributeKey)]
    assert {key.name for key in keys} == set(attributes.SEARCH_ATTRIBUTES)

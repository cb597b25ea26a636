"""Every step of an invoice's life × every fault × before and after it took effect.

A table per step says what each fault leads to; a test runs all of its rows at once, each in a
company of its own, and names every one that went another way. Whoever is asked has it tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from invoicing.client import Refused
from invoicing.provider import Pace, Paces, Plan, Search, Stage, Target
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import AWAY, Invoice, Problem, Status
from invoicing.state.questions import Answer, Reason
from sandbox import zero_friction as zf
from sandbox.kit.faults import Placed, When
from tests.lifecycle.lived import Lived
from tests.lifecycle.parking import drafted_behind_our_back, final_behind_our_back, once_more
from tests.lifecycle.scenarios import meanwhile, open_gates
from tests.lifecycle.world import PACES, Company, Hurried, World, settings, together
from tests.patience import LONG_ENOUGH
from tests.tiers import chosen, detail, simulated, slow


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Every failed attempt is logged with its traceback; here that is the ordinary case."""
    caplog.set_level(logging.ERROR, "temporalio.activity")


# --- what a fault leads to ------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """What one scenario comes to.

    calls: of the step that the fault strikes, in the whole life.
    parked: why it waited for a person, each time.
    adopted: whether the invoice was found by our reference instead of made again.
    """

    calls: int
    parked: tuple[Reason, ...] = ()
    adopted: bool = False


ONCE = Expected(1)

LOST = "refuse reset time_out 500 502 503 not_json truncated"
"""Whoever asked does not know what became of it."""
UNKNOWN = "success_false:NOBODY_KNOWS_THIS"
REFUSED = "success_false:NO_TAXCODE_SPECIFIED success_false:COULD_NOT_CREATE_INVOICE"
GUARD = "success_false:INVOICE_WRONG_STATUS"

WHENS: tuple[When, ...] = get_args(When)

Row = tuple[str, Expected, Expected] | tuple[str, Expected]
"""Faults, what they lead to before the effect, and after; one column for faults where the effect
happens either way."""


def both(faults: str, outcome: Expected) -> Row:
    """The same before the effect and after it."""
    return (faults, outcome, outcome)


BRISK = PACES.model_copy(
    update={
        "effect": timedelta(milliseconds=50),
        "unavailable": Pace(
            first=timedelta(milliseconds=30), factor=1, cap=timedelta(1), deadline=timedelta(1)
        ),
    }
)
"""So that many failures in a row take no long pauses; and what takes effect at all has done so by
the time that a lost call has settled, so that one more look at the end is enough."""

# --- one scenario ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """How a life gets to the step under test, and what stands in the ledger at its end."""

    name: str
    step: str
    effects: str
    nth: int = 1
    goal: Goal = Goal.DRAFTED
    request: dict[str, Any] = field(default_factory=dict)
    stand_in: dict[str, Any] = field(default_factory=dict)
    cancelled_when: Callable[[Invoice], bool] | None = None
    also: tuple[str, str, When] | None = None
    """Another fault, without which the step would not be taken."""
    prepare: Callable[[Company], None] = lambda company: None


@dataclass(frozen=True)
class Scenario:
    step: Step
    faults: tuple[tuple[str, When], ...]
    """`fault` or `fault:key`, at consecutive calls of the step."""
    expected: Expected

    def __str__(self) -> str:
        faults = ", ".join(f"{fault} {when}" for fault, when in self.faults)
        return f"{self.step.name}: {faults}"

    def place(self, stand_in: zf.ZeroFrictionStandIn) -> list[Placed]:
        """Put the faults into their places."""
        return [
            stand_in.faults.place(
                self.step.step, fault.partition(":")[0], when=when, nth=nth, key=_key(fault)
            )
            for nth, (fault, when) in enumerate(self.faults, self.step.nth)
        ]


async def run(world: World, scenarios: Sequence[Scenario]) -> None:
    """Twelve at once; fails with a report about every one that went wrong."""
    scenarios = chosen(scenarios, 10)
    at_once = asyncio.Semaphore(12)

    async def one(scenario: Scenario) -> str:
        async with at_once:
            return await _wrong(world, scenario)

    reports = await asyncio.gather(*map(one, scenarios))
    wrong = [report for report in reports if report]
    assert not wrong, f"{len(wrong)} of {len(scenarios)}\n\n" + "\n\n".join(wrong)


async def _wrong(world: World, scenario: Scenario) -> str:
    return (await lived(world, scenario)).report


async def lived(world: World, scenario: Scenario) -> Lived:
    """Live this scenario to its end, in a company of its own."""
    step = scenario.step
    now = {"approval_delay": 0, "sending_delay": 0}
    slow = 1 if any(fault == "time_out" for fault, _ in scenario.faults) else 10
    async with world.company(paces=BRISK, patience=slow, **{**now, **step.stand_in}) as made:
        step.prepare(made)
        if step.also:
            made.stand_in.faults.place(step.also[0], step.also[1], when=step.also[2])
        placed = scenario.place(made.stand_in)
        request = made.request(goal=step.goal, **step.request)
        reference = request.reference
        problems: list[Problem] = []
        found: list[str] = []
        ended: Invoice | None = None
        reached: Expected | None = None
        try:
            async with asyncio.timeout(180), meanwhile(open_gates(placed)):
                ended = await _live(made, request, scenario, problems)
        except Exception as error:  # noqa: BLE001
            found.append(f"{type(error).__name__}: {error}")
        else:
            reached = await _reached(made, ended, scenario, problems)
            found += await _differs(made, ended, scenario, reached)
            found += _unsaid(scenario, problems)
            found += [f"{one.fault} never struck" for one in placed if not one.hits]
        return Lived(
            status=ended.status if ended else None,
            live=made.live(reference),
            effects=tuple(made.effects(reference)),
            calls=reached.calls if reached else None,
            asked=tuple((one.reason, once_more(one)) for one in problems),
            adopted=reached is not None and reached.adopted,
            wrong=tuple(found),
            report=f"{scenario}\n{await made.report(reference, found)}" if found else "",
        )


async def _live(
    company: Company, request: InvoiceRequest, scenario: Scenario, problems: list[Problem]
) -> Invoice:
    reference, step = await company.start(request), scenario.step
    if step.cancelled_when:
        async with aclosing(company.client.invoices.changes(reference)) as changes:
            async for state in changes:
                if step.cancelled_when(state):
                    break
        await company.cancel(reference)
    if not scenario.expected.parked:
        # Cheaper than following it; one that is parked unexpectedly shows up a little later.
        with suppress(TimeoutError):
            return await company.finished(reference, within=20)
    while not (state := await company.at_rest(reference, within=120)).ended:
        assert state.problem is not None
        problems.append(state.problem)
        found = await company.violations(reference, state)
        assert not found, f"while it is parked: {found}"
        assert len(problems) < 9, "parked again and again"
        await company.resolve(reference, once_more(state.problem))
    # What was ever in doubt is looked at once more after the end.
    return await company.finished(reference)


async def _reached(
    company: Company, ended: Invoice, scenario: Scenario, problems: list[Problem]
) -> Expected:
    wanted = scenario.expected
    return Expected(
        calls=company.stand_in.calls.count(scenario.step.step),
        parked=tuple(problem.reason for problem in problems),
        # To ask an ended invoice for its journal costs a replay of its life.
        adopted=wanted.adopted and await _was_adopted(company, ended.reference),
    )


async def _differs(
    company: Company, ended: Invoice, scenario: Scenario, reached: Expected
) -> list[str]:
    wanted, step = scenario.expected, scenario.step
    found = await company.violations(ended.reference, ended)
    if reached != wanted:
        found.append(f"expected {wanted}, came to {reached}")
    if (effects := " ".join(company.effects(ended.reference))) != step.effects:
        found.append(f"expected effects {step.effects!r}, there are {effects!r}")
    return found


def _unsaid(scenario: Scenario, problems: list[Problem]) -> list[str]:
    """What a person should have been told, and was not."""
    said = " ".join(str(each) for problem in problems for each in problem.fields)
    words = [_word_about(fault) for fault, _ in scenario.faults] if problems else []
    return [f"no problem names {word!r}: {said!r}" for word in words if word not in said]


async def _was_adopted(company: Company, reference: str) -> bool:
    journal = await company.client.invoices.journal(reference)
    return any("adopted" in entry.what for entry in journal.entries)


def _word_about(fault: str) -> str:
    """What a person must be told when this fault parks an invoice."""
    words = {
        "changed_amount": "gross: ours 125.03 EUR, theirs 125.04 EUR (0.01 more)",
        "errors_filled": "COULD_NOT",
        GONE: "",
    }
    return words.get(fault, _key(fault) or "")


def _key(fault: str) -> str | None:
    return fault.partition(":")[2] or None


def rows(step: Step, *table: Row) -> Iterator[Scenario]:
    for faults, *outcomes in table:
        for fault in faults.split():
            for when, outcome in zip(WHENS, outcomes, strict=False):
                yield Scenario(step, ((fault, when),), outcome)


def in_a_row(
    step: Step, faults: str, expected: Expected, whens: Sequence[When] = WHENS
) -> Scenario:
    """One life in which fault upon fault strikes, each at the next call of the step."""
    return Scenario(step, tuple((f, when) for f in faults.split() for when in whens), expected)


def one_by_one(scenario: Scenario) -> Iterator[Scenario]:
    """The same with one fault per life, where several strike in one."""
    wanted, more = scenario.expected, len(scenario.faults) - 1
    # Of several in a row, each is asked about or none is.
    parked = wanted.parked[:1] if more else wanted.parked
    expected = replace(wanted, calls=wanted.calls - more, parked=parked)
    for one in scenario.faults:
        yield replace(scenario, faults=(one,), expected=expected)


# --- asking ---------------------------------------------------------------------------------------

HARMLESS = f"{LOST} 429"
"""16 and 2 calls, 18 in all, before one is answered."""
ANSWERS = f"{UNKNOWN} {GUARD} success_false:CUSTOMER_DOES_NOT_PAY"
"""Refusals: six in a row."""
GONE = "success_false:INVOICE_DOES_NOT_EXIST"

EVERYTHING = {
    "document": {"contract": "CT-2024-0001"},
    "options": {
        "bank_account": {"property_group": True},
        "lines": {
            "1": {"billing_item": {"name": "Heat"}, "service_location": {"external_id": "SL-1"}},
            "2": {"tax_code": {"id": zf.TaxCodes.REDUCED}},
        },
    },
}
"""A request that needs every look-up there is but the bank account's."""


def _with_a_place(company: Company) -> None:
    company.stand_in.books.service_locations[zf.ServiceLocations.CANARY]["externalId"] = "SL-1"


def asked(step: Step, *, undisturbed: int = 1, adopted: bool = False) -> list[Scenario]:
    """Repeated until it answers; refused, it waits for a person; slow, it is only slow."""
    rejected = (Reason.REJECTED,) * 6
    return [
        in_a_row(step, HARMLESS, Expected(undisturbed + 18, adopted=adopted)),
        in_a_row(step, ANSWERS, Expected(undisturbed + 6, rejected, adopted=adopted)),
        *rows(step, both("slow gate", Expected(undisturbed, adopted=adopted))),
    ]


def look_ups() -> list[Scenario]:
    """Everything that is looked up before there is a draft."""
    few = ("contracts", "property_group", "billing_items", "service_locations")
    many = ("customers", "bank_accounts", "tax_codes", "find")
    steps = [
        *(Step(_looked_up(name), name, "created") for name in many),
        *(
            Step(_looked_up(name), name, "created", request=EVERYTHING, prepare=_with_a_place)
            for name in few
        ),
    ]
    # Whoever has no credentials is refused by the token route alone: no such fault is told.
    token = asked(Step("it signs in", "token", "created"))
    unrefused = [one for one in token if not one.expected.parked]
    return [*unrefused, *(one for step in steps for one in asked(step))]


def _looked_up(step: str) -> str:
    what = {"find": "our reference is", "property_group": "the property group is"}
    return f"{what.get(step, f'{step} are'.replace('_', ' '))} looked for"


@simulated
async def test_a_look_up_is_asked_until_it_answers(shared_world: World) -> None:
    await run(shared_world, look_ups())


def look_after_a_lost_create() -> list[Scenario]:
    """The search that says whether a lost create left anything."""
    doubt = Step(
        "the list is searched after a lost create",
        "find",
        "created",
        nth=2,
        also=("create", "reset", "after"),
    )
    odd = "unknown_status approved_without_number changed_amount"
    # One create was lost and one invoice is found: there is no other to look for.
    table = [*rows(doubt, (odd, Expected(2, adopted=True)))]
    return [*asked(doubt, undisturbed=2, adopted=True), *table]


@simulated
async def test_while_the_look_after_a_lost_create_fails_nothing_is_created(
    shared_world: World,
) -> None:
    await run(shared_world, look_after_a_lost_create())


READS = ("the draft is checked", "its approval is awaited", "its sending is awaited")


def read(nth: int, *table: Row) -> list[Scenario]:
    """One of the three reads of a life."""
    step = Step(READS[nth - 1], "read", "created approved sent", nth=nth, goal=Goal.SENT)
    return [*asked(step, undisturbed=3), *rows(step, *table)]


REMADE = Expected(4, (Reason.GONE,), adopted=True)
"""Somebody was told that it is gone, and it was still there."""


def reads() -> list[Scenario]:
    """The check, the approval's and the sending's."""
    check = read(
        1,
        ("unknown_status approved_without_number", Expected(4)),
        ("changed_amount", Expected(4, (Reason.AMOUNTS_DIFFER,))),
        ("errors_filled", Expected(4, (Reason.APPROVAL_FAILED,))),
        (GONE, REMADE),
    )
    approval = read(
        2,
        ("unknown_status approved_without_number", Expected(4)),
        ("changed_amount", Expected(4, (Reason.AMOUNTS_DIFFER,))),
        ("errors_filled", Expected(4, (Reason.SENDING_FAILED,))),
        (GONE, REMADE),
    )
    sending = read(
        3,
        ("unknown_status approved_without_number", Expected(4)),
        ("changed_amount errors_filled", Expected(3)),
        (GONE, REMADE),
    )
    return [*check, *approval, *sending]


@simulated
async def test_a_read_is_repeated_and_only_a_clear_answer_acted_on(shared_world: World) -> None:
    await run(shared_world, reads())


# --- changing -------------------------------------------------------------------------------------

SEEN_DONE = Expected(1)
"""Whatever was answered, the next look shows that it happened."""


def changed(step: Step, refusals: str, *table: Row, after: Expected = SEEN_DONE) -> list[Scenario]:
    """Before the effect it is done again, or a person is asked; after it, it is seen to be done."""
    lost, refused = f"{LOST} 429 {UNKNOWN}", f"{refusals} {GUARD}"
    doubts, noes = len(lost.split()), len(refused.split())
    return [
        in_a_row(step, lost, Expected(doubts + 1), ("before",)),
        in_a_row(step, refused, Expected(noes + 1, (Reason.REJECTED,) * noes), ("before",)),
        *(in_a_row(step, one, after, ("after",)) for one in f"{lost} {refused}".split()),
        *rows(step, both("slow gate", ONCE), *table),
    ]


def creates() -> list[Scenario]:
    """A create that is lost or refused."""
    create = Step("a draft is created", "create", "created")
    odd = ("unknown_status approved_without_number", ONCE)
    return changed(create, REFUSED, odd, after=Expected(1, adopted=True))


async def test_a_create_of_unknown_outcome_is_looked_for_before_it_is_repeated(
    shared_world: World,
) -> None:
    await run(shared_world, creates())


def approvals() -> list[Scenario]:
    """An approval that is lost, refused or fails."""
    approve = Step("it is approved", "approve", "created approved", goal=Goal.APPROVED)
    odd = ("unknown_status changed_amount", ONCE)
    failed = ("errors_filled", Expected(2, (Reason.APPROVAL_FAILED,)))
    return changed(approve, REFUSED, odd, failed)


@slow
async def test_an_approval_of_unknown_outcome_is_read_before_it_is_repeated(
    shared_world: World,
) -> None:
    await run(shared_world, approvals())


UNSENDABLE = "success_false:USER_HAS_NO_EMAIL_ADDRESS"


def sendings() -> list[Scenario]:
    """A mail that is lost or refused."""
    send = Step("it is mailed", "send", "created approved sent", goal=Goal.SENT)
    odd = ("unknown_status approved_without_number changed_amount", ONCE)
    return changed(send, UNSENDABLE, odd)


@simulated
async def test_a_sending_of_unknown_outcome_is_read_before_it_is_repeated(
    shared_world: World,
) -> None:
    await run(shared_world, sendings())


def other_ways_of_sending() -> list[Scenario]:
    """By post, and marked as sent."""

    def by(name: str, channel: str, step: str, effects: str) -> list[Scenario]:
        lines = {"2": {"tax_code": {"id": zf.TaxCodes.REDUCED}}}
        options = {"channel": channel, "lines": lines}
        send = Step(name, step, effects, goal=Goal.SENT, request={"options": options})
        return changed(send, UNSENDABLE)

    post = by("it is sent by post", "postal", "post", "created approved sent")
    mark = by("it is marked as sent", "mark_sent", "mark_sent", "created approved")
    return [*post, *mark]


@simulated
async def test_the_other_ways_of_sending_are_as_careful(shared_world: World) -> None:
    await run(shared_world, other_ways_of_sending())


def deletions() -> list[Scenario]:
    """A deletion that is lost or refused."""
    delete = Step(
        "a draft is deleted",
        "delete",
        "created deleted",
        goal=Goal.SENT,
        request={"hold": True},
        cancelled_when=lambda state: state.status is Status.HELD,
    )
    refusal = "success_false:APPROVED_INVOICES_CANNOT_BE_DELETED"
    return changed(delete, refusal)


@simulated
async def test_a_deletion_of_unknown_outcome_is_read_before_it_is_repeated(
    shared_world: World,
) -> None:
    await run(shared_world, deletions())


def creditings() -> list[Scenario]:
    """A credit that is lost or refused."""
    credit = Step(
        "it is credited",
        "credit",
        "created approved credited",
        goal=Goal.SENT,
        stand_in={"sending_delay": float("inf")},
        cancelled_when=lambda state: state.stage is Stage.SENDING,
    )
    refusal = "success_false:CREATED_INVOICES_CANNOT_BE_CREDITED"
    return changed(credit, refusal, ("unknown_status", ONCE))


@simulated
async def test_a_credit_of_unknown_outcome_is_read_before_it_is_repeated(
    shared_world: World,
) -> None:
    await run(shared_world, creditings())


UNUSED = ("contract", "mark_skipped", "pay", "payments", "reverse", "preview", "document")
"""The steps of the stand-in that no life takes: the adaptor has no use for them."""


def every_scenario() -> list[Scenario]:
    """Of every step of this provider, in the order of a life."""
    before = [*look_ups(), *creates(), *look_after_a_lost_create()]
    final = [*reads(), *approvals(), *sendings(), *other_ways_of_sending()]
    return [*before, *final, *deletions(), *creditings()]


# --- a provider that is away, late, or of two minds -----------------------------------------------

SHORT = Pace(
    first=timedelta(milliseconds=40),
    factor=1,
    cap=timedelta(milliseconds=40),
    deadline=timedelta(seconds=0.4),
)


def short(name: str, seconds: float = 0.4) -> Paces:
    """The paces of tests, but this wait ends soon."""
    pace = SHORT.model_copy(update={"deadline": timedelta(seconds=seconds)})
    return PACES.model_copy(update={name: pace})


@detail
async def test_a_provider_that_is_down_at_the_start_is_waited_for(shared_world: World) -> None:
    async with shared_world.company() as company:
        async with company.stand_in.down():
            reference = await company.start()
            state = await company.until_waiting(reference, AWAY)
            assert state.status is Status.STARTED
        await company.finished(reference)
        assert company.effects(reference) == ["created", "approved", "sent"]


@simulated
async def test_a_step_that_never_works_is_a_question_in_the_end(shared_world: World) -> None:
    async def never(step: str) -> None:
        async with shared_world.company(paces=short("unavailable", 2)) as company:
            company.stand_in.faults.place(step, "500", times=10_000)
            reference = await company.start(hold=step == "delete")
            if step == "delete":
                await company.until_status(reference, Status.HELD)
                await company.cancel(reference)
            state = await company.at_rest(reference)
            assert state.problem is not None
            assert state.problem.reason is Reason.PROVIDER_UNAVAILABLE
            company.stand_in.faults.clear()
            await company.resolve(reference, Answer.RETRY)
            await company.finished(reference)
            rest = ["deleted"] if step == "delete" else ["approved", "sent"]
            assert company.effects(reference) == ["created", *rest]

    steps = ("customers", "find", "create", "read", "approve", "send", "delete")
    await together({step: never(step) for step in steps})


@detail
async def test_a_word_nobody_knows_is_shown_while_it_is_waited_on(company: Company) -> None:
    company.stand_in.faults.place("read", "unknown_status", key="underrevision", times=10_000)
    reference = await company.start()
    state = await company.until(reference, lambda state: "underrevision" in str(state.waiting))
    assert state.problem is None
    assert company.effects(reference) == ["created"]
    company.stand_in.faults.clear()
    await company.finished(reference)
    assert company.effects(reference) == ["created", "approved", "sent"]


async def test_a_wrong_amount_is_never_approved_however_often_it_is_retried(
    company: Company,
) -> None:
    company.stand_in.faults.place("create", "changed_amount", key="-0.01")
    reference = await company.start()
    for _ in range(2):
        state = await company.parked(reference)
        assert state.problem is not None
        assert state.problem.reason is Reason.AMOUNTS_DIFFER
        assert [str(each) for each in state.problem.fields] == [
            "net: net: ours 109.47 EUR, theirs 109.46 EUR (0.01 less)",
            "gross: gross: ours 125.03 EUR, theirs 125.02 EUR (0.01 less)",
            "due: due: ours 125.03 EUR, theirs 125.02 EUR (0.01 less)",
            "figures of the lines: figures of the lines: not the one asked for",
        ]
        await company.resolve(reference, Answer.RETRY)
    await company.parked(reference)
    assert company.effects(reference) == ["created"]


# --- a create that takes effect late --------------------------------------------------------------


@detail
async def test_a_create_that_takes_effect_while_it_settles_is_adopted(
    shared_world: World,
) -> None:
    waits = {"settle": timedelta(seconds=8), "effect": timedelta(seconds=30)}
    paces = PACES.model_copy(update=waits)
    async with shared_world.company(paces=paces) as company:
        gate = company.stand_in.faults.place("create", "gate")
        reference = await company.start()
        await gate.reached(within=LONG_ENOUGH)
        await _noted(company, reference, "create: UnknownOutcome")
        gate.release()
        await company.finished(reference)
        assert company.effects(reference) == ["created", "approved", "sent"]


async def _noted(company: Company, reference: str, what: str) -> None:
    """Asked for again and again: a change of the status, which could be awaited, may come much
    later on a busy machine, and what follows must be done while it settles."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            journal = await company.client.invoices.journal(reference)
            if what in {entry.what for entry in journal.entries}:
                return
            await asyncio.sleep(0.05)


@detail
async def test_a_create_that_takes_effect_after_the_second_one_is_deleted_before_the_approval(
    shared_world: World,
) -> None:
    async with shared_world.company(patience=1) as company:
        gate = company.stand_in.faults.place("create", "gate")
        check = company.stand_in.faults.place("read", "gate")
        reference = await company.start()
        await check.reached(within=LONG_ENOUGH)
        gate.release()
        await company.stand_in.ledger.reached("created", reference, count=2)
        check.release()
        ours = (await company.finished(reference)).provider_id
        assert company.effects(reference) == ["created", "created", "deleted", "approved", "sent"]
        assert company.stand_in.ledger.live(reference) == (ours,)
        assert await company.violations(reference) == []


def _asks_anew(state: Invoice) -> bool:
    return state.problem is not None and state.problem.question == "q2"


LATE = PACES.model_copy(update={"effect": timedelta(seconds=12)})
"""So that a life is over long before its lost create can no longer take effect."""


@slow
async def test_a_draft_that_comes_after_the_end_is_deleted(shared_world: World) -> None:
    async with shared_world.company(paces=LATE) as company:
        gate = company.stand_in.faults.place("create", "gate")
        reference = await company.start()
        ended = await company.until(reference, lambda state: state.ended)
        assert ended.status is Status.SENT
        assert company.effects(reference) == ["created", "approved", "sent"]
        gate.release()
        assert (await company.finished(reference)).status is Status.SENT
        assert company.effects(reference) == ["created", "approved", "sent", "created", "deleted"]
        assert company.stand_in.ledger.live(reference) == (ended.provider_id,)


@detail
async def test_a_draft_that_comes_after_a_cancel_is_deleted(shared_world: World) -> None:
    async with shared_world.company(paces=LATE) as company:
        gate = company.stand_in.faults.place("create", "gate")
        reference = await company.start(hold=True)
        await _noted(company, reference, "create: UnknownOutcome")
        await company.cancel(reference)
        await company.until_status(reference, Status.CANCELLED)
        assert company.effects(reference) in ([], ["created", "deleted"])
        gate.release()
        assert (await company.finished(reference)).status is Status.CANCELLED
        assert company.effects(reference)[-2:] == ["created", "deleted"]
        assert company.live(reference) == 0


@simulated
async def test_a_final_invoice_that_comes_to_light_after_the_end_is_a_question(
    shared_world: World,
) -> None:
    async def comes(said: Answer, live: int) -> None:
        async with shared_world.company(paces=LATE) as company:
            looking, see = asyncio.Lock(), company.adaptor.find

            async def find(target: Target) -> Search:
                async with looking:
                    return await see(target)

            company.adaptor.find = find  # type: ignore[method-assign]
            # Of two that were lost, one is found.
            company.stand_in.faults.place("create", "reset", when="before")
            company.stand_in.faults.place("create", "reset", nth=2, when="after")
            request = company.request()
            reference = await company.start(request)
            ended = await company.until(reference, lambda state: state.ended)
            async with looking:
                stray = await final_behind_our_back(company, request)
            parked = await company.parked(reference)
            assert (parked.ended, parked.provider_id) == (True, ended.provider_id)
            assert parked.problem is not None
            assert parked.problem.reason is Reason.STRAY_FOUND
            assert stray in parked.problem.what
            assert parked.problem.answers == (Answer.RETRY, Answer.ALONE, Answer.ABANDON)
            with pytest.raises(Refused, match="it has ended: sent"):
                await company.cancel(reference)
            if said is Answer.RETRY:
                await company.resolve(reference, said)
                await company.until(reference, _asks_anew)
                about = Target(account=company.account, reference=reference, provider_id=stray)
                await company.adaptor.credit(about)
            await company.resolve(reference, said)
            assert (await company.finished(reference)).status is Status.SENT
            assert company.live(reference) == live
            assert company.stand_in.calls.count("delete") == 0

    await together(
        {
            "it is credited": comes(Answer.RETRY, 1),
            "it is none of ours": comes(Answer.ALONE, 2),
            "it is left as it is": comes(Answer.ABANDON, 2),
        }
    )


# --- looking that does not answer the question ----------------------------------------------------


@detail
async def test_of_two_drafts_with_our_reference_one_is_deleted(company: Company) -> None:
    request = company.request()
    both = [await drafted_behind_our_back(company, request) for _ in range(2)]
    reference = await company.start(request)
    assert (await company.finished(reference)).provider_id in both
    assert company.effects(reference) == ["created", "created", "deleted", "approved", "sent"]
    assert await company.violations(reference) == []


@detail
async def test_a_draft_beside_a_final_one_is_deleted(company: Company) -> None:
    request = company.request()
    final = await final_behind_our_back(company, request)
    await drafted_behind_our_back(company, request)
    reference = await company.start(request)
    assert (await company.finished(reference)).provider_id == final
    assert company.effects(reference) == ["created", "approved", "created", "deleted", "sent"]
    assert await company.violations(reference) == []


@detail
async def test_two_final_invoices_with_our_reference_are_a_question_until_one_is_left(
    company: Company,
) -> None:
    request = company.request()
    kept, other = [await final_behind_our_back(company, request) for _ in range(2)]
    reference = await company.start(request)
    state = await company.parked(reference)
    assert state.problem is not None
    assert state.problem.reason is Reason.SEVERAL_FOUND
    assert {kept, other} <= set(state.problem.what.replace(",", "").split())
    await company.resolve(reference, Answer.RETRY)
    state = await company.until(reference, _asks_anew)
    assert state.provider_id is None
    about = Target(account=company.account, reference=reference, provider_id=other)
    await company.adaptor.credit(about)
    await company.resolve(reference, Answer.RETRY)
    assert (await company.finished(reference)).provider_id == kept
    assert company.effects(reference).count("sent") == 1
    assert company.live(reference) == 1


class Blindfolded(Hurried):
    """An adaptor for a provider that has no search: what it does not find proves nothing."""

    sees = False

    async def plan(self, request: InvoiceRequest) -> Plan:
        return (await super().plan(request)).model_copy(update={"find_first": False})

    async def find(self, target: Target) -> Search:
        return await super().find(target) if self.sees else Search(complete=False)


@asynccontextmanager
async def blindfolded(world: World) -> AsyncIterator[tuple[Company, Blindfolded]]:
    # Who says that nothing is there says it while something may still come.
    paces = short("approval").model_copy(update={"effect": timedelta(seconds=15)})
    async with world.company(paces=paces) as company:
        adaptor = Blindfolded(settings(company.stand_in), world.http, paces)
        company.adaptor = adaptor
        world.accounts["zero_friction"][company.account] = adaptor
        yield company, adaptor


@simulated
async def test_a_search_that_cannot_tell_leaves_the_doubt_to_a_person(
    shared_world: World,
) -> None:
    async def doubted(when: When, said: Answer, calls: int) -> None:
        async with blindfolded(shared_world) as (company, adaptor):
            company.stand_in.faults.place("create", "500", when=when)
            reference = await company.start()
            state = await company.parked(reference)
            assert state.problem is not None
            assert state.problem.reason is Reason.MAY_EXIST
            assert state.problem.answers == (
                Answer.ADOPT,
                Answer.DID_NOT_HAPPEN,
                Answer.RETRY,
                Answer.ABANDON,
            )
            await company.resolve(reference, Answer.RETRY)
            again = (await company.parked(reference)).problem
            # Whoever answered it is asked anew, so it is another question.
            assert again == state.problem.model_copy(update={"question": "q2"})
            adaptor.sees = said is Answer.RETRY
            answer = {"provider_id": "".join(company.stand_in.ledger.live(reference))}
            await company.resolve(reference, said, **(answer if said is Answer.ADOPT else {}))
            if said is Answer.DID_NOT_HAPPEN:
                # It was not there when they looked: it may have come since.
                await _asked_at_the_end(company, reference)
                adaptor.sees = True
                await company.resolve(reference, Answer.WAIT)
            await company.finished(reference)
            assert company.stand_in.calls.count("create") == calls
            assert company.effects(reference) == ["created", "approved", "sent"]
            assert await company.violations(reference) == []

    await together(
        {
            "it can be seen again": doubted("after", Answer.RETRY, 1),
            "it is named": doubted("after", Answer.ADOPT, 1),
            "it is not there": doubted("before", Answer.DID_NOT_HAPPEN, 2),
        }
    )


async def _asked_at_the_end(company: Company, reference: str) -> None:
    ended = await company.until(reference, lambda state: state.ended and bool(state.problem))
    assert ended.problem is not None
    assert ended.problem.reason is Reason.CANNOT_SEARCH
    assert ended.problem.answers == (Answer.WAIT, Answer.ALONE, Answer.ABANDON)
    assert ended.stage is Stage.SENT


@slow
async def test_a_refusal_is_shown_as_such_where_nobody_can_search(shared_world: World) -> None:
    """And not believed: a person says that it left nothing, before it is made again and after all
    is over."""
    async with blindfolded(shared_world) as (company, _):
        company.stand_in.faults.place("create", "success_false", key="NO_TAXCODE_SPECIFIED")
        reference = await company.start()
        state = await company.parked(reference)
        assert state.problem is not None
        assert state.problem.reason is Reason.REJECTED
        assert [each.field for each in state.problem.fields] == ["NO_TAXCODE_SPECIFIED"]
        await company.resolve(reference, Answer.RETRY)
        await company.until(reference, lambda state: "may_exist" in str(state.waiting))
        assert company.stand_in.calls.count("create") == 1
        await company.resolve(reference, Answer.DID_NOT_HAPPEN)
        await _asked_at_the_end(company, reference)
        await company.resolve(reference, Answer.ALONE)
        await company.finished(reference)
        assert company.effects(reference) == ["created", "approved", "sent"]


# --- deadlines ------------------------------------------------------------------------------------


@simulated
async def test_a_wait_that_is_over_asks_whether_to_wait_on(shared_world: World) -> None:
    async def overdue(wait: str, reason: Reason, goal: Goal, without: Status | None) -> None:
        delay = {} if wait == "payment" else {f"{wait}_delay": float("inf")}
        async with shared_world.company(paces=short(wait), **delay) as company:
            waited, gone_on = [await company.start(goal=goal) for _ in range(2)]
            for reference in (waited, waited, gone_on):
                state = await company.parked(reference)
                assert state.problem is not None
                assert state.problem.reason is reason
                assert (Answer.GO_WITHOUT in state.problem.answers) is (without is not None)
                if reference == waited:
                    await company.resolve(reference, Answer.WAIT)
            (company.stand_in.pay if wait == "payment" else company.stand_in.finish)(waited)
            if (await company.at_rest(waited)).problem:
                await company.resolve(waited, Answer.WAIT)
            assert (await company.finished(waited)).status == goal.value
            assert await company.violations(waited) == []
            if without:
                await company.resolve(gone_on, Answer.GO_WITHOUT)
                assert (await company.finished(gone_on)).status is without
                assert await company.violations(gone_on) == []

    await together(
        {
            "approval": overdue("approval", Reason.APPROVAL_OVERDUE, Goal.APPROVED, None),
            "sending": overdue("sending", Reason.SENDING_OVERDUE, Goal.SENT, Status.SENDING),
            "payment": overdue("payment", Reason.PAYMENT_OVERDUE, Goal.PAID, Status.SENT),
        }
    )


@detail
async def test_an_approval_without_a_number_is_no_approval(shared_world: World) -> None:
    async with shared_world.company(paces=short("approval")) as company:
        company.stand_in.faults.place("approve", "approved_without_number")
        reference = await company.start()
        state = await company.parked(reference)
        assert state.problem is not None
        assert state.problem.reason is Reason.APPROVAL_OVERDUE
        assert state.stage is Stage.APPROVING
        assert company.stand_in.calls.count("send") == 0

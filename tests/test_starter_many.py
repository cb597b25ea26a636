"""The same instruction for many invoices, and lists of them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

import commands.confirming
import commands.many
from invoicing.client import InvoicingClient
from invoicing.consent import Consent
from invoicing.parse import read_request
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Cancel, Status
from invoicing.state.questions import Answer, Reason, meaning
from sandbox.zero_friction import Step, Told
from starter import Code
from temporal_server import local_server
from tests.command_line import EXAMPLES, WHY, lines, listed, typed
from tests.lifecycle.world import Company, World, world
from tests.tiers import slow


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[World]:
    async with local_server() as server, world(server) as made:
        yield made


@pytest.fixture
async def company(shared: World) -> AsyncIterator[Company]:
    async with shared.company() as made:
        yield made


def some(prefix: str, company: Company, number: int = 1) -> list[str]:
    return [f"{prefix}-{company.account}-{each}" for each in range(number)]


# The same for many


def _stages(company: Company, prefix: str, number: int) -> dict[str, list[InvoiceRequest]]:
    """Requests whose invoices come to rest in different places."""
    refused = read_request((EXAMPLES / "refused.json").read_bytes())
    shapes: dict[str, dict[str, Any]] = {
        "held": {"hold": True},
        "refused": {"document": refused.document, "options": refused.options},
        "final": {"goal": Goal.PAID},
        "kept": {"goal": Goal.PAID, "may_credit": False},
    }
    return {
        kind: [
            company.request(f"{prefix}{kind}-{each}").model_copy(update=changes)
            for each in range(number)
        ]
        for kind, changes in shapes.items()
    }


@slow
async def test_a_bulk_cancel_takes_each_invoice_back_in_the_form_its_stage_asks_for(
    company: Company,
) -> None:
    """Held ones are deleted, refused ones stopped, final ones credited; what must not be credited
    waits for a person."""
    prefix = f"K{uuid.uuid4().hex[:8]}:"
    stages = _stages(company, prefix, 13)
    everyone = {request.reference for kind in stages.values() for request in kind}
    for request in (request for kind in stages.values() for request in kind):
        await company.start(request)
    bystander = await company.start(hold=True)
    for kind in ("held", "refused"):
        for request in stages[kind]:
            await company.until_status(request.reference, Status.HELD, Status.NEEDS_ATTENTION)
    for kind in ("final", "kept"):
        for request in stages[kind]:
            await company.until_waiting(request.reference, "payment")
    await listed(company, everyone, "--prefix", prefix)
    said = await typed(
        *("all", "cancel", "--prefix", prefix, "--yes", "--wait", "--json", *WHY), at=company
    )
    assert said.exit_code == Code.NEEDS_ATTENTION
    report = {row["reference"]: row for row in lines(said)}
    assert set(report) == everyone
    wanted = {
        "held": ("done", "cancelled", ["created", "deleted"]),
        "refused": ("done", "cancelled", []),
        "final": ("done", "credited", ["created", "approved", "sent", "credited"]),
        "kept": ("waits", "needs_attention", ["created", "approved", "sent"]),
    }
    for kind, (outcome, status, effects) in wanted.items():
        for request in stages[kind]:
            row = report[request.reference]
            assert (row["outcome"], row["status"]) == (outcome, status), row
            assert company.effects(request.reference) == effects
    assert "39 done, 13 waits, 0 refused" in said.stderr
    assert (await company.client.invoices.state(bystander)).status is Status.HELD


@slow
async def test_bulk_instructions_want_a_filter_and_a_confirmation(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = await typed("all", "cancel", "--yes", *WHY, at=company)
    assert everything.exit_code == Code.BAD_INPUT
    assert "at least one filter" in everything.stderr
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    await listed(company, reference, "--status", "held")
    chosen = ("all", "cancel", "--prefix", reference, *WHY)
    nobody = await typed(*chosen, at=company)
    assert nobody.exit_code == Code.BAD_INPUT
    assert "Nobody is here to confirm `cancel` for 1 invoice" in nobody.stderr
    assert reference in nobody.stderr
    monkeypatch.setattr(commands.confirming, "interactive", lambda: True)
    refused = await typed(*chosen, at=company, stdin="n\n")
    assert refused.exit_code == Code.FAILED
    assert (await company.client.invoices.state(reference)).status is Status.HELD
    too_many = await typed("all", "release", "--provider", "x", "--yes", *WHY, at=company)
    assert "No invoices" in too_many.stderr
    agreed = await typed(*chosen, at=company, stdin="y\n")
    assert agreed.exit_code == Code.DONE
    assert (await company.finished(reference)).status is Status.CANCELLED


@slow
async def test_bulk_release_and_retry_reach_those_that_wait(company: Company) -> None:
    prefix = f"R{uuid.uuid4().hex[:8]}:"
    held = [await company.start(company.request(f"{prefix}{i}", hold=True)) for i in range(3)]
    for reference in held:
        await company.until_status(reference, Status.HELD)
    await listed(company, set(held), "--prefix", prefix, "--status", "held")
    company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
    chosen = ("--prefix", prefix, "--yes", "--wait", "--json", *WHY)
    said = await typed("all", "release", *chosen, at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    (stuck,) = [row["reference"] for row in lines(said) if row["outcome"] == "waits"]
    await listed(company, stuck, "--prefix", prefix, "--status", "needs_attention")
    said = await typed("all", "resolve", "keep", *chosen, at=company)
    assert said.exit_code == Code.FAILED
    assert "it is no answer there" in said.stderr
    assert "keep is no answer to q1" in lines(said)[0]["why"]
    said = await typed("all", "resolve", "retry", *chosen, at=company)
    assert said.exit_code == Code.DONE
    assert stuck in said.stderr
    assert "q1" in said.stderr
    assert meaning(Reason.REJECTED, Answer.RETRY) in said.stderr
    for reference in held:
        assert company.effects(reference) == ["created", "approved", "sent"]
    one = await typed("all", "resolve", "adopt", *chosen, at=company)
    assert one.exit_code == Code.BAD_INPUT
    assert Answer.ADOPT in one.stderr


@slow
async def test_bulk_instructions_are_nobody_s_consent_where_two_people_must_decide(
    shared: World, company: Company
) -> None:
    """The command line proves nobody: each is refused, with what to do, and nothing changes."""
    rule = Consent(of=("release", "cancel", "retry"))
    shared.consents["zero_friction"][company.account] = rule
    prefix = f"T{uuid.uuid4().hex[:8]}:"
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE)
    parked = await company.start(company.request(f"{prefix}parked"))
    await company.parked(parked)
    held = await company.start(company.request(f"{prefix}held"))
    await company.until_status(held, Status.HELD)
    for status, reference in (("needs_attention", parked), ("held", held)):
        await listed(company, reference, "--prefix", prefix, "--status", status)
    chosen = ("--prefix", prefix, "--yes", "--json", *WHY)
    for words, those in (
        (("resolve", "retry"), {parked}),
        (("release",), {held}),
        (("cancel",), {parked, held}),
    ):
        said = await typed("all", *words, *chosen, at=company)
        assert said.exit_code == Code.FAILED
        refused = {row["reference"]: row["why"] for row in lines(said)}
        assert set(refused) == those
        for why in refused.values():
            assert f"{words[-1]} needs two people here who have proven who they are" in why
    for reference in (parked, held):
        state = await company.client.invoices.state(reference)
        assert (state.consents, state.ended) == ((), False)
        assert "approved" not in company.effects(reference)


async def test_an_answer_for_many_is_not_given_to_a_question_that_came_up_since(
    company: Company,
) -> None:
    """Somebody took minutes to confirm: what was listed is not what it waits for any more."""
    prefix = f"Q{uuid.uuid4().hex[:8]}:"
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    request = company.request(f"{prefix}1")
    await company.start(request)
    await company.parked(request.reference)
    await listed(company, request.reference, "--prefix", prefix, "--status", "needs_attention")
    client = InvoicingClient(company.client.temporal)
    rows = [row async for row in client.invoices.list(prefix=prefix, running=True)]
    asked = await commands.many._asked(client, rows)
    company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
    await company.resolve(request.reference, Answer.CORRECT, document=request.document)
    parked = await company.until(
        request.reference,
        lambda state: state.problem is not None and state.problem.reason is Reason.REJECTED,
    )
    told = {"by": "an operator", "reason": "a test"}
    give = commands.many.answering(asked, Answer.RETRY, told)
    task = commands.many.Task("resolve retry", give, wait=False)
    (outcome,) = await commands.many._each(client, rows, task)
    assert outcome.word == "refused"
    assert parked.problem is not None
    assert f"That is {parked.problem.question}: {parked.problem.what}" in outcome.why
    assert (await company.client.invoices.state(request.reference)).problem == parked.problem


# Lists


@slow
async def test_lists_are_narrowed_by_due_date_and_shown_by_column(company: Company) -> None:
    early, late = some("L", company, 2)
    for reference, due in ((early, date(2026, 7, 1)), (late, date(2026, 9, 1))):
        await company.start(company.request(reference, document={"due_date": due}, hold=True))
    mine = ("--prefix", f"L-{company.account}")
    await listed(company, {early, late}, *mine)
    assert await listed(company, early, *mine, "--due-before", "2026-08-01") == {early}
    said = await typed("list", *mine, "--csv", "--columns", "reference,due_date", at=company)
    assert said.stdout.splitlines() == [
        "reference,due_date",
        f"{late},2026-09-01",
        f"{early},2026-07-01",
    ]
    table = await typed("list", *mine, "--columns", "reference,due_date", at=company)
    assert "2026-09-01" in table.stdout
    assert "zero_friction" not in table.stdout
    odd = await typed("list", "--columns", "reference,price", at=company)
    assert odd.exit_code == Code.BAD_INPUT
    assert "No such column: price" in odd.stderr


@slow
async def test_many_are_watched_by_filter(company: Company) -> None:
    references = some("W", company, 3)
    for reference in references:
        await company.start(company.request(reference, hold=True))
    prefix = f"W-{company.account}"
    await listed(company, set(references), "--prefix", prefix)
    said = await typed("watch", "--prefix", prefix, "--json", at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    assert {row["reference"] for row in lines(said)} == set(references)
    neither = await typed("watch", at=company)
    assert neither.exit_code == Code.BAD_INPUT


@slow
async def test_cancelling_what_has_just_ended_is_reported_and_not_lost(company: Company) -> None:
    """A list is a moment behind: what ended since is refused, by name, and the rest is done."""
    prefix = f"E{uuid.uuid4().hex[:8]}:"
    done, held = f"{prefix}1", f"{prefix}2"
    for reference in (done, held):
        await company.start(company.request(reference, hold=True))
        await company.until_status(reference, Status.HELD)
    await listed(company, {done, held}, "--prefix", prefix)
    rows = [row async for row in company.client.invoices.list(prefix=prefix, running=True)]
    await company.cancel(done)
    await company.finished(done)
    order = Cancel(by="an operator", reason="a test")
    task = commands.many.Task(
        "cancel", lambda client, one: client.invoices.cancel(one, order), True
    )
    outcomes = await commands.many._each(InvoicingClient(company.client.temporal), rows, task)
    found = {one.reference: one for one in outcomes}
    assert found[done].word == "refused"
    assert "it has ended" in found[done].why
    assert found[held].word == "done"

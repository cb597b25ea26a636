"""Credits on the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from typer.testing import Result

from commands.credit_views import MOST_LINES
from commands.crediting import credits_beside
from invoicing.credits.case import Credits, CreditsStatus
from invoicing.credits.credit import Left, Sums
from invoicing.provider import Stage
from invoicing.request import Goal
from invoicing.state.case import Case
from invoicing.state.credited import CreditedSoFar
from invoicing.state.questions import QUESTIONS, Answer, Reason, meaning
from starter import Code
from temporal_server import local_server
from tests.command_line import WHY, lines, typed
from tests.examples import a_document, a_line, an_invoice
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import TEN, Office, office_at
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, simulated, slow


class Desk:
    """Somebody at a terminal of the office."""

    def __init__(self, office: Office, address: str) -> None:
        self.office = office
        self._address = address

    async def types(self, *arguments: str) -> Result:
        return await typed(*arguments, at=self._address)

    async def credits(self, reference: str, name: str, *what: str) -> Result:
        return await self.types("credit", reference, name, *what, *WHY)

    async def ended(self, reference: str, name: str) -> None:
        """Once its credit note has ended."""
        result = self.office.client.invoices.result(f"{reference}#{name}")
        await asyncio.wait_for(result, LONG_ENOUGH)


@pytest.fixture(scope="module")
async def desk() -> AsyncIterator[Desk]:
    async with local_server() as server, office_at(server) as office:
        yield Desk(office, server.address)


async def test_one_that_was_credited_wholly_is_shown_with_what_credited_it() -> None:
    """After its end nothing says that it is credited in parts: its money says that all of it is."""
    nothing = Left(currency="EUR", lines=(), rates=(), sums=Sums())
    known = Credits(reference="INV-7", status=CreditsStatus.CREDITED, left=nothing)
    client: Any = SimpleNamespace(credits=SimpleNamespace(overview=AsyncMock(return_value=known)))
    shown = Case(stage=Stage.SENT, credits=CreditedSoFar(provider_id="17", all=True), hears=True)
    assert await credits_beside(client, shown.shown(an_invoice("INV-7"))) == known


async def test_units_are_credited_once_by_name_and_what_is_left_is_said(desk: Desk) -> None:
    reference = await desk.office.invoiced()
    for _ in range(2):
        said = await desk.credits(reference, "RETURN-1", "--units", "4@1")
        assert said.exit_code == Code.DONE, said.output
        assert f"Credit RETURN-1 of {reference}: 50.00 + 10.50 = 60.50 EUR" in said.stdout
        assert "90.75 EUR with VAT is left to credit" in said.stdout
        assert f"`watch {reference}#RETURN-1`" in said.stderr
    await desk.ended(reference, "RETURN-1")
    assert desk.office.provider.units(reference, "1") == 4
    shown = await desk.types("credits", reference)
    assert shown.exit_code == Code.DONE
    for text in ("90.75 EUR with VAT is left", "RETURN-1", "60.50", "credited", "asked for"):
        assert text in shown.stdout
    told = json.loads((await desk.types("credits", reference, "--json")).stdout)
    assert told["credits"]["left"]["lines"] == [{"id": "1", "units": "6", "amount": "75.00"}]
    assert [each["by"] for each in told["journal"]["entries"] if each["by"]]


@detail
@pytest.mark.parametrize(
    ("what", "gross", "left"),
    [
        (("--whole",), "181.50", "0.00"),
        (("--line", "1"), "151.25", "30.25"),
        (("--line", "2", "--units", "2@1"), "60.50", "121.00"),
        (("--amount", "10.00@21", "--amount", "5.00@S:21.00"), None, None),
        (("--amount", "10.00@21"), "12.10", "169.40"),
    ],
    ids=["whole", "line", "line and units", "a rate twice", "amount"],
)
async def test_every_way_of_crediting_can_be_typed(
    desk: Desk, what: tuple[str, ...], gross: str | None, left: str | None
) -> None:
    two = a_document(lines=(TEN, a_line(2, quantity=Decimal(2), unit_price=Decimal("12.50"))))
    reference = await desk.office.invoiced(document=two)
    said = await desk.credits(reference, "C1", *what, "--json")
    if gross is None:
        assert said.exit_code == Code.BAD_INPUT
        assert "amounts[1]: is named twice" in said.stderr
        return
    assert said.exit_code == Code.DONE, said.output
    told = json.loads(said.stdout)
    assert told["credit"]["sums"]["gross"] == gross
    assert told["left"]["sums"]["gross"] == left
    note = await asyncio.wait_for(
        desk.office.client.invoices.result(f"{reference}#C1"), LONG_ENOUGH
    )
    assert note.amounts is not None
    assert str(note.amounts.gross) == gross


@detail
async def test_more_than_is_left_is_refused_and_what_is_left_is_shown(desk: Desk) -> None:
    reference = await desk.office.invoiced()
    assert (await desk.credits(reference, "C1", "--units", "7@1")).exit_code == Code.DONE
    said = await desk.credits(reference, "C2", "--units", "4@1")
    assert said.exit_code == Code.FAILED
    assert said.stdout == ""
    assert "4 are asked for, and 3 are left of line 1" in said.stderr
    assert "45.39 EUR with VAT is left to credit" in said.stderr
    other = await desk.credits(reference, "C1", "--units", "1@1")
    assert other.exit_code == Code.FAILED
    assert "credit C1 was already asked for with other content" in other.stderr
    state = await desk.office.client.credits.state(reference)
    assert [each.credit for each in state.credits] == ["C1"]


@slow
async def test_whoever_waits_hears_how_the_credit_note_ends(desk: Desk) -> None:
    reference = await desk.office.invoiced()
    desk.office.provider.credits_in = "whole"
    try:
        said = await desk.credits(reference, "C1", "--units", "1@1", "--wait")
    finally:
        desk.office.provider.credits_in = "parts"
    assert said.exit_code == Code.FAILED
    assert "credits an invoice as a whole and at once" in said.stderr
    await desk.office.until(reference, lambda state: state.credits[0].ended)
    shown = await desk.types("credits", reference)
    assert "released" in shown.stdout
    assert f"`show {reference}#C1` says why" in shown.stderr
    why = await desk.types("show", f"{reference}#C1")
    assert "credits an invoice as a whole and at once" in why.stderr
    waited = await desk.credits(reference, "C2", "--line", "1", "--wait")
    assert waited.exit_code == Code.DONE, waited.output
    held = await desk.office.invoiced()
    stopped = await desk.credits(held, "C1", "--whole", "--hold", "--wait")
    assert stopped.exit_code == Code.NEEDS_ATTENTION


@detail
async def test_number_day_and_options_are_the_credit_notes_own(desk: Desk) -> None:
    reference = await desk.office.invoiced()
    more = ("--number", "CN-7", "--issue-date", "2026-07-31", "--options", '{"a": 1}')
    goal = ("--goal", "approved")
    said = await desk.credits(reference, "C1", "--whole", *more, *goal)
    assert said.exit_code == Code.DONE, said.output
    await desk.ended(reference, "C1")
    (note,) = desk.office.provider.notes(reference)
    assert (await desk.office.client.invoices.state(f"{reference}#C1")).status == "approved"
    assert (note.document.number, str(note.document.issue_date)) == ("CN-7", "2026-07-31")
    assert note.document.notes == ("a test",)


@detail
async def test_of_an_invoice_of_many_lines_the_first_are_shown_and_the_others_counted(
    desk: Desk,
) -> None:
    many = tuple(a_line(each) for each in range(1, MOST_LINES + 3))
    reference = await desk.office.invoiced(document=a_document(lines=many))
    shown = await desk.types("credits", reference)
    assert "… and 2 lines more" in shown.stdout
    told = json.loads((await desk.types("credits", reference, "--json")).stdout)
    assert len(told["credits"]["left"]["lines"]) == MOST_LINES + 2


@detail
async def test_an_invoice_without_credits_shows_all_of_it_and_a_draft_says_why_not(
    desk: Desk,
) -> None:
    reference = await desk.office.invoiced()
    whole = await desk.types("credits", reference)
    assert whole.exit_code == Code.DONE
    assert "151.25 EUR with VAT is left to credit" in whole.stdout
    draft = await desk.office.invoiced(goal=Goal.DRAFTED)
    why = await desk.types("credits", draft)
    assert why.exit_code == Code.DONE
    assert "is not final: cancel it, which deletes the draft" in why.stdout
    refused = await desk.credits(draft, "C1", "--whole")
    assert refused.exit_code == Code.FAILED
    assert "is not final: cancel it, which deletes the draft" in refused.stderr


@simulated
async def test_a_credit_note_that_was_ended_from_outside_is_asked_about_and_answered(
    desk: Desk,
) -> None:
    reference = await desk.office.invoiced()
    resolve = ("resolve-credits", reference)
    none = await desk.types(*resolve, "free", *WHY)
    assert none.exit_code == Code.NOT_FOUND
    assert f"No credited invoice {reference} is known here." in none.stderr
    await desk.credits(reference, "C1", "--units", "4@1", "--hold")
    quiet = await desk.types(*resolve, "free", *WHY)
    assert quiet.exit_code == Code.FAILED
    assert "does not wait for a person" in quiet.stderr
    await desk.office.client.invoices.handle(f"{reference}#C1").terminate("by a person")
    await desk.office.until(reference, lambda state: state.problem is not None)
    shown = await desk.types("credits", reference)
    assert "credit C1: its credit note was ended from outside" in shown.stderr
    for answer in QUESTIONS[Reason.CREDIT_UNCLEAR].answers:
        assert f"resolve-credits {reference} {answer} --question q1" in shown.stdout
        assert meaning(Reason.CREDIT_UNCLEAR, answer) in shown.stdout
    unseen = await desk.types(*resolve, "free", *WHY)
    assert unseen.exit_code == Code.FAILED
    assert f"resolve-credits {reference} free --question q1" in unseen.stderr
    odd = await desk.types(*resolve, "retry", "--question", "q1", *WHY)
    assert odd.exit_code == Code.FAILED
    free = await desk.types(*resolve, "free", "--question", "q1", *WHY, "--json")
    assert free.exit_code == Code.DONE, free.output
    state = await desk.office.until(reference, lambda state: state.problem is None)
    assert state.credits[0].became == "released"


@detail
async def test_a_number_that_was_found_there_is_kept(desk: Desk) -> None:
    reference = await desk.office.invoiced()
    await desk.credits(reference, "C1", "--units", "4@1", "--hold")
    await desk.office.client.invoices.handle(f"{reference}#C1").terminate("by a person")
    await desk.office.until(reference, lambda state: state.problem is not None)
    given = ("--question", "q1", "--number", "CN-9", *WHY)
    said = await desk.types("resolve-credits", reference, Answer.INVOICED, *given)
    assert said.exit_code == Code.DONE, said.output
    state = await desk.office.until(reference, lambda state: state.problem is None)
    assert (state.credits[0].became, state.credits[0].number) == ("credited", "CN-9")


@slow
async def test_invoices_with_credits_are_listed_by_their_status(desk: Desk) -> None:
    reference = await desk.office.invoiced()
    await desk.credits(reference, "C1", "--units", "4@1")
    async with asyncio.timeout(LONG_ENOUGH):
        while True:  # Lists are a moment old.
            said = await desk.types("credits", "--status", "open", "--provider", NAME, "--json")
            if reference in {row["reference"] for row in lines(said)}:
                break
            await asyncio.sleep(0.05)
    assert reference in (await desk.types("credits", "--limit", "1000")).stdout
    none = await desk.types("credits", "--provider", "another")
    assert none.exit_code == Code.DONE
    assert none.stdout == ""


@slow
async def test_an_invoice_is_shown_with_its_credits_and_how_to_make_one(desk: Desk) -> None:
    reference = await desk.office.invoiced()
    whole = await desk.types("show", reference)
    assert "Credits: 151.25 EUR with VAT is left to credit." in whole.stdout
    assert f"credit {reference} NAME --whole" in whole.stdout
    await desk.credits(reference, "C1", "--whole")
    await desk.ended(reference, "C1")
    taken = await desk.types("show", reference)
    assert "Credits: 0.00 EUR with VAT is left to credit." in taken.stdout
    assert f"{reference}#C1" in taken.stdout
    assert "NAME --whole" not in taken.stdout
    told = json.loads((await desk.types("show", reference, "--json")).stdout)
    assert told["credits"]["credits"][0]["credit"] == "C1"
    note = json.loads((await desk.types("show", f"{reference}#C1", "--json")).stdout)
    assert note["credits"] is None, "a credit note is not credited"


async def test_the_help_says_what_every_answer_does_to_a_credit(desk: Desk) -> None:
    said = " ".join((await desk.types("resolve-credits", "--help")).stdout.split())
    for question in QUESTIONS.values():
        for answer, does in question.answers.items() if question.of == "credits" else ():
            assert f"{answer} {does}" in said


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), Code.BAD_INPUT, "--whole, or --line ID"),
        (("--whole", "--line", "1"), Code.BAD_INPUT, "--whole, or --line ID"),
        (("--units", "4"), Code.BAD_INPUT, "NUMBER@ID"),
        (("--units", "few@1"), Code.BAD_INPUT, "lines[0].quantity: must be a number"),
        (("--units", "-1@1"), Code.BAD_INPUT, "lines[0].quantity: must be more than 0"),
        (("--amount", "4"), Code.BAD_INPUT, "AMOUNT@RATE"),
        (("--amount", "1.00@Q:21"), Code.BAD_INPUT, "amounts[0].category: must be one of"),
        (("--whole", "--goal", "paid"), Code.BAD_INPUT, "goal: of a credit note it is approved"),
        (("--whole", "--options", "{"), Code.BAD_INPUT, "--options is not JSON"),
        (("--whole", "--options", "[1]"), Code.BAD_INPUT, "options: must be an object"),
        (("--whole",), Code.NOT_FOUND, "No invoice NEVER-1 is known here."),
    ],
)
async def test_what_cannot_be_credited_is_refused_in_a_sentence(
    desk: Desk, arguments: tuple[str, ...], code: Code, sentence: str
) -> None:
    said = await desk.credits("NEVER-1", "C1", *arguments)
    assert said.exit_code == code, said.output
    assert sentence in said.stderr
    assert "Traceback" not in said.output


@slow
async def test_filters_are_for_the_list_alone(desk: Desk) -> None:
    said = await desk.types("credits", "INV-7", "--status", "open")
    assert said.exit_code == Code.BAD_INPUT
    assert "leave REF out" in said.stderr
    unknown = await desk.types("credits", "NEVER-1")
    assert unknown.exit_code == Code.NOT_FOUND

"""Alike mistakes corrected together: a file of corrected requests over invoices that wait.

One that was asked for with other content is never to be asked for under another reference: that is
the road to a second invoice. What may be done instead hangs on where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import typer

from commands.at_once import few_at_a_time, progress
from commands.base import ON_PURPOSE, Code, answered, explained
from commands.confirming import AT_ONCE, agree
from commands.fates import Fate, can_correct
from invoicing.client import InvoicingClient
from invoicing.errors import EngineError, NotFound, ReferenceInUse
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Invoice, Resolve
from invoicing.state.questions import Answer
from terminal import program, screen, to_be_answered

SHOWN = 20

_CORRECTED = ("document.", "options")


async def advise(client: InvoicingClient, fate: Fate, error: ReferenceInUse) -> None:
    """Say what may be done about an invoice that was asked for with other content."""
    why = f"it was asked for with other content: it differs in {', '.join(error.differs)}"
    invoice = await _state(client, fate.reference)
    if invoice is None:
        fate.says(Code.FAILED, why, f"{program()} show {fate.reference}, once a worker answers")
        return
    fate.result.status, fate.result.number = invoice.status, invoice.number or ""
    if invoice.problem and can_correct(invoice.problem):
        _parked(fate, invoice, error, why)
    elif invoice.ended or invoice.number:
        do = (
            "nothing, where it was corrected to this; else `cancel` takes it back, and credits it "
            "where it is final"
        )
        fate.says(Code.FAILED, why, do)
    else:
        do = (
            "nothing, where it was corrected to this; else `cancel` it: once nothing of it is "
            "left, the same reference begins anew with this content"
        )
        fate.says(Code.FAILED, why, do)


def _parked(fate: Fate, invoice: Invoice, error: ReferenceInUse, why: str) -> None:
    asked = f"{why}; {invoice.problem}"
    other = [name for name in error.differs if not name.startswith(_CORRECTED)]
    if other:
        do = (
            f"a correction changes the document and the options alone, not {', '.join(other)}: "
            "`cancel` it, and run the file again with the same reference"
        )
        fate.says(Code.NEEDS_ATTENTION, asked, do)
        return
    fate.problem = invoice.problem
    fate.says(Code.NEEDS_ATTENTION, asked, f"{program()} batch … --correct corrects it")


async def _state(client: InvoicingClient, reference: str) -> Invoice | None:
    with suppress(EngineError, NotFound):
        return await answered(client.invoices.state(reference))
    return None


@dataclass(frozen=True)
class Corrections:
    """Answers open questions with the documents of a file; `told`: who says so, and why."""

    client: InvoicingClient
    told: Mapping[str, str]
    yes: bool

    async def give(self, pairs: Iterable[tuple[Fate, InvoiceRequest]]) -> None:
        """Correct those that wait for it, after a look at all of them."""
        chosen = [pair for pair in pairs if pair[0].problem]
        if not chosen:
            typer.echo("Nothing here waits for a correction.", err=True)
            return
        if not self.yes:
            rows = [(fate.reference, fate.problem) for fate, _ in chosen[:SHOWN]]
            screen(error=True).print(to_be_answered(rows, Answer.CORRECT))
            if len(chosen) > SHOWN:
                typer.echo(f"… and {len(chosen) - SHOWN} more", err=True)
        agree("correct", len(chosen), self.yes)
        with progress("Correcting", len(chosen)) as advance:

            async def one(pair: tuple[Fate, InvoiceRequest]) -> None:
                await self._correct(*pair)
                advance()

            await few_at_a_time(chosen, one, AT_ONCE)

    async def _correct(self, fate: Fate, request: InvoiceRequest) -> None:
        if fate.problem is None:
            return
        said = Resolve(
            question=fate.problem.question,
            answer=Answer.CORRECT,
            document=request.document,
            options=request.options,
            **self.told,
        )
        try:
            invoice = await answered(self.client.invoices.resolve(fate.reference, said))
        except ON_PURPOSE as error:
            why, code = explained(error)
            fate.says(code, why, f"{program()} show {fate.reference}")
        else:
            fate.result.outcome, fate.result.status = "corrected", invoice.status
            fate.says(Code.DONE)

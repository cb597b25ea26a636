"""What people do in the stories: operators answer and cancel, buyers pay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from invoicing.invoice import Cancel, Invoice, Resolve
from invoicing.provider import Event
from invoicing.questions import Answer
from sandbox.demo.cues import Cue

if TYPE_CHECKING:
    from sandbox.demo.script import Part
    from sandbox.demo.stage import Theatre

OPERATOR = "demo operator"

Deed = Callable[["Theatre", "Part", Invoice], Awaitable[None]]


@dataclass(frozen=True)
class Act:
    """Something that is done once, when an invoice is as `cue` says."""

    cue: Cue
    deed: Deed


async def correct(theatre: Theatre, part: Part, invoice: Invoice) -> None:
    """An operator looks at the draft, and has it made again."""
    if invoice.problem is None:
        raise RuntimeError("an operator answers what is asked")
    question = invoice.problem.question
    theatre.say(part, f"an operator has the draft made again (answers {question}: correct)")
    answer = Resolve(
        by=OPERATOR,
        reason="the draft is a cent off",
        question=question,
        answer=Answer.CORRECT,
        document=theatre.requests[part.reference].document,
    )
    await theatre.client.resolve(part.reference, answer)


async def cancel(theatre: Theatre, part: Part, invoice: Invoice) -> None:
    """An operator takes it back."""
    theatre.say(part, "an operator cancels it")
    await theatre.client.cancel(part.reference, Cancel(by=OPERATOR, reason="ordered by mistake"))


async def pay_and_tell(theatre: Theatre, part: Part, invoice: Invoice) -> None:
    """The buyer pays; the provider's stand-in tells nobody, so its webhook is played here."""
    theatre.say(part, "the buyer pays, and the provider says so")
    theatre.stand_in(part).pay(part.name_there)
    event = Event(id=f"paid-{part.reference}", kind="paid", body={"entityId": invoice.provider_id})
    await theatre.tell(part.provider, part.account, event)


def paying(amount: Decimal | None) -> Deed:
    """The buyer pays this much, or all that is due; the stand-in sees to the news itself."""

    async def pay(theatre: Theatre, part: Part, invoice: Invoice) -> None:
        theatre.say(part, f"the buyer pays {amount or 'what is due'}")
        theatre.stand_in(part).pay(part.name_there, amount)

    return pay

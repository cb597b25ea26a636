"""What people do in the stories: operators answer and cancel, buyers pay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal

from demo.story import Part, Scene
from invoicing.credits.credit import Credit
from invoicing.provider import Event
from invoicing.state.invoice import Cancel, Invoice, Resolve
from invoicing.state.questions import Answer

OPERATOR = "demo operator"


async def correct(scene: Scene, part: Part, invoice: Invoice) -> None:
    """An operator looks at the draft, and has it made again."""
    if invoice.problem is None:
        raise RuntimeError("an operator answers what is asked")
    question = invoice.problem.question
    scene.say(part, f"an operator has the draft made again (answers {question}: correct)")
    answer = Resolve(
        by=OPERATOR,
        reason="the draft is a cent off",
        question=question,
        answer=Answer.CORRECT,
        document=scene.requests[part.reference].document,
    )
    await scene.client.invoices.resolve(part.reference, answer)


async def cancel(scene: Scene, part: Part, invoice: Invoice) -> None:
    """An operator takes it back."""
    scene.say(part, "an operator cancels it")
    await scene.client.invoices.cancel(
        part.reference, Cancel(by=OPERATOR, reason="ordered by mistake")
    )


def crediting(credit: Credit) -> Callable[[Scene, Part, Invoice], Awaitable[None]]:
    """A part of it is taken back, and what is left is said."""

    async def ask(scene: Scene, part: Part, invoice: Invoice) -> None:
        made = await scene.client.credits.make(part.reference, credit)
        state = await scene.client.credits.state(part.reference)
        scene.say(part, f"{made.sums.gross} of it is credited ({credit.reason}); {state.left}")

    return ask


async def pay_and_tell(scene: Scene, part: Part, invoice: Invoice) -> None:
    """The buyer pays; the provider's stand-in tells nobody, so its webhook is played here."""
    scene.say(part, "the buyer pays, and the provider says so")
    scene.stand_in(part).pay(part.name_there)
    event = Event(id=f"paid-{part.reference}", kind="paid", body={"entityId": invoice.provider_id})
    await scene.tell(part.provider, part.account, event)


async def charge_back(scene: Scene, part: Part, invoice: Invoice) -> None:
    """The buyer's bank takes the money back, long after the invoice was done with."""
    scene.say(part, "it has ended; now the buyer's bank takes the money back")
    scene.stand_in(part).charge_back(part.name_there)


def paying(amount: Decimal | None) -> Callable[[Scene, Part, Invoice], Awaitable[None]]:
    """The buyer pays this much, or all that is due; the stand-in sees to the news itself."""

    async def pay(scene: Scene, part: Part, invoice: Invoice) -> None:
        scene.say(part, f"the buyer pays {amount or 'what is due'}")
        scene.stand_in(part).pay(part.name_there, amount)

    return pay

"""The whole life of an amendment, as one reads it: look, credit, make, each once.

The new invoice is asked for when nothing of the old one is left, and not before. What is asked of
others is known there by a name, so that a step which is begun again goes on with what there is.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.amend.asking import (
    CANCELLED,
    LOOKS,
    Refused,
    Taken,
    begin_invoice,
    credits_of,
    look,
    make_credit,
    planned,
)
from workflows.amend.life import AmendLife
from workflows.kit.endings import Overdue

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.amend import (
        THE_CREDIT,
        THE_INVOICE,
        AmendStatus,
        is_credited,
        is_unseen,
        named,
        refuse_amendment,
        under_way,
        why_not_begun,
    )
    from invoicing.credits.case import CreditState
    from invoicing.credits.credit import Credit
    from invoicing.credits.document import refuse_uncreditable
    from invoicing.document import Precedent
    from invoicing.errors import InvalidRequest
    from invoicing.state.invoice import Invoice

NO_ANSWER = "its provider has given no usable answer for as long as is waited"


async def live(life: AmendLife) -> None:
    """Step by step, until the new invoice is final, or it is refused, or nobody has it made."""
    case = life.case
    life.show()
    while case.outcome is None:
        if case.stopped:
            if await life.left_alone():
                case.end(AmendStatus.CREDITED)
            continue
        try:
            await _STEPS[case.step](life)
        except Refused as why:
            _stop(life, str(why), why)
        except Overdue:
            _stop(life, NO_ANSWER)
        life.show()
    life.note(f"ended: {case.outcome}")
    life.waits.over()
    life.show()
    await workflow.wait_condition(workflow.all_handlers_finished)


def _stop(life: AmendLife, why: str, refused: Refused | None = None) -> None:
    """Before the credit nothing has changed, and it ends. After it a person must know."""
    case = life.case
    life.waits.over()
    if case.credited:
        taken = isinstance(refused, Taken)
        another = ", and another reference for the new invoice" if taken else ""
        case.stop(
            f"{life.reference} is credited, and the new invoice is not made: {why}. Amend it "
            f"again, under the same name, with what is right{another}",
            refused.fields if refused else (),
            taken=taken,
        )
        life.note(f"the new invoice is not made: {why}")
        return
    case.fields = refused.fields if refused else ()
    case.end(AmendStatus.REFUSED, why)
    life.note(f"refused, {life.reference} stands as it did: {why}")


async def _check(life: AmendLife) -> None:
    """Nothing changes before all of it could be done as it looks now."""
    case = life.case
    try:
        # A plain SDK can start it without the checks of our client and gateway.
        refuse_amendment(life.reference, case.wanted)
    except InvalidRequest as error:
        raise Refused(str(error), error.fields) from None
    invoice = await _old_one(life)
    case.precedent = Precedent(number=invoice.number or "", issue_date=invoice.issue_date)
    case.provider = invoice.provider
    life.show()
    there = await look(life, case.wanted.invoice.reference)
    known = await credits_of(life)
    new = there.invoice.invoice if there.invoice else None
    if why := why_not_begun(case.wanted, known, new):
        raise Refused(why)
    await planned(life)
    if case.given_up:
        raise Refused(CANCELLED)
    case.credit = case.wanted.credit()
    case.step = AmendStatus.CREDITING
    life.note(f"checked: {case.wanted.invoice.reference} can be made", case.wanted)


async def _old_one(life: AmendLife) -> Invoice:
    looked = await look(life, life.reference)
    if looked.cut_off:
        raise Refused("it was ended from outside: start the same request again, and amend it then")
    if looked.invoice is None:
        raise Refused("nobody knows an invoice with this reference")
    try:
        refuse_uncreditable(looked.invoice)
    except InvalidRequest as error:
        raise Refused(str(error)) from None
    return looked.invoice.invoice


async def _credit(life: AmendLife) -> None:
    """Until nothing of the invoice is left."""
    case = life.case
    if case.credit is None:
        raise RuntimeError("what is credited was not said")
    if case.credit_note is None:
        made = await _asked_for(life, case.credit)
        case.credit_note = made.reference
        life.note(f"credit {made.credit} asked for: {made.sums.gross} with VAT")
        life.show()
    while not await _is_credited(life):
        await life.pause(THE_CREDIT, LOOKS)
    case.credited, case.step = True, AmendStatus.MAKING
    life.waits.over()
    life.note(f"{life.reference} is credited by {case.credit_note}")


async def _asked_for(life: AmendLife, credit: Credit) -> CreditState:
    """The credit, which was asked for now, or before this answer was lost. Raises Refused."""
    try:
        return await make_credit(life, credit)
    except Refused:
        if ours := await _ours(life):
            return ours
        raise


async def _ours(life: AmendLife) -> CreditState | None:
    return named(await credits_of(life), life.case.wanted.amendment)


async def _is_credited(life: AmendLife) -> bool:
    """Whether it is final. Raises Refused where it came to nothing, or something is left."""
    case = life.case
    known = await credits_of(life)
    name = case.wanted.amendment
    ours = named(known, name)
    if ours is not None and ours.became == "released":
        raise Refused(
            f"its credit {name} came to nothing ({case.credit_note} says why); amend it again, "
            "under another name"
        )
    if ours is None or ours.became == "reserved" or under_way(known):
        return False
    case.credited = True
    if is_unseen(ours) and not case.unseen:
        case.unseen = True
        raise Refused(
            f"nobody has seen {ours.reference}, which counts as made: look at the provider"
        )
    if not is_credited(known):
        raise Refused(f"{known.left}: credit that as well")
    return True


async def _make(life: AmendLife) -> None:
    """Until the new one is final."""
    case = life.case
    reference = case.wanted.invoice.reference
    if not case.begun:
        await begin_invoice(life, await planned(life))
        case.begun = True
        life.note(f"{reference} asked for", case.wanted)
        life.show()
    while not await _is_made(life, reference):
        await life.pause(THE_INVOICE, LOOKS)
    life.waits.over()
    case.end(AmendStatus.AMENDED)


async def _is_made(life: AmendLife, reference: str) -> bool:
    """Whether it is final. Raises Refused where it ended without being so."""
    looked = await look(life, reference)
    if looked.invoice is None:
        raise Refused(f"{reference} has ended, and nothing is known of it")
    new = looked.invoice.invoice
    if (new.final and (new.number or new.ended)) or (new.credited_whole and new.number):
        # What has been credited since was made, and is amended or taken back by a name of its own.
        life.case.number = new.number
        return True
    if looked.running:
        # One that has ended is not begun again before its workflow is over.
        return False
    if new.ended:
        why = f": {new.problem}" if new.problem else ""
        refused = Taken if looked.invoice.reference_taken else Refused
        raise refused(
            f"{reference} has ended as {new.status}{why}", new.problem.fields if new.problem else ()
        )
    raise Refused(f"{reference} was ended from outside")


_STEPS = {
    AmendStatus.CHECKING: _check,
    AmendStatus.CREDITING: _credit,
    AmendStatus.MAKING: _make,
}

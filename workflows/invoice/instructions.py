"""What people want of one invoice: may it be wanted now, and what it changes at once.

Pure memory: nothing is called or waited for. The story notices at its next boundary.
"""

from __future__ import annotations

from pydantic import ValidationError
from temporalio import workflow

from workflows.invoice.asking import corrected
from workflows.invoice.consenting import agreed, demanded, refuse_one_alone
from workflows.invoice.inheritance import leave_word
from workflows.invoice.life import Life
from workflows.kit.asking import refuse_misplaced
from workflows.kit.endings import refused

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.document import same_worth
    from invoicing.document import Document
    from invoicing.errors import TooLarge
    from invoicing.money import plain
    from invoicing.parse import problems
    from invoicing.request import InvoiceRequest
    from invoicing.state.bounds import refuse_too_large
    from invoicing.state.invoice import (
        Cancel,
        Hold,
        Release,
        Resolve,
        Status,
        instead_of_cancel,
    )
    from invoicing.state.questions import Answer, Reason


class Instructions:
    """Each is checked first, by an update's validator or a signal, and then carried out."""

    def __init__(self, life: Life) -> None:
        self._life = life
        life.cancel_needs = lambda said: demanded(life, said)

    # Checks: each raises Refused with the reason

    def may_hold(self, instruction: Hold) -> None:
        self._refuse_if_ended()

    def may_release(self, instruction: Release) -> None:
        self._refuse_if_ended()
        if self._life.case.hold is None and self._life.state.status is not Status.SCHEDULED:
            raise refused("it is neither held nor scheduled")
        refuse_one_alone(self._life, instruction)

    def may_resolve(self, answer: Resolve) -> None:
        refuse_misplaced(self._life.case, answer)
        if answer.answer is Answer.CORRECT:
            self._refuse_misfit(corrected(self._life.request, answer))
        refuse_one_alone(self._life, answer)

    def may_cancel(self, instruction: Cancel) -> None:
        """What has ended as a final invoice, or is credited in parts, only a credit takes back."""
        state = self._life.state
        if state.final and (self._life.case.outcome or state.in_parts):
            ended = self._life.case.outcome
            why = f"it has ended: {ended}" if ended else "parts of it are credited"
            instead = instead_of_cancel(credit_note=self._life.request.credits is not None)
            raise refused(f"{why}; {instead}")
        self._refuse_if_ended()
        refuse_one_alone(self._life, instruction)

    # What they change

    def hold(self, instruction: Hold) -> None:
        """Stop before the next irreversible step."""
        self._life.case.hold = instruction
        # Whoever holds it has not consented: two people are asked anew.
        kept = tuple(each for each in self._life.case.consents if each.question)
        self._life.case.consents = kept
        leave_word(self._life.case)
        self._life.note("held", instruction)

    def release(self, instruction: Release) -> None:
        """Go on, also when the hold has become overdue and somebody was asked about it.

        A hold is all that it ends: only what waits for nothing but its day is sent before that.
        """
        if not agreed(self._life, instruction):
            return
        case = self._life.case
        case.at_once |= case.hold is None
        case.hold = None
        leave_word(case)
        self._life.note("released", instruction)
        if case.problem and case.problem.reason is Reason.HOLD_OVERDUE:
            case.resolution = Resolve(
                by=instruction.by,
                reason=instruction.reason,
                proven=instruction.proven,
                question=case.problem.question,
                answer=Answer.RELEASE,
            )

    def resolve(self, answer: Resolve) -> None:
        """Answer the question that is open."""
        if not agreed(self._life, answer):
            return
        self._life.case.resolution = answer
        if answer.answer is Answer.RELEASE:
            # At once: a hold that comes in the very same task is said after it, and stands.
            self._life.case.hold = None
        what = f"{answer.question} answered: {answer.answer} {answer.provider_id or ''}".strip()
        self._life.note(what, answer)

    def cancel(self, instruction: Cancel) -> bool:
        """Take it back; False where another person's consent is missing."""
        if not agreed(self._life, instruction):
            return False
        self._life.cancel(instruction)
        # While nobody knows the rule, it may still turn out to need two.
        self._life.case.cancel_agreed = self._life.case.rule is not None
        leave_word(self._life.case)
        return True

    # Why not

    def _refuse_if_ended(self) -> None:
        said = self._life.case.resolution
        # Said in this very task, and not carried out yet.
        abandoned = Status.ABANDONED if said and said.answer is Answer.ABANDON else None
        if ended := self._life.case.outcome or abandoned:
            raise refused(f"it has ended: {ended}")

    def _refuse_misfit(self, wanted: InvoiceRequest) -> None:
        """All of it together must be a valid request, and not too large."""
        fields = {name: getattr(wanted, name) for name in type(wanted).model_fields}
        try:
            refuse_too_large(InvoiceRequest(**fields))
        except ValidationError as error:
            raise refused("; ".join(map(str, problems(error)))) from None
        except TooLarge as error:
            raise refused(str(error)) from None
        if self._life.request.credits:
            if not same_worth(self._life.request.document, wanted.document):
                raise refused("it is a credit: its words may be corrected, and not what it credits")
        elif self._life.order_id:
            self._refuse_other_lines(wanted.document)

    def _refuse_other_lines(self, document: Document) -> None:
        """The order's ledger says how many units of which lines are on this invoice, and has no
        part in this."""
        lines = {line.id: line.quantity for line in self._life.request.document.lines}
        if lines != {line.id: line.quantity for line in document.lines}:
            named = ", ".join(f"{plain(lines[each])} of {each}" for each in lines)
            raise refused(f"its order delivers this with it, no more and no less: {named}")

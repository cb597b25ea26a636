"""What people and services want of one order: may it be wanted now, and what it changes at once."""

from __future__ import annotations

from pydantic import ValidationError
from temporalio import workflow

from workflows.kit.asking import refuse_misplaced
from workflows.kit.endings import refused
from workflows.order.cancellation import take_back
from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from invoicing.bounds import refuse_instruction, refuse_without_room
    from invoicing.errors import TooLarge
    from invoicing.invoice import Cancel, Resolve
    from invoicing.money import plain
    from invoicing.order import CancelLines, Deliver, request_of
    from invoicing.order_case import digest, held_by
    from invoicing.order_ledger import Ledger, NotOpen


class Instructions:
    """Each is checked first, by an update's validator or a signal, and then carried out."""

    def __init__(self, life: OrderLife) -> None:
        self._life = life

    # Checks: each raises Refused with the reason

    def may_deliver(self, wanted: Deliver) -> None:
        ledger = self._if_new(wanted)
        if ledger is None:
            return
        try:
            request_of(self._life.request, wanted, ledger.held(held_by(wanted)))
        except ValidationError as error:
            detail = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in detail["loc"]) or "the delivery"
            raise refused(f"{where}: {detail['msg']}") from None

    def may_cancel_lines(self, wanted: CancelLines) -> None:
        self._if_new(wanted)

    def may_cancel(self, order: Cancel) -> None:
        self._refuse_if_ended()

    def may_resolve(self, answer: Resolve) -> None:
        refuse_misplaced(self._life.case, answer)

    # What they change

    def deliver(self, wanted: Deliver) -> None:
        """Take the lines; the story begins the invoice. The same name again is the same one."""
        life = self._life
        if held_by(wanted) not in life.case.known:
            life.case.deliver(life.request, wanted)
            what = f"delivery {wanted.delivery} asked for: {_named(wanted)}"
            life.case.note(workflow.now(), what, proven=wanted.proven)
            life.show()

    def cancel_lines(self, wanted: CancelLines) -> None:
        """Take the lines; the story cancels them."""
        life = self._life
        if held_by(wanted) not in life.case.known:
            life.case.cancel_lines(wanted)
            what = f"cancellation {wanted.cancellation} asked for: {_named(wanted)}"
            life.note(what, wanted)
            life.show()

    def cancel(self, order: Cancel) -> None:
        """Take the whole order back."""
        take_back(self._life, order)

    def resolve(self, answer: Resolve) -> None:
        """Answer the question that is open."""
        self._life.case.resolution = answer
        self._life.note(f"{answer.question} answered: {answer.answer}", answer)

    # Why not

    def _if_new(self, wanted: Deliver | CancelLines) -> Ledger | None:
        """The ledger as it would be, or None where it is known already. Refused where it cannot be
        done, or says something else."""
        case = self._life.case
        known = case.known.get(held_by(wanted))
        if known is not None:
            if known != digest(wanted):
                raise refused(f"{held_by(wanted)} was already asked for with other content")
            return None
        self._refuse_if_ended()
        if case.cancelled:
            raise refused("the order is being taken back")
        try:
            taken = case.reserved(wanted)
            refuse_instruction(wanted)
            refuse_without_room(wanted, *case.grown)
        except (NotOpen, TooLarge) as error:
            raise refused(str(error)) from None
        if why := self._life.why_not_in_parts(taken, wanted):
            raise refused(why)
        return taken

    def _refuse_if_ended(self) -> None:
        if self._life.case.outcome:
            raise refused(f"it has ended: {self._life.case.outcome}")


MOST_NAMED = 20


def _named(wanted: Deliver | CancelLines) -> str:
    lines, of = wanted.lines, wanted.quantities
    more = f" and {len(lines) - MOST_NAMED} more" if len(lines) > MOST_NAMED else ""
    named = (f"{plain(of[each])} of {each}" if each in of else each for each in lines[:MOST_NAMED])
    return ", ".join(named) + more

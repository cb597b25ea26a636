"""What people and services want of one order: may it be wanted now, and what it changes at once."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from temporalio import workflow

from workflows.kit.asking import refuse_misplaced
from workflows.kit.endings import refused
from workflows.order.cancellation import take_back
from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import TooLarge
    from invoicing.inconsistent import Inconsistent
    from invoicing.money import plain
    from invoicing.parse import problems
    from invoicing.provider import OrderPlan
    from invoicing.request import OrderRequest
    from invoicing.state.bounds import (
        refuse_instruction,
        refuse_plan,
        refuse_too_large,
        refuse_without_room,
    )
    from invoicing.state.invoice import Cancel, Resolve
    from invoicing.state.order import AddLines, CancelLines, Deliver, request_of, with_lines
    from invoicing.state.order_case import Asked, digest, held_by
    from invoicing.state.order_ledger import Ledger, NotOpen
    from invoicing.totals import totals


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

    def may_add_lines(self, wanted: AddLines) -> None:
        if not self._is_known(wanted):
            self._refuse_if_over()
            self._with_lines(wanted)

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

    def add_lines(self, wanted: AddLines) -> None:
        """Take them into the order: they are open."""
        life = self._life
        if held_by(wanted) in life.case.known:
            return
        request, plan = self._with_lines(wanted)
        life.case.add_lines(wanted, request.document, plan)
        life.grows_to(request)
        what = f"addition {wanted.addition}: {_few([line.id for line in wanted.lines])}"
        life.case.note(workflow.now(), what, proven=wanted.proven)
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
        if self._is_known(wanted):
            return None
        self._refuse_if_over()
        case = self._life.case
        try:
            taken = case.reserved(wanted)
            refuse_instruction(wanted)
            refuse_without_room(wanted, *case.grown)
        except (NotOpen, TooLarge) as error:
            raise refused(str(error)) from None
        if why := self._life.why_not_in_parts(taken, wanted):
            raise refused(why)
        return taken

    def _is_known(self, wanted: Asked) -> bool:
        """Whether it was asked for before. Refused where that said something else."""
        known = self._life.case.known.get(held_by(wanted))
        if known is not None and known != digest(wanted):
            raise refused(f"{held_by(wanted)} was already asked for with other content")
        return known is not None

    def _with_lines(self, wanted: AddLines) -> tuple[OrderRequest, OrderPlan]:
        """The order with more lines, and its plan. Refused where they do not fit, or where
        something at the provider stands against them."""
        case, order = self._life.case, self._life.request
        if case.plan is None:
            raise refused("what the provider allows is not known yet: ask again in a moment")
        if case.plan.registers:
            why = "knows the order as it was registered: make another order of these lines"
            raise refused(f"{order.provider} {why}")
        try:
            grown = with_lines(order, wanted)
            sums = totals(grown.document, case.plan.totals.rounding or "category")
            plan = case.plan.model_copy(update={"totals": sums})
            case.ledger.grown(grown.document)
            refuse_instruction(wanted)
            refuse_too_large(grown)
            refuse_plan(plan)
            refuse_without_room(wanted, *case.grown)
        except ValidationError as error:
            raise refused("; ".join(map(str, problems(error)))) from None
        except (Inconsistent, NotOpen, TooLarge) as error:
            raise refused(str(error)) from None
        return grown, plan

    def _refuse_if_over(self) -> None:
        self._refuse_if_ended()
        if self._life.case.cancelled:
            raise refused("the order is being taken back")

    def _refuse_if_ended(self) -> None:
        if self._life.case.outcome:
            raise refused(f"it has ended: {self._life.case.outcome}")


MOST_NAMED = 20


def _named(wanted: Deliver | CancelLines) -> str:
    of = wanted.quantities
    return _few([f"{plain(of[each])} of {each}" if each in of else each for each in wanted.lines])


def _few(named: Sequence[str]) -> str:
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more

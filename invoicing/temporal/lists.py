"""What lists know of invoices and orders: a moment old, and known without a worker."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Literal, get_args

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey

from invoicing.model import Recorded
from invoicing.state import attributes
from invoicing.state.identity import MONEY_WORKFLOW
from invoicing.state.invoice import Status, Waiting

CutOffWord = Literal["cut_off"]
CUT_OFF: CutOffWord = "cut_off"
"""The status of a run that the server or a person ended in the middle. It could not say so itself:
what it had said last, that it is held or sent, is not so any more."""

CUT_OFF_BY = (WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.TIMED_OUT)
IS_CUT_OFF = "ExecutionStatus IN ('Terminated', 'TimedOut')"


class Listed(Recorded):
    """One run of an invoice's or order's workflow as lists show it: known without a worker.

    `status` is the invoice's or order's, or `cut_off`. `execution` is Temporal's word for the
    workflow in small letters: `running`, `completed`, `failed`, `canceled`, `terminated`,
    `timed_out`. A reference that was begun anew has a run for each time.
    """

    reference: str
    provider: str | None = None
    account: str | None = None
    """Once the provider knows it; None: not yet, or it never did."""
    status: str | None = None
    waiting_for: str | None = None
    number: str | None = None
    provider_id: str | None = None
    due_date: date | None = None
    execution: str
    started_at: datetime
    ended_at: datetime | None = None


class Page(Recorded):
    """A part of a list. `next` gets the part after it; None: there is none."""

    rows: tuple[Listed, ...]
    next: bytes | None = None


def query(
    kind: str,
    *,
    provider: str | None = None,
    status: str | None = None,
    waiting_for: str | None = None,
    due_before: date | None = None,
    overdue_on: date | None = None,
    prefix: str | None = None,
    running: bool = False,
    with_money: bool = False,
    providers: Collection[str] = (),
    prefixes: Collection[str] = (),
) -> str:
    """What to ask of Temporal's lists for workflows of this type, narrowed by what is given; of
    `providers` and `prefixes`, where there are any, one must fit. `overdue_on`: final, due before
    that day and not paid, of those that are under way or whose money is still heard of.
    `with_money`: what hears of money, too.

    What one continue-as-new left behind is no invoice of its own.
    """
    kinds = (kind, MONEY_WORKFLOW) if overdue_on or with_money else (kind,)
    terms = [_either("WorkflowType", kinds), "ExecutionStatus != 'ContinuedAsNew'"]
    if overdue_on:
        day = attributes.midnight(overdue_on).isoformat()
        terms += [
            f"{attributes.DUE_DATE.name} < {attributes.quoted(day)}",
            f"{attributes.NUMBER.name} IS NOT NULL",
            f"{attributes.STATUS.name} NOT IN ('{Status.PAID}', '{Status.CREDITED}')",
            "ExecutionStatus = 'Running'",
        ]
    if provider:
        terms.append(_is(attributes.PROVIDER.name, provider))
    if status == CUT_OFF:
        terms.append(IS_CUT_OFF)
    elif status:
        terms.append(_is(attributes.STATUS.name, status))
    if status != CUT_OFF and (status or waiting_for):
        terms += _SPEAKS
    if waiting_for:
        terms.append(_waits(waiting_for))
    if due_before:
        day = attributes.midnight(due_before).isoformat()
        terms.append(f"{attributes.DUE_DATE.name} < {attributes.quoted(day)}")
    if prefix:
        terms.append(begins(attributes.REFERENCE.name, [prefix]))
    if providers:
        terms.append(_either(attributes.PROVIDER.name, providers))
    if prefixes:
        terms.append(begins(attributes.REFERENCE.name, prefixes))
    if running:
        terms.append("ExecutionStatus = 'Running'")
    return " AND ".join(terms)


_SPEAKS = ("ExecutionStatus != 'Terminated'", "ExecutionStatus != 'TimedOut'")
"""What was cut off has no status of its own any more, and waits for nothing."""


def begins(name: str, prefixes: Collection[str]) -> str:
    """That what has this name begins with one of these."""
    each = (f"{name} STARTS_WITH {attributes.quoted(one)}" for one in prefixes)
    return f"({' OR '.join(each)})"


def _either(name: str, values: Collection[str]) -> str:
    each = [_is(name, one) for one in values]
    return each[0] if len(each) == 1 else f"({' OR '.join(each)})"


def _is(name: str, value: str) -> str:
    return f"{name} = {attributes.quoted(value)}"


def _waits(what: str) -> str:
    """Whom, for what, or both as they are shown."""
    name = attributes.WAITING_FOR.name
    same = [_is(name, one) for one in (what, *(f"{whom}: {what}" for whom in WHOM))]
    begins = f"{name} STARTS_WITH {attributes.quoted(f'{what}: ')}"
    return f"({' OR '.join((*same, begins))})"


WHOM = get_args(Waiting.model_fields["on"].annotation)
"""Whom or what can be waited for: `provider`, `person`, `time`."""


def listed(execution: WorkflowExecution) -> Listed:
    """One row of Temporal's list, in our words."""

    def known(key: SearchAttributeKey[str]) -> str | None:
        return execution.typed_search_attributes.get(key)

    ended = execution.status in CUT_OFF_BY
    due = execution.typed_search_attributes.get(attributes.DUE_DATE)
    return Listed(
        reference=known(attributes.REFERENCE) or execution.id.partition("/")[2],
        provider=known(attributes.PROVIDER),
        account=_account(execution),
        status=CUT_OFF if ended else known(attributes.STATUS),
        waiting_for=None if ended else known(attributes.WAITING_FOR),
        number=known(attributes.NUMBER),
        provider_id=known(attributes.PROVIDER_ID),
        due_date=due and due.date(),
        execution=execution.status.name.lower() if execution.status else "unknown",
        started_at=execution.start_time,
        ended_at=execution.close_time,
    )


def _account(execution: WorkflowExecution) -> str | None:
    """Of which account it is, by the provider's names for it: they are told apart by account."""
    names = execution.typed_search_attributes.get(attributes.KEYS) or ()
    parts = (name.split("/", 2) for name in names)
    return next((each[1] for each in parts if len(each) == 3), None)

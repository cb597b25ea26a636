"""Every way an invoice comes to wait for a person, how it is mended, and how it is cancelled.

The companies here are made for it: `opened` gives one whose paces and stand-in suit the kind.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from invoicing.document import Party
from invoicing.provider import CreateCall, LookUpCall, Pace, Plan, Search, Target
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Problem, Status
from invoicing.state.questions import Answer, Reason
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from tests.examples import a_document
from tests.lifecycle.world import PACES, Company, World
from tests.patience import LONG_ENOUGH

SHORT = Pace(
    first=timedelta(milliseconds=40),
    cap=timedelta(milliseconds=100),
    deadline=timedelta(seconds=0.25),
)
NEVER = float("inf")
FOR_EVER = 10_000

CREATED, APPROVED, SENT, DELETED, CREDITED = "created", "approved", "sent", "deleted", "credited"

Park = Callable[[Company], Awaitable[str]]
Mend = Callable[[Company, str], Awaitable[None]]


async def nothing(company: Company, reference: str) -> None:
    """The cause has gone by itself."""


@dataclass(frozen=True)
class Kind:
    """One way to get stuck. `park` starts an invoice that will be, and returns its reference.

    `mend` takes the cause away, after which to try or to wait again leads to `retried` (or to
    another question, where that is what it says). `cancelled` and `taken` are what a cancel leads
    to; `asks_again` says that cancelling needs the cause mended first, and asks for it.
    """

    reason: Reason
    answers: tuple[Answer, ...]
    park: Park
    mend: Mend = nothing
    paces: Mapping[str, Any] = field(default_factory=dict)
    stand_in: Mapping[str, Any] = field(default_factory=dict)
    retried: Status = Status.SENT
    cancelled: Status = Status.CANCELLED
    taken: tuple[str, ...] = ()
    asks_again: bool = False


def once_more(problem: Problem | None) -> Answer:
    """The answer to this question that has it done, or waited for, once more."""
    assert problem is not None
    again = (Answer.RETRY, Answer.WAIT, Answer.MAKE_AGAIN)
    (answer,) = (one for one in problem.answers if one in again)
    return answer


@contextlib.asynccontextmanager
async def opened(world: World, kind: Kind) -> AsyncIterator[Company]:
    """A company in which this kind of trouble happens."""
    paces = PACES.model_copy(update=dict(kind.paces))
    async with world.company(paces=paces, **kind.stand_in) as company:
        yield company


def target(company: Company, reference: str) -> Target:
    """The invoice as a call of the adaptor names it."""
    identity = company.stand_in.invoice(reference)["id"]
    return Target(account=company.account, reference=reference, provider_id=identity)


async def drafted_behind_our_back(company: Company, request: InvoiceRequest) -> str:
    """A draft at the provider that no workflow made; its id there."""
    adaptor, plan = company.adaptor, await company.adaptor.plan(request)
    about = Target(account=company.account, reference=request.reference, context=plan.context)
    for wave in plan.look_ups:
        for look_up in wave:
            found = await adaptor.look_up(LookUpCall(target=about, look_up=look_up))
            about = about.model_copy(update={"context": {**about.context, **found.context}})
    call = CreateCall(
        target=about, document=request.document, options=request.options, totals=plan.totals
    )
    return (await adaptor.create(call)).provider_id


def blind(company: Company, *, after: int = 0) -> None:
    """From the next look but `after` on, the search cannot tell."""
    see, looks = company.adaptor.find, 0

    async def find(target: Target) -> Search:
        nonlocal looks
        looks += 1
        return Search(complete=False) if looks > after else await see(target)

    company.adaptor.find = find  # type: ignore[method-assign]


async def sees_again(company: Company, reference: str) -> None:
    """The search works again: who was in doubt looks once more after the end."""
    del company.adaptor.find  # the instance's; the class's is there again


async def _look_up_refused(company: Company) -> str:
    buyer = Party(name="Canary Energy BV", account_number="K-9999")
    return await company.start(document={"buyer": buyer})


async def _customer_arrives(company: Company, reference: str) -> None:
    company.stand_in.books.customers[zf.Customers.CANARY]["accountNumber"] = "K-9999"


def _fault(step: Step, fault: str, **where: Any) -> Park:
    async def park(company: Company) -> str:
        company.stand_in.faults.place(step, fault, **where)
        return await company.start()

    return park


async def _faults_end(company: Company, reference: str) -> None:
    company.stand_in.faults.clear()


async def _expired(company: Company) -> str:
    expire(company)
    return await company.start()


def expire(company: Company) -> None:
    """The account's secret runs out, and so do its tokens."""
    company.stand_in.assumed.secret_expired = True
    company.stand_in.revoke_tokens()


async def renew(company: Company, reference: str) -> None:
    """The account's secret is good again."""
    company.stand_in.assumed.secret_expired = False


async def _amount_mended(company: Company, reference: str) -> None:
    line = company.stand_in.books.latest(reference).lines[0]
    line.net, line.gross = line.net - Decimal("0.01"), line.gross - Decimal("0.01")


async def _lost_and_blind(company: Company) -> str:
    blind(company, after=1)
    company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="after")
    return await company.start()


async def final_behind_our_back(company: Company, request: InvoiceRequest) -> str:
    """An approved invoice at the provider that no workflow made; its id there."""
    approved = company.effects(request.reference).count(APPROVED)
    identity = await drafted_behind_our_back(company, request)
    day = {"invoice_date": company.stand_in.invoice(request.reference)["invoiceDate"]}
    await company.adaptor.approve(
        Target(
            account=company.account,
            reference=request.reference,
            provider_id=identity,
            context=day,
        )
    )
    await company.stand_in.ledger.reached(APPROVED, request.reference, count=approved + 1)
    return identity


async def _two_final(company: Company) -> str:
    request = company.request()
    await final_behind_our_back(company, request)
    await final_behind_our_back(company, request)
    return await company.start(request)


async def _one_is_credited(company: Company, reference: str) -> None:
    await company.adaptor.credit(target(company, reference))


async def _final_since_it_was_cancelled(company: Company) -> str:
    """The one asked for first is cancelled; another content is asked for, while somebody makes the
    first one final."""
    request = company.request(hold=True)
    reference = await company.start(request)
    await company.until_status(reference, Status.HELD)
    await company.cancel(reference)
    await company.finished(reference)
    await final_behind_our_back(company, request)
    other = {"hold": False, "document": a_document(notes=("another",))}
    return await company.start(request.model_copy(update=other))


async def _lost_twice_then_cut(company: Company) -> str:
    """Two creates are lost, and one invoice is found and adopted. No list is long enough to tell
    whether there is another."""
    see = company.adaptor.find

    async def find(target: Target) -> Search:
        search = await see(target)
        return search.model_copy(update={"complete": not search.invoices})

    company.adaptor.find = find  # type: ignore[method-assign]
    company.stand_in.faults.place(Step.CREATE, Fault.RESET)
    company.stand_in.faults.place(Step.CREATE, Fault.RESET, nth=2, when="after")
    return await company.start()


async def _vanished(company: Company) -> str:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    await company.adaptor.delete(target(company, reference))
    await company.release(reference)
    return reference


async def _finished_there(company: Company, reference: str) -> None:
    company.stand_in.finish(reference)


async def _could_not_be_sent(company: Company) -> str:
    reference = await company.start()
    await company.stand_in.reached(Step.SEND, when="after", within=LONG_ENOUGH)
    company.stand_in.books.latest(reference).sent = "failed"
    return reference


async def _sends_again(company: Company, reference: str) -> None:
    company.stand_in.assumed.sending_delay = 0


async def _to_be_delivered(company: Company) -> str:
    shows = company.adaptor.plan

    async def plan(request: InvoiceRequest) -> Plan:
        return await shows(request.model_copy(update={"goal": Goal.SENT}))

    company.adaptor.plan = plan  # type: ignore[method-assign]
    return await company.start(goal=Goal.DELIVERED)


def _goal(**request: Any) -> Park:
    async def park(company: Company) -> str:
        return await company.start(**request)

    return park


async def _paid(company: Company, reference: str) -> None:
    company.stand_in.pay(reference)


async def _released(company: Company, reference: str) -> None:
    await company.release(reference)


async def _not_to_be_credited(company: Company) -> str:
    reference = await company.start(goal=Goal.PAID, may_credit=False)
    await company.until_waiting(reference, "payment")
    await company.cancel(reference)
    return reference


async def _credited_by_hand(company: Company, reference: str) -> None:
    await company.adaptor.credit(target(company, reference))


_FINAL: dict[str, Any] = {"cancelled": Status.CREDITED, "taken": (CREATED, APPROVED, CREDITED)}
_AFTER_SENDING: dict[str, Any] = {
    "cancelled": Status.CREDITED,
    "taken": (CREATED, APPROVED, SENT, CREDITED),
}
_DRAFT: dict[str, Any] = {"taken": (CREATED, DELETED)}

KINDS: dict[str, Kind] = {
    "a look-up is refused": Kind(
        Reason.REJECTED,
        (Answer.RETRY, Answer.CORRECT, Answer.ABANDON),
        _look_up_refused,
        _customer_arrives,
    ),
    "the create is refused": Kind(
        Reason.REJECTED,
        (Answer.RETRY, Answer.CORRECT, Answer.ABANDON),
        _fault(Step.CREATE, Told.SUCCESS_FALSE),
    ),
    "the approval is refused": Kind(
        Reason.REJECTED,
        (Answer.RETRY, Answer.CORRECT, Answer.ABANDON),
        _fault(Step.APPROVE, Told.SUCCESS_FALSE),
        **_DRAFT,
    ),
    "the sending is refused": Kind(
        Reason.REJECTED,
        (Answer.RETRY, Answer.GO_WITHOUT, Answer.ABANDON),
        _fault(Step.SEND, Told.SUCCESS_FALSE, key="NO_TEMPLATE_FOR_EMAIL_BODY"),
        **_FINAL,
    ),
    "the amounts differ": Kind(
        Reason.AMOUNTS_DIFFER,
        (Answer.RETRY, Answer.CORRECT, Answer.ABANDON),
        _fault(Step.CREATE, Told.CHANGED_AMOUNT),
        _amount_mended,
        **_DRAFT,
    ),
    "nobody can tell whether it was created": Kind(
        Reason.MAY_EXIST,
        (Answer.ADOPT, Answer.DID_NOT_HAPPEN, Answer.RETRY, Answer.ABANDON),
        _lost_and_blind,
        sees_again,
        asks_again=True,
        **_DRAFT,
    ),
    "two carry the reference": Kind(
        Reason.SEVERAL_FOUND,
        (Answer.RETRY, Answer.ADOPT, Answer.ABANDON),
        _two_final,
        _one_is_credited,
        cancelled=Status.CREDITED,
        taken=(CREATED, APPROVED, CREDITED) * 2,
    ),
    "a final one may have an earlier content": Kind(
        Reason.OLD_CONTENT,
        (Answer.ADOPT, Answer.RETRY, Answer.ABANDON),
        _final_since_it_was_cancelled,
        _one_is_credited,
        cancelled=Status.CREDITED,
        taken=(CREATED, DELETED, CREATED, APPROVED, CREDITED),
    ),
    "nobody can search for a second one": Kind(
        Reason.CANNOT_SEARCH,
        (Answer.WAIT, Answer.ALONE, Answer.ABANDON),
        _lost_twice_then_cut,
        sees_again,
        # Once the first create can take effect no more, the one that is found is known to be alone.
        paces={"approval": SHORT, "effect": timedelta(seconds=8)},
        **_DRAFT,
    ),
    "somebody deleted the draft": Kind(
        Reason.GONE, (Answer.MAKE_AGAIN, Answer.ADOPT, Answer.ABANDON), _vanished, **_DRAFT
    ),
    "the provider stays away": Kind(
        Reason.PROVIDER_UNAVAILABLE,
        (Answer.RETRY, Answer.CORRECT, Answer.ABANDON),
        _fault(Step.CUSTOMERS, Fault.UNAVAILABLE, times=FOR_EVER),
        _faults_end,
        paces={"unavailable": SHORT.model_copy(update={"deadline": timedelta(seconds=2)})},
    ),
    "the credentials stay refused": Kind(
        Reason.CREDENTIALS_REFUSED,
        (Answer.RETRY, Answer.CORRECT, Answer.ABANDON),
        _expired,
        renew,
        paces={"credentials": SHORT.model_copy(update={"deadline": timedelta(seconds=2)})},
    ),
    "nobody understands the answer": Kind(
        Reason.NOT_UNDERSTOOD,
        (Answer.RETRY, Answer.CORRECT, Answer.ABANDON),
        _fault(Step.CUSTOMERS, Fault.NOT_JSON, times=FOR_EVER),
        _faults_end,
        paces={"unreadable": SHORT.model_copy(update={"deadline": timedelta(seconds=2)})},
    ),
    "nobody knows the status": Kind(
        Reason.UNKNOWN_STATUS,
        (Answer.WAIT, Answer.ABANDON),
        _fault(Step.READ, Told.UNKNOWN_STATUS, times=FOR_EVER),
        _faults_end,
        paces={"approval": SHORT},
        asks_again=True,
        **_DRAFT,
    ),
    "the approval fails": Kind(
        Reason.APPROVAL_FAILED,
        (Answer.RETRY, Answer.CORRECT, Answer.ABANDON),
        _fault(Step.APPROVE, Told.ERRORS_FILLED),
        **_DRAFT,
    ),
    "the approval takes too long": Kind(
        Reason.APPROVAL_OVERDUE,
        (Answer.WAIT, Answer.ABANDON),
        _goal(),
        _finished_there,
        paces={"approval": SHORT},
        stand_in={"approval_delay": NEVER},
        asks_again=True,
        **_FINAL,
    ),
    "it could not be sent": Kind(
        Reason.SENDING_FAILED,
        (Answer.RETRY, Answer.GO_WITHOUT, Answer.ABANDON),
        _could_not_be_sent,
        _sends_again,
        stand_in={"sending_delay": NEVER},
        **_FINAL,
    ),
    "the sending takes too long": Kind(
        Reason.SENDING_OVERDUE,
        (Answer.WAIT, Answer.GO_WITHOUT, Answer.ABANDON),
        _goal(),
        _finished_there,
        paces={"sending": SHORT},
        stand_in={"sending_delay": NEVER},
        **_FINAL,
    ),
    "the delivery takes too long": Kind(
        Reason.DELIVERY_OVERDUE,
        (Answer.WAIT, Answer.GO_WITHOUT, Answer.ABANDON),
        _to_be_delivered,
        paces={"delivery": SHORT},
        retried=Status.NEEDS_ATTENTION,
        **_AFTER_SENDING,
    ),
    "the payment takes too long": Kind(
        Reason.PAYMENT_OVERDUE,
        (Answer.WAIT, Answer.GO_WITHOUT, Answer.ABANDON),
        _goal(goal=Goal.PAID),
        _paid,
        paces={"payment": SHORT},
        retried=Status.PAID,
        **_AFTER_SENDING,
    ),
    "nobody releases it": Kind(
        Reason.HOLD_OVERDUE,
        (Answer.WAIT, Answer.RELEASE, Answer.ABANDON),
        _goal(hold=True),
        _released,
        paces={"hold": timedelta(seconds=0.1)},
        **_DRAFT,
    ),
    "it may not be credited": Kind(
        Reason.CANNOT_CANCEL,
        (Answer.RETRY, Answer.KEEP, Answer.ABANDON),
        _not_to_be_credited,
        _credited_by_hand,
        retried=Status.CREDITED,
        asks_again=True,
        **_AFTER_SENDING,
    ),
}

"""Questions about one invoice, and what every one of their answers has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.invoice.inheritance import leave_word
from workflows.invoice.life import Life
from workflows.kit.calls import Kind, Trouble
from workflows.kit.endings import Ended, NobodyCame, StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import FieldProblem
    from invoicing.request import InvoiceRequest
    from invoicing.state.invoice import Resolve, Status
    from invoicing.state.questions import QUESTIONS, Answer, Reason


async def ask(
    life: Life,
    reason: Reason,
    offered: Iterable[Answer],
    what: str = "",
    fields: tuple[FieldProblem, ...] = (),
) -> Answer:
    """Park until a person decides, and return the answer. The caller does what it means there.

    Raises StartOver when the provider has sent news that may settle it, and where the answer is to
    go on with another invoice or another document; Ended when a person abandons it or nobody came.
    """
    try:
        said = await life.asking.ask(
            reason,
            (*offered, Answer.ABANDON),
            life.paces.attention,
            what=what,
            fields=fields,
            settled=_settled(life, reason),
        )
    except NobodyCame:
        failure = ApplicationError("nobody came in time", type="Expired")
        raise Ended(Status.EXPIRED, failure) from None
    if said is None:
        raise StartOver
    life.unknown_calls.end("asked")
    if said.answer is Answer.ABANDON:
        raise Ended(Status.ABANDONED)
    if said.answer is Answer.ADOPT:
        _remember_to_adopt(life, said)
    if said.answer is Answer.CORRECT:
        _remember_to_correct(life, said)
    return said.answer


async def ask_about(life: Life, problem: Trouble, offered: tuple[Answer, ...]) -> Answer:
    """Ask what to do about a refusal, or about a provider that could not be asked for too long. In
    the second case only `retry` and `correct` are offered."""
    if problem.final:
        return await ask(life, Reason.REJECTED, offered, problem.message, problem.fields)
    offered = tuple(one for one in offered if one in (Answer.RETRY, Answer.CORRECT))
    reason = _OVERDUE.get(problem.kind, Reason.PROVIDER_UNAVAILABLE)
    return await ask(life, reason, offered, problem.message, problem.fields)


_OVERDUE = {
    Kind.DENIED: Reason.CREDENTIALS_REFUSED,
    Kind.UNREADABLE: Reason.NOT_UNDERSTOOD,
}
"""What is asked when something has lasted too long that is no refusal."""


def _settled(life: Life, reason: Reason) -> Callable[[], bool]:
    """A condition that ends the question: news have come that may answer it."""
    case, news = life.case, QUESTIONS[reason].news_may_settle
    last = case.seen[-1:]

    def settled() -> bool:
        # News that came during the look which led to this question have not been read yet.
        unread = news and bool(case.inbox) and case.provider_id is not None
        return unread or ((news or case.news_may_tell) and case.seen[-1:] != last)

    return settled


def corrected(request: InvoiceRequest, said: Resolve) -> InvoiceRequest:
    """The request with the document, the options or both of this answer; the rest stays. It is not
    checked: together they may be too large, or no request at all."""
    brought = {"document": said.document, "options": said.options}
    given = {name: value for name, value in brought.items() if value is not None}
    return request.model_copy(update=given)


def _remember_to_adopt(life: Life, said: Resolve) -> None:
    """Go on with the invoice that a person names, once a look has shown that it may be ours. Until
    then all that is known stands: they may have named a wrong one."""
    named = said.provider_id or ""
    life.case.adopting = (named, *life.case.doubt.others(named))
    raise StartOver


def _remember_to_correct(life: Life, said: Resolve) -> None:
    """Make it from what came with the answer: the draft there is updated, or made again."""
    life.replace(corrected(life.request, said))
    life.case.correcting = life.case.corrected = True
    leave_word(life.case)
    # Said by a person, it is recorded at once; the row of the answer's own line is older than this.
    life.note("to be made from the corrected document", said)
    raise StartOver

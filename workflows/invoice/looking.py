"""Our own invoice as it is at the provider now, and whether its figures are ours."""

from __future__ import annotations

from temporalio import workflow

from workflows.invoice.asking import ask, ask_about
from workflows.invoice.failing import asked
from workflows.invoice.life import Life
from workflows.kit.calls import Trouble
from workflows.kit.confirming import confirm
from workflows.kit.endings import Overdue

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import FieldProblem
    from invoicing.provider import Event, Figure, Pace, Snapshot, Stage
    from invoicing.state.doubt import CREATE
    from invoicing.state.echo import Expected, differences, says_how_much, says_who
    from invoicing.state.identity import digest
    from invoicing.state.questions import QUESTIONS, Answer, Reason


UNDER_WAY = (Stage.DRAFTING, Stage.APPROVING, Stage.SENDING)
"""The provider has begun something and not finished it."""

NOT_THERE = (Stage.NONE, Stage.DELETED)
"""No draft, and no invoice in law."""

GONE = (*NOT_THERE, Stage.CREDITED)
"""Nothing that is alive: what was final has been credited."""


def is_fresh(life: Life) -> bool:
    """Whether what is known of our invoice was seen in this very moment, and no news came since."""
    return life.case.doubt.fresh(workflow.now()) and not life.case.inbox


async def view(life: Life) -> Stage:
    """Read it (`look`), and answer the stage as it is now. While the provider uses a word that its
    adaptor does not know, this waits, visibly: nothing is done on such a word."""
    await look(life)
    while not life.case.known:
        await wait_for(
            life,
            f"a known status, not {life.case.provider_status!r}",
            life.paces.approval,
            Reason.UNKNOWN_STATUS,
            verb=_awaited(life),
        )
        await look(life)
    return life.case.stage


async def look(life: Life) -> None:
    """Read it, unless it was read in this very moment.

    News that come meanwhile are read as well. They may never end, so a long run continues as new
    between two reads, too.
    """
    while not is_fresh(life):
        try:
            await _read(life)
        except Trouble as problem:
            await ask_about(life, problem, (Answer.RETRY,))
        if life.case.inbox:
            life.boundary()


async def _read(life: Life) -> None:
    case = life.case
    given: tuple[Event, ...] = ()

    def read() -> tuple[workflow.ActivityHandle[Snapshot]]:
        nonlocal given
        # Until an answer has come they stay: another read, or another run, needs them again.
        given = case.inbox
        case.look_soon = False
        return (life.calls.read(life.target, given),)

    (snapshot,) = await asked(life, read)
    case.inbox = tuple(event for event in case.inbox if event not in given)
    learn(life, snapshot, seen=True)


def learn(life: Life, snapshot: Snapshot, *, seen: bool) -> None:
    """Take in what the provider said of our invoice. `seen`: as a look at it shows it now."""
    before, money = life.case.stage, life.balance
    life.case.learn(snapshot)
    if seen:
        life.case.doubt = life.case.doubt.looked_at(workflow.now())
    if life.case.stage is not before:
        life.unknown_calls.end("found")
        life.note(" · ".join(filter(None, (life.case.stage, snapshot.status))))
    if (now := life.balance) and now.word != (money.word if money else ""):
        life.note(now.sentence())


def is_foreign(life: Life, snapshot: Snapshot) -> bool:
    """Whether it states another reference than ours: then it is not ours, whatever its figures."""
    return snapshot.reference not in (None, life.request.reference)


def differing(life: Life) -> tuple[FieldProblem, ...]:
    """Everything it says that is not ours, in words."""
    case, request, plan = life.case, life.request, life.plan
    if case.echo is None:
        return (FieldProblem(field="figures", message="the provider states none"),)
    # What is being issued may state them before it has its number.
    theirs = plan.theirs if case.was_final or case.stage is Stage.APPROVING else ()
    expected = Expected.of(request.reference, request.document, plan, case.buyer)
    wrong = differences(expected, case.echo, plan.echoes)
    problems = tuple(
        FieldProblem(field=each.figure, message=str(each))
        for each in wrong
        if each.figure not in theirs
    )
    stands = (_as_stated(life, problems), _as_vouched_for(life, problems))
    return () if problems and case.tolerated in stands else problems


def may_be_tolerated(life: Life, wrong: tuple[FieldProblem, ...]) -> bool:
    """Whether a person may let them stand: days and texts, no amount, and nothing of whose invoice
    it is."""
    texts = {each for each in life.plan.said if not (says_who(each) or says_how_much(each))}
    words = {Figure.ISSUE_DATE.value, Figure.DUE_DATE.value, *texts}
    return life.case.echo is not None and all(each.field in words for each in wrong)


def tolerate(life: Life, wrong: tuple[FieldProblem, ...]) -> None:
    """Let exactly these differences stand, with what is stated now."""
    life.case.tolerated = _as_stated(life, wrong)


def vouch(life: Life, wrong: tuple[FieldProblem, ...]) -> None:
    """A person has seen our figures there, where no look shows them. That holds for the draft, or
    for what is final: what is made final is to be seen once more."""
    life.case.tolerated = _as_vouched_for(life, wrong)


def _as_vouched_for(life: Life, wrong: tuple[FieldProblem, ...]) -> str:
    return digest([_as_stated(life, wrong), "final" if life.case.was_final else "draft"])


def _as_stated(life: Life, wrong: tuple[FieldProblem, ...]) -> str:
    """A digest of these differences, and of what the provider states now."""
    said = life.case.echo.said if life.case.echo else {}
    return digest([[each.field, each.message, said.get(each.field, "")] for each in wrong])


def is_deletable(life: Life) -> bool:
    """Whether nothing has become of it yet that a deletion could not undo."""
    return life.case.stage in (Stage.NONE, Stage.DRAFTED, Stage.FAILED)


async def wait_for(
    life: Life,
    what: str,
    pace: Pace,
    overdue: Reason,
    *,
    verb: str = "",
    without: str = "",
) -> None:
    """One pause of a row; when the row is over, a person is asked whether to go on waiting.

    `verb` is the change that is waited for: where no look can show its outcome, the person may say
    that it happened. `without` is the step that the person may have us skip.

    A change that the provider has said yes to counts as under way. It is made again only when a
    person has seen that it is not.
    """
    try:
        await life.waits.pause(what, pace, lambda: bool(life.case.inbox) or life.case.look_soon)
    except Overdue:
        told = verb if life.cannot_look else ""
        offered = [Answer.WAIT]
        offered += [Answer.GO_WITHOUT] if without else []
        offered += [Answer.HAPPENED] if told else []
        offered += [Answer.DID_NOT_HAPPEN] if _was_only_promised(life, verb, overdue) else []
        sentence = f"waited for {what} as long as was planned"
        said = await ask(life, overdue, offered, sentence)
        if said is Answer.DID_NOT_HAPPEN:
            life.case.accepted = ""
        elif said is Answer.HAPPENED:
            life.case.accepted = ""
            confirm(life.case, told)
        elif said is Answer.GO_WITHOUT:
            life.case.without = (*life.case.without, without)


def _was_only_promised(life: Life, verb: str, overdue: Reason) -> bool:
    """Whether the provider has said yes to this change and shows nothing of it: it may have lost
    it. Only then may a person say that it did not happen; not while the provider shows it as under
    way."""
    said_yes = bool(verb) and verb == life.case.accepted and life.case.stage not in UNDER_WAY
    return said_yes and Answer.DID_NOT_HAPPEN in QUESTIONS[overdue].answers


def _awaited(life: Life) -> str:
    """The change whose outcome is awaited: of what was never seen in any stage, its create."""
    awaited = {Stage.DRAFTING: CREATE, Stage.APPROVING: "approve"}
    unseen = CREATE if life.case.stage is Stage.NONE else ""
    return awaited.get(life.case.stage, life.case.accepted or unseen)

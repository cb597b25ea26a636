"""Where one invoice needs two people: which instructions, and what the first of the two changes.

Two different persons, proven by a door, want the very same. Whoever comes by Temporal has proven
nothing and counts as nobody. Nothing is called or waited for here.
"""

from __future__ import annotations

from decimal import Decimal

from temporalio import workflow

from workflows.invoice.asking import corrected
from workflows.invoice.life import Life
from workflows.kit.endings import StartOver, refused

with workflow.unsafe.imports_passed_through():
    from invoicing.consent import (
        CANCEL,
        CREDIT,
        MOST_CONSENTS,
        RELEASE,
        Consented,
        CorrectedAlone,
        digest_of,
    )
    from invoicing.document import Document
    from invoicing.provider import Plan
    from invoicing.state.invoice import Cancel, Hold, Instruction, Release, Resolve
    from invoicing.state.questions import Answer
    from invoicing.totals import totals

BY_THE_RULE = Hold(by="the account's rule", reason="two people must release it")


def refuse_one_alone(life: Life, said: Instruction) -> None:
    """Raises Refused where this needs two people and cannot be one of the two."""
    kind = demanded(life, said)
    if not kind:
        return
    if not said.proven:
        raise refused(
            f"{kind} needs two people here who have proven who they are: each asks for it at the "
            "gateway, with a token of their own"
        )
    if isinstance(_meant(said), Release) and said.proven == life.case.asked_by:
        raise refused(f"{said.proven} asked for it, and cannot release it as well")
    digest = digest_of(kind, _meant(said))
    theirs = [each for each in life.case.consents if each.proven == said.proven]
    if any(each.digest == digest for each in theirs):
        raise refused(f"{said.proven} has consented to this: another person's consent is missing")
    if not _seconds(life, said, digest) and len(life.case.consents) >= MOST_CONSENTS:
        raise refused(f"{MOST_CONSENTS} first consents wait for a second: give one of these")


def agreed(life: Life, said: Instruction) -> bool:
    """Whether it may be carried out. The first of two is noted, and changes nothing else."""
    kind = demanded(life, said)
    case, meant = life.case, _meant(said)
    if not kind:
        _note_correction(life, meant)
        return True
    digest = digest_of(kind, meant)
    if _seconds(life, said, digest):
        case.consents = tuple(each for each in case.consents if each.digest != digest)
        if isinstance(meant, Release) or kind == Answer.CORRECT:
            case.corrected_alone = None
        return True
    first = Consented(
        kind=kind,
        digest=digest,
        proven=said.proven,
        by=said.by,
        at=workflow.now(),
        question=meant.question if isinstance(meant, Resolve) else "",
    )
    instead = [each for each in case.consents if (each.proven, each.kind) != (said.proven, kind)]
    case.consents = (*instead, first)
    what = f"consented to {kind}; another person's consent is missing"
    case.note(workflow.now(), what, said.by, said.reason, said.proven)
    life.show()
    return False


def hold_by_the_rule(life: Life, made: Plan) -> None:
    """Hold what the plan shows to need two people, whatever was asked for or released before: a
    request without `hold`, a corrected document, a new life."""
    life.case.consents = ()
    life.case.rule = made.consent
    if not _of_correction(life):
        life.case.corrected_alone = None
    if kind := _of_release(life):
        _count_who_corrected(life, kind)
        life.case.at_once = False
        if life.case.hold is None:
            life.case.hold = BY_THE_RULE
            life.note(f"held: {kind} needs two people")


def _note_correction(life: Life, said: Instruction) -> None:
    """Remember a correction that is taken before the rule is known: the plan will say whether one
    person was enough."""
    if not isinstance(said, Resolve) or said.answer is not Answer.CORRECT:
        return
    if life.case.rule is not None:
        return
    before = life.case.corrected_alone
    gross = dict(before.gross) if before else {}
    for document in (life.request.document, corrected(life.request, said).document):
        known = gross.get(document.currency, Decimal())
        gross[document.currency] = _larger(known, _gross(document))
    life.case.corrected_alone = CorrectedAlone(
        proven=said.proven, by=said.by, at=workflow.now(), gross=gross
    )


def _larger(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """None, which nobody knows, is larger than all."""
    return None if one is None or other is None else max(one, other, key=abs)


def _count_who_corrected(life: Life, kind: str) -> None:
    """Whoever corrected it wants it so: where that is all it is held for, one more is missing."""
    alone = life.case.corrected_alone
    if kind == Answer.CORRECT and alone and alone.proven:
        digest = digest_of(kind, Release(by=alone.by, reason="corrected"))
        first = Consented(kind=kind, digest=digest, proven=alone.proven, by=alone.by, at=alone.at)
        life.case.consents = (first,)


def stand_by_the_rule(life: Life) -> None:
    """Withdraw a cancel that was taken while nobody knew the rule, here or in an earlier life, and
    that needs two people. It is held instead, for them to decide. Raises StartOver."""
    case = life.case
    if case.cancel is None or case.cancel_agreed or not (kind := demanded(life, case.cancel)):
        return
    life.note(f"the cancel is withdrawn, and it is held: {kind} needs two people")
    case.hold = case.hold or Hold(by=BY_THE_RULE.by, reason="a cancel of it needs two people")
    life.taking_back = False
    life.keep()
    raise StartOver


def _seconds(life: Life, said: Instruction, digest: str) -> bool:
    return bool(said.proven) and any(
        each.digest == digest and each.proven != said.proven for each in life.case.consents
    )


def _meant(said: Instruction) -> Instruction:
    """A release by answer is a release."""
    if isinstance(said, Resolve) and said.answer is Answer.RELEASE:
        return Release(by=said.by, reason=said.reason, proven=said.proven)
    return said


def demanded(life: Life, said: Instruction) -> str:
    """Which kind of decision this is that needs two people; empty where one is enough."""
    said = _meant(said)
    currency = life.request.document.currency
    gross = life.case.plan.totals.gross if life.case.plan else None
    if isinstance(said, Release):
        return _of_release(life)
    if isinstance(said, Resolve):
        return _of_answer(life, said, currency, gross)
    kinds = []
    if isinstance(said, Cancel):
        kinds = [CANCEL, CREDIT] if _may_be_there(life) else [CANCEL]
    return next((kind for kind in kinds if _wants(life, kind, currency, gross)), "")


def _of_answer(life: Life, said: Resolve, currency: str, gross: Decimal | None) -> str:
    kind = said.answer.value
    if said.answer is Answer.ADOPT:
        # What it comes to is not known before it has been looked at.
        gross = None
    if _wants(life, kind, currency, gross):
        return kind
    if said.answer is Answer.CORRECT:
        document = corrected(life.request, said).document
        if _wants(life, kind, document.currency, _gross(document)):
            return kind
    return ""


def _of_release(life: Life) -> str:
    kind = CREDIT if life.request.credits else RELEASE
    gross = life.case.plan.totals.gross if life.case.plan else None
    if _wants(life, kind, life.request.document.currency, gross):
        return kind
    return _of_correction(life)


def _of_correction(life: Life) -> str:
    """`correct`, where one person corrected it before the rule was known, and it asks for two."""
    kind, alone = Answer.CORRECT.value, life.case.corrected_alone
    if alone and any(_wants(life, kind, *each) for each in alone.gross.items()):
        return kind
    return ""


def _may_be_there(life: Life) -> bool:
    """Whether taking it back may come to a credit: it may be final before the cancel arrives."""
    return life.case.provider_id is not None or life.case.in_doubt or life.in_flight


def _wants(life: Life, kind: str, currency: str, gross: Decimal | None) -> bool:
    rule = life.case.rule
    return rule is not None and rule.wants(kind, currency, gross)


def _gross(document: Document) -> Decimal | None:
    """What it comes to at most, however the provider rounds; None where it cannot be said."""
    if document.vat_rounding is not None:
        return totals(document, document.vat_rounding).gross
    return max(totals(document, "line").gross, totals(document, "category").gross, key=abs)

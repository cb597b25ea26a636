"""What a life leaves to its successor, should it be cut off, and what it finds left by another.

What people said and was not carried out yet stands in the memo: it is all that a successor can read
of a life that ended in the middle.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from invoicing.request import InvoiceRequest
    from invoicing.state.case import Case, InvoiceInput
    from invoicing.state.doubt import Doubt
    from invoicing.state.identity import CANCELLED, CORRECTED, HELD, IN_PARTS
    from invoicing.state.invoice import Cancel, Hold
    from invoicing.state.lives import Earlier

_ASKED_FOR = Hold(by="the request", reason="it asks for a release")
_BY = "an earlier life"
_CORRECTED = Hold(
    by=_BY,
    reason="a person had corrected its document: release this one, or cancel and ask for that",
)


def begun(start: InvoiceInput) -> Case:
    """The memory of a life that begins."""
    hold = _ASKED_FOR if start.hold else None
    case = Case(doubt=Doubt(), hold=hold, asked_by=start.proven)
    if start.proven:
        case.note(workflow.now(), "asked for", proven=start.proven)
    if start.earlier:
        inherit(case, start.earlier)
    return case


def leave_word(case: Case) -> None:
    """Bring the memo up to date. To be called wherever one of the words changes, never from the
    condition of a wait: nothing may be added to the history there."""
    words = {
        CANCELLED: case.cancel is not None,
        # What the request asks for its successor knows from its own.
        HELD: case.hold not in (None, _ASKED_FOR),
        CORRECTED: case.corrected,
        IN_PARTS: case.in_parts,
    }
    changed = {
        name: said
        for name, said in words.items()
        if workflow.memo_value(name, default=False, type_hint=bool) is not said
    }
    if changed:
        workflow.upsert_memo(changed)


def inherit(case: Case, earlier: Earlier) -> None:
    """Begin with what an earlier life left."""
    case.doubt = Doubt.begun_again(earlier.ended, earlier.contents)
    case.in_parts |= earlier.in_parts
    if earlier.cancelled and case.cancel is None:
        case.cancel = Cancel(by=_BY, reason="it was being taken back")
    if earlier.corrected:
        case.hold = _CORRECTED
    elif earlier.held:
        case.hold = Hold(by=_BY, reason="it was held")


def corrections_are_known(case: Case, request: InvoiceRequest) -> None:
    """What a person had corrected it to has come to light: nobody has to say which of the two is
    right."""
    if case.hold == _CORRECTED:
        case.hold = _ASKED_FOR if request.hold else None
    leave_word(case)

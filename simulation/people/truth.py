"""Which answer to a question is true, by what can be seen at the provider at that moment.

A person may put things right there first, by hand: delete a second draft, credit a second invoice,
mend a figure. What each answer claims stands in `invoicing/state/questions.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from invoicing.document import Document
from invoicing.state.questions import Answer, Reason
from simulation.provider.account import SimulatedProvider
from simulation.provider.kinds import Kind
from simulation.provider.ledger import Held, Ledger
from simulation.provider.visitors import mend, take_away

BY_HAND = "a person of ours, by hand"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is answered, and what comes with it."""

    answer: Answer
    provider_id: str | None = None
    document: Document | None = None
    number: str | None = None
    reference: str | None = None


LATER: Literal["later"] = "later"
"""Nothing can be said yet: something there is under way. Whoever was asked looks again later."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a person knows and sees who looks at one reference at the provider."""

    reference: str
    provider: SimulatedProvider
    own: Held | None
    """The invoice that the question is about, as far as it is known."""
    right: Collection[str]
    """The contents that are what was asked for last."""
    verb: str
    """The call that the question is about: as it says, else the last one that was made."""

    @property
    def ledger(self) -> Ledger:
        """What is there."""
        return self.provider.ledger

    @property
    def kind(self) -> Kind:
        """How the provider behaves."""
        return self.provider.kind

    def alive(self) -> list[Held]:
        """What is there under the reference, what has the right content first."""
        found = self.ledger.alive(self.reference)
        return sorted(found, key=lambda held: (held.content not in self.right, not held.final))

    def the_one(self) -> Held | None:
        """The invoice that should stand, if it is there."""
        found = [held for held in self.alive() if held.content in self.right]
        if self.own in found:
            return self.own
        return found[0] if found else None

    def keep_only(self, held: Held | None) -> None:
        """Take everything else away, by hand."""
        for other in self.alive():
            if other is not held and other.state in ("draft", "failed", "final"):
                take_away(self.provider, other, BY_HAND)

    def only(self, held: Held | None) -> bool:
        """Whether nothing else is there."""
        return all(other is held for other in self.alive())


Offered = Collection[Answer]


Said = Choice | Literal["later"] | None


def choose(reason: Reason, offered: Offered, sight: Sight) -> Said:
    """A true answer or a harmless one, of those that are offered; None: there is none."""
    return _TRUTHS[reason](frozenset(offered), sight)


def _first(offered: Offered, *wanted: Answer) -> Choice | None:
    return next((Choice(answer) for answer in wanted if answer in offered), None)


def _try_again(offered: Offered, sight: Sight) -> Choice | None:
    return _first(offered, Answer.RETRY, Answer.MAKE_AGAIN, Answer.WAIT, Answer.GO_WITHOUT)


def _wait(offered: Offered, sight: Sight) -> Choice | None:
    return _first(offered, Answer.WAIT, Answer.RETRY)


def _it_is_there(offered: Offered, sight: Sight) -> Choice | None:
    """Go on with the one that is there, alone; None where there is none, or it cannot be said."""
    one = sight.the_one()
    sight.keep_only(one)
    if one is None or not sight.only(one):
        return None
    if Answer.ADOPT in offered:
        return Choice(Answer.ADOPT, provider_id=one.id)
    if Answer.HAPPENED in offered:
        return Choice(Answer.HAPPENED)
    sight.keep_only(None)
    return None


def _may_exist(offered: Offered, sight: Sight) -> Said:
    there = _it_is_there(offered, sight)
    if there is not None:
        return there
    if sight.alive():
        return LATER
    return _first(offered, Answer.DID_NOT_HAPPEN, Answer.RETRY)


_SHOWN_BY: dict[str, Callable[[Held], bool]] = {
    "create": lambda held: held.state not in ("drafting", "refused", "deleted"),
    "approve": lambda held: held.state in ("final", "credited"),
    "send": lambda held: held.sent > 0,
    "delete": lambda held: held.state in ("deleted", "refused"),
    "credit": lambda held: held.state == "credited",
}


def _cannot_tell(offered: Offered, sight: Sight) -> Choice | None:
    held = sight.own
    if held is None or sight.verb not in _SHOWN_BY:
        return _first(offered, Answer.RETRY, Answer.DID_NOT_HAPPEN)
    happened = _SHOWN_BY[sight.verb](held)
    return _first(offered, Answer.HAPPENED if happened else Answer.DID_NOT_HAPPEN)


def _several(offered: Offered, sight: Sight) -> Said:
    one = sight.the_one()
    sight.keep_only(one)
    if not sight.only(one):
        return LATER
    if one is not None and Answer.ADOPT in offered and one is not sight.own:
        return Choice(Answer.ADOPT, provider_id=one.id)
    return _first(offered, Answer.RETRY, Answer.ADOPT)


def _old_content(offered: Offered, sight: Sight) -> Said:
    one = sight.the_one()
    sight.keep_only(one)
    if not sight.only(one):
        return LATER
    if one is not None and Answer.ADOPT in offered:
        return Choice(Answer.ADOPT, provider_id=one.id)
    return _first(offered, Answer.RETRY)


def _cannot_search(offered: Offered, sight: Sight) -> Choice | None:
    sight.keep_only(sight.own)
    alone = sight.only(sight.own)
    return _first(offered, *((Answer.ALONE,) if alone else ()), Answer.WAIT)


def _stray(offered: Offered, sight: Sight) -> Said:
    sight.keep_only(sight.own)
    return _first(offered, Answer.RETRY) if sight.only(sight.own) else LATER


def _gone(offered: Offered, sight: Sight) -> Said:
    one = sight.the_one()
    sight.keep_only(one)
    if one is not None and Answer.ADOPT in offered:
        return Choice(Answer.ADOPT, provider_id=one.id)
    if sight.alive():
        return LATER
    return _first(offered, Answer.MAKE_AGAIN, Answer.RETRY)


def _draft_failed(offered: Offered, sight: Sight) -> Choice | None:
    one = sight.the_one()
    sight.keep_only(one)
    if one is not None and one.state != "drafting" and Answer.HAPPENED in offered:
        return Choice(Answer.HAPPENED)
    if one is None and Answer.DID_NOT_HAPPEN in offered:
        return Choice(Answer.DID_NOT_HAPPEN)
    return _first(offered, Answer.MAKE_AGAIN, Answer.RETRY)


def _draft_overdue(offered: Offered, sight: Sight) -> Choice | None:
    one = sight.the_one()
    there = one is not None and one.state not in ("drafting", "refused")
    return _first(offered, *((Answer.HAPPENED,) if there else ()), Answer.WAIT)


def _amounts(offered: Offered, sight: Sight) -> Choice | None:
    if sight.own is not None and sight.own.content not in sight.right:
        return None
    if sight.own is not None and sight.own.state == "draft":
        mend(sight.provider, sight.own, BY_HAND)
    return _first(offered, Answer.RETRY, Answer.WAIT, Answer.HAPPENED)


def _approval(offered: Offered, sight: Sight) -> Choice | None:
    final = sight.own is not None and sight.own.final
    if final and Answer.HAPPENED in offered:
        return Choice(Answer.HAPPENED)
    return _first(offered, Answer.WAIT, Answer.RETRY)


def _sending(offered: Offered, sight: Sight) -> Choice | None:
    sent = sight.own is not None and sight.own.sent > 0
    if sent and Answer.HAPPENED in offered:
        return Choice(Answer.HAPPENED)
    return _first(offered, Answer.WAIT, Answer.RETRY, Answer.GO_WITHOUT)


def _cannot_cancel(offered: Offered, sight: Sight) -> Choice | None:
    if Answer.HAPPENED in offered:
        sight.keep_only(None)
    if not sight.alive() and Answer.HAPPENED in offered:
        return Choice(Answer.HAPPENED)
    if sight.own is not None and sight.own.final:
        return _first(offered, Answer.KEEP, Answer.WAIT, Answer.RETRY)
    return _first(offered, Answer.RETRY, Answer.WAIT)


def _follow_no_further(offered: Offered, sight: Sight) -> Choice | None:
    return _first(offered, Answer.GO_WITHOUT, Answer.WAIT)


def _release(offered: Offered, sight: Sight) -> Choice | None:
    return _first(offered, Answer.RELEASE, Answer.WAIT)


_TRUTHS: dict[Reason, Callable[[Offered, Sight], Said]] = {
    Reason.REJECTED: _try_again,
    Reason.PROVIDER_UNAVAILABLE: _try_again,
    Reason.UNKNOWN_STATUS: _wait,
    Reason.MAY_EXIST: _may_exist,
    Reason.CANNOT_TELL: _cannot_tell,
    Reason.SEVERAL_FOUND: _several,
    Reason.OLD_CONTENT: _old_content,
    Reason.CANNOT_SEARCH: _cannot_search,
    Reason.STRAY_FOUND: _stray,
    Reason.GONE: _gone,
    Reason.DRAFT_FAILED: _draft_failed,
    Reason.DRAFT_OVERDUE: _draft_overdue,
    Reason.AMOUNTS_DIFFER: _amounts,
    Reason.APPROVAL_FAILED: _approval,
    Reason.APPROVAL_OVERDUE: _approval,
    Reason.SENDING_FAILED: _sending,
    Reason.SENDING_OVERDUE: _sending,
    Reason.DELIVERY_OVERDUE: _follow_no_further,
    Reason.PAYMENT_OVERDUE: _follow_no_further,
    Reason.HOLD_OVERDUE: _release,
    Reason.CANNOT_CANCEL: _cannot_cancel,
}


def choose_for_an_order(
    reason: Reason, offered: Offered, invoices: list[Held], known: bool, provider: SimulatedProvider
) -> Choice | None:
    """As `choose`, of an order. `invoices` are those that its unclear deliveries made, `known` says
    whether the provider has the order."""
    if reason is Reason.DELIVERY_UNCLEAR:
        final = [held for held in invoices if held.final]
        if final:
            return Choice(Answer.INVOICED, number=final[0].number)
        for held in invoices:
            if held.alive:
                take_away(provider, held, BY_HAND)
        return _first(offered, Answer.FREE)
    if (
        reason in (Reason.ORDER_OVERDUE, Reason.ORDER_REFUSED)
        and known
        and Answer.HAPPENED in offered
    ):
        return Choice(Answer.HAPPENED)
    return _first(offered, Answer.MAKE_AGAIN, Answer.RETRY, Answer.WAIT)


def choose_for_a_credit(
    offered: Offered, notes: list[Held], provider: SimulatedProvider
) -> Choice | None:
    """As `choose`, of the credits of an invoice. `notes` are those that the unclear credit made."""
    final = [held for held in notes if held.final]
    if final:
        return Choice(Answer.INVOICED, number=final[0].number)
    for held in notes:
        if held.alive:
            take_away(provider, held, BY_HAND)
    return _first(offered, Answer.FREE)


def choose_for_an_event(offered: Offered, reference: str | None) -> Choice | None:
    """As `choose`, of an event: it is about the invoice with this reference, or about nobody."""
    if reference is not None and Answer.DELIVER in offered:
        return Choice(Answer.DELIVER, reference=reference)
    return _first(offered, Answer.DROP, Answer.RETRY)

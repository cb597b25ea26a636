"""What may exist or happen at the provider without our having seen it: the one value that decides
about money.

It knows every call whose effect is not certain, with what content each was made, what was looked at
and when, and what the last search proved. From that follow the answers at the end of the class: may
it be created, must we search first, is ours the only one, may it be sent now, how long must we go
on looking. Nothing else says anything about doubt. Continue-as-new carries it whole; a successor
begins with what the memo keeps of it (`begun_again`).

Pure: a transition returns a new value, and the clock is an argument. A transition makes no call and
no search: it notes that one was made.

    asked ─┬─ answered ─▸ certain, gone
           ├─ refused ──▸ refused, not taken on trust ┐
           └─ lost ─────▸ unknown ────────────────────┼─ seen, absent for good, denied ─▸ gone
    a life that ended in the middle ─▸ inherited ─────┘
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from invoicing.model import Recorded
from invoicing.provider import Stage

CREATE = "create"
UPDATE = "update"
SEND = "send"
CREDIT = "credit"
NOT_TWICE = (SEND, CREDIT)
"""Changes that a provider may make as often as it is asked: the buyer has the invoice twice, or two
credit notes. Of the others the second finds that it has happened."""
MOST_CALLS = 40
"""Calls of one kind and content count as one. What still exceeds this is put together into the
oldest, as content that is not known: never less doubt than before."""

MOST_FOUND = 50
"""Ids of one search that are remembered, ours first: one more than ours is a question anyway."""

UNKNOWN_CONTENT = ""
"""The content of what an earlier life asked for and left no word of: never that of today."""


class Fate(StrEnum):
    """What is known of a call whose effect is not certain."""

    ASKED = "asked"
    """Under way: no answer yet."""
    UNKNOWN = "unknown"
    """Its answer was lost."""
    REFUSED = "refused"
    """The provider said no, and its word alone proves nothing."""
    INHERITED = "inherited"
    """An earlier life of this reference may have made it."""


class Call(Recorded):
    """One call, or several alike, that may have had an effect that nobody has seen."""

    verb: str
    content: str
    """A digest of what was asked for."""
    at: datetime
    """When it was made last; where its answer was lost, when that was known."""
    fate: Fate = Fate.ASKED
    times: int = 1
    """How many alike this stands for."""
    denied: datetime | None = None
    """When a person said, after looking, that it had no effect."""


class Searched(Recorded):
    """What the last search for our reference proved."""

    at: datetime
    complete: bool
    found: tuple[str, ...] = ()


class Doubt(Recorded):
    """One reference's doubt. `effect` is how long after it was made a call may take effect."""

    calls: tuple[Call, ...] = ()
    effect: timedelta = timedelta(minutes=30)
    looked: datetime | None = None
    """When our own invoice was seen last, with nothing waited for since."""
    searched: Searched | None = None
    foreign: tuple[str, ...] = ()
    """Ids that a search may show and that are no matter: none of ours, as a person said, or taken
    back."""
    declined_at: datetime | None = None
    """When a change of our invoice was refused last, and that was taken on trust."""
    watched: bool = False
    """Whether a create was ever uncertain: then it is searched for once more after the end."""

    # Transitions

    @classmethod
    def begun_again(cls, ended: datetime, contents: Iterable[str]) -> Doubt:
        """A successor's: each content that an earlier life may have asked for is in doubt, and
        whether it had asked to have it sent."""
        asked = [(CREATE, each) for each in dict.fromkeys(contents)]
        calls = (
            Call(verb=verb, content=each, at=ended, fate=Fate.INHERITED)
            for verb, each in (*asked, (SEND, UNKNOWN_CONTENT))
        )
        return cls(calls=_bounded(calls), watched=True)

    def begun(self, verb: str, at: datetime) -> Doubt:
        """An earlier life may have had this change made of the invoice that it knew."""
        call = Call(verb=verb, content=UNKNOWN_CONTENT, at=at, fate=Fate.INHERITED)
        return self.model_copy(update={"calls": _bounded((*self.calls, call))})

    def planned(self, effect: timedelta) -> Doubt:
        """The plan says how long a call may still take effect."""
        return self.model_copy(update={"effect": effect})

    def asked(self, verb: str, content: str, at: datetime) -> Doubt:
        """A call goes out. Until its answer is in, it may have had an effect."""
        call = Call(verb=verb, content=content, at=at)
        return self.model_copy(update={"calls": _bounded((*self.calls, call)), "looked": None})

    def answered(self, verb: str) -> Doubt:
        """The call under way has answered yes, or was certainly never sent: there is no doubt about
        that one."""
        return _without(self, lambda one: one.verb == verb and one.fate is Fate.ASKED)

    def lost(self, verb: str, at: datetime) -> Doubt:
        """The call under way has no answer, or none that can be understood."""
        return _ended(self, verb, at, Fate.UNKNOWN)

    def refused(self, verb: str, at: datetime) -> Doubt:
        """The call under way was refused, by a word that is not taken on trust."""
        return _ended(self, verb, at, Fate.REFUSED)

    def declined(self, verb: str, at: datetime) -> Doubt:
        """The call under way was refused, and that is taken on trust: should it take effect all the
        same, it does what was wanted. Not so once the draft has other content: see `may_update`."""
        return self.answered(verb).model_copy(update={"declined_at": at})

    def missed(self, content: str, at: datetime) -> Doubt:
        """Our own invoice, made from this content, is said to be gone, and not by us. It may come
        to light again, so nothing is made in its place unseen."""
        call = Call(verb=CREATE, content=content, at=at, fate=Fate.UNKNOWN)
        return self.model_copy(update={"calls": _bounded((*self.calls, call)), "watched": True})

    def looked_at(self, at: datetime | None) -> Doubt:
        """Our own invoice has just been seen as it is. None: something was waited for since, so
        that it may no longer be so."""
        return self if self.looked == at else self.model_copy(update={"looked": at})

    def search(
        self, at: datetime, own: str | None, found: Collection[str], *, complete: bool
    ) -> Doubt:
        """The provider was searched for our reference, when ours had the id `own`.

        A create that can no longer take effect is seen by a complete search that shows ours, or
        never happened: where such a search shows no other, nothing is in doubt but what is recent.
        """
        shown = sorted(found, key=lambda one: one != own)[:MOST_FOUND]
        searched = Searched(at=at, complete=complete, found=tuple(shown))
        doubt = self.model_copy(update={"searched": searched})
        if not complete or (own is not None and own not in found) or doubt.others(own):
            return doubt
        return _without(doubt, lambda one: one.verb == CREATE and one.at + self.effect < at)

    def saw(self, verb: str) -> Doubt:
        """The effect of this change shows, or a person has seen it. It does not matter which call
        had it: none of this kind is in doubt any more."""
        return _without(self, lambda one: one.verb == verb)

    def found_one(self) -> Doubt:
        """An invoice of ours has come to light. Where just one create was uncertain, this is what
        it did, and nothing else can come of it."""
        creates = [one for one in self.calls if one.verb == CREATE]
        certain = [one.times for one in creates if one.fate is not Fate.INHERITED] == [1]
        return self.saw(CREATE) if certain and len(creates) == 1 else self

    def drafted(self) -> Doubt:
        """Our invoice is seen as a draft: no earlier life has sent it. What is sent is final."""
        return _without(self, lambda one: one.verb == SEND and one.fate is Fate.INHERITED)

    def fenced(self) -> Doubt:
        """Our invoice is deleted or credited: no change of it can take effect any more."""
        return _without(self, lambda one: one.verb != CREATE)

    def denied(self, verb: str, at: datetime, foreign: Collection[str] = ()) -> Doubt:
        """A person has looked and says that it has not happened. For a while it still may: `until`
        goes on. `foreign` are ids that they have seen, and that are none of ours."""
        calls = tuple(
            one.model_copy(update={"denied": at}) if one.verb == verb else one for one in self.calls
        )
        return self.model_copy(update={"calls": calls}).without(foreign)

    def without(self, ids: Collection[str]) -> Doubt:
        """These are no matter any more, also where a list that is late still shows them."""
        known = tuple(dict.fromkeys((*self.foreign, *ids)))[-MOST_CALLS:]
        return self if known == self.foreign else self.model_copy(update={"foreign": known})

    def given_up(self) -> Doubt:
        """We leave this invoice for another one of the same reference. Changes of the one we leave
        are no longer in doubt; creates are, and what the last search showed stays known."""
        doubt = _without(self, lambda one: one.verb != CREATE)
        return doubt.model_copy(update={"looked": None, "declined_at": None})

    # Answers

    def unanswered(self, verb: str) -> bool:
        """Whether a call of this kind is in doubt that no person has denied since."""
        return any(one.verb == verb and not _was_denied(one) for one in self.calls)

    def in_question(self, verb: str, own: str | None) -> bool:
        """Whether people must be told that there may be more than `own`: a call was lost; or one
        was refused, and no complete search has borne that out since."""
        seen = self.searched
        borne_out = seen.at if seen and seen.complete and not self.others(own) else None
        return any(
            one.verb == verb
            and not _was_denied(one)
            and not (one.fate is Fate.REFUSED and borne_out and one.at <= borne_out)
            for one in self.calls
        )

    def fresh(self, now: datetime) -> bool:
        """Whether what was seen of our invoice is so now: nothing was waited for since."""
        return self.looked == now

    def may_still(self, verb: str, now: datetime) -> bool:
        """Whether an uncertain call of this kind may yet take effect."""
        return any(one.verb == verb and now < one.at + self.effect for one in self.calls)

    def until(self, verb: str) -> datetime | None:
        """When the last uncertain call of this kind can no longer take effect; None: there is
        none, or a person has looked after that time."""
        ends = (
            one.at + self.effect
            for one in self.calls
            if one.verb == verb and not (one.denied and one.denied >= one.at + self.effect)
        )
        return max(ends, default=None)

    def absent(self, now: datetime) -> bool:
        """Whether it is known at this very moment that nothing of ours is there: by a complete
        search that shows none, or by a person's word after the last call."""
        found = self.searched
        seen = found is not None and found.at == now and found.complete
        empty = found is not None and not set(found.found) - set(self.foreign)
        denied = any(one.verb == CREATE for one in self.calls) and not self.unanswered(CREATE)
        return (seen and empty) or denied

    def alone(self, own: str | None, now: datetime, within: timedelta) -> bool:
        """Whether no second invoice of ours is there: it was never in doubt; or a search not older
        than `within` was complete, showed our own (None: ours is gone) and no other; or a person
        has said so."""
        if self.others(own):
            return False
        if not self.unanswered(CREATE):
            return True
        found = self.searched
        if found is None or not found.complete or now - found.at > within:
            return False
        return own is None or own in found.found

    def others(self, own: str | None) -> tuple[str, ...]:
        """What the last search showed besides our own, less what is none of ours."""
        found = self.searched.found if self.searched else ()
        return tuple(one for one in found if one != own and one not in self.foreign)

    def is_of(self, content: str) -> bool:
        """Whether an invoice with our reference can only have this content: no create with other
        content is in doubt."""
        return all(one.content == content for one in self.calls if one.verb == CREATE)

    def may_update(self, content: str, now: datetime) -> bool:
        """Whether a draft may be given this content where it stands: no other change of it may
        still take effect, which would find the new content or take its place. The same update may:
        it changes nothing more."""
        declined = self.declined_at is not None and now < self.declined_at + self.effect
        return not declined and all(
            one.verb == CREATE
            or (one.verb == UPDATE and one.content == content)
            or now >= one.at + self.effect
            for one in self.calls
        )


def _ended(doubt: Doubt, verb: str, at: datetime, fate: Fate) -> Doubt:
    calls = (
        one.model_copy(update={"fate": fate, "at": at})
        if one.verb == verb and one.fate is Fate.ASKED
        else one
        for one in doubt.calls
    )
    watched = doubt.watched or verb == CREATE
    return doubt.model_copy(update={"calls": _bounded(calls), "watched": watched})


def _without(doubt: Doubt, certain: Callable[[Call], bool]) -> Doubt:
    calls = tuple(one for one in doubt.calls if not certain(one))
    return doubt if calls == doubt.calls else doubt.model_copy(update={"calls": calls})


def _bounded(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Calls of one verb, content and fate become one, with the time of the last; see
    MOST_CALLS."""
    alike: dict[tuple[str, str, Fate], Call] = {}
    for one in calls:
        before = alike.pop((one.verb, one.content, one.fate), None)
        times = one.times + (before.times if before else 0)
        alike[one.verb, one.content, one.fate] = one.model_copy(update={"times": times})
    kept = tuple(alike.values())
    if (over := len(kept) - MOST_CALLS) > 0:
        kept = (*_merged(kept[: over + 1]), *kept[over + 1 :])
    return kept


def _merged(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """One for each verb, of a content that nobody knows."""
    latest: dict[str, Call] = {}
    for one in calls:
        before = latest.get(one.verb)
        at = max(one.at, before.at) if before else one.at
        times = one.times + (before.times if before else 0)
        latest[one.verb] = Call(
            verb=one.verb, content=UNKNOWN_CONTENT, at=at, fate=Fate.UNKNOWN, times=times
        )
    return tuple(latest.values())


def _was_denied(call: Call) -> bool:
    return call.denied is not None and call.denied >= call.at


SHOWS: dict[str, frozenset[Stage]] = {
    "approve": frozenset(
        {Stage.APPROVED, Stage.SENDING, Stage.SENT, Stage.DELIVERED, Stage.CREDITED}
    ),
    "send": frozenset({Stage.SENT, Stage.DELIVERED}),
    "delete": frozenset({Stage.DELETED, Stage.NONE}),
    "credit": frozenset({Stage.CREDITED}),
}
"""At which stages the effect of a change shows."""

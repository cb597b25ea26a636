"""The one value that decides about money: its rules by name, and its laws against a small world in
which calls take effect when nobody looks."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from invoicing.state.doubt import CREATE, MOST_CALLS, UNKNOWN_CONTENT, Doubt, Fate
from tests.tiers import THOROUGH

EFFECT = timedelta(minutes=30)
START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RECENT = timedelta(seconds=30)


def lost(content: str = "A", at: datetime = START) -> Doubt:
    """One create, and no answer."""
    return Doubt(effect=EFFECT).asked(CREATE, content, at).lost(CREATE, at)


def test_a_call_is_in_doubt_from_the_moment_it_goes_out() -> None:
    assert not Doubt().unanswered(CREATE)
    assert Doubt().asked(CREATE, "A", START).unanswered(CREATE)


def test_an_answer_clears_up_the_call_under_way_and_no_earlier_one() -> None:
    again = lost().asked(CREATE, "A", START + MINUTE)
    assert again.answered(CREATE).unanswered(CREATE)
    assert not Doubt().asked(CREATE, "A", START).answered(CREATE).unanswered(CREATE)


def test_a_refusal_is_not_taken_on_trust() -> None:
    refused = Doubt(effect=EFFECT).asked(CREATE, "A", START).refused(CREATE, START)
    assert refused.unanswered(CREATE)
    assert refused.watched


def test_an_empty_search_shows_that_nothing_is_there_at_that_moment_alone() -> None:
    searched = lost().search(START + SECOND, None, (), complete=True)
    assert searched.absent(START + SECOND)
    assert not searched.absent(START + 2 * SECOND)


def test_an_incomplete_search_proves_nothing() -> None:
    searched = lost().search(START + SECOND, None, (), complete=False)
    assert not searched.absent(START + SECOND)
    assert not searched.alone("own", START + SECOND, RECENT)


def test_a_search_that_does_not_show_our_own_proves_nothing() -> None:
    late = START + EFFECT + MINUTE
    searched = lost().search(late, "own", (), complete=True)
    assert not searched.alone("own", late, RECENT)
    assert searched.unanswered(CREATE)


def test_a_search_that_shows_our_own_and_no_other_shows_that_it_is_alone_for_a_while() -> None:
    searched = lost().search(START + SECOND, "own", ("own",), complete=True)
    assert searched.alone("own", START + SECOND, RECENT)
    assert searched.alone("own", START + SECOND + RECENT, RECENT)
    assert not searched.alone("own", START + 2 * SECOND + RECENT, RECENT)


def test_another_one_is_seen_until_a_person_says_that_it_is_none_of_ours() -> None:
    searched = lost().search(START + SECOND, "own", ("own", "x"), complete=True)
    assert not searched.alone("own", START + SECOND, RECENT)
    assert searched.others("own") == ("x",)
    told = searched.denied(CREATE, START + SECOND, ("x",))
    assert told.alone("own", START + SECOND, RECENT)
    assert told.others("own") == ()


def test_after_a_complete_search_only_what_is_recent_is_in_doubt() -> None:
    late = START + EFFECT + SECOND
    both = lost("A").asked(CREATE, "B", late).lost(CREATE, late)
    searched = both.search(late + SECOND, "own", ("own",), complete=True)
    assert [one.content for one in searched.calls] == ["B"]
    assert searched.until(CREATE) == late + EFFECT


def test_a_persons_word_holds_for_what_was_asked_before_it() -> None:
    denied = lost().denied(CREATE, START + MINUTE)
    assert denied.absent(START + MINUTE)
    again = denied.asked(CREATE, "A", START + 2 * MINUTE).lost(CREATE, START + 2 * MINUTE)
    assert not again.absent(START + 2 * MINUTE)


def test_a_person_denies_no_call_that_was_still_under_way() -> None:
    denied = lost().asked(CREATE, "B", START + SECOND).denied(CREATE, START + MINUTE)
    later = denied.lost(CREATE, START + 2 * MINUTE)
    assert later.unanswered(CREATE)
    assert not later.absent(START + 2 * MINUTE)


def test_what_a_person_denied_may_still_come_late() -> None:
    denied = lost().denied(CREATE, START + MINUTE)
    assert denied.may_still(CREATE, START + 2 * MINUTE)
    assert not denied.may_still(CREATE, START + EFFECT)


def test_what_a_person_denies_when_its_time_is_over_need_not_be_looked_for() -> None:
    assert lost().denied(CREATE, START + MINUTE).until(CREATE) == START + EFFECT
    assert lost().denied(CREATE, START + EFFECT).until(CREATE) is None


def test_old_content_is_never_taken_for_new() -> None:
    old = lost("A").given_up()
    assert old.is_of("A")
    assert not old.is_of("B")
    assert not old.asked(CREATE, "B", START + MINUTE).is_of("B")


def test_a_successor_inherits_every_content_that_an_earlier_life_asked_for() -> None:
    began = Doubt.begun_again(START, ("A", "B", "A"))
    assert began.unanswered(CREATE)
    assert not began.is_of("B")
    assert {one.fate for one in began.calls} == {Fate.INHERITED}
    assert Doubt.begun_again(START, ("A",)).is_of("A")
    assert not Doubt.begun_again(START, (UNKNOWN_CONTENT,)).is_of("A")


def test_what_was_seen_is_fresh_in_that_moment_and_until_something_goes_out() -> None:
    seen = Doubt().looked_at(START)
    assert seen.fresh(START)
    assert not seen.fresh(START + SECOND)
    assert not seen.asked("approve", "A", START).fresh(START)
    assert not seen.looked_at(None).fresh(START)


def test_what_is_deleted_or_credited_can_be_changed_by_no_late_call() -> None:
    both = lost().asked("send", "A", START).lost("send", START)
    fenced = both.fenced()
    assert not fenced.may_still("send", START)
    assert fenced.may_still(CREATE, START)


def test_to_give_up_an_invoice_forgets_its_changes_and_no_create() -> None:
    both = lost().asked("approve", "A", START).lost("approve", START)
    left = both.search(START, None, ("x",), complete=True).given_up()
    assert [one.verb for one in left.calls] == [CREATE]
    assert left.others(None) == ("x",)


def test_what_one_lost_create_did_is_cleared_up_when_it_is_found() -> None:
    assert lost().found_one().calls == ()


def test_what_may_be_of_one_of_several_creates_clears_up_none() -> None:
    twice = lost().asked(CREATE, "A", START + MINUTE).lost(CREATE, START + MINUTE)
    assert twice.found_one() == twice
    assert [one.times for one in twice.calls] == [2]
    inherited = Doubt.begun_again(START, ("A",))
    assert inherited.found_one() == inherited


def test_however_many_contents_were_asked_for_the_doubt_stays_small() -> None:
    doubt = Doubt(effect=EFFECT)
    for number in range(5 * MOST_CALLS):
        at = START + number * SECOND
        doubt = doubt.asked(CREATE, f"content {number}", at).lost(CREATE, at)
    assert len(doubt.calls) <= MOST_CALLS + 1
    assert not doubt.is_of(f"content {5 * MOST_CALLS - 1}")
    assert doubt.until(CREATE) == START + (5 * MOST_CALLS - 1) * SECOND + EFFECT


@dataclasses.dataclass
class There:
    """One invoice that a create makes, now or later."""

    id: str
    content: str
    lands: datetime


class AgainstAWorld(RuleBasedStateMachine):
    """Creates whose answers are lost take effect at any time within `EFFECT`, and the value never
    says that all is well while one of them is there or may come."""

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.doubt = Doubt(effect=EFFECT)
        self.made: list[There] = []
        self.own: str | None = None
        self.denied = False

    def _landed(self) -> list[There]:
        return [one for one in self.made if one.lands <= self.now]

    def _ask(self, content: str, delay: timedelta | None) -> None:
        self.doubt = self.doubt.asked(CREATE, content, self.now)
        if delay is not None:
            there = There(f"i{len(self.made)}", content, self.now + delay)
            self.made.append(there)

    @rule(content=st.sampled_from("AB"))
    def a_create_is_answered(self, content: str) -> None:
        if self.own is None:
            self._ask(content, timedelta())
            self.doubt = self.doubt.answered(CREATE)
            self.own = self.made[-1].id

    @rule(content=st.sampled_from("AB"), late=st.none() | st.integers(0, 1799))
    def a_create_is_lost(self, content: str, late: int | None) -> None:
        self._ask(content, None if late is None else late * SECOND)
        self.doubt = self.doubt.lost(CREATE, self.now)

    @rule(content=st.sampled_from("AB"), late=st.none() | st.integers(0, 1799))
    def a_create_is_refused(self, content: str, late: int | None) -> None:
        self._ask(content, None if late is None else late * SECOND)
        self.doubt = self.doubt.refused(CREATE, self.now)

    @rule(seconds=st.integers(1, 2400))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(complete=st.booleans(), lag=st.sampled_from([0, 0, 0, 60]))
    def it_is_searched(self, complete: bool, lag: int) -> None:
        shown = [one.id for one in self._landed() if one.lands <= self.now - lag * SECOND]
        own_there = self.own in shown
        self.doubt = self.doubt.search(self.now, self.own, shown, complete=complete)
        others = [one for one in self._landed() if one.id != self.own]
        if others and lag == 0:
            assert not self.doubt.alone(self.own, self.now, RECENT)
        if not complete or (self.own is not None and not own_there):
            unknown = self.doubt.unanswered(CREATE)
            assert not (unknown and self.doubt.alone(self.own, self.now, RECENT))

    @rule()
    def it_continues_as_new(self) -> None:
        self.doubt = Doubt.model_validate_json(self.doubt.model_dump_json())

    @precondition(lambda self: self.own is not None)
    @rule()
    def ours_is_deleted_and_given_up(self) -> None:
        self.made = [one for one in self.made if one.id != self.own]
        self.own = None
        self.doubt = self.doubt.given_up()

    @invariant()
    def whatever_may_still_come_is_waited_for(self) -> None:
        coming = [one.lands for one in getattr(self, "made", ()) if one.lands > self.now]
        if coming:
            until = self.doubt.until(CREATE)
            assert until is not None
            assert until >= max(coming)

    @invariant()
    def what_may_still_come_with_other_content_is_known(self) -> None:
        for one in getattr(self, "made", ()):
            if one.lands > self.now:
                other = "B" if one.content == "A" else "A"
                assert not self.doubt.is_of(other)


TestAgainstAWorld = AgainstAWorld.TestCase
TestAgainstAWorld.settings = settings(max_examples=400 if THOROUGH else 60, stateful_step_count=25)

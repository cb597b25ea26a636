"""Credits in virtual time: at once, crossed by a cancel, cut off, lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from invoicing.request import Goal, InvoiceRequest
from simulation.decisions import (
    Act,
    CallFault,
    Crediting,
    Decision,
    Fails,
    Meddling,
    StrangeWord,
    Trigger,
    Trouble,
)
from simulation.documents import document
from simulation.drawing import Life
from simulation.life import Lived, live
from simulation.provider.account import NAME
from simulation.provider.kinds import Kind
from tests.tiers import chosen

NOTHING = timedelta()
REFERENCE = "I-1"
HOUR = timedelta(hours=1)
CALM = Kind(
    memory="looks",
    search="complete",
    lag=NOTHING,
    find_first=True,
    sent_by="send",
    confirms_late=NOTHING,
    approves_late=NOTHING,
    sends_late=NOTHING,
    news="none",
    states_reference=True,
    credits=True,
    deletes=True,
    echoes=True,
    registers=False,
    attaches=False,
    looks_up=0,
    already="same",
    takes_credits="parts",
)


def lived(*decisions: Decision, goal: Goal = Goal.SENT, beat: float = 0.3) -> Lived:
    """An invoice of L1 (1 unit), L2 (2 units) and L3 (3 units), and what people do about it. Of
    `beat` 0.8, calls take two seconds."""
    request = InvoiceRequest(
        reference=REFERENCE, provider=NAME, goal=goal, document=document(3), may_credit=True
    )
    life = Life(
        seed=7,
        kind=CALM,
        requests=(request,),
        starts=(NOTHING,) * 9,
        releases=(HOUR,),
        order=None,
        delivered=(),
        pays_after=timedelta(days=4),
        rhythm=(beat,) * 17,
        decisions=decisions,
    )
    done = live(life)
    assert done.violations == [], done.story
    return done


def said(done: Lived, what: str) -> int:
    """How often the story says this."""
    return sum(what in line for _, line in done.story)


def at(moment: timedelta) -> Trigger:
    return Trigger("", 1, moment)


def lines(name: str, quantity: int, moment: timedelta = HOUR, line: int = 2) -> Crediting:
    return Crediting(at(moment), "lines", name, line=line, quantity=quantity)


# Every moment is tried in the thorough tier: most go the same way, and `make prove` draws others.
MOMENTS = chosen([timedelta(milliseconds=each) for each in range(-400, 401, 40)], 4)


def test_of_three_units_three_people_get_no_more_than_three() -> None:
    done = lived(lines("A", 2), lines("B", 2), lines("C", 1))
    assert (said(done, "is taken"), said(done, "is refused")) == (2, 1)


def test_the_same_name_twice_at_once_is_one_credit() -> None:
    done = lived(Crediting(at(HOUR), "lines", "A", line=2, quantity=1, twice=True))
    assert said(done, "credit A is taken") == 2
    assert said(done, "is there") == 2  # The invoice, and one note.


def test_parts_and_the_rest_come_to_the_invoice() -> None:
    rest = Crediting(at(HOUR * 3), "whole", "D")
    done = lived(lines("A", 1), lines("B", 1, HOUR * 2), rest)
    assert said(done, "is taken") == 3
    assert said(done, "is there") == 4


def test_an_invoice_of_which_nothing_is_left_to_be_paid_waits_for_no_payment() -> None:
    """All of it was credited, by two notes: that is its end, and the judge knows of no payment."""
    rest = Crediting(at(HOUR * 3), "whole", "D")
    done = lived(lines("A", 1), rest, goal=Goal.PAID)
    assert said(done, "is there") == 3
    assert not said(done, "is paid"), done.story


@pytest.mark.parametrize("by_signal", [False, True])
@pytest.mark.parametrize("apart", MOMENTS, ids=str)
def test_a_cancel_and_a_credit_at_once_do_not_both_take_it_back(
    apart: timedelta, by_signal: bool
) -> None:
    """Whichever comes first: the whole by the cancel, or the part by its note."""
    cancel = Act(at(HOUR), "cancel", by_signal=by_signal)
    done = lived(cancel, lines("A", 1, HOUR + apart), goal=Goal.PAID)
    whole, part = said(done, "credited by our credit"), said(done, "credit A is taken")
    assert (whole, part) in ((1, 0), (0, 1))


@pytest.mark.parametrize("before", chosen(range(5, 125, 5), 4))
def test_a_credit_that_has_looked_before_the_cancel_does_not_come_beside_it(before: int) -> None:
    """It tells the invoice while the whole is being credited, which takes a while."""
    credit = lines("A", 1, HOUR - timedelta(milliseconds=before))
    done = lived(Act(at(HOUR), "cancel"), credit, goal=Goal.PAID, beat=0.8)
    whole, part = said(done, "credited by our credit"), said(done, "credit A is taken")
    assert (whole, part) in ((1, 0), (0, 1))


@pytest.mark.parametrize("apart", MOMENTS[::2], ids=str)
@pytest.mark.parametrize("trouble", ["evictions", "lost answers", "piled-up jobs"])
def test_nor_where_the_engine_has_its_troubles(apart: timedelta, trouble: str) -> None:
    cancel = Act(at(HOUR), "engine cancel")
    lived(Trouble(trouble), cancel, lines("A", 1, HOUR + apart), goal=Goal.PAID)


@pytest.mark.parametrize("apart", [-each for each in MOMENTS], ids=str)
def test_an_invoice_that_is_begun_again_still_knows_of_its_credits(apart: timedelta) -> None:
    """Terminated around its first credit, begun again, and then cancelled: never the whole too."""
    again = Act(at(HOUR + apart), "terminate and ask again", after=timedelta(minutes=5))
    cancel = Act(at(HOUR * 2), "engine cancel")
    lived(lines("A", 1), again, cancel, goal=Goal.PAID)


def test_a_ledger_begins_anew_with_another_invoice_under_its_reference() -> None:
    """The invoice was ended from outside, credited by hand and made again by its successor. What
    the ledger knew is of the one before."""
    fails = Fails("approve", 1)
    corrected = Act(Trigger("approve", 1, NOTHING), "correct when asked", wording=1)
    again = Act(at(HOUR * 2), "terminate and ask again", after=timedelta(minutes=5))
    released_by_then = lines("B", 3, HOUR * 900)
    done = lived(fails, corrected, lines("A", 3), again, released_by_then, goal=Goal.PAID)
    assert said(done, "credited by a person of ours, by hand") == 1
    assert said(done, "is taken") == 2


def test_nothing_is_credited_of_an_invoice_that_has_other_figures_there() -> None:
    late = CallFault("approve", 1, "unknown", "later", timedelta(seconds=18))
    figures = Meddling(Trigger("approve", 1, NOTHING), "figures")
    done = lived(late, figures, lines("A", 1))
    assert said(done, "asks: amounts_differ") > 0
    assert said(done, "credit A is refused") == 1


@pytest.mark.parametrize("apart", MOMENTS, ids=str)
def test_a_ledger_that_is_begun_again_knows_what_it_knew(apart: timedelta) -> None:
    end = Crediting(at(HOUR + apart), "terminate ledger", "-")
    done = lived(lines("A", 2), end, lines("B", 2, HOUR * 2), lines("C", 1, HOUR * 2))
    assert said(done, "is taken") >= 2


@pytest.mark.parametrize("after", chosen(range(60, 240, 3), 6))
def test_a_ledger_that_is_ended_while_it_begins_a_note_knows_it_again(after: int) -> None:
    """The note was begun, and the run that began it never heard so: nobody is asked about it."""
    end = Crediting(at(HOUR + timedelta(milliseconds=after)), "terminate ledger", "-")
    done = lived(lines("A", 2), end, lines("B", 2, HOUR * 2), beat=0.1)
    assert said(done, "credit_unclear") == 0


@pytest.mark.parametrize("effect", ["now", "later", "never"])
@pytest.mark.parametrize("answer", ["unknown", "died", "rejected"])
@pytest.mark.parametrize(("verb", "nth"), [("create", 2), ("approve", 2), ("send", 2)])
def test_a_note_that_is_lost_on_the_way_is_made_once(
    verb: str, nth: int, answer: str, effect: str
) -> None:
    fault = CallFault(verb, nth, answer, effect, timedelta(minutes=2))  # type: ignore[arg-type]
    done = lived(fault, lines("A", 2), lines("B", 1, HOUR * 30))
    assert said(done, "is taken") == 2


def test_a_note_left_under_a_word_that_nobody_knows_keeps_its_units() -> None:
    """From its create on nobody can say what it is; its people give up. Its draft is there."""
    strange = StrangeWord(Trigger("create", 2, NOTHING), timedelta(days=900))
    done = lived(strange, lines("A", 3))
    assert said(done, "asks: unknown_status") > 0
    assert said(done, "asks: credit_unclear") == 1


@pytest.mark.parametrize("verb", ["create", "approve"])
def test_a_note_that_is_cancelled_in_time_leaves_its_units(verb: str) -> None:
    cancels: Sequence[Crediting] = [
        Crediting(Trigger(verb, 2, timedelta(milliseconds=10 * each)), "cancel note", "A")
        for each in range(4)
    ]
    lived(lines("A", 3), *cancels, lines("B", 3, HOUR * 30))

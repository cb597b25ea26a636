"""One reference is one invoice: what a claim is answered, by what stands and what it left."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from invoicing.books.claims import ClaimCall, Claimed, Standing, Word, judge
from register import Books, opened
from register.database import made
from register.tables import claims
from tests.register.postgres import on_both
from tests.register.said import NOON, OTHER, SAME, a_claim, a_record, a_row, lines
from tests.tiers import detail

place = on_both


async def _left(books: Books, **row: Any) -> None:
    """A life that has claimed the reference, and recorded this as the last thing."""
    await books.claim(a_claim())
    assert await books.record(a_record(lines(1, 3), a_row(**row)))


async def test_who_is_first_is_granted_it_however_often_it_asks(books: Books) -> None:
    for _ in range(3):
        assert (await books.claim(a_claim())).word is Word.GRANTED


async def test_of_fifty_at_once_exactly_one_is_granted_it(place: str) -> None:
    """Five workers with a connection of their own each; the database decides, not a look."""
    several = [opened(place) for _ in range(5)]
    try:
        asked = [
            several[one % 5].claim(a_claim(claimant=f"chain {one}", fingerprint={"of": str(one)}))
            for one in range(50)
        ]
        answered = await asyncio.gather(*asked)
    finally:
        for each in several:
            each.close()
    words = [each.word for each in answered]
    assert words.count(Word.GRANTED) == 1
    assert words.count(Word.REFUSED) == 49


@detail
async def test_a_life_that_is_gone_on_with_has_one_successor_of_fifty(place: str) -> None:
    """All have the same content: the first takes it over, the next takes over from that one, as
    Temporal starts them one after the other. None is told that it is the first."""
    several = [opened(place) for _ in range(5)]
    try:
        await several[0].claim(a_claim())
        asked = [several[one % 5].claim(a_claim(claimant=f"chain {one}")) for one in range(50)]
        answered = await asyncio.gather(*asked)
    finally:
        for each in several:
            each.close()
    assert {each.word for each in answered} == {Word.GOES_ON}


async def test_the_same_content_is_the_same_invoice_and_told_what_became_of_it(
    books: Books,
) -> None:
    row = a_row("paid", payment="paid", ended=True)
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 3), row))
    known = await books.claim(a_claim(claimant="years later"))
    assert (known.word, known.left) == (Word.KNOWN, row)
    # It is nobody's but its first life's, who may still write down more.
    assert await books.record(a_record(lines(4, 4), row))


async def test_other_content_is_refused_and_says_where_it_differs(books: Books) -> None:
    await _left(books, ended=True)
    refused = await books.claim(a_claim(claimant="two", fingerprint=OTHER))
    assert refused.word is Word.REFUSED
    assert [each.field for each in refused.fields] == ["document.lines", "document.notes"]


async def test_a_life_that_had_not_ended_is_gone_on_with_by_its_successor_alone(
    books: Books,
) -> None:
    await _left(books, status="approved", stage="approved")
    on = await books.claim(a_claim(claimant="two", content="c2"))
    assert (on.word, on.contents) == (Word.GOES_ON, ("c1",))
    assert on.left == a_row("approved", stage="approved")
    # Also when its activity is made again.
    assert await books.claim(a_claim(claimant="two", content="c2")) == on
    assert await books.record(a_record(lines(1, 1), a_row("sent"), claimant="two"))
    # And the life before writes nothing any more.
    assert not await books.record(a_record(lines(4, 4), a_row("drafted")))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert kept["status"] == "sent"


async def test_a_corrected_content_is_claimed_beside_the_first(books: Books) -> None:
    for content in ("c1", "c2", "c1"):
        assert (await books.claim(a_claim(content=content))).word is Word.GRANTED
    assert (await books.claim(a_claim(claimant="two"))).contents == ("c1", "c2")


async def test_a_workflow_that_was_reset_is_told_what_it_had_made(books: Books) -> None:
    """It asks as if for the first time: granted, it would make a second one."""
    await _left(books, status="approved", stage="approved")
    on = await books.claim(a_claim())
    assert (on.word, on.left) == (Word.GOES_ON, a_row("approved", stage="approved"))
    # From there on it is gone on with, and told the same as often as it asks.
    assert await books.claim(a_claim()) == on
    later = [line.model_copy(update={"at": line.at + timedelta(days=1)}) for line in lines(1, 2)]
    assert await books.record(a_record(tuple(later), a_row(ended=True)))
    assert (await books.claim(a_claim())).word is Word.KNOWN


@pytest.mark.parametrize("row", [{"provider_id": None, "number": None, "stage": "none"}])
async def test_one_that_has_made_nothing_is_told_what_it_was_told(
    books: Books, row: dict[str, Any]
) -> None:
    """Its task was lost after the register had written, and is done again."""
    await _left(books, **row, status="started")
    assert (await books.claim(a_claim())).word is Word.GRANTED


_NONE = {"provider_id": None, "number": None, "stage": "none"}
LEFT: dict[str, tuple[dict[str, Any], Word, Word]] = {
    # what was left: the answer to the same content, and to other content
    "sent": ({"ended": True}, Word.KNOWN, Word.REFUSED),
    "on its way": ({}, Word.GOES_ON, Word.REFUSED),
    "credited": (
        {"status": "credited", "stage": "credited", "ended": True},
        Word.KNOWN,
        Word.REFUSED,
    ),
    "cancelled, and nothing made": (
        {"status": "cancelled", "ended": True, **_NONE},
        Word.BEGINS_AGAIN,
        Word.BEGINS_AGAIN,
    ),
    "cancelled, its draft deleted": (
        {"status": "cancelled", "ended": True, "number": None, "stage": "deleted"},
        Word.BEGINS_AGAIN,
        Word.BEGINS_AGAIN,
    ),
    "abandoned with a draft": (
        {"status": "abandoned", "ended": True, "number": None, "stage": "drafted"},
        Word.GOES_ON,
        Word.REFUSED,
    ),
    "abandoned in doubt": (
        {"status": "abandoned", "ended": True, "in_doubt": True, **_NONE},
        Word.GOES_ON,
        Word.REFUSED,
    ),
    "abandoned with nothing": (
        {"status": "abandoned", "ended": True, **_NONE},
        Word.BEGINS_AGAIN,
        Word.BEGINS_AGAIN,
    ),
    "abandoned when it was final": (
        {"status": "abandoned", "ended": True},
        Word.KNOWN,
        Word.REFUSED,
    ),
    "expired before it was final": (
        {"status": "expired", "ended": True, **_NONE},
        Word.GOES_ON,
        Word.REFUSED,
    ),
    "taken back, with a question about what came after": (
        {"status": "needs_attention", "outcome": "cancelled", "ended": True, **_NONE},
        Word.BEGINS_AGAIN,
        Word.BEGINS_AGAIN,
    ),
    "expired when it was final": ({"status": "expired", "ended": True}, Word.KNOWN, Word.REFUSED),
}


@pytest.mark.parametrize(("row", "same", "other"), LEFT.values(), ids=LEFT)
def test_what_may_begin_follows_from_what_was_left(
    row: dict[str, Any], same: Word, other: Word
) -> None:
    stands = _stands(left=a_row(**row))
    assert judge(stands, a_claim(claimant="two")).word is same
    assert judge(stands, a_claim(claimant="two", fingerprint=OTHER)).word is other


def test_where_nothing_was_recorded_something_may_have_been_made() -> None:
    assert judge(_stands(), a_claim(claimant="two")).word is Word.GOES_ON
    assert judge(_stands(), a_claim(claimant="two", fingerprint=OTHER)).word is Word.REFUSED


async def test_whose_money_it_is_is_told_where_it_was_made_alone(books: Books) -> None:
    """What hears of it in the other namespace may be alive, and two would count the same lines."""
    await _left(books, ended=True)
    known = await books.claim(a_claim(claimant="two"))
    assert known.before is not None
    assert (known.before.claimant, known.before.lines) == ("one", 3)
    assert known.before.ended == lines(3, 3)[0].at
    elsewhere = await books.claim(a_claim(claimant="two", namespace="other"))
    assert (elsewhere.word, elsewhere.before) == (Word.KNOWN, None)


def test_an_order_that_was_begun_is_never_begun_again() -> None:
    again = a_claim(claimant="two", kind="order")
    other = a_claim(claimant="two", kind="order", fingerprint=OTHER)
    table = {
        None: (Word.REFUSED, Word.REFUSED),
        "open": (Word.REFUSED, Word.REFUSED),
        "completed": (Word.KNOWN, Word.REFUSED),
        "abandoned": (Word.KNOWN, Word.REFUSED),
        "rejected": (Word.BEGINS_AGAIN, Word.BEGINS_AGAIN),
    }
    for status, wanted in table.items():
        ended = status in ("completed", "abandoned", "rejected")
        stands = _stands(left=status and a_row(status, ended=ended))
        assert (judge(stands, again).word, judge(stands, other).word) == wanted, status


def test_another_namespace_goes_on_with_nothing_that_may_be_alive_there() -> None:
    elsewhere = a_claim(claimant="two", namespace="other")
    alive, over = _stands(left=a_row("drafted")), _stands(left=a_row(ended=True))
    assert judge(alive, elsewhere).word is Word.REFUSED
    assert "'default'" in judge(alive, elsewhere).why
    assert judge(_stands(), elsewhere).word is Word.REFUSED
    assert judge(over, elsewhere).word is Word.KNOWN


async def test_what_was_erased_is_refused_and_said_to_be_erased(place: str) -> None:
    books, engine = opened(place), made(place)
    try:
        await _left(books, ended=True)
        with engine.begin() as db:
            db.execute(update(claims).values(erased_at=NOON + timedelta(days=400)))
        answered = await books.claim(a_claim(claimant="two"))
        assert (answered.word, answered.why) == (
            Word.REFUSED,
            "what it stood for was erased on 2027-07-06",
        )
    finally:
        books.close()
        engine.dispose()


def _stands(**changes: Any) -> Standing:
    first: ClaimCall = a_claim()
    return Standing(
        fingerprint=SAME,
        contents=("c1",),
        claimant=first.claimant,
        namespace=first.namespace,
        at=first.at,
        verdict=Claimed(word=Word.GRANTED),
        **changes,
    )

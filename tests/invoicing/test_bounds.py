"""Everything that is stored has a bound, and all that a life adds fits into one payload."""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from invoicing.credits.credit import CreditLedger
from invoicing.document import Document, Line
from invoicing.errors import FieldProblem, InvalidRequest, TooLarge
from invoicing.provider import Event, Plan
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state import bounds
from invoicing.state.bounds import ENGINE_PAYLOAD, KIB, received, remembered, stored
from invoicing.state.case import Case, InvoiceInput
from invoicing.state.invoice import Journal, Problem, Resolve
from invoicing.state.order import CancelLines, Deliver
from invoicing.state.order_ledger import Ledger, LedgerLine
from invoicing.state.questions import Answer, Reason
from invoicing.temporal.converter import data_converter
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from invoicing.totals import totals
from invoicing.values import MOST_LINES, MOST_ORDER_LINES
from tests.examples import a_document, a_line, an_invoice

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def a_request(size: int) -> InvoiceRequest:
    """One that takes exactly so many bytes as it is stored."""
    empty = an_invoice("T-1", options={"text": ""})
    return an_invoice("T-1", options={"text": "x" * (size - stored(empty))})


def a_correction(size: int) -> Document:
    note = "x" * 900
    lines = tuple(a_line(n, note=note) for n in range(1, 1001))
    few = a_document(lines=lines[: (size - 2000) // 1100])
    assert stored(few) > size * 0.8
    return few


# --- the sums -------------------------------------------------------------------------------------


def a_journal() -> Journal:
    journal = Journal()
    for turn in range(400):
        journal = journal.with_entry(
            NOW + timedelta(seconds=turn), f"{turn} " + "x" * 900, "b", "r"
        )
    return journal


def an_inbox() -> tuple[Event, ...]:
    inbox: tuple[Event, ...] = ()
    for number in range(40):
        inbox = received(inbox, Event(id=str(number), body={"text": "x" * 20_000})).events
    return inbox


def seen_ids() -> tuple[str, ...]:
    seen: tuple[str, ...] = ()
    for number in range(700):
        seen = remembered(seen, f"{number:0200}")
    return seen


async def test_a_life_at_every_bound_fits_one_payload_encrypted_too() -> None:
    request = a_request(bounds.REQUEST)
    document = a_correction(bounds.REQUEST - 20 * KIB)
    answer = Resolve(
        by="a person", reason="x" * 1000, question="q1", answer=Answer.CORRECT, document=document
    )
    bounds.refuse_correction(request.model_copy(update={"options": {}}), document)
    plan = Plan(totals=totals(a_document(), "line"), echoes=())
    rest = bounds.PLAN - stored(plan) - 10
    plan = plan.model_copy(update={"context": {"x": "x" * (rest - 1)}})
    assert abs(stored(plan) - bounds.PLAN) < 10
    bounds.refuse_plan(plan)
    fields = bounds.said([FieldProblem(field="f", message="x" * 500)] * 200)
    case = Case(
        plan=plan,
        context={"x": "x" * (bounds.CONTEXT - 10)},
        journal=a_journal(),
        inbox=an_inbox(),
        seen=seen_ids(),
        problem=Problem(reason=Reason.REJECTED, what="it was refused", fields=fields),
        resolution=answer,
    )
    bounds.refuse_context({}, case.context)
    given_fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
    whole = InvoiceInput.model_construct(**given_fields, resumed=case)
    payload = data_converter.payload_converter.to_payloads([whole])[0]
    codec = EncryptionCodec(read_keys(SecretStr(new_key("2026-11"))))
    (sealed,) = await codec.encode([payload])
    assert 1_900 * KIB < sealed.ByteSize() <= ENGINE_PAYLOAD - 60 * KIB


def _sum(text: str | None) -> list[int]:
    lines = (text or "").splitlines()
    return [int(line.split()[0]) for line in lines if line.strip()[:1].isdigit()]


def test_the_sums_that_are_written_down_are_right() -> None:
    text = Path(bounds.__file__).read_text(encoding="utf-8")
    parts = text.split('"""')
    tables = [_sum(part) for part in parts if "    ----\n" in part]
    assert len(tables) == 2
    for *addends, total in tables:
        assert sum(addends) == total == ENGINE_PAYLOAD // KIB


@pytest.mark.parametrize(
    ("ours", "engines"),
    [
        (bounds.REQUEST, bounds.ENGINE_PAYLOAD),
        (bounds.ORDER, bounds.ENGINE_PAYLOAD),
        (bounds.TOLD, bounds.ENGINE_PAYLOAD),
        (bounds.KEYS_BYTES, bounds.ENGINE_ATTRIBUTE),
        (4 * bounds.ATTRIBUTE_CHARACTERS, bounds.ENGINE_ATTRIBUTE),
        (bounds.HISTORY_BYTES + 2 * bounds.ENGINE_MESSAGE, bounds.ENGINE_HISTORY_BYTES),
        (bounds.HISTORY_EVENTS, bounds.ENGINE_HISTORY_EVENTS),
        (bounds.HISTORY_EVENTS // 2, bounds.ENGINE_UPDATES),
        (bounds.HISTORY_EVENTS, bounds.ENGINE_SIGNALS),
        (bounds.BEGUN_BYTES + bounds.ORDER + bounds.INSTRUCTION, bounds.ENGINE_MESSAGE),
        (bounds.CHILDREN, bounds.ENGINE_CHILDREN),
    ],
)
def test_every_bound_of_ours_is_below_the_engine_s(ours: int, engines: int) -> None:
    assert ours < engines


def ordinary(count: int, **more: Any) -> tuple[Line, ...]:
    return tuple(
        a_line(n, description="A description of the usual length", **more)
        for n in range(1, count + 1)
    )


def test_as_many_ordinary_lines_as_there_may_be_are_within_their_bounds() -> None:
    """263 KiB of 640, and 67 of 288: the rest is for options, and for what adaptors plan."""
    lines = ordinary(MOST_LINES)
    request = an_invoice("T-1", document={"lines": lines}, options={})
    bounds.refuse_too_large(request)
    assert stored(request) < 0.7 * bounds.REQUEST
    plan = Plan(totals=totals(request.document, "line"), echoes=())
    bounds.refuse_plan(plan)
    assert stored(plan) < bounds.PLAN // 2
    assert stored(CreditLedger.of(request.document, "line")) < bounds.GROWN // 2


def test_as_many_long_lines_are_refused_by_their_size() -> None:
    request = an_invoice("T-1", document={"lines": ordinary(MOST_LINES, note="x" * 400)})
    with pytest.raises(TooLarge, match="use fewer lines or shorter texts, or make several"):
        bounds.refuse_too_large(request)


def test_a_plan_fits_with_the_longest_ids_and_amounts_too() -> None:
    """All together are less than 10 to the 15th, so each has 12 digits before the point."""
    price = Decimal("200000000000.34")
    lines = tuple(
        a_line(1, id=f"{n:050}", unit_price=price, quantity=Decimal(1)) for n in range(MOST_LINES)
    )
    plan = Plan(totals=totals(a_document(lines=lines), "line"), echoes=())
    assert stored(plan) > bounds.PLAN // 2
    bounds.refuse_plan(plan)


def test_an_order_has_fewer_lines_so_that_each_can_be_delivered_by_itself() -> None:
    fits = OrderRequest(
        reference="O-1", provider="riverty", document=a_document(lines=ordinary(MOST_ORDER_LINES))
    )
    bounds.refuse_too_large(fits)
    with pytest.raises(ValidationError, match="an order has at most 1000, this 1001: make several"):
        OrderRequest(
            reference="O-1",
            provider="riverty",
            document=a_document(lines=ordinary(MOST_ORDER_LINES + 1)),
        )


# --- requests -------------------------------------------------------------------------------------


def test_a_request_is_taken_up_to_the_very_byte_and_no_further() -> None:
    bounds.refuse_too_large(a_request(bounds.REQUEST))
    with pytest.raises(TooLarge) as refused:
        bounds.refuse_too_large(a_request(bounds.REQUEST + 1))
    assert str(refused.value) == (
        "this request is too large: it takes 655,361 bytes as it is stored, and 655,360 is the "
        "most; use fewer lines or shorter texts, or make several invoices of it"
    )
    assert isinstance(refused.value, InvalidRequest)


def an_order(text: str = "") -> OrderRequest:
    return OrderRequest(
        reference="O-1", provider="riverty", document=a_document(), options={"text": text}
    )


def test_an_order_has_a_bound_of_its_own() -> None:
    bounds.refuse_too_large(an_order())
    with pytest.raises(TooLarge, match="this order is too large: it takes 525,0"):
        bounds.refuse_too_large(an_order("x" * (bounds.ORDER + 1_000 - stored(an_order()) - 200)))


def test_a_correction_counts_with_the_rest_of_its_request() -> None:
    document = a_correction(bounds.REQUEST // 2)
    bounds.refuse_correction(an_invoice("T-1"), document)
    with pytest.raises(TooLarge, match="this request is too large"):
        bounds.refuse_correction(a_request(bounds.REQUEST // 2 + 100 * KIB), document)


def a_delivery(number: int = 1, lines: tuple[str, ...] = ("1",), **changes: Any) -> Deliver:
    return Deliver(delivery=f"D-{number}", lines=lines, issue_date=NOW.date(), **changes)


def test_an_instruction_is_refused_by_its_size_and_a_correction_by_a_request_s() -> None:
    bounds.refuse_instruction(a_delivery(notes=("x" * 1000,) * 100))
    with pytest.raises(TooLarge, match="this instruction is too large"):
        bounds.refuse_instruction(a_delivery(options={"text": "x" * bounds.INSTRUCTION}))
    document = a_correction(bounds.REQUEST // 2)
    bounds.refuse_instruction(
        Resolve(by="p", reason="r", question="q1", answer=Answer.CORRECT, document=document)
    )


def test_an_event_that_cannot_be_handed_on_is_refused() -> None:
    bounds.refuse_event(Event(id="1", body={"text": "x" * 1_000_000}))
    with pytest.raises(TooLarge, match="this event is too large"):
        bounds.refuse_event(Event(id="1", body={"text": "x" * bounds.TOLD}))


def test_an_order_takes_a_thousand_deliveries_and_refuses_one_too_many() -> None:
    ids = tuple(str(n) for n in range(1, 1001))
    taken = {f"delivery/D-{n}": a_delivery(n, (each,)) for n, each in enumerate(ids, 1)}
    ledger = Ledger(
        lines=tuple(LedgerLine(id=each, holder=f"delivery/D-{each}", number="F-1") for each in ids)
    )
    bounds.refuse_without_room(a_delivery(1001), ledger, taken, list(taken.values()))
    long = {f"delivery/D-{n}": a_delivery(n, notes=("x" * 600,)) for n in range(1, 1001)}
    with pytest.raises(TooLarge, match="this order has no room for more"):
        bounds.refuse_without_room(a_delivery(1001), ledger, long, list(long.values()))
    many = CancelLines(by="p", reason="r", cancellation="C", lines=ids)
    bounds.refuse_without_room(many, Ledger.of(a_document()))


# --- what is remembered ---------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=3_000)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=60))
@settings(max_examples=60)
def test_a_journal_stays_within_its_bounds_and_accounts_for_everything(
    told: list[tuple[str, str]],
) -> None:
    journal = Journal()
    for number, (what, reason) in enumerate(told):
        journal = journal.with_entry(NOW + timedelta(seconds=number), what * 3, "b", reason)
        assert stored(journal.entries) <= bounds.JOURNAL_BYTES
        assert len(journal.entries) <= bounds.JOURNAL
        last = journal.entries[-1]
        assert (last.last_at or last.at) == NOW + timedelta(seconds=number)
    merged = sum(entry.times for entry in journal.entries) - len(journal.entries)
    assert len(journal.entries) + journal.dropped + merged <= len(told)
    if not journal.dropped:
        assert sum(entry.times for entry in journal.entries) == len(told)


def test_a_journal_that_is_full_of_bytes_drops_its_oldest_and_counts_them() -> None:
    journal = a_journal()
    assert journal.dropped + len(journal.entries) == 400
    assert len(journal.entries) < bounds.JOURNAL
    assert journal.entries[-1].what.startswith("399 ")
    assert journal.entries[0].what.startswith(f"{journal.dropped} ")
    assert bounds.JOURNAL_BYTES * 0.9 < stored(journal.entries) <= bounds.JOURNAL_BYTES


def test_what_repeats_itself_is_counted_and_not_repeated() -> None:
    journal = Journal()
    for turn in range(47):
        journal = journal.with_entry(NOW + timedelta(seconds=turn), "the provider is away")
    journal = journal.with_entry(NOW, "the provider is away", "a person")
    journal = journal.with_entry(NOW, "the provider is away")
    first, *rest = journal.entries
    assert (first.times, first.at, first.last_at) == (47, NOW, NOW + timedelta(seconds=46))
    assert [(each.times, each.last_at) for each in rest] == [(1, None), (1, None)]
    assert journal.dropped == 0


def test_a_text_that_is_too_long_for_an_entry_is_cut() -> None:
    (entry,) = Journal().with_entry(NOW, "x" * 5_000).entries
    assert len(entry.what) == bounds.ENTRY_CHARACTERS
    assert entry.what.endswith("x…")


BODIES = st.fixed_dictionaries({"text": st.text("xé€", max_size=50).map(lambda text: text * 900)})


@given(st.lists(BODIES, max_size=40))
@settings(max_examples=60)
def test_an_inbox_stays_within_its_bounds_and_has_the_latest(bodies: list[dict[str, str]]) -> None:
    inbox: tuple[Event, ...] = ()
    whole = lost = 0
    for number, body in enumerate(bodies):
        kept = received(inbox, Event(id=str(number), kind="k", body=dict(body)))
        inbox, lost = kept.events, lost + kept.dropped
        assert stored(inbox) <= bounds.INBOX_BYTES
        assert (inbox[-1].id, inbox[-1].kind) == (str(number), "k")
        assert [int(each.id) for each in inbox] == list(range(number + 1))[-len(inbox) :]
        whole = sum(bool(each.body) for each in inbox)
    assert whole + lost >= len(bodies)


def test_a_large_event_is_kept_as_the_word_that_there_is_news() -> None:
    large = Event(id="1", kind="paid", at=NOW, body={"text": "x" * 400_000})
    kept = received((), large)
    assert kept.events == (large.model_copy(update={"body": {}}),)
    assert kept.dropped == 1
    for number in range(2, 50):
        kept = received(kept.events, large.model_copy(update={"id": str(number)}))
    assert len(kept.events) == 49
    assert stored(kept.events) < bounds.INBOX_BYTES


@given(st.lists(st.text(min_size=1, max_size=200), max_size=700))
@settings(max_examples=30)
def test_the_latest_ids_are_known_again(ids: list[str]) -> None:
    seen: tuple[str, ...] = ()
    for each in ids:
        seen = remembered(seen, each)
        assert stored(seen) <= bounds.SEEN_BYTES
        assert len(seen) <= bounds.SEEN
    assert seen == tuple(ids)[len(ids) - len(seen) :]


def test_what_is_wrong_is_kept_in_part_and_says_so() -> None:
    few = (FieldProblem(field="a", message="b"),) * 3
    assert bounds.said(few) == few
    many = [FieldProblem(field=f"lines[{n}]", message="x" * 300) for n in range(500)]
    kept = bounds.said(many)
    assert kept[0] == many[0]
    assert kept[-1].message == f"and {500 - len(kept) + 1} more"
    assert stored(kept) <= bounds.SAID_BYTES


# --- what lists show ------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=120), max_size=4), st.lists(st.text(max_size=90), max_size=60))
def test_names_in_lists_never_come_to_more_than_an_attribute_holds(
    own: list[str], others: list[str]
) -> None:
    kept = bounds.listed_keys(own, others)
    assert len(json.dumps(kept, separators=(",", ":"))) <= bounds.KEYS_BYTES
    assert len(kept) == len(set(kept))
    assert set(kept) <= {*own, *others}


def test_the_invoice_s_own_names_stay_and_the_oldest_others_go() -> None:
    own = ["riverty/default/17", "riverty/default/F-1"]
    others = [f"riverty/default/{n:040}" for n in range(100)]
    kept = bounds.listed_keys(own, others)
    assert kept[:2] == own
    assert kept[2] == others[-1]
    assert others[0] not in kept
    assert len(kept) > 25


def test_an_attribute_is_cut_to_what_lists_can_hold() -> None:
    assert bounds.shown("person: rejected") == "person: rejected"
    cut = bounds.shown("é" * 1_000)
    assert len(cut) == bounds.ATTRIBUTE_CHARACTERS
    assert len(json.dumps(bounds.shown("é" * 1_000))) < bounds.ENGINE_ATTRIBUTE


def test_an_amount_is_measured_as_the_text_that_it_is_stored_as() -> None:
    assert stored(a_line(1)) == stored(a_line(1, quantity=Decimal(3)))
    assert stored(a_line(1, quantity=Decimal("3.10"))) == stored(a_line(1)) + 3


def test_every_bound_of_ours_is_read_by_code_that_enforces_it() -> None:
    """Those of the engine are what ours are held against, here."""
    root = Path(bounds.__file__).parents[2]
    read = set[str]()
    for folder in ("invoicing", "workflows", "activities"):
        for path in (root / folder).rglob("*.py"):
            read |= _read_in(path.read_text(encoding="utf-8"))
    named = re.compile(r"^([A-Z][A-Z_]+) = ", re.MULTILINE)
    unread = [
        name
        for name in named.findall(Path(bounds.__file__).read_text(encoding="utf-8"))
        if not name.startswith("ENGINE_") and name not in read
    ]
    assert unread == []
    assert "ENGINE_SIGNALS" not in read, "it would find what is only named in a text"


def _read_in(text: str) -> set[str]:
    """The names that are loaded in this code: none of its docstrings, none that it only defines."""
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
    }


def test_an_adaptor_may_learn_no_more_than_can_be_carried() -> None:
    half = {"a": "x" * (bounds.CONTEXT // 2)}
    bounds.refuse_context(half, {"a": "x"})
    with pytest.raises(TooLarge, match="what the adaptor has learned about it is too large"):
        bounds.refuse_context(half, {"b": half["a"]})

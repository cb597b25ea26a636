"""The catalogue, how numbers are written, and what the pictures are drawn of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from pydantic import BaseModel

from console import pictures, way
from console.batch import CHOICES, WRITTEN
from console.booked import FIELDS, SELDOM
from console.going import SUMS
from console.reader import Reader, preferred
from console.shapes import Shape, shape_of
from console.subjects import differences, others
from console.words import ENGLISH, Words
from gateway.problems import Kind
from invoicing.balance import Balance, Way
from invoicing.books.reconciling import FindingKind
from invoicing.consent import CANCEL, CREDIT
from invoicing.credits.amend import AMEND_AGAIN, Amendment, AmendStatus
from invoicing.credits.case import CreditsStatus, CreditState
from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, LineStatus, Problem, Status
from invoicing.state.news import EventOutcome
from invoicing.state.order import Order, OrderStatus
from invoicing.state.order_ledger import Ledger, LedgerLine
from invoicing.state.questions import QUESTIONS, Answer, Reason
from invoicing.temporal.lists import CUT_OFF
from observing.calls import RESULTS
from settings.consents import KINDS

CONSOLE = ENGLISH.parent
TEMPLATES = sorted((CONSOLE / "templates").glob("*.html"))
WORDS = Words()
SAID = re.compile(r'say\("([a-z_.]+)"')


def fields_of(model: type[BaseModel]) -> Iterator[tuple[str, Shape]]:
    """Every field of a document, and of all it is made of."""
    for name, about in model.model_fields.items():
        shape = shape_of(about.annotation, tuple(about.metadata))
        yield name, shape
        inner = shape.item if shape.kind == "list" else shape
        if inner.kind == "group":
            yield from fields_of(inner.model)


GROUPS: dict[str, Iterable[object]] = {
    "status": (*Status, *OrderStatus, *CreditsStatus, CUT_OFF),
    "payment": PaymentStatus,
    "line": LineStatus,
    "answer": Answer,
    "outcome": EventOutcome,
    "trouble": [kind.slug for kind in Kind],
    "way": ["asked", "draft", "final", "sent", "delivered", "paid"],
    "standing": ["past", "here", "ahead", "beyond", "undone"],
    "sign_in": ["lost", "not_proven", "no_role", "said_no"],
    "beside": ["provider_id", "document", "reference", "number"],
    "waits": ["person", "provider", "time", "release", AMEND_AGAIN],
    "amend_step": [*way.AMENDING, "ended"],
    "amend_standing": ["past", "here", "ahead", "stopped", "unreached"],
    "amend_status": (*AmendStatus, CUT_OFF),
    "do": ["hold", "release", "cancel"],
    "do.cancel_": ["none", "draft", "final", "final_no"],
    "became": get_args(CreditState.model_fields["became"].annotation),
    "credit_answer": QUESTIONS[Reason.CREDIT_UNCLEAR].answers,
    "credit_beside": ["number"],
    "said": [
        "answered",
        "amending",
        "credited",
        "fetching",
        "no_document",
        "no_pay_link",
        "hold",
        "release",
        "cancel",
        "taken",
        "consented",
        "signed_out",
        "closed",
        "saved",
        "forgotten",
    ],
    "question": ["more", "less"],
    "inbox": ["by_age", "by_worth", "order_age", "order_worth"],
    "amend": ["field_amendment", "field_new_reference"],
    "nav": ["invoices", "orders"],
    "finding": FindingKind,
    "batch": [*CHOICES, *WRITTEN, *(word for each in CHOICES.values() for word in each)],
    "asked": ["not_asked", "asking", "started", "known", "refused"],
    "going": pictures.GROUPS,
    "call_result": RESULTS,
    "correct": ["document", "options"],
    "field": {name for name, _ in fields_of(Document)},
    "choice": {word for _, shape in fields_of(Document) for word in shape.meanings},
    "money": SUMS,
    "second": [CANCEL, CREDIT],
    "balance": [name for name in Balance.model_fields if name not in ("currency", "movements")],
    "movement": Way,
    "column": [
        *("invoices", "net", "vat", "gross", "due", "paid", "credited"),
        *("paid_amount", "left_to_pay", "rate", "taxable"),
    ],
    "chosen": [
        *FIELDS,
        "running_true",
        "running_false",
        "overdue_true",
        *SELDOM,
        "went_back_true",
        "too_much_true",
    ],
    "list": ["caption_invoices", "caption_orders"],
}
"""Names that are put together."""


def used() -> set[str]:
    names = {name for path in TEMPLATES for name in SAID.findall(path.read_text())}
    for path in CONSOLE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and node.value in WORDS.sentences:
                names.add(str(node.value))
    return names


def test_every_sentence_is_there_and_every_one_is_used() -> None:
    put_together = {
        f"{group}{word}" if group.endswith("_") else f"{group}.{word}"
        for group, words in GROUPS.items()
        for word in words
    }
    assert put_together <= WORDS.sentences.keys()
    assert {each for each in used() if not each.endswith((".", "_"))} <= WORDS.sentences.keys()
    assert WORDS.sentences.keys() - used() - put_together == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_of_its_own(path: Path) -> None:
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", path.read_text(), flags=re.DOTALL)
    assert re.findall(r"[A-Za-z]+", re.sub(r"<[^>]*>", "", text)) == []
    for name in ("aria-label", "alt", "title", "placeholder"):
        assert not re.search(rf'{name}="[^"]*[A-Za-z]', text)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("document.lines[0].unit_price", "Lines 1 · Price of one"),
        ("document.buyer.address.country", "Buyer · Address · Country (two letters)"),
        ("options.some_word", "some word"),
        ("reason", "reason"),
        ("document.lines[x].id", "document.lines[x].id"),
    ],
)
def test_where_a_mistake_is_has_words(path: str, says: str) -> None:
    assert WORDS.place(path) == says


def test_every_kind_of_decision_that_may_need_two_people_has_words() -> None:
    assert [kind for kind in KINDS if WORDS.decision(kind) == kind] == []


def test_no_sentence_reaches_into_what_is_put_in() -> None:
    for name, sentence in WORDS.sentences.items():
        fields = [field for _, field, _, _ in Formatter().parse(sentence) if field is not None]
        assert all(field.isidentifier() for field in fields), name


# --- how it is written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "en"),
        ("nl", "nl"),
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl_BE"),
        ("en;q=0.1,de-DE", "de_DE"),
        ("zz-ZZ,fr", "fr"),
        ("*", "en"),
        ("../../etc/passwd", "en"),
        ("nl;q=x,hi-IN;q=0.2", "hi_IN"),
        ("<script>", "en"),
        ("x" * 10_000, "en"),
    ],
)
def test_the_reader_s_language_is_the_first_that_is_known(header: str, locale: str) -> None:
    assert str(preferred(header)) == locale


@pytest.mark.parametrize(
    ("locale", "money", "day"),
    [
        ("en", "€12,100.00", "Jun 30, 2026"),
        ("nl", "€ 12.100,00", "30 jun 2026"),
        ("de", "12.100,00 €", "30.06.2026"),
        ("hi", "€12,100.00", "30 जून 2026"),
    ],
)
def test_amounts_and_days_are_written_as_the_reader_does(locale: str, money: str, day: str) -> None:
    reader = Reader(Locale.parse(locale), UTC)
    assert reader.money(Decimal("12100.00"), "EUR").replace("\xa0", " ") == money
    assert reader.day(date(2026, 6, 30)) == day
    assert reader.figure("12100.00 EUR") == reader.money(Decimal("12100.00"), "EUR")


def test_what_ends_today_has_its_hour_and_what_ends_later_its_day() -> None:
    reader = Reader(Locale("en"), UTC)
    now = datetime.now(UTC)
    noon = now.replace(hour=12, minute=5)
    assert reader.until(noon).split() == ["12:05", "PM", "UTC"]
    later = noon + timedelta(days=3)
    assert reader.until(later) == reader.day(later)


def test_no_digit_is_lost() -> None:
    reader = Reader(Locale("en"), ZoneInfo("Europe/Amsterdam"))
    assert reader.money(Decimal("0.005"), "EUR") == "€0.005"
    assert reader.money(Decimal(1000), "JPY") == "¥1,000"
    assert reader.money(Decimal("1.234"), "KWD").endswith("1.234")
    assert reader.number(Decimal("8.875")) == "8.875"
    assert reader.figure("not stated") == "not stated"
    assert reader.figure("2026-07-30") == reader.day(date(2026, 7, 30))
    assert reader.figure("2026-02-30") == "2026-02-30"
    moment = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert "Jul 1, 2026" in reader.moment(moment)
    assert reader.moment(moment).endswith("CEST")


# --- what it is drawn of --------------------------------------------------------------------------


def an_invoice(**changes: object) -> Invoice:
    told = {
        "reference": "X-1",
        "provider": "p",
        "account": "default",
        "goal": Goal.SENT,
        "status": Status.DRAFTED,
        "stage": Stage.DRAFTED,
        "payment": PaymentStatus.UNKNOWN,
    }
    return Invoice.model_validate({**told, **changes})


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, "past past here ahead beyond beyond"),
        ({"stage": Stage.NONE}, "past here ahead ahead beyond beyond"),
        ({"stage": Stage.SENT, "ended": True}, "past past past past beyond beyond"),
        ({"stage": Stage.SENT, "goal": Goal.PAID}, "past past past past here ahead"),
        (
            {"stage": Stage.SENT, "goal": Goal.PAID, "payment": PaymentStatus.PAID, "ended": True},
            "past past past past ahead past",
        ),
        (
            {"stage": Stage.DELETED, "status": Status.CANCELLED, "ended": True},
            "past undone ahead ahead beyond beyond",
        ),
        (
            {"stage": Stage.CREDITED, "status": Status.CREDITED, "ended": True},
            "past undone undone ahead beyond beyond",
        ),
        (
            {"stage": Stage.DRAFTED, "goal": Goal.DRAFTED, "ended": True},
            "past past " + "beyond " * 4,
        ),
        ({"stage": Stage.UNKNOWN}, "past here ahead ahead beyond beyond"),
    ],
)
def test_the_way_shows_what_is_past_and_where_it_stands(
    changes: dict[str, object], standing: str
) -> None:
    steps = way.steps(an_invoice(**changes))
    assert [each.name for each in steps] == list(GROUPS["way"])
    assert [each.standing for each in steps] == standing.split()


def an_amendment(**changes: object) -> Amendment:
    told = {"reference": "X-1", "amendment": "A1", "makes": "X-2", "status": AmendStatus.CHECKING}
    return Amendment.model_validate({**told, **changes})


@pytest.mark.parametrize(
    ("changes", "standing", "again"),
    [
        ({}, "here ahead ahead ahead", False),
        ({"status": "crediting"}, "past here ahead ahead", False),
        ({"status": "crediting", "credit": "X-1#A1"}, "past here ahead ahead", False),
        ({"status": "making", "credit": "X-1#A1", "credited": True}, "past past here ahead", False),
        ({"status": "needs_attention", "credited": True}, "past past stopped ahead", True),
        ({"status": "amended", "credited": True, "ended": True}, "past past past past", False),
        ({"status": "credited", "credited": True, "ended": True}, "past past stopped past", True),
        ({"status": "refused", "ended": True}, "stopped unreached unreached past", False),
        (
            {"status": "refused", "ended": True, "credit": "X-1#A1"},
            "past stopped unreached past",
            False,
        ),
    ],
)
def test_an_amendment_shows_where_it_stands_and_whether_it_waits_to_be_made_again(
    changes: dict[str, object], standing: str, again: bool
) -> None:
    state = an_amendment(**changes)
    assert [each.standing for each in way.amending(state)] == standing.split()
    assert [each.name for each in way.amending(state)] == GROUPS["amend_step"]
    assert way.amends_again(state) is again


def test_the_bar_is_whole_whatever_the_lines_are() -> None:
    for counts in ((1, 0, 2), (3, 3, 1), (0, 0, 7), (333, 333, 334)):
        states = (LineStatus.OPEN, LineStatus.INVOICED, LineStatus.CANCELLED)
        lines = [
            LedgerLine(id=f"{state}{n}", status=state)
            for state, count in zip(states, counts, strict=True)
            for n in range(count)
        ]
        order = Order(
            reference="O-1",
            provider="p",
            account="default",
            goal=Goal.SENT,
            status=OrderStatus.OPEN,
            ledger=Ledger(lines=tuple(lines)),
        )
        shares = way.shares(order)
        assert sum(each.width for each in shares) == 1000
        assert sum(each.lines for each in shares) == len(lines)
        assert shares[0].start == 0


def test_a_line_in_parts_is_in_the_bar_with_each_of_its_units() -> None:
    lines = (
        LedgerLine(id="1", status=LineStatus.INVOICED, units=Decimal(1)),
        LedgerLine(id="1", status=LineStatus.CANCELLED, units=Decimal(3)),
        LedgerLine(id="2", status=LineStatus.CANCELLED, units=Decimal("0.5")),
    )
    order = Order(
        reference="O-1",
        provider="p",
        account="default",
        goal=Goal.SENT,
        status=OrderStatus.OPEN,
        ledger=Ledger(lines=lines),
    )
    assert [(each.lines, each.width) for each in way.shares(order)] == [(1, 125), (2, 875)]


def a_problem(reason: Reason, *fields: tuple[str, str]) -> Problem:
    told = tuple(FieldProblem(field=field, message=message) for field, message in fields)
    return Problem(reason=reason, what="x", fields=told, question="q1")


def test_figures_are_set_beside_each_other() -> None:
    problem = a_problem(
        Reason.AMOUNTS_DIFFER,
        ("gross", "gross: ours 125.03 EUR, theirs 125.04 EUR (0.01 more)"),
        ("vat 21", "vat 21: ours none, theirs 2.00 EUR"),
        ("buyer", "buyer: not the one asked for"),
    )
    first, second = differences(problem)
    assert first == ("gross", "125.03 EUR", "125.04 EUR", Decimal("0.01"), "more")
    assert second == ("vat 21", "none", "2.00 EUR", None, "")
    assert [each.field for each in others(problem)] == ["buyer"]


def test_a_provider_s_own_words_are_not_taken_for_figures() -> None:
    said = ("x", "gross: ours 1.00 EUR, theirs 2.00 EUR (1.00 more)")
    problem = a_problem(Reason.REJECTED, said)
    assert differences(problem) == []
    assert len(others(problem)) == 1

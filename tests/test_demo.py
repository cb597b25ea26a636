"""The demonstration comes to its result, tells right from wrong, and cleans up after itself."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from demo import run as demonstrating
from demo.accounts import stand_ins
from demo.compare import Row, printed_row, rows
from demo.stories import BY_UNITS, ORDER, ORDERS, PARTS, PRINTED, STORIES
from demo.story import OrderStory, Part
from demo.worker import ROOT
from invoicing.balance import Balance
from invoicing.document_file import DocumentFile, DocumentState, document_key
from invoicing.provider import PaymentStatus, Stage
from invoicing.state.invoice import Amounts, Invoice, LineStatus, Status
from invoicing.state.order import Order, OrderStatus
from invoicing.state.order_ledger import Ledger as Lines
from invoicing.state.order_ledger import LedgerLine
from sandbox.kit.accounts import Moved, Stated
from sandbox.kit.record import Effect, Ledger
from sandbox.riverty import RivertyStandIn
from tests.tiers import detail, slow


@contextmanager
def demonstration(*options: str) -> Iterator[subprocess.Popen[str]]:
    """`starter.py demo` as a process; whatever happens, it ends with the test."""
    command = [sys.executable, "-u", "starter.py", "demo", *options]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    # Somebody's own server must not be touched, so this names one that does not exist; nor do the
    # keys for it matter.
    keys = {"INVOICING_ENCRYPTION_KEYS": "somebody's own"}
    environment = {**os.environ, **keys, "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as running:
        try:
            yield running
        finally:
            running.terminate()


@slow
def test_the_demonstration_ends_with_everything_as_it_should_be() -> None:
    with demonstration() as running:
        said, _ = running.communicate(timeout=110)
    assert running.returncode == 0, said
    # Each order, each line of them, and a PDF.
    assert f"All {len(PARTS) + len(ORDERS) + LINES + 1} agree" in said
    assert "SDD_REQUIRES_BANK_ACCOUNT" in said
    assert "NO:" not in said
    told = [line for line in said.splitlines() if line.startswith("riverty tells us: ")]
    # Verdicts on the order, two invoices and a cancellation; two documents and two payments.
    assert len(told) == 8, said


@slow
def test_told_to_stop_it_takes_everything_down_with_it() -> None:
    with demonstration() as running:
        assert running.stdout is not None
        lines = iter(running.stdout.readline, "")
        address = next(line for line in lines if "Temporal 127" in line).split()[1].rstrip(",")
        worker = next(line for line in lines if "worker" in line and "process" in line)
        assert worker
        running.send_signal(signal.SIGTERM)
        said = running.stdout.read()
    assert running.returncode == 143, said
    assert not _listens(address)
    assert not _workers_of(address)


def _listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _workers_of(address: str) -> list[str]:
    """Processes whose environment points at this server; where /proc is not there, none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"TEMPORAL_ADDRESS={address}".encode() in environment:
            found.append(process.name)
    return found


# The comparison. Everything is as it should be, but for the one thing that a test changes.

GROSS = Decimal("50.00")
CANCELLED = Decimal("12.50")


class Core(RivertyStandIn):
    """Riverty's, with an order whose lines are as the test says."""

    lines: Mapping[int, str] = {}

    def order(self, reference: str) -> dict[str, Any]:
        return {"lines": dict(self.lines)}


@dataclass
class Seen:
    """What is compared."""

    stand_ins: dict[Any, Any]
    last: dict[str, Invoice]
    orders: dict[str, Order]

    def ledger(self, part: Part) -> Ledger:
        ledger: Ledger = self.stand_ins[part.provider, part.account].ledger
        return ledger

    def change(self, reference: str, **changes: Any) -> None:
        self.last[reference] = self.last[reference].model_copy(update=changes)

    def change_order(self, story: OrderStory, **changes: Any) -> None:
        order = self.orders[story.reference]
        self.orders[story.reference] = order.model_copy(update=changes)

    def wrong(self) -> dict[str, tuple[str, ...]]:
        """What the comparison says is wrong, by the name of the row."""
        found = rows(self.stand_ins, self.last, self.orders)
        return {row.name.strip(): row.differs for row in found if row.differs}


LINES = sum(len(order.lines) for order in ORDERS)
ORDERED = "ORDER1"
AT = ORDER.provider, ORDER.account
PLACES = {line: place for place, line in enumerate(ORDER.lines, start=1)}


def as_told() -> Seen:
    """What is seen where every story came out as it was to."""
    made = stand_ins(PARTS)
    made[AT] = core = Core()
    core.lines = {PLACES[line]: word for line, (_, word) in ORDER.lines.items()}
    core.ledger.add(Effect.CREATED, ORDERED, reference=ORDERED, gross=CANCELLED + ORDER.invoiced)
    for part in PARTS:
        _carry_out(part, made[part.provider, part.account].ledger)
    core.ledger.add(Effect.LINES_CANCELLED, ORDERED, reference=ORDERED, gross=CANCELLED)
    orders = {ORDER.reference: an_order(), BY_UNITS.reference: an_order_by_units()}
    return Seen(made, {part.reference: an_invoice(part) for part in PARTS}, orders)


def _carry_out(part: Part, ledger: Ledger) -> None:
    """Write down what is to happen to it; each draft has an id of its own."""
    ordered = part in ORDER.parts
    drafts = 0
    for effect in map(Effect, part.effects):
        if effect is not Effect.CREATED:
            note(part, ledger, effect, part.effects[: drafts + 1].count("created") or 1)
        elif not ordered:
            drafts += 1
            note(part, ledger, effect, drafts)


def note(part: Part, ledger: Ledger, effect: Effect, draft: int = 1, **changes: Any) -> None:
    """One entry of the ledger about this invoice."""
    final = effect not in (Effect.CREATED, Effect.DELETED)
    ordered = part in ORDER.parts
    entry: dict[str, Any] = {
        "reference": ORDERED if ordered else part.name_there,
        "number": the_number(part) if final else None,
        "gross": the_gross(part),
    }
    ledger.add(effect, the_id(part, draft), **{**entry, **changes})


def the_gross(part: Part) -> Decimal:
    """The first invoice of an order takes what the others leave of what they come to in all."""
    for order in ORDERS:
        if part == order.parts[0]:
            return order.invoiced - GROSS * (len(order.parts) - 1)
    return GROSS


def all_net(gross: Decimal) -> Amounts:
    return Amounts(currency="EUR", net=gross, vat=Decimal(0), gross=gross)


def the_id(part: Part, draft: int = 1) -> str:
    return part.name_there if part in ORDER.parts else f"{part.reference}/{draft}"


def the_number(part: Part) -> str:
    return part.name_there if part in ORDER.parts else f"N-{part.reference}"


def an_invoice(part: Part) -> Invoice:
    made = part.effects.count("created")
    final = "approved" in part.effects
    return Invoice.model_validate(
        {
            "reference": part.reference,
            "provider": part.provider,
            "account": part.account,
            "goal": "sent",
            "status": part.status,
            "stage": Stage.SENT,
            "payment": PaymentStatus.UNPAID,
            "provider_id": the_id(part, made) if made else None,
            "number": the_number(part) if final else None,
            "amounts": all_net(the_gross(part)),
            "ended": True,
        }
    )


def an_order() -> Order:
    gross = CANCELLED + ORDER.invoiced
    lines = (LedgerLine(id=line, status=status) for line, (status, _) in ORDER.lines.items())
    return Order.model_validate(
        {
            "reference": ORDER.reference,
            "provider": ORDER.provider,
            "account": ORDER.account,
            "goal": "paid",
            "status": ORDER.status,
            "provider_id": ORDERED,
            "amounts": all_net(gross),
            "ledger": Lines(lines=tuple(lines)),
            "ended": True,
        }
    )


UNITS = {"sensor x 5": 5, "sensor x 3": 3, "sensor x 2": 2}


def an_order_by_units() -> Order:
    """Its lines are worth ten each; what is invoiced is on the invoice of its delivery."""
    numbers = [the_number(part) for part in BY_UNITS.parts]
    lines = [
        LedgerLine(
            id="sensor",
            status=status,
            units=Decimal(UNITS[name]),
            amount=Decimal(UNITS[name] * 10),
            number=numbers.pop(0) if there == "invoiced" else None,
        )
        for name, (status, there) in BY_UNITS.lines.items()
    ]
    return Order.model_validate(
        {
            "reference": BY_UNITS.reference,
            "provider": BY_UNITS.provider,
            "account": BY_UNITS.account,
            "goal": "delivered",
            "status": BY_UNITS.status,
            "amounts": all_net(Decimal(100)),
            "ledger": Lines(lines=tuple(lines)),
            "ended": True,
        }
    )


def kept_pdf(invoice: Invoice, folder: Path) -> DocumentState:
    """The invoice's PDF, kept as a worker keeps it."""
    raw = f"%PDF-1.4 Invoice {invoice.number} %%EOF".encode()
    path = folder / document_key(invoice.reference, invoice.provider_id or "")
    path.parent.mkdir()
    path.write_bytes(raw)
    file = DocumentFile(
        size=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        kept=datetime(2026, 6, 30, tzinfo=UTC),
    )
    return DocumentState(reference=invoice.reference, file=file)


def changed(seen: Seen, place: int, **changes: Any) -> None:
    """Overwrite one entry of Riverty's ledger."""
    entries = seen.stand_ins[AT].ledger._entries
    entries[place] = type(entries[place])(**{**vars(entries[place]), **changes})


def forgotten(seen: Seen, part: Part) -> None:
    """Take the last entry about this invoice out of its ledger."""
    ledger = seen.ledger(part)
    ledger._entries.remove(ledger.of(part.name_there)[-1])


def told(reference: str) -> Part:
    return next(part for part in PARTS if part.reference == reference)


PAID = told("paid")
DRAFT = told("cancel-draft")
ONE_EACH = [
    PAID,
    told("mollie-paid"),
    told("invoro-peppol#return"),
    told("quiddly-feed"),
    ORDER.parts[-1],
]
each_provider = pytest.mark.parametrize("part", ONE_EACH, ids=lambda part: part.provider)


def test_what_came_out_as_told_differs_in_nothing() -> None:
    seen = as_told()
    assert seen.wrong() == {}
    found = rows(seen.stand_ins, seen.last, seen.orders)
    assert len(found) == len(PARTS) + len(ORDERS) + LINES
    assert {part.provider for part in ONE_EACH} == {provider for provider, _ in seen.stand_ins}


@pytest.mark.parametrize("part", ONE_EACH[:-1], ids=lambda part: part.provider)
def test_a_second_invoice_alive_is_noticed(part: Part) -> None:
    seen = as_told()
    for effect in map(Effect, part.effects):
        note(part, seen.ledger(part), effect, draft=2)
    assert seen.wrong() == {part.reference: ("ledger", "invoices alive")}


def test_a_third_invoice_of_the_order_is_noticed() -> None:
    seen = as_told()
    seen.stand_ins[AT].ledger.add(
        Effect.APPROVED, "R-3", reference=ORDERED, number="R-3", gross=Decimal(0)
    )
    assert seen.wrong() == {ORDER.reference: ("invoices alive",)}


@each_provider
def test_an_amount_that_is_a_cent_off_is_noticed(part: Part) -> None:
    seen = as_told()
    forgotten(seen, part)
    last = Effect(part.effects[-1])
    note(part, seen.ledger(part), last, gross=the_gross(part) + Decimal("0.01"))
    assert seen.wrong() == {part.reference: ("number and gross",)}


@each_provider
def test_another_number_is_noticed(part: Part) -> None:
    seen = as_told()
    seen.change(part.reference, number="another")
    assert seen.wrong() == {part.reference: ("number and gross",)}


@each_provider
def test_another_id_is_noticed(part: Part) -> None:
    seen = as_told()
    seen.change(part.reference, provider_id="another")
    assert seen.wrong() == {part.reference: ("invoices alive",)}


@each_provider
def test_another_end_is_noticed(part: Part) -> None:
    seen = as_told()
    seen.change(part.reference, status=Status.NEEDS_ATTENTION)
    assert seen.wrong() == {part.reference: ("status",)}


@each_provider
def test_an_effect_that_is_missing_is_noticed(part: Part) -> None:
    seen = as_told()
    forgotten(seen, part)
    assert seen.wrong() == {part.reference: ("ledger",)}


@each_provider
def test_an_effect_too_many_is_noticed(part: Part) -> None:
    seen = as_told()
    note(part, seen.ledger(part), Effect.SENT)
    assert seen.wrong() == {part.reference: ("ledger",)}


def test_another_amount_credited_than_by_our_note_is_noticed() -> None:
    seen, invoice = as_told(), told("invoro-peppol")
    forgotten(seen, invoice)
    less = GROSS - Decimal("0.01")
    note(invoice, seen.ledger(invoice), Effect.PARTLY_CREDITED, gross=less)
    assert seen.wrong() == {invoice.reference: ("credited",)}


def test_effects_in_another_order_are_noticed() -> None:
    seen = as_told()
    ledger = seen.ledger(PAID)
    ledger._entries.append(ledger._entries.pop(ledger._entries.index(ledger.of("paid")[1])))
    assert seen.wrong() == {"paid": ("ledger",)}


def test_a_draft_left_behind_by_a_cancel_is_noticed() -> None:
    seen = as_told()
    forgotten(seen, DRAFT)
    assert seen.wrong() == {DRAFT.reference: ("ledger", "invoices alive")}


@each_provider
def test_an_invoice_nobody_asked_for_is_noticed(part: Part) -> None:
    seen = as_told()
    ledger = seen.ledger(part)
    ledger.add(Effect.CREATED, "x1", reference="somebody else's", gross=GROSS)
    assert seen.wrong() == {f"{part.provider} {part.account}": ("not asked for",)}


@pytest.mark.parametrize("line", ORDER.lines)
def test_a_line_with_another_fate_is_noticed_on_either_side(line: str) -> None:
    seen = as_told()
    seen.stand_ins[AT].lines = {**seen.stand_ins[AT].lines, PLACES[line]: "open"}
    assert seen.wrong() == {f"line {line}": ("ledger",)}
    seen = as_told()
    kept = seen.orders[ORDER.reference].ledger.lines
    lines = tuple(
        each.model_copy(update={"status": LineStatus.OPEN}) if each.id == line else each
        for each in kept
    )
    seen.change_order(ORDER, ledger=Lines(lines=lines))
    assert seen.wrong() == {f"line {line}": ("status",)}


def test_an_order_that_does_not_add_up_is_noticed() -> None:
    seen = as_told()
    changed(seen, -1, gross=CANCELLED + Decimal("0.01"))
    assert seen.wrong() == {ORDER.reference: ("invoiced and cancelled",)}
    seen = as_told()
    changed(seen, 0, gross=Decimal("99.99"))
    assert seen.wrong() == {ORDER.reference: ("gross", "invoiced and cancelled")}


def test_something_more_done_to_the_order_is_noticed() -> None:
    seen = as_told()
    seen.stand_ins[AT].ledger.add(
        Effect.LINES_CANCELLED, ORDERED, reference=ORDERED, gross=Decimal(0)
    )
    assert seen.wrong() == {ORDER.reference: ("ledger",)}


def test_an_order_that_ended_otherwise_is_noticed() -> None:
    seen = as_told()
    seen.change_order(ORDER, status=OrderStatus.ABANDONED)
    assert seen.wrong() == {ORDER.reference: ("status",)}


@pytest.mark.parametrize("name", BY_UNITS.lines)
def test_units_with_another_fate_are_noticed(name: str) -> None:
    seen = as_told()
    kept = seen.orders[BY_UNITS.reference].ledger.lines
    units = UNITS[name]
    lines = tuple(
        each.model_copy(update={"status": LineStatus.OPEN}) if each.units == units else each
        for each in kept
    )
    seen.change_order(BY_UNITS, ledger=Lines(lines=lines))
    assert seen.wrong() == {f"line {name}": ("status",)}
    lines = tuple(
        each.model_copy(update={"number": "another"}) if each.units == units else each
        for each in kept
    )
    seen.change_order(BY_UNITS, ledger=Lines(lines=lines))
    there = BY_UNITS.lines[name][1]
    assert seen.wrong() == ({f"line {name}": ("ledger",)} if there == "invoiced" else {})


def test_units_that_are_lost_on_the_way_are_noticed() -> None:
    seen = as_told()
    lines = seen.orders[BY_UNITS.reference].ledger.lines
    seen.change_order(BY_UNITS, ledger=Lines(lines=lines[:-1]))
    assert seen.wrong() == {BY_UNITS.reference: ("lines",)}


def test_another_amount_paid_than_the_provider_says_is_noticed() -> None:
    seen, part = as_told(), told("quiddly-feed")
    ledger = seen.ledger(part)
    ledger.open(the_id(part), Stated((), {}))
    seen.change(
        part.reference, balance=Balance(currency="EUR", due=GROSS, paid=GROSS, left=Decimal(0))
    )
    assert seen.wrong() == {part.reference: ("paid",)}
    ledger.account_of(the_id(part)).move(Moved.PAID, GROSS)
    assert seen.wrong() == {}


@pytest.mark.parametrize("raw", [b"", b"%PDF-1.4 Invoice of another %%EOF"])
def test_a_document_that_is_not_what_was_kept_is_noticed(raw: bytes, tmp_path: Path) -> None:
    invoice = as_told().last[PRINTED]
    document = kept_pdf(invoice, tmp_path)
    assert not printed_row(invoice, document, tmp_path).differs
    (tmp_path / document_key(invoice.reference, invoice.provider_id or "")).write_bytes(raw)
    assert printed_row(invoice, document, tmp_path).differs == ("digest", "number")
    assert printed_row(invoice, None, tmp_path).differs


@detail
@pytest.mark.parametrize("fine", [True, False])
def test_the_exit_code_is_the_result(
    fine: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One difference in the table is enough."""
    said = StringIO()
    seen = as_told()
    document = kept_pdf(seen.last[PRINTED], tmp_path)
    if not fine:
        seen.change("paid", number="another")
    worker = SimpleNamespace(failed=False, log="the log")
    play: Any = SimpleNamespace(
        stand_ins=seen.stand_ins,
        last=seen.last,
        orders=seen.orders,
        document=document,
        documents=tmp_path,
        worker=worker,
        console=Console(file=said),
    )

    async def played(console: Console, *, keep: bool) -> bool:
        return demonstrating.show_comparison(play, 1.0)

    monkeypatch.setattr(demonstrating, "_demonstrate", played)
    assert demonstrating.main(keep=False) == (0 if fine else 1)
    assert worker.failed is not fine
    assert ("did NOT come out" in said.getvalue()) is not fine


def test_every_row_says_whether_it_agrees() -> None:
    assert Row("a", "b", "c").cells == ("a", "b", "c", "yes")
    assert Row("a", "b", "c", ("status", "ledger")).cells[-1] == "NO: status, ledger"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.reference)
def test_every_story_asks_for_an_invoice_under_its_own_name(story: Any) -> None:
    request = story.request()
    assert (request.reference, request.provider) == (story.reference, story.provider)
    assert request.account == story.account


@detail
def test_every_line_of_the_order_is_delivered_or_cancelled_once() -> None:
    asked = [line for step in ORDER.steps for line in step.asks.lines]
    assert sorted(asked) == sorted(ORDER.lines)
    assert [line.id for line in ORDER.request().document.lines] == list(ORDER.lines)

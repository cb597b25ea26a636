"""The comparison: our states beside what the providers' ledgers say, and whether both are right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from demo.accounts import Account
from demo.stories import CREDIT_NOTES, ORDERS, PARTS, STORIES
from demo.story import OrderStory, Part
from invoicing.document_file import DocumentState, document_key
from invoicing.state.invoice import Invoice
from invoicing.state.order import Order
from invoicing.state.order_ledger import LedgerLine
from sandbox.kit.record import Effect, Entry, Ledger
from sandbox.kit.server import StandIn
from sandbox.riverty import RivertyStandIn


@dataclass(frozen=True)
class Row:
    """One line of the comparison; `differs` names what is not as it should be."""

    name: str
    ours: str
    theirs: str
    differs: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """As a table shows it."""
        agree = f"NO: {', '.join(self.differs)}" if self.differs else "yes"
        return self.name, self.ours, self.theirs, agree


def rows(
    there: Mapping[Account, StandIn], last: Mapping[str, Invoice], orders: Mapping[str, Order]
) -> list[Row]:
    """Every invoice, the orders, their lines, and whatever nobody asked for."""
    named = [((part.provider, part.account), part.name_there) for part in PARTS]
    found = [_invoice(part, there, last) for part in (*STORIES, *CREDIT_NOTES)]
    for story in ORDERS:
        order, at = orders[story.reference], (story.provider, story.account)
        named.append((at, order.provider_id or ""))
        found += [
            order_row(story, order, there[at].ledger),
            *(_invoice(part, there, last) for part in story.parts),
            *line_rows(story, order, there[at]),
        ]
    return [*found, *strangers(there, named)]


def _invoice(part: Part, there: Mapping[Account, StandIn], last: Mapping[str, Invoice]) -> Row:
    notes = (last[note.reference].amounts for note in part.credit_notes)
    credited = sum((sums.gross for sums in notes if sums), Decimal(0))
    ledger = there[part.provider, part.account].ledger
    return invoice_row(part, last[part.reference], ledger, credited)


# --- an invoice -----------------------------------------------------------------------------------


def invoice_row(part: Part, invoice: Invoice, ledger: Ledger, credited: Decimal) -> Row:
    """One invoice, here and there; `credited` is what our credit notes take of it."""
    effects = ", ".join(ledger.effects(part.name_there)) or "nothing"
    return Row(
        part.reference,
        _joined(invoice.status, _figures(invoice)),
        _joined(effects, _held_there(ledger, part.name_there)),
        differences(part, invoice, ledger, credited),
    )


def differences(part: Part, invoice: Invoice, ledger: Ledger, credited: Decimal) -> tuple[str, ...]:
    """Where our state, the provider's ledger and what was to be expected do not agree."""
    live = ledger.live(part.name_there)
    ours, theirs = _figures(invoice), _held_there(ledger, part.name_there)
    return _unlike(
        {
            "status": (invoice.status, part.status),
            "ledger": (tuple(ledger.effects(part.name_there)), part.effects),
            "invoices alive": (live, (invoice.provider_id,) if part.stands else ()),
            "number and gross": (ours, theirs if live else ours),
            "credited": (credited, _sum(ledger.of(part.name_there), Effect.PARTLY_CREDITED)),
            "paid": _paid(part, invoice, ledger),
        }
    )


def _paid(part: Part, invoice: Invoice, ledger: Ledger) -> tuple[Decimal, Decimal]:
    """What we say that came in less what went back, and what the provider's account says."""
    paid = invoice.balance.paid if invoice.balance else None
    account = ledger.accounts(part.name_there)[-1:]
    if paid is None or not account:
        return Decimal(0), Decimal(0)
    return paid, account[0].paid


def _figures(invoice: Invoice) -> str:
    gross = invoice.amounts.gross if invoice.amounts and invoice.provider_id else None
    return _joined(invoice.number, _money(gross))


def _held_there(ledger: Ledger, name: str) -> str:
    entries = [one for one in ledger.of(name) if one.effect is not Effect.PARTLY_CREDITED]
    return _joined(entries[-1].number, _money(entries[-1].gross)) if entries else ""


# --- an order -------------------------------------------------------------------------------------


def order_row(story: OrderStory, order: Order, ledger: Ledger) -> Row:
    """The order itself, here and there."""
    own = _about_itself(ledger, order.provider_id or "")
    return Row(
        story.reference,
        _joined(order.status, _money(_gross(order))),
        _joined(", ".join(entry.effect for entry in own), _money(_sum(own, Effect.CREATED)))
        if story.registered
        else "keeps no orders",
        order_differences(story, order, ledger),
    )


def order_differences(story: OrderStory, order: Order, ledger: Ledger) -> tuple[str, ...]:
    """As for an invoice; what its invoices come to; and, to the cent, that what was ordered is what
    was invoiced or cancelled: there, or by our own lines where the provider knows no order."""
    name = order.provider_id or ""
    own = _about_itself(ledger, name)
    invoiced = _sum(_of_all(story, ledger), Effect.APPROVED)
    pairs: dict[str, tuple[object, object]] = {
        "status": (order.status, story.status),
        "ledger": (tuple(entry.effect for entry in own), story.effects),
        "invoiced": (invoiced, story.invoiced),
    }
    if story.registered:
        ordered = _sum(own, Effect.CREATED)
        rest = _sum(ledger.of(name), Effect.APPROVED) + _sum(own, Effect.LINES_CANCELLED)
        invoices = tuple(sorted(part.name_there for part in story.parts))
        pairs |= {
            "invoices alive": (tuple(sorted(ledger.live(name))), invoices),
            "gross": (_gross(order), ordered),
            "invoiced and cancelled": (rest, ordered),
        }
    else:
        lines = sum((one.amount or Decimal(0) for one in order.ledger.lines), Decimal(0))
        pairs["lines"] = (lines, order.amounts and order.amounts.net)
    return _unlike(pairs)


def _of_all(story: OrderStory, ledger: Ledger) -> list[Entry]:
    """What happened to the invoices of its deliveries."""
    return [entry for part in story.parts for entry in ledger.of(part.name_there)]


def line_rows(story: OrderStory, order: Order, stand_in: StandIn) -> Iterator[Row]:
    """Each of its lines, here and there."""
    word_of = _words(story, order, stand_in)
    for place, line in enumerate(order.ledger.lines, start=1):
        name, word = _name(story, line), word_of(place, line)
        yield Row(
            f"  line {name}",
            _joined(line.status, line.number),
            word,
            _unlike(
                {
                    "status": (line.status, story.lines[name][0] if name in story.lines else None),
                    "ledger": (word, story.lines[name][1] if name in story.lines else None),
                }
            ),
        )


def _name(story: OrderStory, line: LedgerLine) -> str:
    """What the story calls this line, or part of one."""
    return line.id if line.id in story.lines else f"{line.id} x {line.units:f}"


def _words(story: OrderStory, order: Order, stand_in: StandIn) -> Callable[[int, LedgerLine], str]:
    """What the provider says of a line. Where it keeps the order, a line is known there by its
    place; elsewhere a line is there when an invoice of its number is."""
    if isinstance(stand_in, RivertyStandIn):
        name = order.provider_id or ""
        there = stand_in.order(name)["lines"] if stand_in.ledger.of(name) else {}
        return lambda place, line: there.get(place, "nothing")
    entries = _of_all(story, stand_in.ledger)
    numbers = {entry.number for entry in entries if entry.effect is Effect.APPROVED}
    return lambda place, line: "invoiced" if line.number in numbers else "nothing"


def _gross(order: Order) -> Decimal | None:
    return order.amounts.gross if order.amounts else None


def _about_itself(ledger: Ledger, order: str) -> tuple[Entry, ...]:
    """What happened to the order, without what happened to its invoices."""
    return tuple(entry for entry in ledger.of(order) if entry.number is None)


def _sum(entries: Iterable[Entry], effect: Effect) -> Decimal:
    return sum((each.gross or Decimal(0) for each in entries if each.effect is effect), Decimal(0))


# --- a document ----------------------------------------------------------------------------------


def printed_row(invoice: Invoice, document: DocumentState | None, folder: Path) -> Row:
    """The invoice's PDF: what we know of it, beside the file that is kept."""
    file = document.file if document else None
    name = document_key(invoice.reference, invoice.provider_id or "")
    kept = folder / name
    raw = kept.read_bytes() if kept.is_file() else b""
    number = (invoice.number or "").encode()
    return Row(
        f"  PDF of {invoice.reference}",
        f"{file.size} bytes, SHA-256 {file.sha256[:12]}…" if file else "nothing",
        name if raw else "nothing",
        _unlike(
            {
                "digest": (file.sha256 if file else "", hashlib.sha256(raw).hexdigest()),
                "number": (number and number in raw, True),
            }
        ),
    )


# --- everything else ------------------------------------------------------------------------------


def strangers(there: Mapping[Account, StandIn], named: Iterable[tuple[Account, str]]) -> list[Row]:
    """What stands in a ledger under none of these names: nobody asked for it."""
    known = {
        (account, entry.seq) for account, name in named for entry in there[account].ledger.of(name)
    }
    return [
        Row(" ".join(account), "nothing", f"{entry.effect} {entry.invoice_id}", ("not asked for",))
        for account, stand_in in there.items()
        for entry in stand_in.ledger.entries
        if (account, entry.seq) not in known
    ]


def _unlike(pairs: Mapping[str, tuple[object, object]]) -> tuple[str, ...]:
    return tuple(name for name, (one, other) in pairs.items() if one != other)


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"


def _joined(*texts: str | None) -> str:
    return " · ".join(filter(None, texts))

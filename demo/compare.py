"""The comparison: our states beside what the providers' ledgers say, and whether both are right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from demo.accounts import Account
from demo.stories import CREDIT_NOTES, ORDER, PARTS, STORIES
from demo.story import OrderStory, Part
from invoicing.invoice import Invoice
from invoicing.order import Order
from invoicing.order_ledger import LedgerLine
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


def rows(there: Mapping[Account, StandIn], last: Mapping[str, Invoice], order: Order) -> list[Row]:
    """Every invoice, the order, its lines, and whatever nobody asked for."""
    at = ORDER.provider, ORDER.account
    core = there[at]
    if not isinstance(core, RivertyStandIn):
        raise TypeError("no other stand-in knows the lines of an order")
    named = [((part.provider, part.account), part.name_there) for part in PARTS]
    return [
        *(_invoice(part, there, last) for part in (*STORIES, *CREDIT_NOTES)),
        order_row(ORDER, order, core.ledger),
        *(_invoice(part, there, last) for part in ORDER.parts),
        *line_rows(ORDER, order, core),
        *strangers(there, [*named, (at, order.provider_id or "")]),
    ]


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
        }
    )


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
        _joined(", ".join(entry.effect for entry in own), _money(_sum(own, Effect.CREATED))),
        order_differences(story, order, ledger),
    )


def order_differences(story: OrderStory, order: Order, ledger: Ledger) -> tuple[str, ...]:
    """As for an invoice; and what was ordered is what was invoiced or cancelled, to the cent."""
    name = order.provider_id or ""
    own, all_of_it = _about_itself(ledger, name), ledger.of(name)
    ordered = _sum(own, Effect.CREATED)
    rest = _sum(all_of_it, Effect.APPROVED) + _sum(own, Effect.LINES_CANCELLED)
    invoices = tuple(sorted(part.name_there for part in story.parts))
    return _unlike(
        {
            "status": (order.status, story.status),
            "ledger": (tuple(entry.effect for entry in own), story.effects),
            "invoices alive": (tuple(sorted(ledger.live(name))), invoices),
            "gross": (_gross(order), ordered),
            "invoiced and cancelled": (rest, ordered),
        }
    )


def line_rows(story: OrderStory, order: Order, stand_in: RivertyStandIn) -> Iterator[Row]:
    """Each of its lines, here and there. There, a line is known by its place."""
    name = order.provider_id or ""
    there = stand_in.order(name)["lines"] if stand_in.ledger.of(name) else {}
    for place, line in enumerate(order.ledger.lines, start=1):
        word = there.get(place, "nothing")
        yield Row(
            f"  line {line.id}",
            _joined(line.status, line.number),
            word,
            line_differences(story, line, word),
        )


def line_differences(story: OrderStory, line: LedgerLine, there: str) -> tuple[str, ...]:
    """Whether it has the one final status that it was to have, on both sides."""
    status, word = story.lines[line.id]
    return _unlike({"status": (line.status, status), "ledger": (there, word)})


def _gross(order: Order) -> Decimal | None:
    return order.amounts.gross if order.amounts else None


def _about_itself(ledger: Ledger, order: str) -> tuple[Entry, ...]:
    """What happened to the order, without what happened to its invoices."""
    return tuple(entry for entry in ledger.of(order) if entry.number is None)


def _sum(entries: Iterable[Entry], effect: Effect) -> Decimal:
    return sum((each.gross or Decimal(0) for each in entries if each.effect is effect), Decimal(0))


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

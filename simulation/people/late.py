"""What comes after the goal: money that moves, and people who end what hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from invoicing.balance import Way
from invoicing.document_file import DocumentInput
from invoicing.request import InvoiceRequest
from invoicing.state.identity import DOCUMENT_WORKFLOW, document_id, money_id, workflow_id
from simulation.decisions import (
    AsksForPaper,
    Decision,
    HearingEnds,
    MoneyMoves,
    PaperTrouble,
    StoreGoes,
)
from simulation.engine import NotFound, Server
from simulation.judge.invariants import BY_A_PERSON
from simulation.provider.account import SimulatedProvider
from simulation.provider.ledger import Held
from simulation.provider.money import share
from simulation.provider.papers import Papers
from simulation.wire import Story, Wire


def prepare_late(
    server: Server,
    wire: Wire,
    provider: SimulatedProvider,
    story: Story,
    decisions: Sequence[Decision],
) -> None:
    """Have everything happen when it was drawn to."""
    for each in decisions:
        if isinstance(each, MoneyMoves):
            wire.when(each.when, partial(_moves, provider, each))
        elif isinstance(each, HearingEnds):
            wire.when(each.when, partial(_ends, server, provider, story, each))


def prepare_papers(
    server: Server,
    wire: Wire,
    papers: Papers,
    requests: Sequence[InvoiceRequest],
    decisions: Sequence[Decision],
) -> None:
    """Have it go wrong as it was drawn to, and people ask."""
    for each in decisions:
        if isinstance(each, PaperTrouble):
            papers.trouble(each)
        elif isinstance(each, StoreGoes):
            wire.when(each.begins, partial(papers.go_away, each.lasts))
        elif isinstance(each, AsksForPaper):
            reference = requests[each.place % len(requests)].reference
            wire.when(each.when, partial(_asks, server, reference))


def _asks(server: Server, reference: str) -> None:
    """As a client of ours does: one that runs is found, and one that is kept is not begun anew."""
    runs = server.runs(document_id(reference))
    if not server.runs(workflow_id(reference)) or (runs and runs[-1].status == "completed"):
        return
    server.start(
        DOCUMENT_WORKFLOW,
        DocumentInput(reference=reference),
        id=document_id(reference),
        conflict="use_existing",
    )


def _final(provider: SimulatedProvider, place: int) -> Held | None:
    """One of the invoices in law that are there, credited or not."""
    there = [
        held
        for held in provider.ledger.invoices.values()
        if held.credits is None and held.state in ("final", "credited")
    ]
    return there[place % len(there)] if there else None


def _moves(provider: SimulatedProvider, each: MoneyMoves) -> None:
    held, way = _final(provider, each.place), Way(each.way)
    if held is not None:
        provider.moves(held, way, share(held, way, each.percent))


def _ends(server: Server, provider: SimulatedProvider, story: Story, each: HearingEnds) -> None:
    held = _final(provider, each.place)
    if held is None:
        return
    try:
        if each.how == "cancel":
            server.cancel(money_id(held.reference), BY_A_PERSON)
        else:
            server.terminate(money_id(held.reference), BY_A_PERSON)
    except NotFound:
        return
    story.tell(f"{held.reference}: what hears of its money is ended by {each.how}")

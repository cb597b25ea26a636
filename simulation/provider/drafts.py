"""A draft as it is made from what was asked for, and written anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from invoicing.document import Document
from invoicing.provider import CreateCall
from simulation.documents import content, sums
from simulation.provider.ledger import Held


def made(given: CreateCall, name: str, now: datetime, lag: timedelta) -> Held:
    """A new one of this name; a search shows it that much later."""
    figures = sums(given.document)
    held = Held(
        id=name,
        reference=given.target.reference,
        generation=given.target.generation,
        content="",
        lines=(),
        net=figures.net,
        vat=figures.vat,
        gross=figures.gross,
        made=now,
        shown_from=now + lag,
    )
    write(held, given.document)
    return held


def write(held: Held, given: Document) -> None:
    """It says this from now on, whatever anybody had changed in it."""
    figures = sums(given)
    held.content = content(given)
    held.lines = tuple(line.id for line in given.lines)
    held.net, held.vat, held.gross = figures.net, figures.vat, figures.gross
    held.asked_gross = figures.gross
    held.number = given.number
    held.units = {line.id: line.quantity for line in given.lines}
    of = given.precedents[0].number if given.precedents else None
    held.credits = of if given.type == "credit_note" else None

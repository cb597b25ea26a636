"""Legal holds over REST: written to the register, of a limited caller's own references alone. Only
where the gateway is told where the register is (INVOICING_REGISTER_AT)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.books import booked, register_of
from gateway.callers import Caller
from gateway.inputs import OnceKey, given
from gateway.problems import nothing_here
from gateway.routes import Heads
from invoicing.books.claims import Kind
from invoicing.books.legal_hold import HeldNow, LegalHold, NotHeld, ReleaseLegalHold
from invoicing.temporal.asking import Refused

heads = Heads("books")
router = heads.router

Held = Annotated[
    str,
    Path(
        pattern=r"^[!-~]{1,200}$",
        description="The reference of an invoice or order.",
    ),
]
Of = Annotated[Kind, Query(description="What the reference is of.")]


@heads.changes("/{reference}/legal-hold", LegalHold, "The hold that is on it")
async def hold_book(
    reference: Held,
    word: Annotated[LegalHold, given(LegalHold)],
    behind: Behind,
    who: Who,
    kind: Of = "invoice",
    key: OnceKey = None,
) -> HeldNow:
    """Have nothing of a reference erased until the hold is released. The first hold stays: the same
    again is the same, with a key or without."""
    await _own(behind, who, kind, reference)
    holding = register_of(behind).legal_hold(
        kind, reference, word.signed, word.reason, datetime.now(UTC)
    )
    try:
        since = await booked(behind, who, holding)
    except NotHeld as error:
        raise Refused(str(error)) from None
    return HeldNow(kind=kind, reference=reference, since=since)


@heads.changes("/{reference}/legal-hold/release", ReleaseLegalHold, "That there is none")
async def release_book(
    reference: Held,
    word: Annotated[ReleaseLegalHold, given(ReleaseLegalHold)],
    behind: Behind,
    who: Who,
    kind: Of = "invoice",
    key: OnceKey = None,
) -> HeldNow:
    """Take the hold off. Where there is none, that is refused: so is the same again, with a key or
    without."""
    await _own(behind, who, kind, reference)
    releasing = register_of(behind).release_legal_hold(
        kind, reference, word.signed, word.reason, datetime.now(UTC)
    )
    try:
        await booked(behind, who, releasing)
    except NotHeld as error:
        raise Refused(str(error)) from None
    return HeldNow(kind=kind, reference=reference)


async def _own(behind: Backend, who: Caller, kind: Kind, reference: str) -> None:
    """Raise Trouble where nothing of it is kept, or it is not the caller's own."""
    account = await booked(behind, who, register_of(behind).account_of(kind, reference))
    own = account is not None and who.reach.has_account(*account)
    if not own or not who.reach.has_reference(reference):
        raise nothing_here()

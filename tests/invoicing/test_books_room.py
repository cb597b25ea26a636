"""The client's room of the books: without a register it says so, with one it reads and closes."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from invoicing.booked import Wanted
from invoicing.client import InvoicingClient, NoRegister
from invoicing.provider import PaymentStatus
from invoicing.reconciling import Close, FindingKind, NoFinding, Sought
from register import Books, opened
from register.reading import Reader
from tests.register.test_reconciling import Drill, here, there


@pytest.fixture
def place(tmp_path: Any) -> str:
    return str(tmp_path / "register.db")


@pytest.fixture
def books(place: str) -> Any:
    made = opened(place)
    yield made
    made.close()


def a_client(register: Reader | None) -> InvoicingClient:
    temporal: Any = None  # What is read here is not in Temporal.
    return InvoicingClient(temporal, register=register)


async def test_a_client_without_a_register_says_so_whatever_it_is_asked() -> None:
    room, said = a_client(None).books, Close(by="ann", reason="seen")
    for asked in (
        room.page(Wanted()),
        room.totals(Wanted()),
        room.findings(),
        room.close("0" * 16, said),
    ):
        with pytest.raises(NoRegister, match="INVOICING_REGISTER_AT"):
            await asked


async def test_findings_are_read_page_by_page_and_closed_once(books: Books, place: str) -> None:
    await here(books)
    drill = Drill(books, place)
    strangers = [there(None, f"id-{nth}") for nth in range(2, 8)]
    await drill.run(there(payment=PaymentStatus.PAID), *strangers)
    drill.engine.dispose()
    with contextlib.closing(Reader(place)) as reader:
        room = a_client(reader).books
        first = await room.findings(limit=3)
        rest = await room.findings(limit=100, after=first.next)
        assert (len(first.rows), len(rest.rows), rest.next) == (3, 4, None)
        every = [one async for one in room.every()]
        assert every == [*first.rows, *rest.rows]
        (paid,) = (await room.findings(Sought(kind=FindingKind.PAID_UNSEEN))).rows
        said = Close(by="ann", reason="paid by cheque")
        # One that is not among those that may be closed is none.
        with pytest.raises(NoFinding):
            await room.close(paid.id, said, Sought(accounts=("mollie/other",)))
        closed = await room.close(paid.id, said)
        assert (closed.closed_by, closed.reason) == ("ann", "paid by cheque")
        assert await room.close(paid.id, said) == closed
        with pytest.raises(NoFinding):
            await room.close(paid.id, Close(by="bob", reason="paid by cheque"))
        assert len([one async for one in room.every()]) == 6

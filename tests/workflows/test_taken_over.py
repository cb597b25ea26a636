"""What a life takes over from the register, of one that Temporal's database has lost."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from invoicing.balance import Statement
from invoicing.books.rows import invoice_row
from invoicing.provider import Stage
from invoicing.state.case import Case
from invoicing.state.credited import CreditedSoFar
from invoicing.state.recording import Row
from tests.examples import an_invoice
from tests.invoicing.test_balance import a_case, seen
from workflows.invoice.claiming import _adopt

DUE, TAKEN = Decimal("121.00"), Decimal("21.00")


def test_what_credit_notes_took_before_a_loss_is_no_payment_after_it() -> None:
    """Their ledger is lost, and the provider states no more than what is left."""
    lost = a_case()
    lost.learn(seen(Stage.SENT, money=Statement(left=DUE)))
    lost.credits = CreditedSoFar(provider_id="one", gross=TAKEN)
    written = invoice_row(lost, an_invoice("INV-7"), None).model_dump_json()
    case = Case(plan=lost.plan)
    _adopt(cast("Any", SimpleNamespace(case=case)), Row.model_validate_json(written))
    assert case.credits == lost.credits
    case.learn(seen(Stage.SENT, money=Statement(left=DUE - TAKEN)))
    balance = case.balance
    assert balance
    assert (balance.credited, balance.left) == (TAKEN, DUE - TAKEN)
    assert not balance.paid

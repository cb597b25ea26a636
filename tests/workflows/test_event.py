"""Which workflows an event may be about, and which of them belong together."""

from __future__ import annotations

import pytest

from invoicing.state.news import Located, LocatedAll
from workflows.event import _families, _hearing


def found(*running: str, order: str | None = None) -> LocatedAll:
    each = (Located(workflow_id=one, running=True, order=order) for one in running)
    return LocatedAll(workflows=tuple(each))


@pytest.mark.parametrize(
    ("running", "families"),
    [
        (("invoice/A", "money/A"), 1),
        (("invoice/A",), 1),
        (("money/A",), 1),
        (("invoice/A", "money/B"), 2),
        (("money/A", "money/B"), 2),
    ],
)
def test_an_invoice_and_what_hears_of_its_money_are_one(
    running: tuple[str, ...], families: int
) -> None:
    assert len(_families(found(*running))) == families


def test_so_are_those_of_one_order() -> None:
    assert len(_families(found("invoice/O:1", "money/O:2", order="order/O"))) == 1


def test_before_it_is_late_it_is_told_to_what_hears_of_the_invoices_money_and_no_orders() -> None:
    assert _hearing(found("invoice/A", "order/B", "money/C")) == ["money/A"]

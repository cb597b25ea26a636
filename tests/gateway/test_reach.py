"""Whose an invoice in a list is, by what its memo says."""

from __future__ import annotations

from typing import Any, cast

from temporalio.client import WorkflowExecution

from gateway.reach import Reach
from invoicing.state.identity import MEMO, digest
from invoicing.temporal.converter import Undecipherable
from tests.tiers import detail

MOLLIE = Reach(accounts=("mollie/shop",))


class Listed:
    """One row of a list, with this memo."""

    def __init__(self, memo: dict[str, Any] | Exception) -> None:
        self._memo = memo

    async def memo(self) -> dict[str, Any]:
        if isinstance(self._memo, Exception):
            raise self._memo
        return self._memo


async def has(memo: dict[str, Any] | Exception) -> bool:
    return await MOLLIE.has(cast("WorkflowExecution", Listed(memo)))


async def test_an_invoice_of_its_account_is_its_own() -> None:
    asked = {"provider": digest("mollie"), "account": digest("shop")}
    assert await has({MEMO: asked})
    assert not await has({MEMO: {**asked, "account": digest("other")}})


async def test_an_invoice_that_says_nothing_of_its_account_is_nobodys() -> None:
    assert not await has({})


@detail
async def test_an_invoice_that_this_gateway_has_no_key_for_is_nobodys_and_hides_no_other() -> None:
    assert not await has(Undecipherable("it is encrypted"))

"""What stands between us and a provider, and what it says of an invoice that is not there."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from invoicing.errors import Unreadable
from invoicing.provider import Stage
from tests.providers import answer
from tests.providers.contract import Contract
from tests.providers.contracts import test_invoro, test_mollie, test_quiddly, test_zero_friction

READING: dict[str, type[Contract]] = {
    "invoro": test_invoro.TestInvoro,
    "mollie": test_mollie.TestMollie,
    "quiddly": test_quiddly.TestQuiddly,
    "zero_friction": test_zero_friction.TestZeroFriction,
}
"""Riverty has no call that reads."""
PAGE = httpx.Response(404, content=b"<html>no such host</html>")


async def _read(contract: Contract, reply: httpx.Response) -> Any:
    step = contract.steps["read"]
    script = contract.script(step)
    for route in step.asks:
        script.on(route, reply)
    return await contract.called("read", script, step, contract.asked(), await contract.planned())


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("status", [404, 410])
async def test_a_page_for_people_does_not_say_that_an_invoice_is_gone(
    name: str, status: int
) -> None:
    with pytest.raises(Unreadable, match="no JSON"):
        await _read(READING[name](), httpx.Response(status, content=PAGE.content))


@pytest.mark.parametrize("name", READING)
async def test_a_provider_that_knows_of_none_says_so(name: str) -> None:
    assert (await _read(READING[name](), answer({}, 404))).stage is Stage.DELETED

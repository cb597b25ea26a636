"""What the drill asks of a gateway that is restarted, and busy, under its hands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx

from drill.invoices import Invoices

PLACE: Any = SimpleNamespace(gateway_url="http://gateway", token="t" * 32)


async def test_a_gateway_that_does_not_answer_in_time_is_asked_again() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if len(asked) == 1:
            raise httpx.ReadTimeout("busy", request=request)
        return httpx.Response(200, json={"ended": True})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        await Invoices(http, wanted={"DRILL-001": {}}).settle(PLACE)
    assert asked == ["/v1/invoices/DRILL-001"] * 2

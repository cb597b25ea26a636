"""What other processes do with a stand-in: faults, the ledger, money, under /_sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.kit.faults import Faults
from sandbox.kit.wire import answer, decoded

if TYPE_CHECKING:
    from sandbox.kit.server import StandIn


def control(stand_in: StandIn) -> list[Route]:
    """The routes under /_sandbox; they are not recorded and no fault strikes them."""

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            stand_in.faults.clear()
        elif request.method == "POST":
            return await _place(stand_in.faults, request)
        return answer({"faults": [placed.described() for placed in stand_in.faults]})

    async def release(request: Request) -> Response:
        placed = stand_in.faults.find(request.path_params["id"])
        if placed is None:
            return answer({"error": "no such fault"}, 404)
        placed.release()
        return answer(placed.described())

    async def ledger(request: Request) -> Response:
        reference = request.query_params.get("reference")
        entries = stand_in.ledger.of(reference) if reference else stand_in.ledger.entries
        return answer({"entries": [entry.described() for entry in entries]})

    async def calls(request: Request) -> Response:
        recorded = [call.described() for call in stand_in.calls.all]
        return answer({"calls": recorded, "counts": stand_in.calls.counts})

    async def account(request: Request) -> Response:
        accounts = stand_in.ledger.accounts(request.query_params.get("reference", ""))
        return answer({"accounts": [one.described() for one in accounts]})

    def money(move: Callable[[str, Decimal | None], None]) -> Callable[[Request], Any]:
        async def moved(request: Request) -> Response:
            try:
                wish = decoded(await request.body())
                amount = wish.get("amount")
                move(wish["reference"], None if amount is None else Decimal(str(amount)))
                stand_in.save()
            except (LookupError, ValueError, ArithmeticError) as error:
                return answer({"error": str(error)}, 400)
            return answer({"effects": stand_in.ledger.effects(wish["reference"])})

        return moved

    async def forget(request: Request) -> Response:
        stand_in.reset()
        return answer({})

    return [
        Route("/_sandbox/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/faults/{id:int}/release", release, methods=["POST"]),
        Route("/_sandbox/ledger", ledger),
        Route("/_sandbox/calls", calls),
        Route("/_sandbox/account", account),
        Route("/_sandbox/pay", money(stand_in.pay), methods=["POST"]),
        Route("/_sandbox/charge_back", money(stand_in.charge_back), methods=["POST"]),
        Route("/_sandbox/refund", money(stand_in.refund), methods=["POST"]),
        Route("/_sandbox/reset", forget, methods=["POST"]),
    ]


async def _place(faults: Faults, request: Request) -> Response:
    try:
        placed = faults.place(**json.loads(await request.body()))
    except (TypeError, ValueError) as error:
        return answer({"error": str(error)}, 400)
    return answer(placed.described(), 201)

"""The Temporal server stops in the middle of everything, and comes back with what it had stored."""

from __future__ import annotations

import asyncio
import contextlib
import math
from pathlib import Path
from typing import Any

from invoicing.request import Goal
from invoicing.state.invoice import Status
from invoicing.state.questions import Answer, Reason
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from temporal_server import local_server
from tests.lifecycle.world import Company, world
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated, slow

pytestmark = simulated

SENT = ["created", "approved", "sent"]


@slow
async def test_a_server_that_stops_and_starts_again_loses_nothing(tmp_path: Path) -> None:
    """Every invoice is somewhere else when the server stops; the provider goes on meanwhile."""
    database = tmp_path / "temporal.db"
    async with (
        local_server(own=True, database=database) as server,
        world(server) as here,
        contextlib.AsyncExitStack() as stack,
    ):

        async def company(**settings: Any) -> Company:
            return await stack.enter_async_context(here.company(**settings))

        creating, late, asking = (
            await company(patience=3),
            await company(patience=3),
            await company(),
        )
        polling = await company(approval_delay=math.inf)
        parked, held, unpaid = await company(), await company(), await company()

        parked.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
        wrong = await parked.start()
        waiting = await held.start(hold=True)
        slow = await polling.start()
        bill = await unpaid.start(goal=Goal.PAID)
        await asyncio.gather(
            parked.until_status(wrong, Status.NEEDS_ATTENTION),
            held.until_status(waiting, Status.HELD),
            polling.until_waiting(slow, "approval"),
            unpaid.until_waiting(bill, "payment"),
        )
        # One create is committed by now, one is not; both are answered when there is no server.
        answer = creating.stand_in.faults.place(Step.CREATE, Fault.GATE, when="after")
        effect = late.stand_in.faults.place(Step.CREATE, Fault.GATE, when="before")
        first, second = await creating.start(), await late.start()
        await asyncio.gather(answer.reached(30), effect.reached(30))
        third = await asking.start()
        await asking.stand_in.arrived(Step.CUSTOMERS, within=LONG_ENOUGH)

        await server.stop()
        answer.release()
        effect.release()
        polling.stand_in.finish(slow)
        unpaid.stand_in.pay(bill)
        await late.stand_in.ledger.reached("created", second)
        await server.start()

        problem = (await parked.parked(wrong)).problem
        assert problem is not None
        assert problem.reason is Reason.AMOUNTS_DIFFER
        document = parked.request(wrong).document
        await parked.resolve(wrong, Answer.CORRECT, document=document)
        await held.release(waiting)

        fates = [
            (creating, first, SENT),
            (late, second, SENT),
            (asking, third, SENT),
            (polling, slow, SENT),
            (held, waiting, SENT),
            (unpaid, bill, [*SENT, "paid"]),
            (parked, wrong, ["created", "deleted", *SENT]),
        ]
        for owner, reference, effects in fates:
            invoice = await owner.finished(reference, within=LONG_ENOUGH)
            assert invoice.status is (Status.PAID if owner is unpaid else Status.SENT)
            assert owner.effects(reference) == effects
            assert owner.live(reference) == 1
            assert await owner.violations(reference) == []

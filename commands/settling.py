"""Waiting for the invoices of a file: until each has got far enough, needs a person, or time is up.
It needs no worker, and loads none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from commands.at_once import few_at_a_time, progress
from commands.base import Code, answered
from commands.fates import Fate
from commands.following import why_it_failed
from invoicing.client import InvoicingClient, Listed
from invoicing.errors import EngineError
from invoicing.request import Goal
from invoicing.state.invoice import AFTER_THE_END, Invoice, Status
from invoicing.temporal.lists import CUT_OFF
from terminal import FELL_THROUGH, waits_for_person

AT_ONCE = 20
PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between two looks at those that are under way; then the last of them again and again."""
MOST_FAILURES = 10
"""Rounds of looking in a row that the server may fail altogether."""

_FROM_APPROVED = (Status.APPROVED, Status.SENDING, Status.SENT, Status.DELIVERED, Status.PAID)
FAR_ENOUGH: Mapping[Goal, tuple[Status, ...]] = MappingProxyType(
    {
        Goal.DRAFTED: (Status.DRAFTED, Status.APPROVING, *_FROM_APPROVED),
        Goal.APPROVED: _FROM_APPROVED,
        Goal.SENT: (Status.SENT, Status.DELIVERED, Status.PAID),
        Goal.DELIVERED: (Status.DELIVERED,),
        Goal.PAID: (Status.PAID,),
    }
)
"""The states in which an invoice has got as far. One may be paid before it is delivered."""
_FOR_A_PERSON = (Status.HELD, Status.NEEDS_ATTENTION)


@dataclass(frozen=True)
class Waiter:
    """Looks at invoices until each has ended, waits for a person, or has got as far as `until`;
    `seconds` are the most."""

    client: InvoicingClient
    until: Goal | None
    seconds: float

    async def settle(self, fates: Sequence[Fate]) -> None:
        """Wait for them; those that are still under way when time is up say so."""
        with progress("Waiting", len(fates)) as advance:
            pending = list(fates)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.seconds):
                    await self._settle(pending, advance)
        for fate in pending:
            fate.says(Code.UNDER_WAY, "still under way", "nothing: it goes on by itself")

    async def _settle(self, pending: list[Fate], advance: Callable[[int], None]) -> None:
        """Take out of these whatever needs no more waiting, until none is left."""
        pauses = iter(PAUSES)
        failures = 0
        while pending:
            left = await few_at_a_time(pending, self._under_way, AT_ONCE)
            failures = failures + 1 if all(isinstance(one, EngineError) for one in left) else 0
            if failures > MOST_FAILURES and isinstance(left[0], EngineError):
                raise left[0]
            advance(sum(one is False for one in left))
            pending[:] = [fate for fate, one in zip(pending, left, strict=True) if one is not False]
            await asyncio.sleep(next(pauses, PAUSES[-1]) if pending else 0)

    async def _under_way(self, fate: Fate) -> bool | EngineError:
        """Whether it still is; the error where the server does not say."""
        try:
            listed = await self.client.invoices.listed(fate.reference)
            fate.learn(listed)
            if await self._goes_on(fate, listed):
                return True
            await self._add_amounts(fate)
        except EngineError as error:
            return error
        return False

    async def _goes_on(self, fate: Fate, listed: Listed) -> bool:
        if listed.execution != "running" or listed.waiting_for in AFTER_THE_END:
            # Or it has ended, and its workflow only looks back, or waits for the register.
            await self._judge(fate, listed)
        elif listed.status in _FOR_A_PERSON:
            return not await self._waits(fate, listed)
        elif self.until is None or listed.status not in FAR_ENOUGH[self.until]:
            return listed.status != Status.SCHEDULED
        return False

    async def _waits(self, fate: Fate, listed: Listed) -> bool:
        """Whether it still waits for a person: what is listed changes with the next step only, and
        an answer may just have been given. Where no worker says, what is listed counts."""
        invoice = await self._state(fate)
        if invoice is None:
            fate.wait_for_person(None, listed.waiting_for or "")
        elif not waits_for_person(invoice):
            return False
        else:
            fate.wait_for_person(invoice.problem, str(invoice.problem or invoice.waiting or ""))
        return True

    async def _judge(self, fate: Fate, listed: Listed) -> None:
        if listed.status == CUT_OFF:
            why = str(await self.client.invoices.cut_off(fate.reference) or "")
            fate.says(Code.FAILED, why, "run the file again: it goes on with what is there")
        elif listed.status in FELL_THROUGH:
            failed = "; ".join(await why_it_failed(self.client, fate.reference))
            fate.says(Code.FAILED, failed, _ENDED.get(listed.status or "", ""))

    async def _add_amounts(self, fate: Fate) -> None:
        """Those that only the provider's way of rounding tells."""
        if fate.result.net is None and (invoice := await self._state(fate)) and invoice.amounts:
            sums, result = invoice.amounts, fate.result
            result.net, result.vat, result.gross = sums.net, sums.vat, sums.gross

    async def _state(self, fate: Fate) -> Invoice | None:
        with suppress(EngineError):
            return await answered(self.client.invoices.state(fate.reference))
        return None


_ENDED: dict[str, str] = {
    Status.REJECTED: "mend the file and run it again",
    Status.EXPIRED: "look at the provider, then run the file again: it goes on with what is there",
}

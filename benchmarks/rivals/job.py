"""One invoice as somebody writes it who has an engine that repeats steps, and the vendor's page.

Each step may be repeated. It looks before it creates, approves and sends; nobody waits for what may
still arrive, compares amounts, asks a person, or takes anything back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks.kinds import a_request
from invoicing.provider import (
    CreateCall,
    LookUpCall,
    Plan,
    ReadCall,
    Snapshot,
    Stage,
    Target,
)
from invoicing.request import InvoiceRequest
from providers.zero_friction.adaptor import ZeroFriction

T = TypeVar("T")
PAUSE = 0.04
"""Seconds between two looks, and before the first repetition: as in `benchmarks.kinds`."""
LONGEST = 1.0
ATTEMPTS = 12


@dataclass(frozen=True)
class Job:
    """The steps; what one has learned is given to the next as plain values."""

    adaptor: ZeroFriction
    looks_first: bool = True

    async def learn(self, reference: str) -> dict[str, Any]:
        """Customer, bank account and tax codes."""
        request, context = await self._planned(reference)
        plan = await self.adaptor.plan(request)
        for wave in plan.look_ups:
            target = self._target(reference, context)
            calls = [self.adaptor.look_up(LookUpCall(target=target, look_up=each)) for each in wave]
            for found in await asyncio.gather(*calls):
                context |= found.context
        return context

    async def draft(self, reference: str, context: dict[str, Any]) -> str:
        """The draft's id: the one that is there already, or a new one's."""
        request, _ = await self._planned(reference)
        target = self._target(reference, context)
        if self.looks_first:
            there = await self.adaptor.find(target)
            if there.invoices:
                return there.invoices[0].provider_id
        plan: Plan = await self.adaptor.plan(request)
        made = await self.adaptor.create(
            CreateCall(
                target=target,
                document=request.document,
                options=request.options,
                totals=plan.totals,
            )
        )
        return made.provider_id

    async def approve(self, reference: str, context: dict[str, Any], invoice: str) -> None:
        """Unless it is approved."""
        if not (await self.look(reference, context, invoice)).stage.reached(Stage.APPROVING):
            await self.adaptor.approve(self._target(reference, context, invoice))

    async def send(self, reference: str, context: dict[str, Any], invoice: str) -> None:
        """Unless it is sent."""
        if not (await self.look(reference, context, invoice)).stage.reached(Stage.SENDING):
            await self.adaptor.send(self._target(reference, context, invoice))

    async def is_at(
        self, reference: str, context: dict[str, Any], invoice: str, stage: Stage
    ) -> bool:
        """Whether it has got as far."""
        return (await self.look(reference, context, invoice)).stage.reached(stage)

    async def look(self, reference: str, context: dict[str, Any], invoice: str) -> Snapshot:
        """How far it is."""
        return await self.adaptor.read(ReadCall(target=self._target(reference, context, invoice)))

    async def _planned(self, reference: str) -> tuple[InvoiceRequest, dict[str, Any]]:
        request = a_request(reference, "zero_friction")
        return request, dict((await self.adaptor.plan(request)).context)

    @staticmethod
    def _target(reference: str, context: dict[str, Any], invoice: str | None = None) -> Target:
        return Target(account="default", reference=reference, provider_id=invoice, context=context)


async def repeated(step: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The step's answer, however often it takes, with pauses that grow."""
    pause = PAUSE
    for _ in range(ATTEMPTS - 1):
        try:
            return await step()
        except Exception:  # noqa: BLE001 (as those who repeat everything do)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)
    return await step()

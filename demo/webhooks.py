"""The gateway's part: what Riverty tells us is verified, stored as a workflow, and only then taken.

In production `gateway/` does this, behind an address that the provider can reach.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import settings.accounts
from demo.accounts import Account
from demo.play import Play
from demo.stories import ORDER
from invoicing.provider import Delivery, Hooks
from providers.kit.http import client as http_client

PLAYED = frozenset({(ORDER.provider, ORDER.account)})
"""The accounts whose stand-in has something to tell."""


@asynccontextmanager
async def listening(
    play: Play, environment: Mapping[str, str], account: Account
) -> AsyncIterator[None]:
    """Meanwhile this account's notifications reach us. One that is refused is not acknowledged."""
    notices = play.stand_ins[account].notices
    async with http_client() as http:
        hook: Hooks = settings.accounts.hooks(environment, http)[account[0]][account[1]]

        async def hear(body: bytes, headers: Mapping[str, str], source: str) -> None:
            now = datetime.now(UTC)
            delivery = Delivery(headers=dict(headers), body=body, source=source, received=now)
            for event in hook.receive(delivery):
                await play.tell(*account, event, how="verified, stored")

        notices.listener = hear
        try:
            yield
        finally:
            notices.listener = None

"""Zero Friction: what every answer is wrapped in, and lists whose pages follow each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from providers.kit.api import Api
from providers.kit.http import Call, unclear
from providers.kit.wire import Seen, parse
from providers.zero_friction.decode import (
    Envelope,
    Page,
    Thing,
    opened,
)

MAX_PAGES = 100


class Envelopes:
    """The answers of one organisation, opened."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def ask(self, request: Call) -> Envelope:
        """The envelope of a success; every refusal is raised."""
        return opened(request, await self._api.exchange(request))

    async def listed(self, model: type[Thing], request: Call) -> list[Thing]:
        """Everything a reading call lists, except what is marked as deleted."""
        items, complete = await self.pages(request)
        if not complete:
            raise unclear(request, f"does not end within {MAX_PAGES} pages")
        known = [parse(model, item, request) for item in items]
        return [item for item in known if not item.deleted]

    async def pages(self, request: Call) -> tuple[list[Any], bool]:
        """Every item of a list as it came, each once, and whether its end was seen."""
        items: list[Any] = []
        token: str | None = None
        seen = Seen()
        for _ in range(MAX_PAGES):
            headers = {**request.headers, "continuationToken": token} if token else request.headers
            asked = await self.ask(replace(request, headers=headers))
            page = parse(Page, asked.data, request)
            items.extend(seen.fresh(page.results))
            if not page.has_next_page:
                return items, True
            if not seen.leads_on(page.next_page_token):
                break
            token = page.next_page_token
        return items, False

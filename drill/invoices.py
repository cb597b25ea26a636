"""What is asked for at each provider, and whether what we say agrees with its ledger."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from drill.place import KINDS, Place
from drill.programs import ROOT, DrillFailed

_EXAMPLES = {name: name for name in KINDS} | {"zero_friction": "invoice"}
_GOALS = {"invoro": "delivered", "riverty": "approved"}
"""`sent` elsewhere. What is left out waits for the buyer."""


@dataclass
class Invoices:
    """All that were asked for, by reference."""

    http: httpx.AsyncClient
    wanted: dict[str, dict[str, Any]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)

    async def ask(self, place: Place, each: int, *, hold: bool = False) -> None:
        """Ask for so many more at every provider; with `hold` they wait for `release`."""
        for provider in KINDS:
            for _ in range(each):
                request = _request(provider, len(self.wanted) + 1, hold=hold)
                self.wanted[request["reference"]] = request
                self.held |= {request["reference"]} if hold else set()
                await self._post(place, "/v1/invoices", request)

    async def ask_again(self, place: Place) -> None:
        """Ask for every one of them once more: one reference is one invoice."""
        for request in self.wanted.values():
            await self._post(place, "/v1/invoices", request)

    async def release(self, place: Place, number: int) -> None:
        """Release so many of those that are held, once they are."""
        for reference in sorted(self.held)[:number]:
            await self._until(place, reference, "held", within=90)
            order = {"by": "the drill", "reason": "the drill goes on"}
            await self._post(place, f"/v1/invoices/{reference}/release", order)
            self.held.remove(reference)

    async def until_held(self, place: Place) -> None:
        """Wait until each of those that are to be held is."""
        for reference in sorted(self.held):
            await self._until(place, reference, "held", within=90)

    async def settle(self, place: Place) -> None:
        """Wait until every one that is not held has reached its goal. Raises DrillFailed."""
        for reference in self.wanted.keys() - self.held:
            await self._until(place, reference, None, within=120)

    async def state(self, place: Place, reference: str) -> dict[str, Any]:
        """An invoice as the gateway shows it."""
        answer = await self.http.get(
            f"{place.gateway_url}/v1/invoices/{reference}", headers=_bearer(place)
        )
        shown: dict[str, Any] = answer.json()
        return shown if answer.status_code == 200 else {"refused": shown}

    async def differences(self, place: Place, urls: Mapping[str, str]) -> list[str]:
        """Where our state and a provider's ledger do not agree: a sentence for each."""
        ledgers = {name: await self._ledger(url) for name, url in urls.items()}
        states = [await self.state(place, reference) for reference in sorted(self.wanted)]
        wrong = [line for state in states for line in compared(state, ledgers)]
        return [*wrong, *strangers(states, ledgers)]

    async def _ledger(self, url: str) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{url}/_sandbox/ledger")
        entries: list[dict[str, Any]] = answer.raise_for_status().json()["entries"]
        return entries

    async def _until(self, place: Place, reference: str, status: str | None, within: float) -> None:
        shown: dict[str, Any] = {}
        try:
            async with asyncio.timeout(within):
                while True:
                    with suppress(httpx.TransportError):  # a gateway that is busy answers later
                        shown = await self.state(place, reference)
                    if shown.get("ended") if status is None else shown.get("status") == status:
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            wish = f"not {status or 'at its goal'} after {within:.0f} s"
            raise DrillFailed(f"{reference} is {wish}: {json.dumps(shown)}") from None

    async def _post(self, place: Place, path: str, body: dict[str, Any]) -> None:
        """As a caller does it: again, until there is an answer."""
        said = ""
        for _ in range(60):
            try:
                url = f"{place.gateway_url}{path}"
                answer = await self.http.post(url, json=body, headers=_bearer(place))
            except httpx.TransportError as error:
                said = type(error).__name__
            else:
                said = answer.text
                if answer.is_success:
                    return
                if answer.status_code < 500 and answer.status_code != 429:
                    break
            await asyncio.sleep(0.5)
        raise DrillFailed(f"POST {path} did not succeed: {said}")


def _bearer(place: Place) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.token}"}


def _request(provider: str, number: int, *, hold: bool) -> dict[str, Any]:
    text = (ROOT / "sandbox" / "examples" / f"{_EXAMPLES[provider]}.json").read_text()
    request: dict[str, Any] = json.loads(text)
    request |= {"reference": f"DRILL-{number:03}", "goal": _GOALS.get(provider, "sent")}
    if hold:
        request["hold"] = True
    if "number" in request["document"]:
        request["document"]["number"] = f"D-{number:03}"
    return request


def compared(state: dict[str, Any], ledgers: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    """What is not as it must be with one invoice."""
    if "refused" in state:
        yield f"an invoice is not shown: {state['refused']}"
        return
    reference, provider = state["reference"], state["provider"]
    own = _of(state, ledgers[provider])
    times = Counter(each["effect"] for each in own)
    if not state["ended"] or not own:
        yield f"{reference} at {provider} is {state['status']}, and its ledger has {dict(times)}"
        return
    if twice := [effect for effect, count in times.items() if count > 1]:
        yield f"{reference} at {provider} was {' and '.join(twice)} more than once"
    grosses = {Decimal(each["gross"]) for each in own if each["gross"] is not None}
    gross = (state["amounts"] or {}).get("gross")
    if grosses != {gross and Decimal(gross)}:
        yield f"{reference} at {provider} is {gross}, there {sorted(grosses)}"
    numbers = {each["number"] for each in own if each["number"]}
    if not numbers <= {state["number"]}:
        yield f"{reference} at {provider} is {state['number']}, there {sorted(numbers)}"


def _of(state: dict[str, Any], entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What stands there under the name that this invoice bears there, but for deleted drafts.

    An order and its invoice have ids of their own at some, and one name.
    """
    gone = {each["invoice_id"] for each in entries if each["effect"] == "deleted"}
    stand = [each for each in entries if each["invoice_id"] not in gone]
    names = {each["reference"] for each in stand if each["invoice_id"] == state["provider_id"]}
    return [each for each in stand if each["reference"] in names]


def strangers(
    states: list[dict[str, Any]], ledgers: Mapping[str, list[dict[str, Any]]]
) -> Iterator[str]:
    """What stands in a ledger, and under none of our invoices' names."""
    for provider, entries in ledgers.items():
        shown = [state for state in states if state.get("provider") == provider]
        known = {each["seq"] for state in shown for each in _of(state, entries)}
        gone = {each["invoice_id"] for each in entries if each["effect"] == "deleted"}
        for each in entries:
            if each["seq"] not in known and each["invoice_id"] not in gone:
                yield f"{provider}: {each['invoice_id']} was {each['effect']}, and not asked for"

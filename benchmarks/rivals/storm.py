"""Calls that fail at the stand-in, before or after they took effect, and what its ledger says."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import httpx

CALLS = {
    "customers": 1,
    "find": 1,
    "create": 1,
    "read": 4,
    "approve": 1,
    "send": 1,
}
"""About how often an invoice makes each call: so many of them are drawn from. Master data that the
adaptor keeps is asked for once."""


async def brew(url: str, seed: int, invoices: int, share: float) -> None:
    """From now on, of so many invoices' calls this share fails: half of them before they took
    effect (503), half after it (the connection is reset)."""
    chance = random.Random(seed)  # noqa: S311 (it is a plan, not a secret)
    async with httpx.AsyncClient(trust_env=False) as http:
        for step, each in CALLS.items():
            for nth in range(1, invoices * each + 1):
                if chance.random() >= share:
                    continue
                after = chance.random() < 0.5
                kind = {"fault": "reset", "when": "after"} if after else {"fault": "503"}
                asked = {"step": step, "nth": nth, **kind}
                (await http.post(f"{url}/_sandbox/faults", json=asked)).raise_for_status()


@dataclass(frozen=True)
class Judged:
    """What the provider holds of the invoices that were asked for, and how often it was called."""

    correct: int
    doubled: int
    lost: int
    calls: int


async def judge(url: str, asked: int, before: str) -> Judged:
    """By the ledger alone: sent once and one alive, more than that, or not sent. Of references that
    begin with `before`."""
    async with httpx.AsyncClient(trust_env=False) as http:
        entries = (await http.get(f"{url}/_sandbox/ledger")).json()["entries"]
        counts = (await http.get(f"{url}/_sandbox/calls")).json()["counts"]
    of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        if (entry["reference"] or "").startswith(before):
            of[entry["reference"]].append(entry)
    doubled = sum(_is_doubled(each) for each in of.values())
    sent = sum(any(entry["effect"] == "sent" for entry in each) for each in of.values())
    calls = sum(count for step, count in counts.items() if step != "token")
    return Judged(sent - doubled, doubled, asked - sent, calls)


def _is_doubled(entries: list[dict[str, Any]]) -> bool:
    gone = {each["invoice_id"] for each in entries if each["effect"] in ("deleted", "credited")}
    made = {each["invoice_id"] for each in entries if each["effect"] == "created"}
    return len(made - gone) > 1 or sum(each["effect"] == "sent" for each in entries) > 1

"""What a stand-in keeps in a file: after a restart it knows what it knew, and does what was due."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import invoro, mollie, quiddly, riverty
from sandbox import zero_friction as zf
from sandbox.kit.kept import Kept
from sandbox.kit.server import Ask, StandIn, Way, serve
from sandbox.kit.wire import answer, decoded
from sandbox.riverty.words import EDI
from sandbox.subscriber import Step as PostStep
from sandbox.subscriber import SubscriberStandIn
from tests.sandbox import test_invoro, test_mollie, test_quiddly, test_riverty, test_zero_friction
from tests.tls import NO_TLS

KEPT = "kept"


@dataclass(frozen=True)
class Double:
    """How one stand-in is made, and how an invoice there gets to where something is under way."""

    make: Callable[[float], StandIn]
    """Given the seconds that whatever takes time takes."""
    begin: Callable[[Any, httpx.AsyncClient], Awaitable[None]]
    reference: str
    before: tuple[str, ...]
    after: tuple[str, ...]


async def _zero_friction(stand_in: Any, http: httpx.AsyncClient) -> None:
    caller = test_zero_friction.Caller(stand_in, http)
    await caller.authenticate()
    await caller.act(await caller.created(), "approve", {"invoiceDate": "2026-06-30T00:00:00Z"})


async def _mollie(stand_in: Any, http: httpx.AsyncClient) -> None:
    caller = test_mollie.Caller(stand_in, http)
    assert (await caller.post(key="k-1", status="issued", isEInvoice=True)).status_code == 201


async def _invoro(stand_in: Any, http: httpx.AsyncClient) -> None:
    caller = test_invoro.Caller(stand_in, http)
    await caller.send(await caller.draft())


async def _quiddly(stand_in: Any, http: httpx.AsyncClient) -> None:
    caller = test_quiddly.Caller(stand_in, http)
    await caller.activate((await caller.create())["id"])


async def _riverty(stand_in: Any, http: httpx.AsyncClient) -> None:
    caller = test_riverty.Caller(stand_in, http)
    stand_in.notices.listener = None
    await caller.order()


DOUBLES = {
    "zero_friction": Double(
        lambda delay: zf.ZeroFrictionStandIn(approval_delay=delay),
        _zero_friction,
        "INV-1",
        ("created",),
        ("created", "approved"),
    ),
    "mollie": Double(
        lambda delay: mollie.MollieStandIn(e_invoice_delay=delay),
        _mollie,
        "INV-1",
        ("created", "approved"),
        ("created", "approved", "sent"),
    ),
    "invoro": Double(
        lambda delay: invoro.InvoroStandIn(sending_delay=delay),
        _invoro,
        "INV-1",
        ("created", "approved"),
        ("created", "approved", "sent"),
    ),
    "quiddly": Double(
        lambda delay: quiddly.QuiddlyStandIn(distribution_delay=delay),
        _quiddly,
        "F-1",
        ("created", "approved"),
        ("created", "approved", "sent"),
    ),
    "riverty": Double(
        lambda delay: riverty.RivertyStandIn(verdict_delay=delay),
        _riverty,
        "ORD1",
        (),
        ("created",),
    ),
}


@asynccontextmanager
async def kept(made: StandIn, path: Path) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    """This stand-in with its books in that file, and a client of it."""
    made.keep(path)
    async with (
        serve(made) as served,
        httpx.AsyncClient(base_url=served.url, timeout=2, verify=NO_TLS) as http,
    ):
        yield served, http


@pytest.mark.parametrize("name", DOUBLES)
async def test_a_restart_forgets_nothing_and_does_what_was_due(name: str, tmp_path: Path) -> None:
    double = DOUBLES[name]
    async with kept(double.make(30), tmp_path / KEPT) as (stand_in, http):
        await double.begin(stand_in, http)
        assert tuple(stand_in.ledger.effects(double.reference)) == double.before
        entries = stand_in.ledger.entries
    async with kept(double.make(30), tmp_path / KEPT) as (stand_in, _):
        assert stand_in.ledger.entries == entries
        # What was due in half a minute is due again: nobody waits for it here.
        (effect,) = [effect for _, effect in stand_in.books.agenda._waiting.values()]
        effect()
        assert tuple(stand_in.ledger.effects(double.reference)) == double.after


@pytest.mark.parametrize("name", DOUBLES)
async def test_without_a_file_a_restart_begins_anew(name: str) -> None:
    double = DOUBLES[name]
    made = double.make(math.inf)
    async with (
        serve(made) as stand_in,
        httpx.AsyncClient(base_url=stand_in.url, timeout=2, verify=NO_TLS) as http,
    ):
        await double.begin(stand_in, http)
        made.finish(double.reference)  # type: ignore[attr-defined]
        assert made.ledger.entries
    assert double.make(math.inf).ledger.entries == ()


async def test_what_is_due_happens_by_itself_after_a_restart(tmp_path: Path) -> None:
    async with kept(zf.ZeroFrictionStandIn(approval_delay=0.3), tmp_path / KEPT) as (one, http):
        await _zero_friction(one, http)
    async with kept(zf.ZeroFrictionStandIn(), tmp_path / KEPT) as (other, _):
        await other.ledger.reached("approved", "INV-1")
        assert other.invoice("INV-1")["invoiceNum"]
    # It was written down when it happened, not when somebody called.
    again = zf.ZeroFrictionStandIn()
    again.keep(tmp_path / KEPT)
    assert again.ledger.effects("INV-1") == ["created", "approved"]


async def test_a_payment_and_a_reset_are_kept_too(tmp_path: Path) -> None:
    async with kept(mollie.MollieStandIn(), tmp_path / KEPT) as (stand_in, http):
        await _mollie(stand_in, http)
        await stand_in.ledger.reached("sent", "INV-1")
        paid = await http.post("/_sandbox/pay", json={"reference": "INV-1"})
        assert paid.json()["effects"][-1] == "paid"
    async with kept(mollie.MollieStandIn(), tmp_path / KEPT) as (stand_in, http):
        assert stand_in.ledger.effects("INV-1")[-1] == "paid"
        await http.post("/_sandbox/reset")
    async with kept(mollie.MollieStandIn(), tmp_path / KEPT) as (stand_in, _):
        assert stand_in.ledger.entries == ()


async def test_a_key_that_was_used_is_still_known_after_a_restart(tmp_path: Path) -> None:
    async with kept(mollie.MollieStandIn(), tmp_path / KEPT) as (stand_in, http):
        await _mollie(stand_in, http)
    async with kept(mollie.MollieStandIn(), tmp_path / KEPT) as (stand_in, http):
        await _mollie(stand_in, http)
        assert len(stand_in.ledger.live("INV-1")) == 1


def test_another_s_file_or_a_damaged_one_is_refused_with_what_to_do(tmp_path: Path) -> None:
    mollie_s, damaged = tmp_path / "mollie", tmp_path / "damaged"
    made = mollie.MollieStandIn()
    made.keep(mollie_s)
    made.save()
    with pytest.raises(ValueError, match="another stand-in's: name a file for each"):
        quiddly.QuiddlyStandIn().keep(mollie_s)
    damaged.write_bytes(mollie_s.read_bytes()[:-9])
    with pytest.raises(ValueError, match="was not written by this version; remove it"):
        mollie.MollieStandIn().keep(damaged)


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    file = Kept(tmp_path / KEPT)
    file.save({"whole": True})
    with pytest.raises(Exception, match=r"pickle|local"):
        file.save(lambda: None)
    assert file.load(dict) == {"whole": True}
    assert [path.name for path in tmp_path.iterdir()] == [KEPT]


# What Riverty tells unasked.


async def test_a_listener_hears_every_verdict_again_and_again_until_it_takes_it() -> None:
    made = riverty.RivertyStandIn(verdict_delay=0, redeliveries=20, redelivery_delay=0.01)
    async with serve(SubscriberStandIn()) as listener:
        listener.faults.place(PostStep.POST, "503", times=3)
        made.call(f"{listener.url}/notices")
        made.call(f"{listener.url}/notices")
        async with (
            serve(made) as stand_in,
            httpx.AsyncClient(base_url=stand_in.url, timeout=2, verify=NO_TLS) as http,
        ):
            await _riverty(stand_in, http)
            (verdict,) = await stand_in.notices.delivered(EDI, "ORD1")
        assert (len(verdict.refused), verdict.taken) == (3, 1)
        assert decoded(listener.taken[0].body)["type"] == EDI
        assert len(listener.taken) == 1


async def test_what_nobody_has_taken_yet_is_told_after_a_restart(tmp_path: Path) -> None:
    async with serve(Deaf()) as deaf:
        made = riverty.RivertyStandIn(verdict_delay=0, redeliveries=10**6, redelivery_delay=0.01)
        made.call(deaf.url)
        async with kept(made, tmp_path / KEPT) as (stand_in, http):
            await _riverty(stand_in, http)
            await deaf.reached(PostStep.POST, 2)
            assert stand_in.notices.of("ORD1")[0].taken == 0
    again = riverty.RivertyStandIn()
    again.keep(tmp_path / KEPT)
    again.notices.callbacks.clear()
    async with serve(SubscriberStandIn()) as listener:
        again.call(f"{listener.url}/notices")
        async with serve(again):
            await again.notices.delivered(EDI, "ORD1")


class Deaf(SubscriberStandIn):
    """It takes nothing."""

    def ways(self) -> list[Way]:
        return [Way("POST", "/", PostStep.POST, self._refuse)]

    def _refuse(self, ask: Ask) -> Any:
        return answer({}, 503)

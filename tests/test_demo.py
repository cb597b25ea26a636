"""The demonstration comes to its verdict, tells right from wrong, and cleans up after itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoicing.document import Document
from invoicing.invoice import Amounts, Invoice, Status
from invoicing.provider import PaymentStatus, Stage
from sandbox import demo
from sandbox.demo import STORIES, Story, differences
from sandbox.record import Effect, Ledger


@contextmanager
def demonstration(*options: str) -> Iterator[subprocess.Popen[str]]:
    """`starter.py demo` as a process; whatever happens, it ends with the test."""
    command = [sys.executable, "-u", "starter.py", "demo", *options]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    # Somebody's own server must not be touched, so this names one that does not exist.
    environment = {**os.environ, "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    with subprocess.Popen(command, cwd=demo.ROOT, env=environment, **pipes) as running:
        try:
            yield running
        finally:
            running.terminate()


def test_the_demonstration_ends_with_everything_as_it_should_be() -> None:
    with demonstration() as running:
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert f"All {len(STORIES)} agree" in said
    assert "SDD_REQUIRES_BANK_ACCOUNT" in said
    assert "NO:" not in said


def test_told_to_stop_it_takes_everything_down_with_it() -> None:
    with demonstration() as running:
        assert running.stdout is not None
        lines = iter(running.stdout.readline, "")
        address = next(line for line in lines if "Temporal 127" in line).split()[1].rstrip(",")
        worker = next(line for line in lines if "worker" in line and "process" in line)
        assert worker
        running.send_signal(signal.SIGTERM)
        said = running.stdout.read()
    assert running.returncode == 143, said
    assert not _listens(address)
    assert not _workers_of(address)


def _listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _workers_of(address: str) -> list[str]:
    """Processes whose environment points at this server; where /proc is not there, none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"TEMPORAL_ADDRESS={address}".encode() in environment:
            found.append(process.name)
    return found


# The verdict

PLAIN = next(story for story in STORIES if story.reference == "plain")
CANCELLED = next(story for story in STORIES if story.reference == "cancel-draft")


def invoice(story: Story, **changes: Any) -> Invoice:
    request = story.request()
    return Invoice(
        **{
            "reference": story.reference,
            "provider": request.provider,
            "account": request.account,
            "goal": request.goal,
            "status": story.status,
            "stage": Stage.SENT,
            "payment": PaymentStatus.UNPAID,
            "provider_id": "i1",
            "number": "2026-1",
            "amounts": Amounts(
                currency="EUR",
                net=Decimal("114.00"),
                vat=Decimal("23.94"),
                gross=Decimal("137.94"),
            ),
            "ended": True,
            **changes,
        }
    )


def ledger(story: Story, *effects: Effect, gross: str = "137.94") -> Ledger:
    book = Ledger()
    for effect in effects:
        number = None if effect is Effect.CREATED else "2026-1"
        book.add(effect, "i1", reference=story.reference, number=number, gross=Decimal(gross))
    return book


SENT = (Effect.CREATED, Effect.APPROVED, Effect.SENT)


def test_an_invoice_that_came_out_as_told_differs_in_nothing() -> None:
    assert differences(PLAIN, invoice(PLAIN), ledger(PLAIN, *SENT)) == []


def test_a_second_invoice_alive_is_noticed() -> None:
    book = ledger(PLAIN, *SENT)
    book.add(Effect.CREATED, "i2", reference="plain", gross=Decimal("137.94"))
    assert {"ledger", "invoices alive"} <= set(differences(PLAIN, invoice(PLAIN), book))


def test_an_amount_that_is_a_cent_off_is_noticed() -> None:
    book = ledger(PLAIN, *SENT, gross="137.95")
    assert differences(PLAIN, invoice(PLAIN), book) == ["number and gross"]


def test_another_number_is_noticed() -> None:
    other = invoice(PLAIN, number="2026-2")
    assert differences(PLAIN, other, ledger(PLAIN, *SENT)) == ["number and gross"]


def test_another_end_is_noticed() -> None:
    other = invoice(PLAIN, status=Status.NEEDS_ATTENTION)
    assert differences(PLAIN, other, ledger(PLAIN, *SENT)) == ["status"]


def test_a_draft_left_behind_by_a_cancel_is_noticed() -> None:
    taken_back = invoice(CANCELLED, number=None, stage=Stage.DELETED)
    gone = ledger(CANCELLED, Effect.CREATED, Effect.DELETED)
    assert differences(CANCELLED, taken_back, gone) == []
    left = ledger(CANCELLED, Effect.CREATED)
    assert {"ledger", "invoices alive"} <= set(differences(CANCELLED, taken_back, left))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.reference)
def test_every_story_asks_for_a_valid_invoice_under_its_own_name(story: Story) -> None:
    request = story.request()
    assert request.reference == story.reference
    assert isinstance(request.document, Document)

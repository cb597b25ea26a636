"""What the client knows without a server: who is who, and what makes two requests the same."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter

from invoicing.client import web_page
from invoicing.client.shared import AT_ONCE, decoded, marks
from invoicing.document import Party
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.identity import event_id, fingerprint, workflow_id
from invoicing.temporal.converter import data_converter
from tests.examples import a_document, a_line, an_invoice

REQUEST = an_invoice("T-1")


def differing(other: InvoiceRequest) -> set[str]:
    """The parts in which it is not the ordinary request."""
    ours, theirs = fingerprint(REQUEST), fingerprint(other)
    return {name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)}


def test_the_workflow_is_named_after_the_reference_alone() -> None:
    assert workflow_id("2026:A-1#2") == "invoice/2026:A-1#2"


def test_the_web_page_leads_to_the_workflow_whatever_its_reference() -> None:
    page = web_page("http://localhost:8233/", "default", "A#1")
    assert page == "http://localhost:8233/namespaces/default/workflows/invoice%2FA%231"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, set()),
        ({"goal": Goal.PAID}, {"goal"}),
        ({"account": "second"}, {"account"}),
        ({"provider": "another"}, {"provider"}),
        ({"hold": True}, {"hold"}),
        ({"may_credit": False}, {"may_credit"}),
        ({"options": {}}, {"options"}),
        ({"document": {"due_date": date(2026, 8, 1)}}, {"document.due_date"}),
        ({"document": {"due_date": None}}, {"document.due_date"}),
        ({"document": {"buyer": Party(name="Canary Gas BV")}}, {"document.buyer"}),
        ({"document": {"lines": (a_line(1),)}}, {"document.lines"}),
        ({"document": {"notes": ("new",)}}, {"document.notes"}),
    ],
)
def test_a_fingerprint_says_where_two_requests_differ(
    changes: Mapping[str, Any], names: set[str]
) -> None:
    assert differing(an_invoice("T-1", **changes)) == names


@given(zeros=st.integers(0, 5), price=st.decimals("0.01", "9999", places=2))
def test_a_number_counts_by_its_value(zeros: int, price: Decimal) -> None:
    written = Decimal(f"{price:f}" + "0" * zeros)
    one, other = (
        an_invoice("T-1", document={"lines": (a_line(1, unit_price=number),)}, options={})
        for number in (price, written)
    )
    assert fingerprint(one) == fingerprint(other)


class Reading:
    """A converter without keys, that says in which thread it reads."""

    payload_codec = None

    @property
    def payload_converter(self) -> Reading:
        return self

    def from_payloads(self, payloads: Any, hints: Any) -> list[threading.Thread]:
        return [threading.current_thread()]


async def test_a_large_request_is_read_beside_the_loop() -> None:
    """A thousand lines took it eighty milliseconds, in which nobody else was answered."""
    converter = cast("DataConverter", Reading())
    here = threading.current_thread()
    small, large = Payload(data=b"x"), Payload(data=b"x" * (AT_ONCE + 1))
    assert await decoded(converter, [small], threading.Thread) is here
    assert await decoded(converter, [large], threading.Thread) is not here


async def test_a_fingerprint_is_taken_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[threading.Thread] = []

    def taking(request: InvoiceRequest) -> dict[str, str]:
        taken.append(threading.current_thread())
        return fingerprint(request)

    monkeypatch.setattr("invoicing.client.shared.fingerprint", taking)
    assert await marks(REQUEST) == fingerprint(REQUEST)
    assert taken
    assert threading.current_thread() not in taken


async def test_what_is_read_beside_the_loop_is_what_was_written() -> None:
    lines = tuple(a_line(number) for number in range(300))
    request = an_invoice("T-1", document={"lines": lines}, options={})
    payload = data_converter.payload_converter.to_payload(request)
    assert len(payload.data) > AT_ONCE
    assert await decoded(data_converter, [payload], InvoiceRequest) == request


def test_what_is_said_by_default_is_the_same_as_what_is_left_unsaid() -> None:
    said = an_invoice("T-1", goal=Goal.SENT, hold=False, document={"notes": ()})
    assert not differing(said)


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    """It stands in a memo: a change of the digest would make every old request another one."""
    assert fingerprint(REQUEST) == fingerprint(
        InvoiceRequest.model_validate_json(REQUEST.model_dump_json())
    )
    assert fingerprint(REQUEST)["document.currency"] == "87ef325635aa32dd"


def test_a_fingerprint_shows_no_value() -> None:
    canary = "Canary Person"
    document = a_document(notes=(canary,), buyer=Party(name=canary))
    shown = str(fingerprint(an_invoice("T-1", document={"notes": document.notes})))
    assert canary not in shown
    assert "EUR" not in shown


def test_the_longest_event_of_the_longest_account_fits_into_a_workflow_id() -> None:
    names = ("p" * 50, "a" * 50)
    one, other = (event_id(*names, "x" * 199 + last) for last in "ab")
    assert one != other
    assert len(one) <= 255
    assert event_id("p", "a", "short") == "event/p/a/short"

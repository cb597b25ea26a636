"""A document that was read in this process is known again, and only where it is equal to the last
byte."""

from __future__ import annotations

import gc
import json
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError

from invoicing.document import Document
from invoicing.known import MOST_BYTES, Known
from invoicing.provider import CreateCall, Target
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.case import InvoiceInput
from invoicing.temporal import converter
from invoicing.temporal.converter import data_converter
from invoicing.totals import totals
from tests.examples import a_document, a_line, an_invoice
from tests.invoicing import content
from tests.invoicing.counting import computed
from tests.tiers import detail

CONVERTER = data_converter.payload_converter
DOCUMENT = TypeAdapter(Document)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    """Of this test alone."""
    own = Known()
    monkeypatch.setattr(converter, "_known", own)
    return own


def payload(value: Any) -> Payload:
    return CONVERTER.to_payloads([value])[0]


def said(value: Any) -> Payload:
    """The same of plain JSON, by whoever wrote it."""
    data = json.dumps(value, separators=(",", ":")).encode()
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


def decoded(one: Payload, kind: type[Any]) -> Any:
    return CONVERTER.from_payloads([one], [kind])[0]


def read(known: Known, **changes: Any) -> Document:
    return DOCUMENT.validate_json(json.dumps(content(**changes)), context=known)


def test_one_document_is_checked_once_for_all_that_carry_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = an_invoice("T-1")
    figures = totals(request.document, "line")
    target = Target(account="default", reference="T-1")
    call = CreateCall(target=target, document=request.document, totals=figures)
    told = payload(request), payload(call)
    counted = computed(monkeypatch)
    begun = decoded(told[0], InvoiceInput)
    once = counted.total()
    assert once > 0
    again = decoded(told[0], InvoiceInput)
    planned = decoded(told[0], InvoiceRequest)
    created = decoded(told[1], CreateCall)
    assert counted.total() == once
    assert begun.document == request.document
    for one in (again, planned, created):
        assert one.document is begun.document
    assert planned == request


def test_a_document_that_differs_in_one_character_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded(payload(an_invoice("T-1")), InvoiceInput)
    counted = computed(monkeypatch)
    other = an_invoice("T-1", document={"buyer": {"name": "Canary Energy B.V."}})
    before = counted.total()
    assert decoded(payload(other), InvoiceInput).document == other.document
    assert counted.total() > before


@pytest.mark.parametrize("times", [1, 2])
def test_what_is_wrong_is_refused_each_time(known: Known, times: int) -> None:
    wrong = payload(an_invoice("T-1"))
    wrong.data = wrong.data.replace(b'"19.99"', b'"-19.99"')
    for _ in range(times):
        with pytest.raises(ApplicationError, match="unit_price"):
            decoded(wrong, InvoiceInput)
    assert len(known) == 0


def test_a_good_document_in_another_request_is_checked_against_that(known: Known) -> None:
    """What spans the document and the request is no part of what is known."""
    told = json.loads(payload(an_invoice("T-1", document={"prepaid": Decimal(1)})).data)
    told = {name: told[name] for name in ("reference", "provider", "document")}
    decoded(said(told), InvoiceInput)
    assert len(known) == 1
    with pytest.raises(ApplicationError, match=r"document\.prepaid: cannot be divided"):
        decoded(said(told), OrderRequest)


def test_what_an_older_worker_reads_leniently_is_not_known_as_good(known: Known) -> None:
    told = json.loads(payload(an_invoice("T-1")).data)
    told["document"]["of_a_later_version"] = 1
    later = said({**told, "resumed": {"case": {}}})
    assert decoded(later, InvoiceInput).document == an_invoice("T-1").document
    assert len(known) == 0
    with pytest.raises(ApplicationError, match="of_a_later_version: unknown field"):
        decoded(said(told), InvoiceInput)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, "1"), (1, True), ("a", "a "), ("\u00e9", "e\u0301")]
)
def test_values_that_are_written_otherwise_are_not_taken_for_each_other(
    one: Any, other: Any
) -> None:
    known, seen = Known(), []
    for each in (one, other, one):
        known.read({"value": each}, lambda given: seen.append(given))
    assert [each["value"] for each in seen] == [one, other]
    assert [type(each["value"]) for each in seen] == [type(one), type(other)]


@detail
def test_the_oldest_go_where_there_is_no_more_room() -> None:
    first, second = ({"value": letter * 100} for letter in "ab")
    known, reads = Known(most=250), []
    for each in (first, second, first, {"value": "c" * 100}, first, second):
        known.read(each, lambda given: reads.append(given["value"][0]))
    assert reads == ["a", "b", "c", "b"]
    assert len(known) == 2
    known.read({"value": "d" * 300}, reads.append)
    assert len(known) == 2, "what has no room turns nothing else out"


@detail
def test_all_that_is_known_takes_no_more_than_twenty_times_its_bound() -> None:
    known = Known()
    line = a_line().model_dump(mode="json", exclude_unset=True)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(30):
            read(
                known,
                buyer={"name": f"{number}"},
                lines=[{**line, "id": f"{n}"} for n in range(900)],
            )
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 5 < len(known) < 30
    assert held < 20 * MOST_BYTES


@detail
def test_a_mistake_is_told_as_it_is_without_it() -> None:
    with pytest.raises(ValidationError) as without:
        DOCUMENT.validate_json(json.dumps(content(lines=[])))
    with pytest.raises(ValidationError) as with_it:
        read(Known(), lines=[])
    assert with_it.value.errors() == without.value.errors()
    assert a_document() == DOCUMENT.validate_json(a_document().model_dump_json(), context=Known())

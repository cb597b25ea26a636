"""What is stored is what is said: empty fields are left out, and everything reads back the same."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from types import NoneType
from typing import Any, get_args

import pytest
from pydantic import BaseModel, JsonValue

import activities
import invoicing
import workflows
from invoicing.document import Adjustment
from invoicing.model import Recorded, Typed
from invoicing.provider import Event, Target
from invoicing.state.bounds import stored, written
from invoicing.state.case import Case, InvoiceInput
from invoicing.state.identity import fingerprint
from invoicing.state.news import Polled
from invoicing.temporal.converter import data_converter
from tests.examples import a_line, an_invoice

CONVERTER = data_converter.payload_converter


def again(value: Any) -> Any:
    """The value as it comes out of a history."""
    return CONVERTER.from_payloads(CONVERTER.to_payloads([value]), [type(value)])[0]


def _models() -> Iterator[type[BaseModel]]:
    for package in (invoicing, activities, workflows):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    kinds: list[type[BaseModel]] = [BaseModel]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.partition(".")[0] in ("invoicing", "activities", "workflows"):
            yield kind


def test_a_field_that_may_be_empty_is_empty_when_it_is_left_out() -> None:
    """Without this, an empty field that is not written out would come back as something else."""
    lost = {
        f"{kind.__name__}.{name}"
        for kind in _models()
        for name, field in kind.model_fields.items()
        if NoneType in get_args(field.annotation)
        and (field.is_required() or field.get_default(call_default_factory=True) is not None)
    }
    assert lost == set()
    assert {Recorded, Typed} <= set(_models())


def test_empty_fields_are_not_written_out() -> None:
    told = json.loads(written(Adjustment(percent=Decimal(5))))
    assert told == {"percent": "5"}
    payload = CONVERTER.to_payloads([Adjustment(percent=Decimal(5))])[0]
    assert json.loads(payload.data) == told
    assert stored(Adjustment(percent=Decimal(5))) == len(payload.data)


def test_a_document_of_many_adjustments_is_stored_in_less_than_twice_what_was_sent() -> None:
    off = tuple(Adjustment(amount=Decimal(1)) for _ in range(30))
    lines = tuple(a_line(n, allowances=off, quantity=Decimal(100)) for n in range(1, 101))
    request = an_invoice("T-1", document={"lines": lines}, options={})
    sent = len(request.model_dump_json(exclude_unset=True))
    assert stored(request) < 1.2 * sent
    assert len(request.model_dump_json()) > 2 * sent
    assert again(request) == request


@pytest.mark.parametrize("there", [None, {"a": None, "b": [None, {"c": None}], "d": {}}])
def test_what_is_empty_in_what_others_wrote_is_kept(there: JsonValue) -> None:
    body: dict[str, JsonValue] = {"said": there, "more": 1}
    for value in (
        Event(id="1", body=body),
        Target(account="default", reference="T-1", context=body),
        Case(context=body, inbox=(Event(id="1", body=body),)),
        an_invoice("T-1", options=body),
    ):
        assert again(value) == value
    assert json.loads(written(Event(id="1", body=body)))["body"] == body


def test_a_feed_without_a_next_time_reads_back_as_one() -> None:
    assert again(Polled(interval=None)).interval is None
    assert json.loads(written(Polled(interval=None))).keys() == {"items", "more"}


def test_the_digest_of_a_request_is_the_same_after_it_was_stored() -> None:
    request = an_invoice("T-1", send_on=date(2026, 7, 1), hold=True)
    fields = {name: getattr(request, name) for name in type(request).model_fields}
    begun = again(InvoiceInput.model_construct(**fields))
    assert begun.request() == request
    assert fingerprint(begun.request()) == fingerprint(request)


def test_what_an_earlier_version_stored_reads_the_same() -> None:
    """It wrote empty fields out, and histories are full of them."""
    case = Case(provider_id="17", context={"a": None})
    before = case.model_dump_json().encode()
    assert b'"plan":null' in before
    payload = CONVERTER.to_payloads([case])[0]
    payload.data = before
    assert CONVERTER.from_payloads([payload], [Case])[0] == case

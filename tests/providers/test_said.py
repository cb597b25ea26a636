"""What a provider states in words is compared with what it was told, and none of it is kept."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from invoicing.echo import Expected, differences
from providers.kit.said import LINES, said
from tests.providers.contract import PERSON, REFERENCE, Contract, Step
from tests.providers.contracts import test_invoro, test_mollie
from tests.providers.fields import changed

MOLLIE = {
    "organizationName": "Canary Person",
    "vatNumber": "NL123456782B90",
    "streetAndNumber": "Singel 1",
    "postalCode": "1000 AA",
    "city": "Amsterdam",
    "country": "NL",
}
INVORO = {
    "vat_number": "NL123456782B90",
    "address": {
        "street": "Singel 1",
        "postal_code": "1000 AA",
        "city": "Amsterdam",
        "country": "NL",
    },
}
BUYER = {
    "buyer.vat_number": "NL123456782B90",
    "buyer.address": {
        "street": "Singel 1",
        "postal_code": "1000 AA",
        "city": "Amsterdam",
        "country": "NL",
    },
}


def test_spaces_and_case_do_not_count_and_nothing_can_be_read_back() -> None:
    told = said({"name": " Ann  Person", "none": None, "odd": 5}, ["Widget", "Gadget large"])
    assert told == said({"name": "ANN PERSON"}, ["gadget  LARGE", "widget"])
    assert set(told) == {"name", LINES}
    assert "person" not in str(told).casefold()


def test_lines_of_which_one_has_no_text_are_not_said() -> None:
    assert said({}, ["Widget", None]) == said({}, []) == {}


@pytest.mark.parametrize(
    ("figure", "path", "value"),
    [
        ("buyer's name", "organizationName", PERSON),
        ("buyer's VAT number", "vatNumber", "NL999999990B90"),
        ("buyer's street", "streetAndNumber", "Singel 2"),
        ("buyer's postal code", "postalCode", "1000 AB"),
        ("buyer's city", "city", "Utrecht"),
        ("buyer's country", "country", "BE"),
    ],
)
async def test_mollie_states_another_buyer(figure: str, path: str, value: str) -> None:
    contract = test_mollie.TestMollie()
    name = contract.document["buyer"]["name"]
    stated = {**MOLLIE, "organizationName": name}
    assert await _differing(contract, {"recipient": stated}) == []
    assert await _differing(contract, {"recipient": {**stated, path: value}}) == [figure]


async def test_mollie_states_another_text_of_a_line() -> None:
    contract = test_mollie.TestMollie()
    name = contract.document["lines"][0]["name"]
    line = {"vatRate": "21.00"}
    assert await _differing(contract, {"lines": [{**line, "description": f" {name}"}]}) == []
    assert await _differing(contract, {"lines": [{**line, "description": "Other"}]}) == [LINES]


@pytest.mark.parametrize(
    ("figure", "path", "value"),
    [
        ("buyer's VAT number", "vat_number", "NL999999990B90"),
        ("buyer's street", "address.street", "Singel 2"),
        ("buyer's postal code", "address.postal_code", "1000 AB"),
        ("buyer's city", "address.city", "Utrecht"),
        ("buyer's country", "address.country", "BE"),
    ],
)
async def test_invoro_states_another_buyer(figure: str, path: str, value: str) -> None:
    assert await _invoro({}) == []
    assert await _invoro({f"buyer.{path}": value}) == [figure]


async def test_invoro_states_another_text_of_a_line() -> None:
    name = test_invoro.TestInvoro.document["lines"][0]["name"]
    assert await _invoro({"items[].name": f"{name} "}) == []
    assert await _invoro({"items[].name": "Other"}) == [LINES]


async def _invoro(changes: Mapping[str, Any]) -> list[str]:
    contract = test_invoro.TestInvoro()
    whole = contract.steps["read"].asks["GET /invoices/inv-1"]["data"]
    name = contract.document["lines"][0]["name"]
    ubl = {**whole["ubl_json"], "buyer": {**whole["ubl_json"]["buyer"], **INVORO}}
    ubl = changed(changed(ubl, {"items[].name": name}), changes)
    return await _differing(contract, {"data": {**whole, "ubl_json": ubl}}, BUYER)


async def _differing(
    contract: Contract, stated: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> list[str]:
    """What is not as asked for when the provider states this of the ordinary invoice."""
    read = contract.steps["read"]
    ((route, body),) = read.asks.items()
    step = Step({route: {**copy.deepcopy(body), **stated}}, read.context)
    request = contract.asked(document=changed(contract.document, more or {}))
    plan = await contract.planned(document=changed(contract.document, more or {}))
    seen = await contract.called("read", contract.script(step), step, request, plan)
    expected = Expected.of(REFERENCE, request.document, plan, None)
    found = differences(expected, seen.echo, ())
    assert all(not each.ours and PERSON not in each.theirs for each in found)
    return [each.figure for each in found]

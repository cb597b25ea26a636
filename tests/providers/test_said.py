"""What a provider states in words is compared with what it was told, and none of it is kept."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from invoicing.provider import Plan
from invoicing.request import InvoiceRequest
from invoicing.state.echo import Difference, Expected, differences, says_how_much
from providers.kit.said import FIGURES, LINES, TOGETHER, instant, number, parts, said
from providers.quiddly.words import PLACES
from tests.attached import supporting
from tests.providers.contract import PERSON, REFERENCE, Contract, Step
from tests.providers.contracts import test_invoro, test_mollie, test_quiddly, test_zero_friction
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


@pytest.mark.parametrize(
    ("written", "as_compared"),
    [
        (2, "2"),
        ("2,00", "2"),
        (Decimal("2.0"), "2"),
        ("-0.00", "0"),
        (Decimal("1E+2"), "100"),
        (Decimal("25.376400000000003"), "25.3764"),
        ("0.1234567", "0.1234567"),
        (None, None),
        ("", None),
        ("many", "?"),
        (True, "?"),
        (Decimal("NaN"), "?"),
        ({}, "?"),
    ],
)
def test_a_number_is_one_however_it_is_written(written: Any, as_compared: str | None) -> None:
    assert number(written) == as_compared


@pytest.mark.parametrize(
    ("written", "as_compared"),
    [
        ("2026-06-30T00:00:00+02:00", "2026-06-29T22:00:00+00:00"),
        ("2026-06-29T22:00:00.0000000Z", "2026-06-29T22:00:00+00:00"),
        ("2026-06-30", "2026-06-30T00:00:00"),
        ("0001-01-01T00:00:00", None),
        (None, None),
        ("soon", "?"),
        (7, "?"),
    ],
)
def test_a_moment_is_one_in_every_zone(written: Any, as_compared: str | None) -> None:
    assert instant(written) == as_compared


def test_rows_are_compared_where_each_of_them_states_all_of_its_parts() -> None:
    assert parts([["21", "100"], ["6", "50"]]) == parts([["6", "50"], ["21", "100"]])
    assert parts([["21", "100"], ["6", None]]) is None
    assert said({}, rows=[["1", "2"], ["3", ""]]) == {}
    assert said({}, rows=[["1", "2"]]) != said({}, rows=[["1", "3"]])


def test_lines_of_which_one_has_no_text_are_not_said() -> None:
    assert said({}, ["Widget", None]) == said({}, []) == {}


TWO = {
    "mollie": (test_mollie.TestMollie, ("quantity", "unitPrice", "vatRate")),
    "quiddly": (
        test_quiddly.TestQuiddly,
        ("quantity", "price", "vatPercentage", "totalExclVat", "totalVat", "total"),
    ),
}
"""The lines of an answer stand as they were written: what is exchanged, all of it or a part."""


@pytest.mark.parametrize("provider", TWO)
async def test_two_lines_that_exchanged_their_amounts_are_seen(provider: str) -> None:
    contract, place, lines = await _two_lines(provider)
    one, two = lines
    names = TWO[provider][1]
    exchanged = [
        {**one, **{name: two[name] for name in names if name in two}},
        {**two, **{name: one[name] for name in names if name in one}},
    ]

    async def found(there: list[Any]) -> list[str]:
        wrong = await _found(contract, {place: there}, _lines_of(contract))
        return [each.figure for each in wrong if each.figure in (LINES, FIGURES, TOGETHER)]

    assert await found([one, two]) == await found([two, one]) == []
    assert await found(exchanged) == [TOGETHER]
    assert await found([one, one]) == [LINES, FIGURES]
    other = {**exchanged[0], "description": "Other"}
    assert await found([other, exchanged[1]]) == [LINES]
    priced = {**one, "quantity": two["quantity"], names[1]: two[names[1]]}
    assert FIGURES in await found([priced, two])


def test_what_each_line_costs_is_nothing_that_a_person_may_let_stand() -> None:
    assert says_how_much(TOGETHER)


def _lines_of(contract: Contract) -> dict[str, Any]:
    (first, *_) = contract.document["lines"]
    second = {**first, "id": "two", "name": "Another", "quantity": "3", "unit_price": "7.00"}
    return {"lines": [{**first, "quantity": "2"}, second]}


async def _two_lines(provider: str) -> tuple[Contract, str, list[Any]]:
    """As create writes them."""
    contract = TWO[provider][0]()
    place = {"mollie": "lines", "quiddly": "articleRows"}[provider]
    path = {"mollie": "/v2/sales-invoices", "quiddly": "/invoices"}[provider]
    told = await _written(contract, "create", path, _lines_of(contract), {})
    return contract, place, told[place]


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


async def test_invoro_states_other_attachments_or_another_vat_currency() -> None:
    contract = test_invoro.TestInvoro()
    whole = contract.steps["read"].asks["GET /invoices/inv-1"]["data"]
    asked = {"attachments": [supporting(description="Hours")]}
    as_sent = {"filename": "own.pdf", "description": "TS-2026-1: Hours", "mime_type": "x"}

    async def other(currency: str, *there: Any) -> list[str]:
        header = {**whole["ubl_json"]["header"], "vat_currency": currency}
        ubl = {**whole["ubl_json"], "header": header, "attachments": [*there]}
        ubl = changed(ubl, {"items[].name": contract.document["lines"][0]["name"]})
        stated = {"data": {**whole, "ubl_json": ubl}}
        return await _differing(contract, stated, asked, {"vat_currency": "SEK"})

    assert await other("SEK", as_sent) == []
    assert await other("SEK") == ["attachments"]
    assert await other("SEK", as_sent, {"filename": "other.pdf"}) == ["attachments"]
    assert await other("SEK", {**as_sent, "filename": "other.pdf"}) == ["attachments"]
    assert await other("USD", as_sent) == ["VAT currency"]


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


QUIDDLY = {
    "buyer.vat_number": "SE559000000501",
    "buyer.address.additional": "Port 9",
    "buyer.identifiers": [{"value": "7300010000001", "scheme": "0088"}],
    "buyer.contact": {"email": "billing@canary.example.com", "name": PERSON},
    "buyer_reference": "B-7",
    "purchase_order": "PO-7",
    "sales_order": "SO-7",
    "notes": ["For June"],
    "payment": {"reference": "RF18539007547034", "terms": "30 days"},
    "delivery": {
        "party_name": "Canary Depot",
        "address": {
            "street": "Kaj 2",
            "additional": "Port 3",
            "postal_code": "111 22",
            "city": "Stockholm",
            "country": "SE",
        },
    },
}
QUIDDLY_OPTIONS = {
    "terms_of_delivery": "at the door",
    "product_code": "INVOICE_SERVICE",
    "debtor": {"address3": "Floor 3"},
}
NEVER_ORDINARY = {"credited invoice", "our reference", "delivery third address line"}
"""Of a credit; where our own mark stands; an option of its own."""


@pytest.fixture
def quiddly() -> Contract:
    return test_quiddly.TestQuiddly()


async def _quiddly_told(contract: Contract) -> dict[str, Any]:
    """What an ordinary request with all its texts writes, as an answer to it."""
    return await _written(contract, "create", "/invoices", QUIDDLY, QUIDDLY_OPTIONS)


@pytest.mark.parametrize("figure", sorted(set(PLACES) - NEVER_ORDINARY))
async def test_quiddly_states_another_text(quiddly: Contract, figure: str) -> None:
    told = await _quiddly_told(quiddly)
    place = PLACES[figure]
    assert await _differing(quiddly, told, QUIDDLY, QUIDDLY_OPTIONS) == []
    other = changed(told, {place: "Other"})
    assert await _differing(quiddly, other, QUIDDLY, QUIDDLY_OPTIONS) == [figure]
    none = changed(told, {place: None})
    assert await _differing(quiddly, none, QUIDDLY, QUIDDLY_OPTIONS) == []


async def test_quiddly_states_another_text_of_a_row(quiddly: Contract) -> None:
    told = await _quiddly_told(quiddly)
    other = changed(told, {"articleRows[].description": "Other"})
    assert await _differing(quiddly, other, QUIDDLY, QUIDDLY_OPTIONS) == [LINES]


ZERO_FRICTION = {
    "contract": "CO-1",
    "notes": ["For June"],
    "payment": {"reference": "RF18539007547034"},
}


@pytest.mark.parametrize(
    ("figure", "stated"),
    [
        ("buyer's account number", {"debtor": {"customerAccountNumber": "C-2"}}),
        ("contract", {"contractNumber": "CO-2"}),
        ("payment reference", {"paymentDetails": {"paymentReference": "Other"}}),
        ("note", {"noteToCustomer": "Other"}),
        (LINES, {"lines": [{"description": "Other"}]}),
    ],
)
async def test_zero_friction_states_another_text(figure: str, stated: dict[str, Any]) -> None:
    contract = test_zero_friction.TestZeroFriction()
    ((_, body),) = contract.steps["read"].asks.items()
    line = contract.document["lines"][0]["name"]
    right = {
        "debtor": {"customerId": "customer-1", "customerAccountNumber": "C-1"},
        "contractNumber": " co-1",
        "paymentDetails": {"paymentReference": "RF18 5390 0754 7034"},
        "noteToCustomer": "For  June",
        "lines": [{**body["data"]["lines"][0], "description": line}],
    }

    async def found(more: Mapping[str, Any]) -> list[str]:
        data = {"data": {**body["data"], **more}}
        return await _differing(contract, data, ZERO_FRICTION)

    assert await found(right) == []
    assert await found({**right, **stated}) == [figure]


async def _written(
    contract: Contract,
    verb: str,
    path: str,
    more: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    request, plan = await _asked(contract, more, options)
    told = contract.script(contract.steps[verb])
    await contract.called(verb, told, contract.steps[verb], request, plan)
    (asked,) = [one for one in told.asked if one.url.path == path]
    written: dict[str, Any] = json.loads(asked.content)
    return written


async def _asked(
    contract: Contract, more: Mapping[str, Any], options: Mapping[str, Any] | None
) -> tuple[InvoiceRequest, Plan]:
    given = {"document": changed(contract.document, more)}
    given |= {"options": {**contract.options, **options}} if options else {}
    return contract.asked(**given), await contract.planned(**given)


async def _differing(
    contract: Contract,
    stated: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[str]:
    """What is said otherwise than asked for when the provider states this of the invoice."""
    found = await _found(contract, stated, more, options)
    assert all(not each.ours and PERSON not in each.theirs for each in found)
    return [each.figure for each in found]


async def _found(
    contract: Contract,
    stated: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Difference, ...]:
    read = contract.steps["read"]
    ((route, body),) = read.asks.items()
    step = Step({route: {**copy.deepcopy(body), **stated, **_named(body)}}, read.context)
    request, plan = await _asked(contract, more or {}, options)
    seen = await contract.called("read", contract.script(step), step, request, plan)
    expected = Expected.of(REFERENCE, request.document, plan, None)
    return differences(expected, seen.echo, ())


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer has that no request has."""
    return {name: body[name] for name in ("id",) if name in body}

"""What Peppol asks of the sellers of single countries is refused before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from invoicing.errors import Rejected
from tests.providers.test_invoro import SENT, fields, line, planned, refusal
from tests.providers.test_invoro_sending import BY_PEPPOL, IBAN, without

HOMES: dict[str, dict[str, Any]] = {
    "NL": {"street": "Singel 1", "city": "Amsterdam", "postal_code": "1000 AA"},
    "DK": {"street": "Gade 1", "city": "Aarhus", "postal_code": "8000"},
    "SE": {"street": "Kaj 2", "city": "Stockholm", "postal_code": "111 22"},
    "IT": {"street": "Via 3", "city": "Roma", "postal_code": "00100"},
}
NUMBERS = {
    "NL": "NL123456782B90",
    "DK": "DK13585628",
    "SE": "SE556036079301",
    "IT": "IT00743110157",
}
REGISTERS = {
    "NL": {"scheme": "0106", "value": "12345678"},
    "DK": {"scheme": "0184", "value": "DK13585628"},
    "SE": {"scheme": "0007", "value": "5560360793"},
}
F_TAX = {"seller_tax_registration": {"scheme": "TAX", "value": "Godkänd för F-skatt"}}


def whole(country: str, **more: Any) -> dict[str, Any]:
    """From one of the country to another of it."""
    party = {
        "name": "Seller",
        "vat_number": NUMBERS[country],
        "address": HOMES[country] | {"country": country},
        "electronic_address": {"scheme": "0208", "value": "0428759497"},
    }
    if country in REGISTERS:
        party["registration"] = REGISTERS[country]
    buyer = party | {"name": SENT["buyer"]["name"]}
    means = {"NL": "58", "DK": "42", "SE": "30", "IT": "58"}[country]
    payment = {"means": means, "iban": IBAN, "bic": "ABNANL2A"}
    rate = {"SE": "25", "DK": "25"}.get(country, "21")
    given = {
        "lines": [line(vat={"rate": rate})],
        "buyer_reference": "A-1",
        "due_date": "2026-07-30",
    }
    return SENT | given | {"seller": party, "buyer": buyer, "payment": payment} | more


def but(country: str, party: str, **changes: Any) -> dict[str, Any]:
    """With a party that is otherwise."""
    return whole(country, **{party: whole(country)[party] | changes})


def at(country: str, missing: str) -> dict[str, Any]:
    return without(HOMES[country] | {"country": country}, missing)


def options(**given: Any) -> dict[str, Any]:
    return {"options": given}


CREDIT: dict[str, Any] = {"type": "credit_note", "precedents": [{"number": "1"}]}
RETURN = line(quantity="-1", vat={"rate": "25"})
RATES = line(vat={"rate": "21"})
ABROAD = {"address": {"country": "BE"}, "registration": None}


@pytest.mark.parametrize("country", HOMES)
async def test_what_is_whole_is_sent(country: str) -> None:
    assert await planned(whole(country), goal="sent")


@pytest.mark.parametrize(
    ("document", "more", "field", "rule"),
    [
        (but("NL", "seller", address=at("NL", "street")), {}, "seller.address.street", "NL-R-002"),
        (but("NL", "buyer", address=at("NL", "city")), {}, "buyer.address.city", "NL-R-004"),
        *(
            (
                but("NL", party, registration={"scheme": "0208", "value": "0403170701"}),
                {},
                f"{party}.registration.scheme",
                rule,
            )
            for party, rule in (("seller", "NL-R-003"), ("buyer", "NL-R-005"))
        ),
        (whole("NL", payment=None), {}, "payment.means", "NL-R-007"),
        (whole("NL", payment={"means": "10"}), {}, "payment", "NL-R-008"),
        (whole("NL", lines=[line(order_line="7")]), {}, "lines[0].order_line", "NL-R-009"),
        (but("DK", "seller", registration=None), {}, "seller.registration", "DK-R-002"),
        (
            but("DK", "seller", registration={"scheme": "0088", "value": "7300010000001"}),
            {},
            "seller.registration.scheme",
            "DK-R-014",
        ),
        (
            but("DK", "buyer", identifiers=[{"value": "7"}]),
            {},
            "buyer.identifiers[0].scheme",
            "DK-R-013",
        ),
        (
            whole(
                "DK",
                lines=[
                    line(
                        vat={"rate": "25"},
                        charges=[{"amount": "1", "reason_code": "ZZZ", "reason": "Tax"}],
                    )
                ],
            ),
            {},
            "lines[0].charges[0].reason",
            "DK-R-004",
        ),
        (whole("DK", lines=[RETURN], **CREDIT), {}, "lines", "DK-R-016"),
        (whole("DK", payment={"means": "30", "iban": IBAN}), {}, "payment", "DK-R-005"),
        (whole("DK", payment={"means": "42", "iban": IBAN}), {}, "payment", "DK-R-006"),
        (whole("DK", payment={"means": "49", "mandate": "M-1"}), {}, "payment", "DK-R-007"),
        (whole("DK", payment={"means": "50", "iban": IBAN}), {}, "payment", "DK-R-008"),
        (whole("DK", payment={"means": "93", "iban": IBAN}), {}, "payment", "DK-R-010"),
        (
            but("IT", "seller", address=at("IT", "postal_code")),
            {},
            "seller.address.postal_code",
            "IT-R-004",
        ),
        (
            whole("IT"),
            options(seller_tax_registration={"value": "rm-1"}),
            "options.seller_tax_registration",
            "IT-R-001",
        ),
        (
            whole("SE"),
            options(seller_tax_registration={"value": "5560360793"}),
            "options.seller_tax_registration",
            "SE-R-005",
        ),
        (whole("SE", lines=[RATES]), {}, "lines[0].vat.rate", "SE-R-006"),
        (
            whole("SE", charges=[{"amount": "1", "vat": {"rate": "21"}, "reason": "Freight"}]),
            {},
            "charges[0].vat.rate",
            "SE-R-006",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_what_a_country_asks_is_named_with_its_rule_and_a_draft_may_lack_it(
    document: dict[str, Any], more: dict[str, Any], field: str, rule: str
) -> None:
    error = await refusal(document, goal="sent", **more)
    assert isinstance(error, Rejected)
    assert fields(error) == [field if field.startswith("options") else f"document.{field}"]
    assert rule in error.fields[0].message
    assert await planned(document, **more)


@pytest.mark.parametrize(
    ("document", "more"),
    [
        (but("NL", "buyer", **ABROAD), {}),
        (whole("NL", lines=[line(order_line="7")], purchase_order="PO-7"), {}),
        (whole("NL", lines=[line(order_line="7")]), options(mark="sales_order")),
        (whole("DK", payment={"means": "30", "iban": IBAN}, buyer=BY_PEPPOL["buyer"]), {}),
        (whole("SE", lines=[line(vat={"rate": "6"}), line(id="2", vat={"rate": "12"})]), {}),
        (whole("SE", lines=[line(vat={"category": "Z"})]), {}),
        (whole("SE"), options(**F_TAX)),
        (whole("NL", payment=None, **CREDIT), {}),
        (whole("IT"), options(seller_tax_registration={"value": "RSSMRA80A01H501U"})),
        (but("NL", "seller", address={"country": "BE"}), {}),
    ],
)
async def test_what_a_country_does_not_ask_is_let_through(
    document: dict[str, Any], more: dict[str, Any]
) -> None:
    assert await planned(document, goal="sent", **more)


async def test_nothing_of_it_is_asked_of_what_does_not_go_by_peppol() -> None:
    document = but("NL", "seller", address={"country": "NL"})
    buyer = without(document["buyer"], "electronic_address")
    assert await planned(document | {"buyer": buyer}, goal="sent")

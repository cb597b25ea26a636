"""What would keep an invoice of Invoro's from being sent is refused before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from invoicing.errors import Rejected
from tests.attached import supporting
from tests.providers.test_invoro import SENT, fields, line, planned, refusal

OURS: dict[str, Any] = {
    "name": "Seller",
    "vat_number": "BE0428759497",
    "address": {"country": "BE"},
    "electronic_address": {"scheme": "0208", "value": "0428759497"},
}
BY_PEPPOL: dict[str, Any] = {
    "buyer": {
        **SENT["buyer"],
        "electronic_address": {"scheme": "0208", "value": "0403170701"},
    },
    "buyer_reference": "A-1",
}
IBAN = "NL91ABNA0417164300"
XRECHNUNG: dict[str, Any] = {"options": {"document_type": "xrechnung_ubl_invoice"}}
ASKED: dict[str, Any] = {"name": "Ann", "phone": "+49228123", "email": "ann@example.com"}
AT_HOME: dict[str, Any] = OURS | {
    "address": {"country": "DE", "city": "Ulm", "postal_code": "89073"},
    "contact": ASKED,
}
GERMAN: dict[str, Any] = {
    "buyer_reference": "A-1",
    "payment": {"means": "58", "iban": IBAN},
    "buyer": {
        **SENT["buyer"],
        "address": {"country": "DE", "city": "Bonn", "postal_code": "53111"},
    },
}


def known_by(scheme: str, number: str) -> dict[str, Any]:
    identifiers = [{"scheme": scheme, "value": number}]
    return BY_PEPPOL | {"buyer": BY_PEPPOL["buyer"] | {"identifiers": identifiers}}


def without(whole: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: one for name, one in whole.items() if name not in names}


def reached(**buyer: Any) -> dict[str, Any]:
    return {"buyer": {**without(SENT["buyer"], "vat_number"), **buyer}}


def ways(*payments: dict[str, Any]) -> dict[str, Any]:
    return {"options": {"payments": list(payments)}}


@pytest.mark.parametrize(
    ("document", "more", "field", "rule"),
    [
        (reached(), {}, "document.buyer.electronic_address", "deliver"),
        (
            {"buyer": without(SENT["buyer"], "address")},
            {},
            "document.buyer.address",
            "BR-10",
        ),
        ({"seller": without(OURS, "address")}, {}, "document.seller.address", "BR-08"),
        ({"due_date": None}, {}, "document.due_date", "BR-CO-25"),
        (
            {"due_date": None, "prepaid": "121.12"},
            {"options": {"rounding_amount": "0.01"}},
            "document.due_date",
            "BR-CO-25",
        ),
        ({"seller": without(OURS, "vat_number")}, {}, "document.seller.vat_number", "CO-26"),
        (
            {"seller": without(OURS, "vat_number") | {"registration": {"value": "1"}}},
            {},
            "document.seller.vat_number",
            "BR-S-02",
        ),
        ({"payment": {"iban": IBAN}}, {}, "document.payment.means", "BR-49"),
        ({"payment": {"means": "58"}}, {}, "document.payment.iban", "BR-61"),
        (
            {"payment": {"means": "1", "bic": "GKCCBEBB"}},
            {},
            "document.payment.iban",
            "BR-50",
        ),
        ({}, ways({"payment_id": "1"}), "options.payments[0].means_code", "BR-49"),
        (
            {"payment": {"means": "1"}},
            ways({"means_code": "30"}),
            "options.payments[0].bank_accounts",
            "BR-61",
        ),
        ({}, {"options": {"vat_currency": "EUR"}}, "options.vat_currency", "R005"),
        (
            {},
            {"options": {"lines": {"1": {"classifications": [{"value": "1"}]}}}},
            "options.lines.1.classifications",
            "BR-65",
        ),
        (
            {},
            {"options": {"line_defaults": {"classifications": [{"value": "1"}]}}},
            "options.line_defaults.classifications",
            "BR-65",
        ),
        (BY_PEPPOL | {"buyer_reference": None}, {}, "document.buyer_reference", "R003"),
        ({}, {"options": {"peppol_look_up": True}}, "document.buyer_reference", "R003"),
        (
            BY_PEPPOL | {"seller": without(OURS, "electronic_address")},
            {},
            "document.seller.electronic_address",
            "R020",
        ),
        (
            BY_PEPPOL | {"payment": {"means": "59"}},
            {},
            "document.payment.mandate",
            "R061",
        ),
        (
            BY_PEPPOL,
            ways({"means_code": "49"}),
            "options.payments[0].direct_debit.mandate_id",
            "R061",
        ),
        (
            BY_PEPPOL
            | {
                "period": {"start": "2026-06-01", "end": "2026-06-30"},
                "lines": [line(period={"start": "2026-05-31", "end": "2026-06-30"})],
            },
            {},
            "document.lines[0].period.start",
            "R110",
        ),
        (
            BY_PEPPOL
            | {
                "period": {"start": "2026-06-01", "end": "2026-06-30"},
                "lines": [line(period={"start": "2026-06-01", "end": "2026-07-01"})],
            },
            {},
            "document.lines[0].period.end",
            "R111",
        ),
        (
            GERMAN | {"buyer_reference": None, "purchase_order": "PO-7"},
            XRECHNUNG,
            "document.buyer_reference",
            "BR-DE-15",
        ),
        (
            GERMAN | {"seller": AT_HOME | {"address": {"country": "DE", "city": "Ulm"}}},
            {"options": {"document_type": "xrechnung_cii_invoice"}},
            "document.seller.address.postal_code",
            "BR-DE-3",
        ),
        *(
            (
                GERMAN | {"seller": AT_HOME | {"contact": without(ASKED, name)}},
                XRECHNUNG,
                f"document.seller.contact.{name}",
                rule,
            )
            for name, rule in (("name", "BR-DE-5"), ("phone", "BR-DE-6"), ("email", "BR-DE-7"))
        ),
        (
            GERMAN | {"delivery": {"address": {"country": "DE", "city": "Ulm"}}},
            XRECHNUNG,
            "document.delivery.address.postal_code",
            "BR-DE-11",
        ),
        (GERMAN | {"payment": None}, XRECHNUNG, "document.payment.means", "BR-DE-1"),
        (
            GERMAN | {"payment": {"means": "58", "iban": IBAN, "mandate": "M-1"}},
            XRECHNUNG,
            "document.payment",
            "BR-DE-23-b",
        ),
        (GERMAN | {"payment": {"means": "48"}}, XRECHNUNG, "document.payment", "BR-DE-24-a"),
        (GERMAN | {"payment": {"means": "59"}}, XRECHNUNG, "document.payment", "BR-DE-25-a"),
        (
            GERMAN | {"payment": {"means": "59", "mandate": "M-1", "iban": IBAN}},
            XRECHNUNG,
            "document.payment",
            "BR-DE-25-b",
        ),
        *(
            (
                BY_PEPPOL
                | {
                    "buyer": BY_PEPPOL["buyer"] | {"identifiers": [{"scheme": scheme, "value": no}]}
                },
                {},
                "document.buyer.identifiers[0].value",
                rule,
            )
            for scheme, no, rule in (
                ("0007", "5590000006", "R049"),
                ("0088", "7300010000002", "R040"),
                ("0088", "73513537", "R040"),
                ("0151", "51824753557", "R050"),
                ("0192", "974760672", "R041"),
                ("0208", "0403170702", "R043"),
                ("0208", "BE0403170701", "R043"),
            )
        ),
        (
            BY_PEPPOL
            | {"buyer": BY_PEPPOL["buyer"] | {"registration": {"scheme": "0208", "value": "1"}}},
            {},
            "document.buyer.registration.value",
            "R043",
        ),
        (
            BY_PEPPOL | {"seller": OURS | {"electronic_address": {"scheme": "0208", "value": "1"}}},
            {},
            "document.seller.electronic_address.value",
            "R043",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_what_it_lacks_is_named_with_the_rule_and_a_draft_may_lack_it(
    document: dict[str, Any], more: dict[str, Any], field: str, rule: str
) -> None:
    error = await refusal(SENT | document, goal="sent", **more)
    assert isinstance(error, Rejected)
    assert fields(error) == [field]
    assert rule in error.fields[0].message
    assert await planned(SENT | document, **more)


@pytest.mark.parametrize(
    ("document", "more"),
    [
        ({}, {}),
        (
            reached(electronic_address={"scheme": "0208", "value": "0403170701"}),
            {"options": {"mark": "buyer_reference"}},
        ),
        (reached(registration={"value": "1"}), {}),
        (reached(contact={"email": "canary@example.com"}), {}),
        ({"due_date": None, "payment": {"terms": "30 days"}}, {}),
        ({"due_date": None, "prepaid": "121.12"}, {}),
        (
            {"due_date": None, "type": "credit_note", "precedents": [{"number": "1"}]},
            {},
        ),
        ({"seller": OURS}, {}),
        (
            {"seller": without(OURS, "vat_number") | {"registration": {"value": "1"}}},
            {"options": {"seller_tax_registration": {"value": "1"}}},
        ),
        (
            {
                "seller": without(OURS, "vat_number") | {"identifiers": [{"value": "1"}]},
                "buyer": without(SENT["buyer"], "vat_number") | {"registration": {"value": "1"}},
                "lines": [line(vat={"category": "O"})],
            },
            {},
        ),
        ({"payment": {"means": "30", "iban": IBAN, "bic": "GKCCBEBB"}}, {}),
        ({"payment": {"means": "48"}}, {}),
        ({}, {"options": {"vat_currency": "SEK"}}),
        (
            {},
            {"options": {"line_defaults": {"classifications": [{"value": "1", "list_id": "HS"}]}}},
        ),
        ({"attachments": [supporting(), {"reference": "2", "location": "https://a.test"}]}, {}),
        (BY_PEPPOL, {}),
        (BY_PEPPOL | {"buyer_reference": None, "purchase_order": "PO-7"}, {}),
        (BY_PEPPOL | {"payment": {"means": "59", "mandate": "M-1"}}, {}),
        (
            BY_PEPPOL
            | {
                "period": {"start": "2026-06-01", "end": "2026-06-30"},
                "lines": [line(period={"start": "2026-06-01", "end": "2026-06-30"})],
            },
            {},
        ),
        (GERMAN, XRECHNUNG),
        (GERMAN | {"seller": AT_HOME}, XRECHNUNG),
        (GERMAN | {"payment": {"means": "59", "mandate": "M-1"}}, XRECHNUNG),
        *(
            (
                BY_PEPPOL
                | {
                    "buyer": BY_PEPPOL["buyer"] | {"identifiers": [{"scheme": scheme, "value": no}]}
                },
                {},
            )
            for scheme, no in (
                *(("0007", "5590000005"), ("0088", "7300010000001"), ("0151", "51824753556")),
                *(("0192", "974760673"), ("0208", "0403170701"), ("0106", "1")),
            )
        ),
    ],
)
async def test_what_lacks_nothing_can_be_sent(
    document: dict[str, Any], more: dict[str, Any]
) -> None:
    assert await planned(SENT | document, goal="sent", **more)

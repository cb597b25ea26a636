"""The rules of two people: whose they are, and that a mistyped one is never silently none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from invoicing.consent import Consent
from settings import worker
from settings.consents import read
from settings.variables import BadSettings

ACCOUNTS = {"mollie": ["default", "shop"]}
OF, SHOP = "INVOICING_CONSENT_MOLLIE_OF", "INVOICING_CONSENT_MOLLIE__SHOP__OF"
ABOVE = "INVOICING_CONSENT_MOLLIE_ABOVE"


def test_without_any_variable_nothing_needs_two() -> None:
    assert read({"PATH": "/bin"}, ACCOUNTS) == {}


def test_each_account_has_its_own() -> None:
    told = {OF: "release, credit", ABOVE: "EUR:10000,USD:12000.50", SHOP: "correct"}
    amounts = {"EUR": Decimal(10000), "USD": Decimal("12000.50")}
    assert read(told, ACCOUNTS) == {
        "mollie": {
            "default": Consent(above=amounts, of=("release", "credit")),
            "shop": Consent(of=("correct",)),
        }
    }
    assert worker.misspelt(told) == {}


@pytest.mark.parametrize(
    ("told", "variable"),
    [
        ({OF: "releases"}, OF),
        ({ABOVE: "EUR:1"}, OF),
        ({OF: "release", ABOVE: "EUR 10000"}, ABOVE),
        ({OF: "release", ABOVE: "EUR:1,EUR:2"}, ABOVE),
        ({OF: "release", ABOVE: "EUR:10.000,00"}, ABOVE),
        ({"INVOICING_CONSENT_MOLLIE__SHOPS__OF": "release"}, "INVOICING_CONSENT_MOLLIE__SHOPS__OF"),
        ({"INVOICING_CONSENT_MOLY_OF": "release"}, "INVOICING_CONSENT_MOLY_OF"),
        ({OF: "release", "INVOICING_CONSENT_MOLLIE_OFF": "x"}, "INVOICING_CONSENT_MOLLIE_OFF"),
    ],
)
def test_what_would_leave_an_account_without_its_rule_is_a_mistake(
    told: dict[str, str], variable: str
) -> None:
    with pytest.raises(BadSettings) as caught:
        read(told, ACCOUNTS)
    assert list(caught.value.variables) == [variable]

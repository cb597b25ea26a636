"""An issuer and its roles, as variables say them."""

from __future__ import annotations

import pytest

from settings import callers, gateway, people
from settings.variables import BadSettings

GOOD = {
    "GATEWAY_ISSUER_NAME": "acme",
    "GATEWAY_ISSUER_URL": "https://login.example.com/",
    "GATEWAY_ISSUER_CLIENT_ID": "console",
    "GATEWAY_ISSUER_CLIENT_SECRET": "canary-secret",
    "GATEWAY_ISSUER_CONSOLE": "https://invoices.example.com/",
    "GATEWAY_ISSUER_AUDIENCE": "invoicing",
    "GATEWAY_ROLE__FINANCE__VALUES": "team-finance, 0b6e",
    "GATEWAY_ROLE__FINANCE__MAY": "read,operate",
    "GATEWAY_ROLE__FINANCE__ACCOUNTS": "mollie/shop",
}


def test_an_issuer_and_its_roles_are_read_and_no_secret_is_shown() -> None:
    told = people.read(GOOD)
    assert told is not None
    assert told.issuer.url == "https://login.example.com/"
    assert told.issuer.console == "https://invoices.example.com"
    assert told.roles["finance"].values == ("team-finance", "0b6e")
    assert told.roles["finance"].accounts == ("mollie/shop",)
    assert "canary" not in repr(told)


def test_without_an_issuer_there_is_none_and_with_one_no_other_caller_is_needed() -> None:
    assert people.read({}) is None
    assert callers.read({}, needed=False) == {}
    with pytest.raises(BadSettings):
        callers.read({})
    assert gateway.read(GOOD).port == 8080


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"GATEWAY_ISSUER_URL": "http://login.example.com"}, "must be https"),
        ({"GATEWAY_ISSUER_URL": ""}, "GATEWAY_ISSUER_URL: is missing"),
        ({"GATEWAY_ISSUER_NAME": "a:b"}, "GATEWAY_ISSUER_NAME"),
        ({"GATEWAY_ISSUER_CONSOLE": ""}, "needed together"),
        ({"GATEWAY_ISSUER_AUDIENCE": "console"}, "another one than client_id"),
        ({"GATEWAY_ISSUER_ASK": "profile"}, "openid"),
        ({"GATEWAY_ISSUER_SECRET": "x"}, "GATEWAY_ISSUER_SECRET: is not a setting"),
        ({"GATEWAY_ROLE__FINANCE__MAY": "everything"}, "must be some of"),
        ({"GATEWAY_ROLE__FINANCE__MAY": "decrypt"}, "a role that may decrypt"),
        ({"GATEWAY_ROLE__FINANCE__VALUES": "a b"}, "values of the issuer's claim"),
        ({"GATEWAY_ROLE__FINANCE__TOKENS": "x"}, "is not a setting of this role"),
    ],
)
def test_a_bad_setting_of_an_issuer_is_named(changes: dict[str, str], says: str) -> None:
    with pytest.raises(BadSettings) as error:
        people.read(GOOD | changes)
    assert says in str(error.value)
    assert "canary" not in str(error.value)


def test_roles_without_an_issuer_and_an_issuer_without_roles_are_mistakes() -> None:
    for prefix, says in (("GATEWAY_ISSUER", "there are roles"), ("GATEWAY_ROLE", "name a role")):
        left = {name: value for name, value in GOOD.items() if not name.startswith(prefix)}
        with pytest.raises(BadSettings, match=says):
            people.read(left)

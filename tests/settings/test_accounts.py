from __future__ import annotations

import httpx
import pytest

from invoicing.provider import Provider
from settings import accounts as settings
from settings.accounts import read
from settings.variables import BadSettings
from tests.tls import NO_TLS

SECRET = "canary-secret"
GOOD = {
    "ZERO_FRICTION_CLIENT_ID": "client",
    "ZERO_FRICTION_CLIENT_SECRET": SECRET,
    "ZERO_FRICTION_SUBSCRIPTION_KEY": SECRET,
    "ZERO_FRICTION_TENANT_ID": "tenant",
    "ZERO_FRICTION_ORGANISATION_ID": "organisation",
}


def of(account: str, values: dict[str, str] = GOOD) -> dict[str, str]:
    return {
        name.replace("ZERO_FRICTION_", f"ZERO_FRICTION__{account}__"): value
        for name, value in values.items()
    }


def refused(environment: dict[str, str]) -> BadSettings:
    with pytest.raises(BadSettings) as caught:
        read(environment)
    assert SECRET not in str(caught.value)
    assert all(variable in str(caught.value) for variable in caught.value.variables)
    return caught.value


def test_a_provider_without_any_variable_is_not_configured() -> None:
    assert read({"PATH": "/bin", "ZERO_FRICTION_CLIENT_ID": ""}) == {}


def test_plain_variables_are_the_default_account() -> None:
    accounts = read(GOOD)
    assert list(accounts) == ["zero_friction"]
    assert list(accounts["zero_friction"]) == ["default"]
    assert SECRET not in repr(accounts)


def test_further_accounts_are_named_in_the_variable() -> None:
    accounts = read(GOOD | of("BELGIUM") | of("the_netherlands"))
    assert sorted(accounts["zero_friction"]) == ["belgium", "default", "the_netherlands"]


def test_everything_missing_is_named_at_once() -> None:
    error = refused({"ZERO_FRICTION_CLIENT_ID": "client"} | of("BELGIUM", {}))
    assert error.variables == (
        "ZERO_FRICTION_CLIENT_SECRET",
        "ZERO_FRICTION_ORGANISATION_ID",
        "ZERO_FRICTION_SUBSCRIPTION_KEY",
        "ZERO_FRICTION_TENANT_ID",
    )


def test_a_missing_variable_of_a_further_account_is_named_as_it_must_be_set() -> None:
    values = of("BELGIUM")
    del values["ZERO_FRICTION__BELGIUM__TENANT_ID"]
    assert refused(GOOD | values).variables == ("ZERO_FRICTION__BELGIUM__TENANT_ID",)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ZERO_FRICTION_BASE_URL", f"http://{SECRET}.example.test"),
        ("ZERO_FRICTION_CURRENCY", SECRET),
        ("ZERO_FRICTION_TIME_ZONE", SECRET),
        ("ZERO_FRICTION_SUBSCRIPTION_KEY", f"{SECRET}\nX: y"),
        ("ZERO_FRICTION_TENANT_ID", f"{SECRET} é"),
        ("ZERO_FRICTION_PROPERTY_GROUP_ROUTE", SECRET),
        ("ZERO_FRICTION_TIMEOUT", "0"),
        ("ZERO_FRICTION_CLIENT_SCERET", SECRET),
    ],
)
def test_a_bad_variable_is_named_without_its_value(variable: str, value: str) -> None:
    assert refused(GOOD | {variable: value}).variables == (variable,)


def test_a_variable_that_names_no_account_is_a_mistake() -> None:
    assert refused({"ZERO_FRICTION____CLIENT_ID": "client"}).variables == (
        "ZERO_FRICTION____CLIENT_ID",
    )


async def test_adaptors_share_one_client() -> None:
    async with httpx.AsyncClient(verify=NO_TLS) as http:
        providers = settings.connect(read(GOOD | of("BELGIUM")), http)
    adaptors: dict[str, Provider] = providers["zero_friction"]
    assert sorted(adaptors) == ["belgium", "default"]
    assert adaptors["default"] is not adaptors["belgium"]

"""Zero Friction's master data as the stand-in has it: five customers and what belongs to them.

All of it is made up. Entities stand here in the shape they have on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Literal

Json = dict[str, Any]

TENANT = "00000000-0000-4000-8000-0000000007e2"
ORGANISATION = "00000000-0000-4000-8000-000000000062"
CLIENT_ID = "00000000-0000-4000-8000-00000000c11e"
CLIENT_SECRET = "sandbox-client-secret-of-no-worth"  # noqa: S105
SUBSCRIPTION_KEY = "sandbox-subscription-key-of-no-worth"
SCOPE = "https://0frictionprod.onmicrosoft.com/zf-apigw/.default"
TOKEN_PATH = "/0frictionprod.onmicrosoft.com/oauth2/v2.0/token"  # noqa: S105


class Customers:
    """Ids of the customers that are there from the start."""

    CANARY = "c0000000-0000-4000-8000-000000000001"
    """Canary Energy BV, account K-1001: e-mail, postal address, bank account."""
    TWIN_NORTH = "c0000000-0000-4000-8000-000000000002"
    """Sample Housing VZW, account K-1002: the name occurs twice."""
    TWIN_SOUTH = "c0000000-0000-4000-8000-000000000003"
    """Sample Housing VZW, account K-1003."""
    NO_MAIL = "c0000000-0000-4000-8000-000000000004"
    """Test Tenant, account K-1004, a person: neither e-mail nor bank account."""
    NO_ADDRESS = "c0000000-0000-4000-8000-000000000005"
    """Paperless Sample CV, account K-1005: no postal address."""


class Contracts:
    """Ids of contracts."""

    CANARY = "d0000000-0000-4000-8000-000000000001"
    """Canary Energy BV's, number CT-2024-0001, in property group North."""
    CANARY_ENDED = "d0000000-0000-4000-8000-000000000002"
    """Canary Energy BV's, number CT-2019-0007, terminated."""
    TWIN_NORTH = "d0000000-0000-4000-8000-000000000003"
    """Sample Housing VZW's (K-1002), number CT-2025-0002, in South."""


class BankAccounts:
    """Ids of the organisation's bank accounts."""

    DEFAULT = "b0000000-0000-4000-8000-000000000001"
    SECOND = "b0000000-0000-4000-8000-000000000002"
    """The one of property group South."""
    DELETED = "b0000000-0000-4000-8000-000000000003"


class PropertyGroups:
    """Ids of property groups."""

    NORTH = "e0000000-0000-4000-8000-000000000001"
    SOUTH = "e0000000-0000-4000-8000-000000000002"


class TaxCodes:
    """Ids of tax codes; rates in percent."""

    STANDARD = "f0000000-0000-4000-8000-000000000021"
    """21 % since 2020."""
    REDUCED = "f0000000-0000-4000-8000-000000000006"
    """6 % since 2020."""
    ZERO = "f0000000-0000-4000-8000-000000000000"
    """0 % since 2020."""
    CHANGED = "f0000000-0000-4000-8000-000000000099"
    """21 % until 1 April 2026, 6 % from then on."""
    DELETED = "f0000000-0000-4000-8000-000000000019"
    """19 %, deleted."""


class BillingItems:
    """Ids of billing items."""

    HEAT = "a0000000-0000-4000-8000-000000000001"
    SERVICE = "a0000000-0000-4000-8000-000000000002"


class ServiceLocations:
    """Ids of service locations."""

    CANARY = "10000000-0000-4000-8000-000000000001"
    """Canary Energy BV's, in its running contract."""
    TWIN_NORTH = "10000000-0000-4000-8000-000000000002"


_SINCE_2020 = "2020-01-01T00:00:00+01:00"
_NAMES = {PropertyGroups.NORTH: "North", PropertyGroups.SOUTH: "South"}


def entity(identity: str, kind: str, **rest: Any) -> Json:
    return {
        "id": identity,
        "entityType": kind,
        "createdDateTime": "2024-01-01T00:00:00+01:00",
        "_etag": '"0"',
        "requireAttention": False,
        "hasErrors": False,
        "hasWarnings": False,
        "isReadOnly": False,
        "organisationId": ORGANISATION,
        **rest,
    }


def _groups(*ids: str) -> list[Json]:
    return [{"id": identity, "name": _NAMES[identity]} for identity in ids]


def _address(number: str) -> Json:
    return {
        "streetName": "Sample Street",
        "streetNumber": number,
        "postalCode": "1000",
        "city": "Brussels",
        "country": "bel",
    }


def _customer(
    identity: str,
    account: str,
    name: str,
    *,
    kind: Literal["organization", "person"] = "organization",
    email: str | None = None,
    iban: str | None = None,
    address: Json | None = None,
    contracts: Sequence[str] = (),
) -> Json:
    person = kind == "person"
    contact = {"contactType": "email", "value": email, "primaryForType": True}
    return entity(
        identity,
        "customer",
        accountNumber=account,
        firstName=name.partition(" ")[0] if person else None,
        lastName=name.partition(" ")[2] if person else None,
        shortDisplayName=name,
        customerType=kind,
        companyName=None if person else name,
        organizationNumber=None,
        vatNumber=None,
        defaultPaymentMethod="sct",
        invoiceAddress=address,
        bankAccountIbans=[{"iban": iban}] if iban else [],
        contactDetails=[contact] if email else [],
        contracts=[{"contractId": contract} for contract in contracts],
        propertyGroups=[],
        customerGroup=None,
    )


def customers() -> list[Json]:
    twin = partial(_customer, name="Sample Housing VZW", email="housing@example.com")
    return [
        _customer(
            Customers.CANARY,
            "K-1001",
            "Canary Energy BV",
            email="invoices@example.com",
            iban="BE68539007547034",
            address=_address("1"),
            contracts=[Contracts.CANARY, Contracts.CANARY_ENDED],
        ),
        twin(
            Customers.TWIN_NORTH,
            "K-1002",
            address=_address("2"),
            contracts=[Contracts.TWIN_NORTH],
        ),
        twin(Customers.TWIN_SOUTH, "K-1003", address=_address("3")),
        _customer(Customers.NO_MAIL, "K-1004", "Test Tenant", kind="person", address=_address("4")),
        _customer(
            Customers.NO_ADDRESS, "K-1005", "Paperless Sample CV", email="paperless@example.com"
        ),
    ]


def _contract(
    identity: str, number: str, customer: Json, group: str, location: str | None, status: str
) -> Json:
    return entity(
        identity,
        "contract",
        contractNumber=number,
        contractor={
            "customerId": customer["id"],
            "accountNumber": customer["accountNumber"],
            "shortDisplayName": customer["shortDisplayName"],
            "customerType": customer["customerType"],
        },
        supplyStartDate="2020-01-01T00:00:00+01:00",
        supplyEndDate="2024-01-01T00:00:00+01:00" if status == "terminated" else None,
        serviceLocations=[{"id": location, "address": _address("1")}] if location else [],
        currentContractStatus=status,
        externalContractReference=None,
        propertyGroups=_groups(group),
    )


def contracts(customers: Mapping[str, Json]) -> list[Json]:
    canary, twin = customers[Customers.CANARY], customers[Customers.TWIN_NORTH]
    north, south = PropertyGroups.NORTH, PropertyGroups.SOUTH
    place, other = ServiceLocations.CANARY, ServiceLocations.TWIN_NORTH
    return [
        _contract(Contracts.CANARY, "CT-2024-0001", canary, north, place, "signed"),
        _contract(Contracts.CANARY_ENDED, "CT-2019-0007", canary, north, None, "terminated"),
        _contract(Contracts.TWIN_NORTH, "CT-2025-0002", twin, south, other, "signed"),
    ]


def _bank_account(identity: str, iban: str, *, default: bool, deleted: bool = False) -> Json:
    return entity(
        identity,
        "bankaccount",
        iban=iban,
        bic="TESTBEBB",
        accountHolder="Sandbox Heat",
        isDefault=default,
        sepaCreditorId=None,
        deleted=deleted,
    )


def bank_accounts() -> list[Json]:
    return [
        _bank_account(BankAccounts.SECOND, "BE71096123456769", default=False),
        _bank_account(BankAccounts.DEFAULT, "BE68539007547034", default=True),
        _bank_account(BankAccounts.DELETED, "BE68539007547034", default=False, deleted=True),
    ]


def _tax_code(identity: str, name: str, *rates: Json, deleted: bool = False) -> Json:
    return entity(identity, "taxcode", name=name, rates=list(rates), deleted=deleted)


def _rate(percent: str, end: str, start: str = _SINCE_2020) -> Json:
    return {"startDateTime": start, "endDateTime": end, "rate": Decimal(percent)}


def tax_codes(open_end: str) -> list[Json]:
    """Each rate has an end; `open_end` is how one is written that has none."""
    change = "2026-04-01T00:00:00+02:00"
    return [
        _tax_code(TaxCodes.STANDARD, "Standard", _rate("21", open_end)),
        _tax_code(TaxCodes.REDUCED, "Reduced", _rate("6", open_end)),
        _tax_code(TaxCodes.ZERO, "Zero", _rate("0", open_end)),
        _tax_code(TaxCodes.CHANGED, "Changed", _rate("21", change), _rate("6", open_end, change)),
        _tax_code(TaxCodes.DELETED, "Old", _rate("19", open_end), deleted=True),
    ]


def billing_items() -> list[Json]:
    tax = {"personTaxCodeId": TaxCodes.REDUCED, "organisationTaxCodeId": TaxCodes.STANDARD}
    return [
        entity(BillingItems.HEAT, "billingitem", name="Heat", description="Heat by kWh", **tax),
        entity(BillingItems.SERVICE, "billingitem", name="Service", description="Visit", **tax),
    ]


def _location(identity: str, group: str, number: str) -> Json:
    return entity(
        identity,
        "servicelocation",
        address=_address(number),
        displayAddress=f"Sample Street {number}, 1000 Brussels",
        propertyGroup=_groups(group)[0],
    )


def service_locations() -> list[Json]:
    return [
        _location(ServiceLocations.CANARY, PropertyGroups.NORTH, "1"),
        _location(ServiceLocations.TWIN_NORTH, PropertyGroups.SOUTH, "2"),
    ]


def configurations() -> dict[str, Json]:
    accounts = {
        PropertyGroups.NORTH: BankAccounts.DEFAULT,
        PropertyGroups.SOUTH: BankAccounts.SECOND,
    }
    return {
        group: entity(
            f"9{group[1:]}",
            "propertygroupbillingconfiguration",
            propertyGroup=_groups(group)[0],
            companyBankAccountId=account,
        )
        for group, account in accounts.items()
    }


def by_id(entities: Iterable[Json]) -> dict[str, Json]:
    return {entity["id"]: entity for entity in entities}

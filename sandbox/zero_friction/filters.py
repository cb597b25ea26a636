"""What Zero Friction's lists can be filtered by.

Every filter of the public specification is named; one that is named without a test is refused, as
ignoring it in silence would answer another question than the one asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.zero_friction.data import Json
from sandbox.zero_friction.forms import Malformed, filter_form, wrong_in
from sandbox.zero_friction.invoice import Invoice

Test = Callable[[Any, Any], bool]
"""Whether an entity (second) passes the value of a filter (first)."""


class Unfiltered(Exception):
    """A documented filter this stand-in does not have; better than ignoring it in silence."""


def holds(needle: str, *texts: str | None) -> bool:
    return any(needle.casefold() in text.casefold() for text in texts if text)


def _id_in(ids: Sequence[str], entity: Any) -> bool:
    return _id(entity) in ids


def _id(entity: Any) -> str:
    identity: str = entity.id if isinstance(entity, Invoice) else entity["id"]
    return identity


def _group_ids(entity: Json) -> set[str]:
    return {group["id"] for group in entity["propertyGroups"]}


_ANY: dict[str, Test | None] = {
    "includeOnlyIds": _id_in,
    "excludeIds": lambda ids, entity: not _id_in(ids, entity),
}
CUSTOMERS: dict[str, Test | None] = _ANY | {
    "flexSearch": lambda text, c: holds(
        text, c["shortDisplayName"], c["accountNumber"], *(e["value"] for e in c["contactDetails"])
    ),
    "nameContains": lambda text, c: holds(text, c["shortDisplayName"]),
    "customerType": lambda kind, c: c["customerType"] == kind,
    "defaultPaymentMethod": lambda method, c: c["defaultPaymentMethod"] == method,
    "propertyGroupIds": None,
    "excludePropertyGroupId": None,
    "customerGroupId": None,
    "excludeCustomerGroupId": None,
    "customerGroupName": None,
    "activationCode": None,
    "priorityServiceRegisterPropertyTypeId": None,
    "vulnerabilityRegisterPropertyTypeId": None,
    "priorityServiceRegisterIds": None,
    "vulnerabilityRegisterIds": None,
}
CONTRACTS: dict[str, Test | None] = _ANY | {
    "flexSearch": lambda text, c: holds(
        text, c["contractNumber"], c["contractor"]["shortDisplayName"]
    ),
    "customerId": lambda customer, c: c["contractor"]["customerId"] == customer,
    "customerType": lambda kind, c: c["contractor"]["customerType"] == kind,
    "serviceLocationId": lambda place, c: place in {s["id"] for s in c["serviceLocations"]},
    "propertyGroupIds": lambda ids, c: not _group_ids(c).isdisjoint(ids),
    "excludeTerminatedContracts": lambda wish, c: (
        not wish or c["currentContractStatus"] != "terminated"
    ),
    "customerGroupId": None,
    "productId": None,
}
QUICK: dict[str, Callable[[Json], bool]] = {
    "all": lambda contract: True,
    "ongoing": lambda contract: contract["currentContractStatus"] == "signed",
    "draft": lambda contract: contract["currentContractStatus"] == "draft",
    "blocked": lambda contract: False,
    "requireattention": lambda contract: bool(contract["requireAttention"]),
}
LOCATIONS: dict[str, Test | None] = _ANY | {
    "flexSearch": lambda text, place: holds(text, place["displayAddress"]),
    "propertyGroupIds": lambda ids, place: place["propertyGroup"]["id"] in ids,
    "postalCode": lambda code, place: place["address"]["postalCode"] == code,
    "city": lambda city, place: place["address"]["city"] == city,
    "streetNumber": lambda number, place: place["address"]["streetNumber"] == number,
    "excludeServiceLocationsSuppliedInContractId": None,
    "excludeServiceLocationsInPropertyGroupId": None,
    "referenceDateTime": None,
}
INVOICES: dict[str, Test | None] = _ANY | {
    "invoiceType": lambda types, i: i.type in types,
    "invoiceStatus": lambda statuses, i: i.status in statuses,
    "customerId": lambda customer, i: i.customer["id"] == customer,
    "contractId": lambda contract, i: i.contract is not None and i.contract["id"] == contract,
    "companyBankAccountId": lambda account, i: i.asked.get("companyBankAccountId") == account,
    "paymentMethod": lambda method, i: (i.asked.get("paymentMethod") or "sct") == method,
    "paymentProcessStatus": lambda statuses, i: i.payment_status in statuses,
    "startDateTime": lambda moment, i: i.date >= datetime.fromisoformat(moment),
    "endDateTime": lambda moment, i: i.date <= datetime.fromisoformat(moment),
    "propertyGroupIds": lambda ids, i: not {g["id"] for g in i.property_groups}.isdisjoint(ids),
    "exportStatus": lambda status, i: status == "notexported",
    "productId": None,
    "billingCompletenessId": None,
    "periodStartDateTime": None,
    "periodEndDateTime": None,
    "periodStartDateTimeBegin": None,
    "periodStartDateTimeEnd": None,
    "periodEndDateTimeBegin": None,
    "periodEndDateTimeEnd": None,
    "paidDateTimeBegin": None,
    "collectionCaseId": None,
    "customerGroupId": None,
}


def filtered(body: Json, known: Mapping[str, Test | None], entities: Iterable[Any]) -> list[Any]:
    """The entities that pass every filter of the body; empty filters are none."""
    if wrong := wrong_in(body, filter_form("Filter", tuple(known))):
        raise Malformed(wrong)
    wishes = {name: value for name, value in body.items() if value not in (None, "", [])}
    if missing := [name for name in wishes if known[name] is None]:
        raise Unfiltered(", ".join(missing))
    tests = [(test, value) for name, value in wishes.items() if (test := known[name])]
    return [entity for entity in entities if all(test(value, entity) for test, value in tests)]

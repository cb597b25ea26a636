"""The search attributes of a namespace: which it has, and how it gets what it lacks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

_PREFIX = "INDEXED_VALUE_TYPE_"


async def registered(client: Client) -> dict[str, str]:
    """The custom search attributes of the client's namespace: name and type, as in our own list."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request)
    return {name: _word(kind) for name, kind in answer.custom_attributes.items()}


async def register(client: Client, wanted: Mapping[str, str], there: Mapping[str, str]) -> None:
    """Add those that are not there; safe to race. RPCError where the server refuses."""
    missing = {name: _value(kind) for name, kind in wanted.items() if name not in there}
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


def _word(kind: IndexedValueType.ValueType) -> str:
    return IndexedValueType.Name(kind).removeprefix(_PREFIX).title().replace("_", "")


def _value(word: str) -> IndexedValueType.ValueType:
    return IndexedValueType.Value(_PREFIX + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).upper())

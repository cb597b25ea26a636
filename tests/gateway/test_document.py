"""The OpenAPI document says what there is, whole and without loose ends."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

from gateway.app import BODIES
from gateway.problems import MEDIA_TYPE
from invoicing.schemas import NOT_FOR_CALLERS
from providers.registry import ADAPTORS
from tests.gateway.door import Gateway


@pytest.fixture
def document(gateway: Gateway) -> dict[str, Any]:
    return gateway.document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, ways in document["paths"].items():
        for method, operation in ways.items():
            yield path, method, operation


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


async def test_the_document_is_served_to_everybody(gateway: Gateway) -> None:
    answer = await gateway.http.get(f"{gateway.url}/openapi.json")
    assert answer.json() == gateway.document
    assert answer.json()["openapi"].startswith("3.1")


SHOWN = {
    "export": ["application/zip"],
    "pdf": ["application/pdf"],
    "file": ["text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
}
"""What is answered by routes that do not answer JSON, by how their paths end."""


def test_every_response_says_what_it_means_and_what_it_holds(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation["description"], path
        good = [status for status in operation["responses"] if status < "300"]
        assert good, path
        for status, response in operation["responses"].items():
            where = f"{method} {path} {status}"
            assert HTTPStatus(int(status))
            assert response["description"] not in ("", "Successful Response"), where
            if status == "304":
                continue  # It has no body.
            shown = SHOWN.get(path.rpartition("/")[2].rpartition(".")[2], ["application/json"])
            media = shown if status in good else [MEDIA_TYPE]
            assert list(response["content"]) == media, where
            assert all(response["content"][each]["schema"] for each in media), where


def test_every_operation_documents_what_can_go_wrong_with_it(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        statuses = set(operation["responses"])
        assert "500" in statuses, path
        if "security" in operation:
            assert {"401", "403", "422", "429", "503"} <= statuses, path
        if "requestBody" in operation:
            assert {"400", "408", "413"} <= statuses, path
            assert operation["requestBody"]["required"], path
        if "{reference}" in path:
            assert "404" in statuses, path


def test_every_post_that_makes_or_changes_something_takes_a_key(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        names = [each["name"] for each in operation.get("parameters", [])]
        keyed = method == "post" and path.startswith("/v1/") and not path.endswith("/preview")
        assert ("Idempotency-Key" in names) is keyed, path


def test_nothing_is_referred_to_that_is_not_there_and_nothing_is_left_over(
    document: dict[str, Any],
) -> None:
    prefix = "#/components/schemas/"
    # Options hold definitions of their own, which tests of the providers look up.
    named = {each.removeprefix(prefix).partition("/$defs/")[0] for each in references(document)}
    assert named == set(document["components"]["schemas"])


def test_every_body_is_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for model in BODIES:
        fields = set(model.model_fields) - NOT_FOR_CALLERS.get(model, frozenset())
        assert set(schemas[model.__name__]["properties"]) == fields
        assert schemas[model.__name__]["additionalProperties"] is False


def test_the_options_of_every_provider_are_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for request in ("InvoiceRequest", "OrderRequest"):
        options = schemas[request]["properties"]["options"]
        assert set(references(options)) == {
            f"#/components/schemas/{adaptor.Options.__name__}" for adaptor in ADAPTORS.values()
        }
    assert schemas["MollieOptions"]["properties"]["channel"]["description"]


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)

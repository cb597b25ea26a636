"""Default-deny: what nobody has decided is refused, and a table that is untrue is found out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoicing.document import Document, Line, Name, Party
from invoicing.errors import Unsupported
from providers.kit.coverage import (
    UNDECIDED,
    Coverage,
    Table,
    ignored,
    leaf_paths,
    refused,
    said,
    said_unless,
    under,
)
from providers.kit.mistakes import Mistakes
from providers.matrix import page
from providers.registry import ADAPTORS
from tests.providers.contract import DOCUMENT
from tests.providers.fields import findings

ROOT = Path(__file__).resolve().parents[2]


class GrownLine(Line):
    colour: Name | None = None


class GrownParty(Party):
    colour: Name | None = None


class Grown(Document):
    """A document as somebody may extend it tomorrow."""

    colour: Name | None = None
    buyer: GrownParty
    lines: tuple[GrownLine, ...]


each_adaptor = pytest.mark.parametrize("name", sorted(ADAPTORS))


@each_adaptor
def test_a_field_added_to_the_document_turns_every_adaptor_red(name: str) -> None:
    coverage = ADAPTORS[name].coverage
    assert coverage.undecided() == ()
    assert set(coverage.undecided(Grown)) == {"colour", "buyer.colour", "lines[].colour"}


@each_adaptor
def test_a_field_nobody_has_decided_is_refused_where_it_is_given(name: str) -> None:
    line = {"id": "1", "name": "x", "quantity": "1", "unit_price": "1", "vat": {"rate": "21"}}
    document = Grown.model_validate(
        {
            "currency": "EUR",
            "issue_date": "2026-06-30",
            "colour": "red",
            "buyer": {"name": "Canary", "colour": "red"},
            "lines": [line, {**line, "id": "2", "colour": "red"}],
        }
    )
    mistakes = Mistakes()
    ADAPTORS[name].coverage.refuse(document, mistakes)
    with pytest.raises(Unsupported) as caught:
        mistakes.settle(name)
    assert {each.field: each.message for each in caught.value.fields} == dict.fromkeys(
        ("document.colour", "document.buyer.colour", "document.lines[1].colour"), UNDECIDED
    )


async def _life(document: Mapping[str, Any]) -> str:
    """A provider that hears the name of the buyer, and nothing else."""
    return str(Document.model_validate(document).buyer.name)


async def _found(*tables: Table) -> dict[str, str]:
    """What the walk finds where these tables are, everything else being refused for nothing."""
    found = await findings(Coverage(*tables), _life, [DOCUMENT], {})
    return dict(each.split(": ", 1) for each in found)


async def test_a_field_that_is_said_and_never_heard_is_found() -> None:
    found = await _found(said("buyer.name", "buyer.address.region"))
    assert "buyer.name" not in found
    assert "never hears of it" in found["buyer.address.region"]
    assert "nobody has decided" in found["buyer.address.city"]


async def test_a_field_that_is_ignored_and_heard_all_the_same_is_found() -> None:
    found = await _found(ignored("it is of no use", "buyer.name", "buyer.trading_name"))
    assert "changes what is sent" in found["buyer.name"]
    assert "buyer.trading_name" not in found


async def test_a_field_that_is_refused_in_the_table_alone_is_found() -> None:
    assert (
        "and planned" in (await _found(refused("has no place", "delivery")))["delivery.party_name"]
    )


async def test_a_reason_is_needed() -> None:
    found = await _found(
        ignored("", "buyer.language"), said_unless("of a consumer", "buyer.contact.email")
    )
    assert "without a reason" in found["buyer.language"]
    assert "never hears of it" in found["buyer.contact.email"]


def test_what_is_given_is_refused_at_its_own_place_once() -> None:
    coverage = Coverage(
        said("currency", "issue_date", "buyer.name"),
        said(*under("lines[]", "id", "name", "quantity", "unit_price", "vat.rate")),
        refused("has no place", "lines[].period", "payee"),
    )
    period = {"start": "2026-06-01", "end": "2026-06-30"}
    line = {"id": "1", "name": "x", "quantity": "1", "unit_price": Decimal(1), "period": period}
    document = Document.model_validate(
        {
            "currency": "EUR",
            "issue_date": "2026-06-30",
            "buyer": {"name": "Canary", "contact": {}},
            "payee": {"name": "Other"},
            "lines": [line | {"vat": {"rate": "21"}}],
        }
    )
    mistakes = Mistakes()
    coverage.refuse(document, mistakes)
    # As it comes back from a history, where every field is given.
    coverage.refuse(Document.model_validate_json(document.model_dump_json()), mistakes)
    with pytest.raises(Unsupported) as caught:
        mistakes.settle("Canary")
    assert [str(each) for each in caught.value.fields] == 2 * [
        "document.payee: has no place",
        "document.lines[0].period: has no place",
    ]


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ([said("number"), refused("no", "number")], "number is decided twice"),
        ([said("buyer.colour")], "buyer.colour is no path of a document"),
        ([said("buyer")], "decide each of them"),
        ([ignored("it is of no use", "lines[].period")], "decide each of them"),
    ],
)
def test_a_table_that_says_too_much_is_refused(tables: list[Table], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Coverage(*tables)


def test_every_field_of_a_document_is_a_path() -> None:
    paths = leaf_paths(Document)
    assert len(paths) == len(set(paths))
    assert {"notes", "buyer.address.region", "lines[].period.start", "prepaid"} <= set(paths)
    assert {path.partition(".")[0].removesuffix("[]") for path in paths} == set(
        Document.model_fields
    )


def test_the_page_of_all_fields_is_that_of_the_tables() -> None:
    """`python -m providers.matrix docs` writes it anew."""
    coverages = {name: adaptor.coverage for name, adaptor in sorted(ADAPTORS.items())}
    written = (ROOT / "docs" / "fields.md").read_text(encoding="utf-8")
    assert page(coverages) == written
    assert "undecided" not in written
    assert all(f"`{path}`" in written for path in leaf_paths(Document))

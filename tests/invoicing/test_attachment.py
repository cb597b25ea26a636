"""BG-24: what a document says of the files and addresses that support it."""

from __future__ import annotations

from typing import Any

import pytest

from invoicing.attachment import (
    MEDIA_TYPES,
    MOST_ATTACHMENTS,
    MOST_BYTES,
    MOST_BYTES_IN_ALL,
    files_of,
    is_what_it_says,
)
from tests.attached import a_file, supporting
from tests.invoicing import document
from tests.invoicing.test_document import mistakes


def wrong(*attachments: dict[str, Any]) -> list[str]:
    return mistakes(attachments=list(attachments))


@pytest.mark.parametrize(
    "attachment",
    [
        supporting(),
        {"reference": "TS-1"},
        {"reference": "TS-1", "location": "https://files.example/a?b=c#d"},
        supporting(description="Hours of June", location="https://files.example:8443/a"),
        supporting(file=a_file(size=MOST_BYTES, name="ürenstaat juni.pdf")),
        supporting(file=a_file(name="SCAN.JPG", media_type="image/jpeg")),
        supporting(file=a_file(name="scan.jpeg", media_type="image/jpeg")),
    ],
)
def test_a_file_an_address_or_a_number_alone_can_be_named(attachment: dict[str, Any]) -> None:
    assert wrong(attachment) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "a/b.pdf"}, "name"),
        ({"name": "..\\b.pdf"}, "name"),
        ({"name": ".."}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "own"}, "name"),
        ({"name": "own.pdf.exe"}, "name"),
        ({"name": "own.csv"}, "name"),
        ({"name": "own.\u202efdp.exe"}, "name"),
        ({"media_type": "image/png"}, "name"),
        ({"media_type": "text/html"}, "media_type"),
        ({"size": 0}, "size"),
        ({"size": MOST_BYTES + 1}, "size"),
        ({"size": "7"}, "size"),
        ({"sha256": "0" * 63}, "sha256"),
        ({"sha256": "A" * 64}, "sha256"),
    ],
)
def test_what_a_file_cannot_be_is_refused_where_it_stands(
    changes: dict[str, Any], field: str
) -> None:
    (told,) = wrong(supporting(file=a_file(**changes)))
    assert told.startswith(f"attachments[0].file.{field}: ")


@pytest.mark.parametrize(
    "address",
    [
        "http://files.example/a",
        "https://",
        "https://user@files.example/a",
        "https://user:word@files.example/a",
        "https://:word@files.example/a",
        "https://files.example/a b",
        "https://files.example/ü",
        "https://files.example:port/",
        "https://files.example/" + "a" * 500,
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_an_address_is_https_and_lets_nobody_in_by_itself(address: str) -> None:
    (told,) = wrong({"reference": "1", "location": address})
    assert told.startswith("attachments[0].location: ")
    assert "word" not in told.partition(": ")[2].replace("password", "")


def test_there_are_as_many_as_there_may_be_and_no_more() -> None:
    many = [supporting(reference=str(number)) for number in range(MOST_ATTACHMENTS + 1)]
    assert wrong(*many[:-1]) == []
    assert wrong(*many)[0].startswith("attachments: ")


def test_together_they_have_a_bound() -> None:
    half = a_file(size=MOST_BYTES_IN_ALL // 2)
    two = [supporting(reference=each, file=half) for each in "ab"]
    assert wrong(*two) == []
    (told,) = wrong(*two, supporting(reference="c"))
    assert told.startswith("attachments: have ")


def test_each_has_a_reference_of_its_own() -> None:
    assert wrong(supporting(), supporting()) == [
        "attachments[1].reference: is that of attachments[0] too"
    ]


def test_the_same_content_counts_as_one_file() -> None:
    read = document(attachments=[supporting(), supporting(reference="2"), {"reference": "3"}])
    assert len(files_of(read.attachments)) == 1


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_a_web_page_is_none_of_the_kinds_but_text(media_type: str) -> None:
    assert is_what_it_says(b"<html></html>", media_type) is (media_type == "text/csv")
    assert not is_what_it_says(b"\0\0", media_type)

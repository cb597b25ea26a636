"""`attach`: a file into the store, and what a document is to say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from documents import Account, opened
from invoicing.attachment import MOST_BYTES, StoredFile, digest_of
from starter import Code
from tests.attached import CONTENT
from tests.command_line import typed
from tests.tiers import detail


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INVOICING_DOCUMENTS_AT", str(tmp_path / "store"))
    return tmp_path


async def test_it_prints_what_a_document_says_of_the_file_and_the_store_has_it(
    folder: Path,
) -> None:
    (folder / "hours june.pdf").write_bytes(CONTENT)
    given = ("attach", str(folder / "hours june.pdf"), "--provider", "invoro", "--account", "b")
    first, again = await typed(*given), await typed(*given)
    assert first.exit_code == again.exit_code == Code.DONE, first.output
    assert first.stdout == again.stdout
    file = StoredFile.model_validate(json.loads(first.stdout))
    assert (file.name, file.sha256) == ("hours june.pdf", digest_of(CONTENT))
    kept = opened(str(folder / "store"))
    assert await kept.attachments.get(Account("invoro", "b"), file) == CONTENT


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", CONTENT, "must end in one of"),
        ("a.pdf", b"", "1 to"),
        ("a.pdf", b"<html>", "is no application/pdf"),
        ("a.pdf", CONTENT.ljust(MOST_BYTES + 1), "1 to"),
    ],
    ids=["ending", "empty", "kind", "large"],
)
async def test_what_no_document_could_name_is_refused_with_words(
    folder: Path, name: str, content: bytes, said: str
) -> None:
    (folder / name).write_bytes(content)
    refused = await typed("attach", str(folder / name), "--provider", "invoro")
    assert refused.exit_code == Code.BAD_INPUT
    assert said in refused.output
    assert not (folder / "store" / "+attachments").exists()


@detail
async def test_without_a_store_or_a_file_it_says_what_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for missing in ("none.pdf", "INVOICING_DOCUMENTS_AT"):
        refused = await typed("attach", str(folder / "none.pdf"), "--provider", "invoro")
        assert refused.exit_code == Code.BAD_INPUT
        assert missing in refused.output
        monkeypatch.delenv("INVOICING_DOCUMENTS_AT", raising=False)

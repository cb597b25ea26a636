"""Forty files, eight programs in five languages: each yields the same three invoices, to the cent,
or asks what it does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from invoicing.request import InvoiceRequest
from invoicing.totals import totals
from providers.registry import ADAPTORS
from tabular.requests import opened
from tabular.wishes import UnreadableFile, Wishes
from tests.tabular.made import AMOUNTS, SALES, TONGUES, WRITERS

OPTIONS = {name: adaptor.Options for name, adaptor in ADAPTORS.items()}
ASKS = {
    # Only ä, ö, ü, é and ß are the same in every Latin code page: a German file is certain. The
    # bytes of è, ë, £ and Ł are other letters in Prague, Vilnius or Warsaw.
    ("excel_csv", "nl"): {"encoding": "cp1252"},
    ("excel_csv", "fr"): {"encoding": "cp1252"},
    ("excel_csv", "en"): {"encoding": "cp1252"},
    ("excel_csv", "pl"): {"encoding": "cp1250"},
}


def requests(path: Path, wishes: Wishes) -> dict[str, InvoiceRequest]:
    entries = list(opened(path, wishes, OPTIONS).entries())
    assert [entry.wrong for entry in entries] == [()] * len(entries)
    return {entry.reference: entry.request for entry in entries if entry.request}


@pytest.mark.parametrize("language", TONGUES)
@pytest.mark.parametrize("program", WRITERS)
def test_a_file_yields_its_invoices_to_the_cent(
    program: str, language: str, tmp_path: Path
) -> None:
    tongue = TONGUES[language]
    path = WRITERS[program](tmp_path, tongue)
    said = ASKS.get((program, language), {})
    for option in said:
        with pytest.raises(UnreadableFile) as asked:
            opened(path, Wishes(), OPTIONS)
        assert [question.option for question in asked.value.questions] == [option]
    found = requests(path, Wishes.model_validate(said))
    assert {sold.reference: sold.hold for sold in SALES} == {
        name: each.hold for name, each in found.items()
    }
    for name, request in found.items():
        document = request.document
        sums = totals(document, "category")
        assert tuple(map(str, (sums.net, sums.vat, sums.gross))) == AMOUNTS[name]
        sold = [each for each in SALES if each.reference == name]
        assert [(each.quantity, each.unit_price, each.vat.rate) for each in document.lines] == [
            (each.quantity, each.price, each.rate) for each in sold
        ]
        assert (document.issue_date, document.due_date) == (sold[0].issued, sold[0].due)
        assert document.buyer.name == tongue.buyer
        assert document.buyer.account_number == "0012"
        bracket = "[FURN_7777] " if program == "odoo" else ""
        assert {line.name for line in document.lines} == {f"{bracket}{tongue.item}"}
        assert request.options == {"include_terminated_contracts": True}


def test_there_are_forty_of_them() -> None:
    assert len(TONGUES) * len(WRITERS) == 40

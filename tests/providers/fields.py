"""A recognisable value in every field of a document, and what becomes of it at a provider.

For every path there are two documents that differ in that field alone: with it, and without it or
with another value. Both go through planning, creating, approving and sending. What differs in all
that the provider was sent is what it was told.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from invoicing.document import Document
from invoicing.errors import FieldProblem, Rejected, Unsupported
from providers.kit.coverage import Coverage, Treatment, leaf_paths

Change = Mapping[str, Any]
"""By path, of a list its first item. None takes the field out."""


@dataclass(frozen=True)
class Sample:
    """One field given. `before` is what stands in the other document, `text` what must be read in
    what the provider is sent if it is told; empty where the value may be written in another way."""

    after: Change
    before: Change
    text: str = ""


MADE = "Canary "
"""What every text of ours begins with."""
SPECIAL: dict[str, Any] = {
    "vat_number": "BE0403170701",
    "language": "de",
    "country": "DE",
    "postal_code": "31337",
    "phone": "+32 2 555 01 99",
    "email": "canary.field@example.com",
    "scheme": "0088",
    "iban": "NL91ABNA0417164300",
    "bic": "DEUTDEFF",
    "means": "31",
    "unit": "HUR",
    "quantity": "5",
    "unit_price": "21.5",
    "base_quantity": "0.5",
    "amount": "1.5",
    "percent": "10",
    "prepaid": "10",
    "rounding": "-0.2",
    "currency": "USD",
    "prices_include_vat": True,
    "type": "consumer",
    "account_number": "C-31337",
}
REWRITTEN = ("language", "country", "means", "unit", "type", "currency", "phone")
"""Written in words of the provider's own."""

_ZERO = {"category": "Z", "rate": "0"}
_EXEMPT = {"category": "E", "rate": "0", "exemption_reason": "Canary exempt"}
_BY_CODE = {"category": "E", "rate": "0", "exemption_code": "VATEX-EU-132"}
_EXPORTED = {"category": "G", "rate": "0", "exemption_code": "VATEX-EU-G"}
_REVERSED = {"category": "AE", "rate": "0"}


def _vat(name: str, at: str) -> Sequence[Sample]:
    """VAT is one thing: its fields change together, and on the lines and the adjustment `at`."""

    def taxed(vat: Change) -> Change:
        # Whoever owes the VAT instead is known by it (BR-AE-02).
        known = {"buyer.vat_number": "BE0403170701"} if name == "category" else {}
        whole = {"lines[].vat": vat, **known}
        return {**whole, at: {**_adjustment(at), "vat": vat}} if at else whole

    match name:
        case "rate":
            return [Sample(taxed({"rate": "12"}), taxed({"rate": "6"}))]
        case "category":
            return [Sample(taxed(_REVERSED), taxed(_ZERO))]
        case "exemption_reason":
            return [Sample(taxed(_EXEMPT), taxed(_ZERO), "Canary exempt")]
        case _:
            # Where codes may have no more than ten characters, the second one fits.
            return [
                Sample(taxed(_BY_CODE), taxed(_ZERO), "VATEX-EU-132"),
                Sample(taxed(_EXPORTED), taxed(_ZERO), "VATEX-EU-G"),
            ]


def _adjustment(at: str) -> dict[str, Any]:
    # Freight (UNCL7161): a charge that every provider with charges can place.
    return {"amount": "1.5", **({"reason_code": "FC"} if at == "charges[]" else {})}


def samples(path: str, document: Mapping[str, Any]) -> Sequence[Sample]:
    """One or more that fit what the norm asks of a document."""
    above, _, name = path.rpartition(".")
    if above.endswith("vat"):
        at = above.removesuffix("vat").rstrip(".")
        return _vat(name, "" if at == "lines[]" else at)
    if path in _OWN:
        return _OWN[path]
    if name in ("start", "end"):
        days = {f"{above}.start": "2026-06-02", f"{above}.end": "2026-06-20"}
        return [Sample({**days, path: "2026-06-07"}, days)]
    if name.endswith("date"):
        return [Sample({path: "2026-05-17"}, {})]
    if name == "reason_code":
        code = "ABL" if "charges" in above else "95"
        return [Sample({**_parents(path, document), path: code}, _parents(path, document), code)]
    value = SPECIAL.get(name, f"{MADE}{re.sub('[^a-z]', ' ', path)}"[:60].strip())
    parents = _parents(path, document)
    return [Sample({**parents, path: value}, parents, _text(name, value))]


_FILE = {"name": "own.pdf", "media_type": "application/pdf", "size": 7, "sha256": "0" * 64}
_ATTACHED = {"reference": "A-31337", "file": _FILE}


def _attached(name: str, value: Any, text: str = "") -> Sequence[Sample]:
    """Of a file, or of an attachment that has one."""
    if name in _FILE:
        named = {"name": "own.png"} if name == "media_type" else {}
        after = {**_ATTACHED, "file": {**_FILE, **named, name: value}}
    else:
        after = {**_ATTACHED, name: value}
    return [Sample({"attachments[]": after}, {"attachments[]": _ATTACHED}, text)]


_PERSON = {
    "buyer.given_name": "Ann",
    "buyer.family_name": "Person",
    "buyer.vat_number": None,
}
_CREDIT = {"type": "credit_note", "precedents[].number": "A-1"}
_OWN: dict[str, Sequence[Sample]] = {
    "issue_date": [
        Sample({"issue_date": "2026-06-15", "due_date": None}, {"due_date": None}),
        Sample({"issue_date": "2026-06-15"}, {}),
    ],
    "due_date": [Sample({"due_date": "2026-07-14"}, {})],
    "type": [Sample(_CREDIT, {"precedents[].number": "A-1"})],
    "precedents[].number": [
        Sample({**kind, "precedents[].number": "A-31337"}, {**kind, "precedents[].number": "A-1"})
        for kind in (_CREDIT, {"precedents[].number": "A-1"})
    ],
    "precedents[].issue_date": [
        Sample({**kind, "precedents[].issue_date": "2026-01-02"}, kind)
        for kind in (_CREDIT, {"precedents[].number": "A-1"})
    ],
    "vat_accounting.currency": [Sample({"vat_accounting": {"currency": "SEK", "vat": "20"}}, {})],
    "vat_accounting.vat": [Sample({"vat_accounting": {"currency": "USD", "vat": "20.5"}}, {})],
    "vat_rounding": [Sample({"vat_rounding": each}, {}) for each in ("line", "category")],
    "lines[].id": [Sample({"lines[].id": "L-31337"}, {})],
    "lines[].unit": [Sample({"lines[].unit": each}, {}) for each in ("HUR", "KWH")],
    "attachments[].reference": _attached("reference", "Canary TS-1", "Canary TS-1"),
    "attachments[].description": _attached("description", "Canary hours", "Canary hours"),
    "attachments[].location": _attached(
        "location", "https://canary.example/1", "https://canary.example/1"
    ),
    "attachments[].file.name": _attached("name", "canary.pdf", "canary.pdf"),
    "attachments[].file.media_type": _attached("media_type", "image/png", "image/png"),
    "attachments[].file.size": _attached("size", 8),
    "attachments[].file.sha256": _attached("sha256", "1" * 64),
    "notes": [Sample({"notes": ["Canary note"]}, {}, "Canary note")],
    "buyer.type": [
        Sample({"buyer.type": "consumer"}, {}),
        Sample({"buyer.type": "consumer", **_PERSON}, {"buyer.type": "business", **_PERSON}),
    ],
}


def _text(name: str, value: Any) -> str:
    return value if isinstance(value, str) and len(value) > 4 and name not in REWRITTEN else ""


def _parents(path: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the objects on the way need besides."""
    needed: dict[str, Any] = {}
    segments = path.split(".")
    for depth, segment in enumerate(segments[:-1], start=1):
        above = ".".join(segments[:depth])
        match segment:
            case "seller" | "payee":
                needed[f"{above}.name"] = "Other Canary"
            case "address" if segments[-1] != "country":
                needed[f"{above}.country"] = "NL"
            case "registration" | "identifiers[]" | "location":
                needed[f"{above}.value"] = "Other"
            case "electronic_address" | "standard_item_id":
                # Both have a scheme by the norm (BR-62, BR-63, BR-64).
                needed |= {f"{above}.value": "Other", f"{above}.scheme": "0060"}
            case "allowances[]" | "charges[]":
                if depth == 1:
                    needed[f"{above}.vat"] = document["lines"][0]["vat"]
                    needed |= {f"{above}.{key}": one for key, one in _adjustment(above).items()}
                needed[f"{above}.amount"] = None if segments[-1] == "percent" else "1"
    needed.pop(path, None)
    return needed


def changed(document: Mapping[str, Any], changes: Change) -> dict[str, Any]:
    """The document with these values at these paths."""
    made = copy.deepcopy(dict(document))
    for path, value in changes.items():
        *way, last = path.split(".")
        at: Any = made
        for segment in way:
            at = _entered(at, segment)
        if last.endswith("[]"):
            at[last[:-2]] = [value]
        elif value is None:
            at.pop(last, None)
        else:
            at[last] = value
    return made


def _entered(at: Any, segment: str) -> Any:
    if segment.endswith("[]"):
        items = at.setdefault(segment[:-2], [{}])
        at[segment[:-2]] = items = [dict(items[0]), *items[1:]]
        return items[0]
    at[segment] = dict(at.get(segment) or {})
    return at[segment]


class Life(Protocol):
    """Everything a provider is sent about a document; raises what planning raises."""

    async def __call__(self, document: Mapping[str, Any]) -> str: ...


async def findings(
    coverage: Coverage,
    life: Life,
    documents: Sequence[Mapping[str, Any]],
    own: Mapping[str, Sequence[Sample]],
) -> list[str]:
    """What does not become of a field what the table says; empty when all does.

    `documents` are ordinary ones to put the field into, `own` samples this provider needs instead.
    """
    found: list[str] = []
    for path in leaf_paths(Document):
        treatment = coverage.of(path)
        if treatment is None:
            found.append(f"{path}: nobody has decided what becomes of it")
            continue
        outcomes = [
            await _outcome(path, sample, document, life)
            for document in documents
            for sample in own.get(path) or samples(path, document)
        ]
        found += (f"{path}: {complaint}" for complaint in _complaints(treatment, path, outcomes))
    return found


@dataclass(frozen=True)
class _Outcome:
    refused: tuple[FieldProblem, ...] = ()
    told: bool = False
    valid: bool = True


async def _outcome(path: str, sample: Sample, document: Mapping[str, Any], life: Life) -> _Outcome:
    given = changed(document, sample.after)
    if given == changed(document, sample.before):
        return _Outcome(valid=False)
    try:
        Document.model_validate(given)
        after = await life(given)
    except ValidationError:
        return _Outcome(valid=False)
    except (Rejected, Unsupported) as error:
        return _Outcome(refused=tuple(error.fields))
    try:
        before = await life(changed(document, sample.before))
    except (ValidationError, Rejected, Unsupported):
        if given == document:
            return _Outcome(valid=False)
        before = await life(document)
    return _Outcome(told=after != before and sample.text.casefold() in after.casefold())


def _complaints(treatment: Treatment, path: str, outcomes: Sequence[_Outcome]) -> Iterator[str]:
    tried = [one for one in outcomes if one.valid]
    if not tried:
        yield "no document with it is valid; give a sample of its own"
    match treatment.is_:
        case "refused":
            if not treatment.why:
                yield "a refusal says nothing"
            for one in tried:
                if not any(
                    _is_about(each, path) and each.message == treatment.why for each in one.refused
                ):
                    yield f"is refused in the table, and planned: {list(map(str, one.refused))}"
        case "said":
            if not any(one.told for one in tried):
                refused = [str(each) for one in tried for each in one.refused]
                yield f"is said in the table, and the provider never hears of it {refused}"
            elif not treatment.why and not all(one.told or one.refused for one in tried):
                yield "is not said in every document, and no reason is given"
        case "ignored":
            if not treatment.why:
                yield "is ignored without a reason"
            if any(one.told for one in tried):
                yield "is ignored in the table, and changes what is sent"


def _is_about(problem: FieldProblem, path: str) -> bool:
    field = re.sub(r"\[\d+\]", "[]", problem.field.removeprefix("document."))
    return path == field or path.startswith((f"{field}.", f"{field}["))


def written(requests: Sequence[Any], look_ups: Any) -> str:
    """Addresses and bodies, without headers: keys and digests follow from the rest."""
    sent = [f"{each.method} {each.url} {each.content.decode()}" for each in requests]
    return json.dumps([look_ups, *sent], ensure_ascii=False)

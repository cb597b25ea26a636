"""What the files of an export say: of an invoice, its VAT, its payment and its credit, and of each
line of the journal.

Amounts come from the whole text of a row, which is exact where a column would not hold them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from invoicing.books.disagreement import FINAL
from invoicing.provider import PaymentStatus
from invoicing.state.invoice import Status
from invoicing.state.recording import Row
from register.chain import START, digest, hash_of

Cells = dict[str, Any]

_AMOUNTS = ("net", "vat", "gross", "due", "paid", "credited")
MOVED = ("left_to_pay", "too_much", "refunded", "charged_back", "returned")

INVOICE = (
    *("reference", "provider", "account", "status", "stage", "payment", "provider_id", "number"),
    *("in_doubt", "ended", "currency", *_AMOUNTS, "issue_date", "due_date", "buyer", "order"),
    *("asked_by", "answered_by", "began_at", "changed_at", "ended_at", "credit_note", "credits"),
)
VAT = ("reference", "number", "currency", "category", "rate", "taxable", "vat", "credit_note")
PAYMENT = (
    *("reference", "number", "provider", "account", "currency", "due", "paid", "payment"),
    *("due_date", "recorded_at", *MOVED, "collection"),
)
CREDIT = (
    *("reference", "number", "provider", "account", "currency", "gross", "credited"),
    *("recorded_at", "credits", "asked_by", "answered_by"),
)
JOURNAL = (
    *("position", "at", "kind", "reference", "status", "what", "by", "reason", "proven"),
    *("claimant", "sequence", "digest", "previous", "hash", "chained"),
)

_NO_MONEY = ("", PaymentStatus.UNKNOWN, PaymentStatus.UNPAID)


class Kept:
    """One row of the table of invoices, read once."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.columns = columns
        self.row = Row.model_validate_json(columns["kept"])
        self._about = {
            "reference": columns["reference"],
            "number": columns["number"],
            "provider": columns["provider"],
            "account": columns["account"],
            "currency": columns["currency"],
        }

    def invoice(self) -> Cells:
        """The invoice as it is now."""
        amounts = {name: getattr(self.row, name) for name in _AMOUNTS}
        given = {**self.columns, **amounts, "order": self.columns["order_id"]}
        return {name: given[name] for name in INVOICE}

    def vat(self) -> Iterator[Cells]:
        """What is taxed at each rate."""
        about = self._only("reference", "number", "currency")
        for one in self.row.vat_rows:
            rate = {"category": str(one.category), "rate": one.rate}
            sums = {"taxable": one.taxable, "vat": one.vat, "credit_note": self.is_note}
            yield {**about, **rate, **sums}

    def payment(self) -> Cells | None:
        """What is known of money, where any has moved."""
        if self.row.payment in _NO_MONEY:
            return None
        money = {"due": self.row.due, "paid": self.row.paid, "payment": self.row.payment}
        when = {"due_date": self.row.due_date, "recorded_at": self.columns["changed_at"]}
        moved = {name: getattr(self.row, name) for name in (*MOVED, "collection")}
        return {**self._about, **money, **when, **moved}

    def credit(self) -> Cells | None:
        """What was credited: of the invoice itself, or by this credit note of the invoice that it
        `credits`."""
        if self.is_note:
            credited, of = self.row.gross if self.final else None, self.columns["credits"]
        else:
            credited, of = self.row.credited, None
        if not credited and self.row.status != Status.CREDITED:
            return None
        amounts = {"gross": self.row.gross, "credited": credited, "credits": of}
        people = {name: self.columns[name] for name in ("asked_by", "answered_by")}
        return {**self._about, **amounts, **people, "recorded_at": self.columns["changed_at"]}

    @property
    def is_note(self) -> bool:
        """Whether it is a credit note: it counts the other way."""
        return bool(self.columns["credit_note"])

    @property
    def final(self) -> bool:
        """Whether it is to be booked. A credit note need not have a number of its own."""
        there = self.is_note and self.row.stage in FINAL
        return bool(self.row.number) or there

    def _only(self, *names: str) -> Cells:
        return {name: self._about[name] for name in names}


class Links:
    """The lines of an exported journal, each chained to the one that was exported before it.

    The register's own chain runs through all lines. Of a period, or of one provider, lines in
    between are left out; this one still shows whether one that was exported is missing.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.chained = START
        self._last: tuple[int, str] | None = None

    def add(self, line: Mapping[str, Any], salt: str | None, said: str | None) -> str | None:
        """Chain one more line, with `hash` and all that it is made of; what is wrong with it, if
        anything is."""
        self.lines += 1
        wrong = self._wrong(line, salt, said)
        self._last = (line["position"], line["hash"])
        self.chained = hashlib.sha256(f"{self.chained}{line['hash']}".encode()).hexdigest()
        return wrong

    def _wrong(self, line: Mapping[str, Any], salt: str | None, said: str | None) -> str | None:
        where = f"line {line['position']}"
        if (said is None) != (salt is None):
            return f"{where} is erased in part"
        if said is not None and digest(salt or "", said) != line["digest"]:
            return f"{where}: what it says was changed"
        if line["hash"] != hash_of(line):
            return f"{where} is not as it was written"
        if self._last is None:
            return None
        position, before = self._last
        if line["position"] <= position:
            return f"{where} does not follow on line {position}"
        if line["position"] == position + 1 and line["previous"] != before:
            return f"{where} is not chained to line {position}"
        return None


def journal(line: Mapping[str, Any], chained: str) -> tuple[Cells, Cells]:
    """A line of the journal, and what JSONL has of it beside, so that it can be verified."""
    words = json.loads(line["said"]) if line["said"] is not None else [None] * 4
    said = dict(zip(("what", "by", "reason", "proven"), words, strict=True))
    given = {**line, **said, "chained": chained}
    return {name: given[name] for name in JOURNAL}, {"salt": line["salt"]}


def line_again(told: Mapping[str, Any]) -> tuple[Cells, str | None, str | None]:
    """A line as JSONL has it: as the chain takes it, its salt, and what it says.

    Raises KeyError, TypeError and ValueError for what no export has written.
    """
    words = [told[name] for name in ("what", "by", "reason", "proven")]
    said = None if words == [None] * 4 else json.dumps(words)
    return {**told, "at": datetime.fromisoformat(told["at"])}, told["salt"], said

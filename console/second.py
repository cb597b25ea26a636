"""The second pair of eyes: who was the first of two people, why, and what is missing for whom."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from console.subjects import Subject
from invoicing.consent import Consented
from invoicing.state.invoice import Invoice, Journal


class First(NamedTuple):
    """The first of two: who wanted what (`kind`: an instruction or an answer), when and why.
    `mine`: it was the reader, so somebody else is missing."""

    kind: str
    name: str
    at: datetime
    reason: str
    mine: bool


def firsts(subject: Subject, journal: Journal, reader: str) -> list[First]:
    """Those who wait for a second person, as `reader` is to see them."""
    return [
        First(each.kind, each.proven, each.at, _reason(each, journal), each.proven == reader)
        for each in consents(subject)
    ]


def consents(subject: Subject) -> Iterable[Consented]:
    """Of an invoice; nothing else asks for two."""
    return subject.state.consents if isinstance(subject.state, Invoice) else ()


def _reason(consent: Consented, journal: Journal) -> str:
    """What the first one said, which the journal notes in the same moment; empty where it is not
    kept any more."""
    said = (
        each.reason
        for each in journal.entries
        if each.at == consent.at and each.proven == consent.proven
    )
    return next(said, "")

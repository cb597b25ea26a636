"""Inkwell: what is read from it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from invoicing.errors import FieldProblem, Rejected
from invoicing.money import Number
from invoicing.provider import Echo, Snapshot
from providers.kit.api import refused
from providers.kit.http import Answer, Call
from providers.kit.mistakes import stated
from providers.kit.wire import Many, Wire
from providers.kit.words import safe_word

from .states import STATES


class Invoice(Wire):
    """An invoice as it is answered, as far as it is read."""

    id: Annotated[str, Field(min_length=1)]
    reference: str
    state: str
    number: str | None = None
    buyer: str
    currency: str
    net: Number
    vat: dict[str, Number]
    gross: Number


class Listed(Wire):
    """What a search answers."""

    invoices: Many[Invoice]


def snapshot(invoice: Invoice) -> Snapshot:
    """How far it is, and everything that it states."""
    return Snapshot(
        provider_id=invoice.id,
        stage=STATES[invoice.state],
        status=safe_word(invoice.state),
        number=invoice.number,
        # They call the figures what we call them.
        echo=Echo.model_validate(invoice.model_dump()),
        reference=stated(invoice.reference),
    )


def refusal(call: Call, answer: Answer) -> Rejected:
    """What an answer that is no success means."""
    # What they say goes into the fields alone: it may name somebody.
    field = FieldProblem(field=call.name, message=str(answer.body)[:500])
    return refused(call, answer, [field])

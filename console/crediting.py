"""Credits: what is left of an invoice on its page, the form that takes it back, and the page of the
question that its credits may ask."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from console.answering import acted, resolve, show
from console.door import Answering, Console, Desk, Form, Looking
from console.render import Visitor
from console.subjects import Kind, check
from gateway import credits as gateway
from gateway.inputs import Reference
from invoicing.credits.credit import Credit
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.parse import read

router = APIRouter()

UNITS = "units."
"""Before a line's id: the field in which its units are filled in."""
AMOUNT = "amount."
"""Before a VAT category, a dot and a rate: the field in which an amount at it is filled in."""


@router.get("/credits/{reference}")
async def credits_(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> HTMLResponse:
    """What was credited of an invoice, and what its credits ask."""
    await check(desk, visitor, Kind.CREDITS, reference)
    return await show(request, desk, visitor, Kind.CREDITS, reference)


@router.post("/credits/{reference}/resolve")
async def resolve_credits(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """Answer the question of an invoice's credits."""
    return await resolve(request, desk, visitor, Kind.CREDITS, reference)


@router.post("/invoices/{reference}/credit")
async def credit_invoice(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """Credit what is left of an invoice, or units of its lines. Its name in the form is its key."""

    async def act(form: Form) -> str:
        wanted = _wanted(desk, visitor, form)
        await gateway.credit_invoice(reference, wanted, desk.backend)
        return "credited"

    return await acted(request, desk, visitor, Kind.INVOICES, reference, "credit", act)


def _wanted(desk: Console, visitor: Visitor, form: Form) -> Credit:
    """What was filled in. Raises InvalidRequest, which names every mistake by its field or line."""
    who = visitor.caller.name
    said: dict[str, object] = {"by": who, "proven": who, "credit": form["credit"]}
    said |= {"reason": form["reason"], **form.given("number", "goal")}
    if form["what"] == "whole":
        return read(Credit, json.dumps({**said, "whole": True}))
    named, chosen = _chosen(form)
    if not named:
        why = desk.pages.words("credits.none_chosen")
        raise InvalidRequest(why, [FieldProblem(field="lines", message=why)])
    try:
        return read(Credit, json.dumps({**said, **chosen}))
    except InvalidRequest as error:
        raise InvalidRequest(
            "the credit cannot be taken as it is",
            [
                each.model_copy(update={"field": named.get(each.field, each.field)})
                for each in error.fields
            ],
        ) from None


def _chosen(form: Form) -> tuple[dict[str, str], dict[str, object]]:
    """The lines and amounts that were filled in; first how people know each, by the field that a
    mistake in it has."""
    named: dict[str, str] = {}
    lines: list[dict[str, str]] = []
    amounts: list[dict[str, str]] = []
    for name, value in form.pairs:
        if not value.strip():
            continue
        if name.startswith(UNITS):
            line = name.removeprefix(UNITS)
            named[f"lines[{len(lines)}].quantity"] = line
            lines.append({"id": line, "quantity": value.strip()})
        elif name.startswith(AMOUNT):
            category, _, rate = name.removeprefix(AMOUNT).partition(".")
            named[f"amounts[{len(amounts)}].amount"] = f"{rate} % ({category})"
            amounts.append({"category": category, "rate": rate, "amount": value.strip()})
    return named, {"lines": lines, "amounts": amounts}

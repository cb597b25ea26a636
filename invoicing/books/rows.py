"""An invoice or an order as the register keeps it; pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from invoicing.money import exactly, plain
from invoicing.provider import Echo, PaymentStatus
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.case import Case
from invoicing.state.doubt import CREATE
from invoicing.state.echo import Expected
from invoicing.state.identity import content, fingerprint
from invoicing.state.order_case import OrderCase
from invoicing.state.recording import Row

_ZERO = Decimal(0)


def _paid(payment: PaymentStatus, due: Decimal) -> Decimal | None:
    """How much of it; None where only a part is, or nobody has said."""
    return {PaymentStatus.PAID: due, PaymentStatus.UNPAID: _ZERO}.get(payment)


def _money(case: Case, request: InvoiceRequest) -> dict[str, Any]:
    """What its balance says; before it is final, what its one word for the payment does."""
    balance = case.balance if request.document.type == "invoice" else None
    if balance is None:
        return {"paid": case.plan and _paid(case.payment, case.plan.totals.due)}
    return {
        "paid": balance.paid,
        "left_to_pay": balance.left,
        "too_much": balance.too_much,
        "refunded": balance.refunded,
        "charged_back": balance.charged_back,
        "returned": balance.returned,
        "collection": balance.collection,
    }


def invoice_row(case: Case, request: InvoiceRequest, order: str | None) -> Row:
    """As the register keeps it."""
    sums, document = case.plan and case.plan.totals, request.document
    return Row(
        **_money(case, request),
        provider=request.provider,
        account=request.account,
        goal=request.goal,
        status=case.status,
        stage=case.stage,
        payment=case.payment,
        provider_status=case.provider_status,
        provider_id=case.provider_id,
        number=case.number if case.was_final else None,
        in_doubt=case.in_doubt,
        may_come_until=case.doubt.until(CREATE),
        ended=case.outcome is not None,
        outcome=case.outcome or "",
        currency=document.currency,
        net=sums and sums.net,
        vat=sums and sums.vat,
        gross=sums and sums.gross,
        due=sums and sums.due,
        credited=sums and case.credited_otherwise,
        vat_rows=sums.vat_rows if sums else (),
        issue_date=document.issue_date,
        due_date=document.due_date,
        buyer=document.buyer.name,
        order=order,
        credit_note=document.type == "credit_note",
        credits=request.credits.reference if request.credits else None,
        says=_says(case, request),
        generation=case.generation,
        context=case.context,
        keys=case.keys,
        attached=case.attached,
        cancelling=case.cancel is not None,
        held=case.hold is not None,
        corrected=case.corrected,
        **_of_correction(case, request),
        without=case.without,
        tolerated=case.tolerated,
        foreign=case.doubt.foreign,
        money=case.money,
        most_paid=case.most_paid,
        credited_so_far=case.credits,
        heard_enough=case.heard_enough,
    )


def _of_correction(case: Case, request: InvoiceRequest) -> dict[str, Any]:
    """What its successor must know to tell what the provider has."""
    if not case.corrected:
        return {}
    now = content(fingerprint(request))
    # Of one that is to be taken away, or is to be updated, nobody knows which content it has.
    settled = case.provider_id is not None and not (case.correcting or case.outdated)
    return {"wanted": now, "draft": now if settled else ""}


def _says(case: Case, request: InvoiceRequest) -> Echo | None:
    """What is agreed with the provider, without what is left to it."""
    plan = case.plan
    if plan is None:
        return None
    wanted = Expected.of(request.reference, request.document, plan, case.buyer)
    vat: dict[str, Decimal] = {}
    with exactly():
        for row in plan.totals.vat_rows:
            vat[plain(row.rate)] = vat.get(plain(row.rate), _ZERO) + row.vat
    echo = Echo(
        currency=plan.totals.currency,
        net=plan.totals.net,
        vat=vat,
        gross=plan.totals.gross,
        prepaid=wanted.prepaid,
        rounding=wanted.rounding,
        due=wanted.due,
        issue_date=wanted.issue_date,
        due_date=wanted.due_date,
        buyer=wanted.buyer,
        number=wanted.number,
        reference=wanted.reference,
    )
    left = {figure.name.lower(): None for figure in plan.theirs}
    return echo.model_copy(update=left)


def order_row(case: OrderCase, request: OrderRequest) -> Row:
    """As the register keeps it."""
    sums = case.plan and case.plan.totals
    return Row(
        provider=request.provider,
        account=request.account,
        goal=request.goal,
        status=case.status,
        stage=case.stage or "",
        provider_status=case.provider_status,
        provider_id=case.provider_id,
        ended=case.outcome is not None,
        outcome=case.outcome or "",
        currency=request.document.currency,
        net=sums and sums.net,
        vat=sums and sums.vat,
        gross=sums and sums.gross,
        due=sums and sums.due,
        vat_rows=sums.vat_rows if sums else (),
        issue_date=request.document.issue_date,
        due_date=request.document.due_date,
        buyer=request.document.buyer.name,
        context=case.context,
        cancelling=case.cancelled,
    )

"""Zero Friction: what is written to it."""

from __future__ import annotations

from decimal import Decimal, Inexact, localcontext
from typing import Any

from invoicing.document import Document, Line, Payment, Period
from invoicing.errors import Rejected
from invoicing.money import plain
from invoicing.provider import CreateCall
from invoicing.totals import LineTotal, Totals
from providers.kit.http import Json
from providers.zero_friction.options import LineOptions, NamedChoice, ZeroFrictionOptions
from providers.zero_friction.settings import NAME, ZeroFrictionSettings
from providers.zero_friction.states import Context

UNITS = {  # UN/ECE Recommendation 20 → unitOfMeasure, spelled as the provider does
    "C62": "units",
    "H87": "units",
    "EA": "units",
    "WHR": "wh",
    "KWH": "kwh",
    "MWH": "mwh",
    "GWH": "gwh",
    "JOU": "j",
    "KJO": "kj",
    "3B": "mj",
    "GV": "gj",
    "DAY": "day",
    "MON": "month",
    "ANN": "year",
    "LTR": "litre",
    "MTQ": "m3",
    "MQH": "m3_h",
    "CEL": "celcius",
    "KEL": "k",
    "KWT": "kw",
    "ZZ": "none",
}

MEANS = {"30": "sct", "31": "sct", "58": "sct", "49": "sdd", "59": "sdd"}  # UNCL4461


def period_of(document: Document, line: Line) -> Period:
    """The line's own period, else the document's, else the day of issue."""
    day = document.issue_date
    return line.period or document.period or Period(start=day, end=day)


def unit_price(line: Line) -> Decimal | None:
    """The price of one unit, where a Decimal can say it exactly."""
    with localcontext() as context:
        context.clear_flags()
        price = line.unit_price / line.base_quantity
        return None if context.flags[Inexact] else price


def tax_key(line: Line, choice: NamedChoice | None) -> str:
    """Under which the tax code of a line is kept."""
    chosen = choice.model_dump(exclude_none=True) if choice else {}
    return ":".join([plain(line.vat.rate), *(f"{name}={value}" for name, value in chosen.items())])


def description(line: Line) -> str:
    """The one text that a line has here."""
    texts = (line.name, line.description, line.note)
    return "\n".join(text for text in texts if text)


def payment_reference(document: Document, options: ZeroFrictionOptions) -> str | None:
    """What the buyer is to state with the payment."""
    return options.payment_reference or (document.payment.reference if document.payment else None)


def note(document: Document) -> str | None:
    """What the invoice says beside its lines."""
    return "\n".join(document.notes) or None


def encoded(call: CreateCall, settings: ZeroFrictionSettings) -> Json:
    """The body of create: a draft, with our reference as the external one."""
    document = call.document
    options = ZeroFrictionOptions.model_validate(call.options)
    context = Context.model_validate(call.target.context)
    told = unlinked(document, options, call.totals, settings)
    ids = [_ids(line, options.line(line), context) for line in document.lines]
    body: dict[str, Json] = {
        "externalReference": call.target.reference,
        **told,
        "status": "created",
        "sent": "notsent",
        "customerId": looked_up(context.customer_id, "customer"),
        "contractId": context.contract_id,
        "contractNumber": context.contract_number,
        "companyBankAccountId": looked_up(context.bank_account_id, "bank account"),
        "propertyGroups": [one.model_dump(exclude_none=True) for one in options.property_groups],
        "lines": [_said({**line, **more}) for line, more in zip(told["lines"], ids, strict=True)],
    }
    return _said(body)


def unlinked(
    document: Document,
    options: ZeroFrictionOptions,
    sums: Totals,
    settings: ZeroFrictionSettings,
) -> dict[str, Any]:
    """What create says without the ids that look-ups find."""
    period = _whole_period(document)
    payment = document.payment or Payment()
    return {
        "invoiceNum": document.number,
        "invoiceType": options.invoice_type,
        "invoiceDate": settings.start(document.issue_date).isoformat(),
        "dueDate": settings.start(document.due_date).isoformat() if document.due_date else None,
        "periodStartDateTime": settings.start(period.start).isoformat(),
        "periodEndDateTime": settings.end(period.end).isoformat(),
        "paymentMethod": options.payment_method or MEANS.get(payment.means or ""),
        "paymentReference": payment_reference(document, options),
        "noteToCustomer": note(document),
        "totalInvoiceAmountExclVAT": sums.net,
        "totalInvoiceAmountInclVAT": sums.gross,
        "remainingInvoiceAmount": sums.due,
        "lines": [
            _unlinked_line(document, line, total, options, settings)
            for line, total in zip(document.lines, sums.lines, strict=True)
        ],
        **_vat_switch("invoice", options, settings),
    }


def _unlinked_line(
    document: Document,
    line: Line,
    total: LineTotal,
    options: ZeroFrictionOptions,
    settings: ZeroFrictionSettings,
) -> dict[str, Json]:
    period = period_of(document, line)
    return {
        "description": description(line),
        "quantity": line.quantity,
        "unitOfMeasure": UNITS[line.unit],
        "unitPrice": unit_price(line),
        "amountExclVAT": total.net,
        "amountInclVAT": total.gross,
        "lineType": options.line(line).line_type,
        "startDateTime": settings.start(period.start).isoformat(),
        "endDateTime": settings.end(period.end).isoformat(),
        **_vat_switch("line", options, settings),
    }


def _ids(line: Line, chosen: LineOptions, context: Context) -> dict[str, Json]:
    tax_code = context.tax_codes.get(tax_key(line, chosen.tax_code))
    return {
        "taxCodeId": looked_up(tax_code, "tax codes"),
        "billingItemId": _chosen_item(chosen, context),
        "serviceLocationId": _chosen_place(chosen, context),
    }


def _said(body: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in body.items() if value not in (None, [])}


def _chosen_item(chosen: LineOptions, context: Context) -> str | None:
    item = chosen.billing_item
    if item is None or item.id:
        return item.id if item else None
    return looked_up(context.billing_items.get(item.name or ""), "billing items")


def _chosen_place(chosen: LineOptions, context: Context) -> str | None:
    place = chosen.service_location
    if place is None or place.id:
        return place.id if place else None
    return looked_up(context.service_locations.get(place.external_id or ""), "service locations")


def _whole_period(document: Document) -> Period:
    periods = [period_of(document, line) for line in document.lines]
    around = Period(start=min(one.start for one in periods), end=max(one.end for one in periods))
    return document.period or around


def _vat_switch(
    at: str, options: ZeroFrictionOptions, settings: ZeroFrictionSettings
) -> dict[str, Json]:
    here = options.disable_vat_calculation and settings.disable_vat_at == at
    return {"disableVATCalculation": True} if here else {}


def looked_up(value: str | None, what: str) -> str:
    """What a look-up found; Rejected if it was not made."""
    if not value:
        raise Rejected(f"{NAME}: the look-up of {what} has not been made")
    return value

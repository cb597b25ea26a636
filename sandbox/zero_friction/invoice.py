"""One invoice as Zero Friction keeps it, what it adds up to, and how it looks on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from sandbox.kit.accounts import Part, Stated, of_lines
from sandbox.kit.record import Effect, Ledger
from sandbox.zero_friction.data import Json, entity
from sandbox.zero_friction.forms import Refusal, error_dto

ZONE = ZoneInfo("Europe/Brussels")
UNSET = "0001-01-01T00:00:00"
"""A moment that was never set, as the platform writes it where its document allows no null."""


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def shortest(amount: Decimal | None) -> Decimal | None:
    """As a double is printed: 121, 0.1, never 121.00."""
    return None if amount is None else amount.normalize() + 0


@dataclass
class Line:
    """One line as it is stored; `asked` is what the caller wrote."""

    asked: Json
    rate: Decimal
    net: Decimal
    gross: Decimal
    id: str = field(default_factory=lambda: str(uuid4()))


@dataclass
class Invoice:
    """One invoice as it is stored; `asked` is the caller's header."""

    asked: Json
    type: str
    customer: Json
    lines: list[Line]
    date: datetime
    property_groups: list[Json]
    contract: Json | None = None
    number: str | None = None
    sequence: int | None = None
    reference: str | None = None
    status: str = "created"
    sent: str = "notsent"
    paid: Decimal = Decimal(0)
    payment_status: str | None = None
    history: list[Json] = field(default_factory=list)
    failure: str | None = None
    credited_by: str | None = None
    """The credit note that takes it back."""
    credited: str | None = None
    """What it takes back, if it is a credit note."""
    taken_back: bool = False
    """Whether its credit note is final."""
    attachment: str | None = None
    """The id of its document, once it has one."""
    changes: int = 0
    due: list[Callable[[], None]] = field(default_factory=list)
    """What the platform still has to do with it, oldest first."""
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def net(self) -> Decimal:
        """Without VAT."""
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def gross(self) -> Decimal:
        """With VAT."""
        return sum((line.gross for line in self.lines), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        """Still to be paid; below zero too much was (U), and nothing once it is credited (I)."""
        return Decimal(0) if self.taken_back else self.gross - self.paid

    def pays(self, status: str) -> None:
        """Move the payment axis."""
        self.payment_status = status
        moment = datetime.now(UTC).isoformat()
        self.history.append({"paymentStatus": status, "mutationDateTime": moment})


def note(ledger: Ledger, effect: Effect, invoice: Invoice) -> None:
    """Write down what has just become of it."""
    names = {"reference": invoice.reference, "number": invoice.number}
    ledger.add(effect, invoice.id, **names, gross=invoice.gross)


def stated(invoice: Invoice) -> Stated:
    """What it states, for the ledger."""
    return of_lines([(_part(nth, one), one.gross - one.net) for nth, one in _numbered(invoice)])


def _numbered(invoice: Invoice) -> Iterable[tuple[int, Line]]:
    return enumerate(invoice.lines, 1)


def _part(nth: int, line: Line) -> Part:
    asked = line.asked
    quantity = Decimal(1) if asked.get("quantity") is None else Decimal(asked["quantity"])
    return Part(str(nth), asked.get("description") or "", quantity, line.rate, line.net)


def line_dto(line: Line, order: int) -> Json:
    asked = line.asked
    return {
        "id": line.id,
        "sortOrder": order,
        "description": asked.get("description"),
        "billingItemId": asked.get("billingItemId"),
        "serviceLocationId": asked.get("serviceLocationId"),
        "quantity": shortest(decimal(asked.get("quantity"))) or 0,
        "unitPrice": shortest(decimal(asked.get("unitPrice"))) or 0,
        "unitOfMeasure": asked.get("unitOfMeasure") or "none",
        "lineType": asked.get("lineType") or "charge",
        "amountExclVAT": shortest(line.net),
        "amountInclVAT": shortest(line.gross),
        "vat": shortest(line.gross - line.net),
        "taxCodeId": asked.get("taxCodeId"),
        "taxRate": shortest(line.rate),
        "startDateTime": asked["startDateTime"],
        "endDateTime": asked["endDateTime"],
    }


def debtor(customer: Json) -> Json:
    return {
        "customerId": customer["id"],
        "displayName": customer["shortDisplayName"],
        "customerAccountNumber": customer["accountNumber"],
        "customerType": customer["customerType"],
        "customerGroup": customer["customerGroup"],
    }


def payment_details(invoice: Invoice) -> Json:
    return {
        "paid": invoice.payment_status == "paid",
        "currentPaymentStatus": invoice.payment_status,
        "paymentReference": invoice.asked.get("paymentReference"),
        "paymentMethod": invoice.asked.get("paymentMethod") or "sct",
        "directDebitCollectionDate": UNSET,
        "amountOfTimesRetried": 0,
        "statusHistory": list(invoice.history),
    }


def invoice_dto(invoice: Invoice) -> Json:
    asked = invoice.asked
    return entity(invoice.id, "invoice") | {
        "createdDateTime": invoice.created_at.isoformat(),
        "_etag": f'"{invoice.changes}"',
        "requireAttention": invoice.failure is not None,
        "hasErrors": invoice.failure is not None,
        "invoiceNum": invoice.number,
        "sequenceNumber": invoice.sequence or 0,
        "invoiceDate": invoice.date.isoformat(),
        "type": invoice.type,
        "status": invoice.status,
        "debtor": debtor(invoice.customer),
        "contractId": invoice.contract and invoice.contract["id"],
        "contractNumber": invoice.contract and invoice.contract["contractNumber"],
        "noteToCustomer": asked.get("noteToCustomer"),
        "externalReference": invoice.reference,
        "dueDate": asked.get("dueDate") or (invoice.date + timedelta(days=30)).isoformat(),
        "periodStartDateTime": asked.get("periodStartDateTime") or UNSET,
        "periodEndDateTime": asked.get("periodEndDateTime") or UNSET,
        "lines": [line_dto(line, order) for order, line in enumerate(invoice.lines)],
        "remainingInvoiceAmount": shortest(invoice.remaining),
        "totalAmountInclVAT": shortest(invoice.gross),
        "totalAmountExclVAT": shortest(invoice.net),
        "paymentDetails": payment_details(invoice),
        "attachmentId": invoice.attachment,
        "creditedByInvoiceId": invoice.credited_by,
        "creditedInvoiceId": invoice.credited,
        "propertyGroups": invoice.property_groups,
        "companyBankAccountId": asked.get("companyBankAccountId"),
        "sent": invoice.sent,
        "failureReasonCode": error_dto(invoice.failure) if invoice.failure else None,
        "failureDetails": "Approval was not possible" if invoice.failure else None,
        "exportStatus": "notexported",
    }


def decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def priced(asked: Json, rate: Decimal, *, calculate: bool) -> tuple[Decimal, Decimal]:
    """Net and gross of one line, VAT rounded here, half up to the cent.

    Where VAT is rounded and which of the caller's amounts win is not documented (U): the net amount
    wins over quantity and price, and the gross amount counts only where nothing else is given or
    the calculation is off.
    """
    net, gross = decimal(asked.get("amountExclVAT")), decimal(asked.get("amountInclVAT"))
    price = decimal(asked.get("unitPrice"))
    if net is None and price is not None:
        net = price * (1 if asked.get("quantity") is None else Decimal(asked["quantity"]))
    if net is None:
        assert gross is not None  # noqa: S101 - a line without any amount was refused as malformed
        net = gross / (1 + rate / 100) if calculate else gross
    net = cents(net)
    if calculate:
        return net, net + cents(net * rate / 100)
    return net, net if gross is None else cents(gross)


def window(asked: Json) -> tuple[datetime, datetime] | None:
    """First and last moment of a line, in Belgian time.

    Whether the end belongs to the line is not documented (U): it does not, so that both
    `…-12-31T23:59:59` and the midnight after it are the end of a year.
    """
    start, end = asked.get("startDateTime"), asked.get("endDateTime")
    if start is None or end is None:
        return None
    first = datetime.fromisoformat(start).astimezone(ZONE)
    last = datetime.fromisoformat(end).astimezone(ZONE)
    return first, max(first, last - timedelta(microseconds=1))


def rate_over(tax: Json, first: datetime, last: datetime) -> Decimal:
    """The one rate in force from `first` to `last`; Refusal when it is none or more than one."""
    touched = [rate for rate in tax["rates"] if _from(rate) <= last and first < _until(rate)]
    if len(touched) > 1:
        raise Refusal(("INVOICE_LINE_SPANS_MULTIPLE_TAX_RATE_PERIODS", tax["name"]))
    if not touched or first < _from(touched[0]) or last >= _until(touched[0]):
        raise Refusal(("INVOICE_LINE_SPANS_NO_TAX_RATE_PERIODS", tax["name"]))
    rate: Decimal = touched[0]["rate"]
    return rate


def _from(rate: Json) -> datetime:
    return datetime.fromisoformat(rate["startDateTime"])


def _until(rate: Json) -> datetime:
    end = datetime.fromisoformat(rate["endDateTime"])
    # The first and the last year there is: it has none.
    return datetime.max.replace(tzinfo=UTC) if end.year in (1, 9999) else end

"""One invoice as Quiddly keeps it, how it looks on the wire, its pages."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.kit.accounts import Part, Stated, Taxed
from sandbox.quiddly.data import CLIENTS, Json
from sandbox.quiddly.totals import NOTHING, Row, Sums, hundredths

ZONE = ZoneInfo("Europe/Stockholm")
"""Date-times carry no zone on the page; that they are Swedish is inferred (I)."""
LADDER = (
    "INVOICE",
    "EXPIRED",
    "EXPIRED_NOTIFICATION",
    "REMINDER",
    "COLLECTION",
    "DELAYED_PENALTY_FEE",
    "MONITORING_DECISION",
    "MONITORING",
)
"""The words of `statuses.ledger`, in the page's order; that they follow each other so is (I)."""


def identity(prefix: str) -> str:
    """An id such as I.111225694."""
    return f"{prefix}.{secrets.randbelow(900_000_000) + 100_000_000}"


Change = tuple[str, Callable[[Any], Any]]
"""The path of a value in an answer (`vats.0.totalVat`), and what becomes of it."""


@dataclass
class Payment:
    """One payment, which is a voucher of the feed."""

    amount: Decimal
    """In the invoice's currency; below zero it went back."""
    invoice: Invoice
    on: date
    id: str = field(default_factory=lambda: identity("V"))
    external_id: str | None = None
    """What the caller called it when it acknowledged it: from then on it is not in the feed."""
    exported: int = 0
    """How often it was acknowledged."""
    booked: int = 0
    error: str | None = None


@dataclass
class Invoice:
    """One invoice as it is stored; `asked` holds the fields of the caller."""

    asked: Json
    client: str
    creator: str
    sums: Sums
    restated: bool = True
    """Whether it shows its own figures, or those of the caller."""
    id: str = field(default_factory=lambda: identity("I"))
    row_ids: list[str] = field(default_factory=list)
    created_at: datetime = field(default_factory=lambda: datetime.now(ZONE))
    activated_at: datetime | None = None
    activated_by: str | None = None
    main: str = "CREATED"
    ledger: str | None = None
    performed: date | None = None
    """When the ladder was climbed last."""
    financial: date | None = None
    """When money or a claim came in last."""
    paused_until: date | None = None
    balances: dict[str, Decimal] = field(
        default_factory=lambda: dict.fromkeys(("capital", "reminder", "interest"), NOTHING)
    )
    overpaid: Decimal = NOTHING
    """What came in, or was credited, beyond what was owed; no balance shows it (I)."""
    documents: dict[str, str] = field(default_factory=dict)
    """File names by what they are: attachment, invoicePreview, invoice, invoiceWithAttachments."""
    files: int = 0
    changes: list[Change] = field(default_factory=list)
    """Figures that are shown wrong because a test said so; see `altered`."""
    due: Callable[[], None] | None = None
    """Its distribution, while that is under way."""

    def __post_init__(self) -> None:
        self.row_ids = [identity("IR") for _ in self.asked["articleRows"]]

    @property
    def number(self) -> str:
        return str(self.asked["invoiceNumber"])

    @property
    def debit(self) -> str | None:
        """The number of the invoice that it credits, if it is a credit invoice."""
        return self.asked.get("debitInvoiceNumber")

    @property
    def gross(self) -> Decimal:
        """With VAT, as it is shown."""
        return Decimal(self.total("total"))

    @property
    def balance(self) -> Decimal:
        """What is left to be paid, fees and interest included."""
        return sum(self.balances.values(), NOTHING)

    def total(self, name: str) -> Decimal:
        """One of the totals, as the caller stated it where that is what is kept."""
        stated = None if self.restated else self.asked["totals"].get(name)
        return Decimal(self.sums.totals[name] if stated is None else stated)

    def settle(self, amount: Decimal, *names: str) -> None:
        """Lower what is owed under these names, or all of it: costs first, then the claim (I)."""
        for name in names or ("interest", "reminder", "capital"):
            part = min(amount, self.balances[name])
            self.balances[name] -= part
            amount -= part
        self.overpaid += amount

    def owe(self, amount: Decimal) -> None:
        """Money went back: what was too much first, for the rest the claim stands again (I)."""
        part = min(amount, self.overpaid)
        self.overpaid -= part
        self.balances["capital"] += amount - part

    def raise_by(self, amount: Decimal) -> None:
        """Make the first row, and all that contains it, wrong by this much (without VAT)."""
        first, *others = self.sums.rows
        row = Row(first.before + amount, first.net + amount, first.vat, first.rate)
        taxable, vat = self.sums.vats[first.rate]
        higher = ("total", "totalExclVat", "totalToPay", "totalToPayBase")
        self.sums = Sums(
            [row, *others],
            {**self.sums.vats, first.rate: (taxable + amount, vat)},
            {n: a + amount if n in higher else a for n, a in self.sums.totals.items()},
        )
        self.restated = True


def stated(invoice: Invoice) -> Stated:
    """What it states, for the ledger; above zero whichever sign a credit invoice has."""
    rates = {
        Decimal(rate): Taxed(abs(taxable), abs(vat))
        for rate, (taxable, vat) in invoice.sums.vats.items()
    }
    rows = zip(invoice.asked["articleRows"], invoice.sums.rows, strict=True)
    parts = tuple(_part(nth, asked, row) for nth, (asked, row) in enumerate(rows, 1))
    return Stated(parts, rates, invoice.total("totalToPay") - invoice.gross)


def _part(nth: int, asked: Json, row: Row) -> Part:
    quantity = abs(Decimal(asked["quantity"].replace(",", ".")))
    return Part(str(nth), asked["description"], quantity, Decimal(row.rate), abs(row.net))


_BALANCES = ("total", "capital", "capitalService", "capitalFinanced", "reminder", "interest")
_DEBTOR = (
    *("FMI", "GLN", "cellPhone", "customerNumber", "distributionChannel"),
    *("distributionChannelOverride", "email", "id", "identificationNumber", "name", "phone"),
    *("type", "vatNumber"),
)
_ADDRESS = ("address", "address2", "address3", "city", "countryCode", "name", "zip")
_SAME = (
    *("debitInvoiceNumber", "distributionCode", "ourOrderNumber", "ourReference"),
    *("paymentReference", "remark", "reminderProfileCode", "serviceProviderCode"),
    *("yourContactPerson", "yourOrderNumber", "yourReference", "invoiceNumber"),
)
_DOCUMENTS = ("attachment", "invoice", "invoicePreview", "invoiceWithAttachments")


def invoice_dto(invoice: Invoice, *, locale_is_base: bool) -> Json:
    """The invoice as Quiddly shows it: every field of the page's example response.

    Args:
        invoice: which one.
        locale_is_base: whether "locale" means the base currency, or that of the invoice.
    """
    asked = invoice.asked
    return _picked(asked, _SAME) | {
        "id": invoice.id,
        "clientId": invoice.client,
        "clientName": CLIENTS[invoice.client],
        "createdBy": invoice.creator,
        "createdDate": _moment(invoice.created_at),
        "activatedById": invoice.activated_by,
        "activatedDate": _moment(invoice.activated_at),
        # The page's answer has these two without the request having had them.
        "documentTemplateCode": asked.get("documentTemplateCode") or "STANDARD_MARKETING",
        "useRecourse": True if asked.get("useRecourse") is None else asked["useRecourse"],
        "productCode": asked.get("productCode") or "INVOICE_SERVICE",
        "type": asked.get("type") or "INVOICE",
        "isRecourse": False,
        "reverseCharge": bool(asked.get("reverseCharge")),
        "refund": bool(asked.get("refund")),
        "partPayment": {"isPartPayment": False, "partPaymentPlanId": None},
        "terms": _picked(asked.get("terms") or {}, ("delivery", "payment")),
        "statuses": {"ledger": invoice.ledger, "ledgerSubType": None, "main": invoice.main},
        "currency": currency(asked),
        "dates": _dates(invoice),
        "debtor": _debtor(asked["debtor"]),
        "fees": _fees_dto(asked.get("fees") or {}),
        "document": _picked(invoice.documents, _DOCUMENTS) | {"connectedFileCount": invoice.files},
        "articleRows": _rows(invoice),
        "vats": _vats(invoice),
        "totals": {name: invoice.total(name) for name in invoice.sums.totals},
        "balances": _balances(invoice, locale_is_base=locale_is_base),
    }


def document_dto(invoice: Invoice, name: str, raw: str | None, by: str) -> Json:
    """What attaching a file answers: every field of the page's example.

    Args:
        invoice: to which it was attached.
        name: under which it is kept here.
        raw: what the caller calls it.
        by: who sent it.
    """
    now = _moment(datetime.now(ZONE))
    nothing = ("erpId", "clientHandlerId", "voucherId", "instanceProviderId")
    return dict.fromkeys(nothing) | {
        "id": identity("DO"),
        "fileName": name,
        "fileNameRaw": raw,
        "clientId": invoice.client,
        "invoiceId": invoice.id,
        "topic": "INVOICE",
        "type": "INVOICE_ATTACHMENT",
        "createdDate": now,
        "createdBy": by,
        "updatedDate": now,
        "updatedBy": by,
    }


def currency(asked: Json) -> Json:
    """The currencies of a request; Swedish crowns where it names none (I)."""
    given = asked.get("currency") or {}
    invoiced = given.get("invoiceCurrency") or "SEK"
    return {
        "baseCurrency": given.get("baseCurrency") or invoiced,
        "exchangeRate": given.get("exchangeRate") or 1,
        "invoiceCurrency": invoiced,
    }


def _picked(given: Mapping[str, Any], names: Iterable[str]) -> Json:
    return {name: given.get(name) for name in names}


def _moment(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S") if at else None


def _dates(invoice: Invoice) -> Json:
    asked, days = invoice.asked["dates"], (invoice.financial, invoice.performed)
    financial, performed = (one.isoformat() if one else None for one in days)
    paused = invoice.paused_until
    return _picked(asked, ("deliveryDate", "expireDate", "invoiceDate")) | {
        "latestFinancialDate": financial,
        "ledgerPerformedDate": performed,
        "pausedUntilDate": paused.isoformat() if paused else None,
    }


def _debtor(asked: Json) -> Json:
    delivery = asked.get("deliveryAddress")
    return _picked(asked, _DEBTOR) | {
        "invoiceAddress": _picked(asked.get("invoiceAddress") or {}, _ADDRESS),
        "deliveryAddress": _picked(delivery, _ADDRESS) if delivery else None,
    }


def _fees_dto(asked: Json) -> Json:
    amounts = {name: asked.get(name) or NOTHING for name in ("administration", "freight")}
    return amounts | _picked(asked, ("administrationVatPercentage", "freightVatPercentage"))


def _rows(invoice: Invoice) -> list[Json]:
    rows = []
    stored = zip(invoice.asked["articleRows"], invoice.sums.rows, invoice.row_ids, strict=True)
    for asked, part, identity_ in stored:
        row = {"accountNumber": None, "articleNumber": None, **asked, "id": identity_}
        if invoice.restated:
            row |= {"totalExclVat": part.net, "totalVat": part.vat}
            row |= {} if row["total"] == part.before else {"total": part.net}
        rows.append(row)
    return rows


def _vats(invoice: Invoice) -> list[Json]:
    if not invoice.restated:
        return list(invoice.asked["vats"])
    return [
        {"percentage": rate, "totalTaxable": taxable, "totalVat": vat}
        for rate, (taxable, vat) in invoice.sums.vats.items()
    ]


def _balances(invoice: Invoice, *, locale_is_base: bool) -> Json:
    amounts = dict.fromkeys(_BALANCES, NOTHING) | invoice.balances | {"total": invoice.balance}
    rate = Decimal(currency(invoice.asked)["exchangeRate"]) if locale_is_base else Decimal(1)
    locale = {f"{name}Locale": hundredths(amount * rate) for name, amount in amounts.items()}
    return amounts | locale


def payment_dto(payment: Payment, *, locale_is_base: bool) -> Json:
    """One item of the payments feed: the fields of the guide's example."""
    asked = payment.invoice.asked
    currencies = currency(asked)
    rate = Decimal(currencies["exchangeRate"]) if locale_is_base else Decimal(1)
    return {
        "id": payment.id,
        "date": payment.on.isoformat(),
        "paymentDate": payment.on.isoformat(),
        "amountLocale": hundredths(payment.amount * rate),
        "amount": payment.amount,
        "invoiceNumber": payment.invoice.number,
        "invoiceCurrency": currencies["invoiceCurrency"],
        "baseCurrency": currencies["baseCurrency"],
        "name": asked["debtor"]["name"],
        "externalPaymentMethodCode": "BANKGIRO",
        "accountNumber": "1930",
    }


def altered(shown: Any, changes: Iterable[Change]) -> Any:
    """What is shown, with the values at some paths changed; LookupError for a path not there."""
    for path, become in changes:
        *way, last = path.split(".")
        place = shown
        for name in way:
            place = place[_key(place, name)]
        place[_key(place, last)] = become(place[_key(place, last)])
    return shown


def _key(place: Any, name: str) -> Any:
    return int(name) if isinstance(place, list) else name


def plain(value: Any) -> Any:
    """Amounts as the page shows them, 250 and 0.5, never 250.00; all else as it is."""
    if isinstance(value, Decimal):
        return value.normalize() + 0
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value

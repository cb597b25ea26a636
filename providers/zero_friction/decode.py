"""Zero Friction: what is read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from invoicing.balance import Statement
from invoicing.document import Period
from invoicing.errors import FieldProblem, ProviderError, Rejected, UnknownOutcome, Unreadable
from invoicing.money import plain
from invoicing.provider import Delivery, Echo, Event, PaymentStatus, Snapshot, Stage, Target
from providers.kit import webhooks
from providers.kit.api import known_id, refused
from providers.kit.http import Answer, Call, HeaderSecret, HeaderValue, unclear
from providers.kit.mistakes import stated
from providers.kit.wire import Amount, CamelWire, Many, Moment, day_of
from providers.kit.words import safe_word
from providers.zero_friction.options import BankAccountChoice, CustomerChoice
from providers.zero_friction.settings import NAME, ZeroFrictionSettings
from providers.zero_friction.states import (
    ERROR_KEYS,
    PAYMENTS,
    SENT,
    STATUSES,
    ContractQuery,
    TaxWanted,
)
from providers.zero_friction.words import STATED, words_of


class _Wire(CamelWire):
    """What is marked as deleted is left out of lists."""

    deleted: bool | None = None


Thing = TypeVar("Thing", bound=_Wire)
Item = TypeVar("Item")


class _Error(_Wire):
    key: str | None = None
    message: str | None = None

    def problem(self) -> FieldProblem:
        return FieldProblem(
            field=safe_word(self.key or "error"), message=(self.message or "")[:500]
        )


Errors = tuple[_Error, ...]


class Envelope(_Wire):
    """What every answer comes in."""

    success: bool
    errors: Many[_Error] = ()
    data: Any = None


class Page(_Wire):
    """One page of a list."""

    results: Many[Any] = ()
    has_next_page: bool | None = None
    next_page_token: HeaderValue | None = None


class TokenAnswer(BaseModel):
    """RFC 6749, section 5.1."""

    access_token: HeaderSecret
    expires_in: float | None = None


class Created(_Wire):
    """What create promises."""

    id: Annotated[str, Field(min_length=1)]
    external_reference: Any = None
    """Not promised, so whatever else might stand there is no reason to doubt the id."""


class Customer(_Wire):
    """As much of a customer as finds it."""

    id: str
    account_number: str | None = None
    company_name: str | None = None
    short_display_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None

    def is_meant_by(self, choice: CustomerChoice) -> bool:
        """A search trusts the provider; an account number or a name must be equal."""
        if choice.account_number:
            return self.account_number == choice.account_number
        whole_name = f"{self.first_name or ''} {self.last_name or ''}"
        names = (self.company_name, self.short_display_name, whole_name)
        return bool(choice.search) or _bare(choice.name) in map(_bare, names)


class BankAccount(_Wire):
    """One of the organisation's own."""

    id: str
    iban: str | None = None
    is_default: bool | None = None

    def is_meant_by(self, choice: BankAccountChoice) -> bool:
        if choice.iban:
            return (self.iban or "").replace(" ", "").upper() == choice.iban
        return bool(self.is_default)


class _TaxRate(_Wire):
    rate: Amount
    start_date_time: Moment = None
    end_date_time: Moment = None

    def covers(self, period: Period, settings: ZeroFrictionSettings) -> bool:
        starts, ends = (
            moment.replace(tzinfo=settings.zone) if moment and not moment.tzinfo else moment
            for moment in (self.start_date_time, self.end_date_time)
        )
        return (starts is None or starts <= settings.start(period.start)) and (
            ends is None or settings.end(period.end) <= ends
        )


class TaxCode(_Wire):
    """A tax code with its rates over time."""

    id: str
    name: str | None = None
    rates: Many[_TaxRate] = ()

    def fits(self, want: TaxWanted, settings: ZeroFrictionSettings) -> bool:
        """Named as wanted, and over each period exactly one rate, the wanted one."""
        if want.choice and (self.id, self.name).count(want.choice.id or want.choice.name) == 0:
            return False
        return all(
            [settings.percent(rate.rate) for rate in self.rates if rate.covers(period, settings)]
            == [want.rate]
            for period in want.periods
        )


class BillingItem(_Wire):
    """What a line is counted to."""

    id: str
    name: str | None = None


class ServiceLocation(_Wire):
    """A place that a customer rents."""

    id: str
    external_id: str | None = None


class _Group(_Wire):
    id: str


class Contract(_Wire):
    """As much of a contract as finds it."""

    id: str
    contract_number: str | None = None
    property_groups: Many[_Group] = ()

    def is_meant_by(self, query: ContractQuery) -> bool:
        if query.contract.id:
            return self.id == query.contract.id
        return self.contract_number == query.contract.number


class PropertyGroupConfiguration(_Wire):
    """Which account a property group is paid to."""

    company_bank_account_id: str | None = None


class _InvoiceLine(_Wire):
    amount_excl_vat: Annotated[Amount | None, Field(alias="amountExclVAT")] = None
    amount_incl_vat: Annotated[Amount | None, Field(alias="amountInclVAT")] = None
    vat: Amount | None = None
    tax_rate: Amount | None = None

    @property
    def stated_vat(self) -> Decimal | None:
        if self.vat is None and self.amount_excl_vat is not None and self.amount_incl_vat:
            return self.amount_incl_vat - self.amount_excl_vat
        return self.vat


class _Debtor(_Wire):
    customer_id: str | None = None


class _PaymentDetails(_Wire):
    paid: bool | None = None
    current_payment_status: str | None = None


class Invoice(_Wire):
    """As much of an invoice as is read."""

    id: str
    status: str | None = None
    sent: str | None = None
    invoice_num: str | None = None
    invoice_date: Any = None
    due_date: Any = None
    external_reference: str | None = None
    debtor: _Debtor | None = None
    lines: Many[_InvoiceLine] = ()
    total_amount_excl_vat: Annotated[Amount | None, Field(alias="totalAmountExclVAT")] = None
    total_amount_incl_vat: Annotated[Amount | None, Field(alias="totalAmountInclVAT")] = None
    remaining_invoice_amount: Amount | None = None
    payment_details: _PaymentDetails | None = None
    credited_by_invoice_id: str | None = None
    credited_invoice_id: str | None = None
    has_errors: bool | None = None
    failure_reason_code: _Error | None = None
    failure_details: str | None = None
    company_bank_account_id: str | None = None
    said: dict[str, str] = {}
    """Digests of its texts and parts, made of the whole answer: see `words`."""

    @model_validator(mode="before")
    @classmethod
    def _with_words(cls, body: Any) -> Any:
        told = isinstance(body, Mapping)
        return {**body, "said": words_of(body, STATED, {})} if told else body

    @property
    def is_live(self) -> bool:
        return not self.credited_by_invoice_id and not self.credited_invoice_id


def reference_of(item: Any, request: Call) -> Any:
    """Our reference as an item of a list states it."""
    if not isinstance(item, Mapping):
        raise unclear(request, "is not what was expected")
    return item.get("externalReference")


def opened(request: Call, answer: Answer) -> Envelope:
    """The envelope of a success; everything else is raised.

    Some routes answer 200 without a body. Where something was expected in it, its reader complains.
    """
    if answer.ok and answer.body is None:
        return Envelope(success=True)
    envelope = _envelope(answer)
    if answer.ok and envelope is None:
        raise unclear(request, "is not in the envelope")
    if answer.ok and envelope and envelope.success:
        return envelope
    raise refusal(request, answer)


def _envelope(answer: Answer) -> Envelope | None:
    try:
        return Envelope.model_validate(answer.body)
    except ValidationError:
        return None


def refusal(request: Call, answer: Answer) -> ProviderError:
    """Known keys decide, then the status; a 200 with unknown keys decides nothing."""
    envelope = _envelope(answer)
    errors = envelope.errors if envelope else ()
    fields = [error.problem() for error in errors]
    known = next((error.key for error in errors if error.key in ERROR_KEYS), None)
    if known:
        return Rejected(f"{NAME} {ERROR_KEYS[known]} ({request.name})", code=known, fields=fields)
    if not answer.ok:
        return refused(request, answer, fields)
    kind = UnknownOutcome if request.changes else Rejected
    code = fields[0].field if fields else None
    return kind(f"{NAME}: {request.name} failed for an unknown reason", code=code, fields=fields)


def snapshot(invoice: Invoice, settings: ZeroFrictionSettings, errors: Errors = ()) -> Snapshot:
    """What an answer says about the invoice."""
    failures = _failures(invoice, errors)
    stage = _stage(invoice)
    if failures and stage in (Stage.DRAFTED, Stage.APPROVING):
        stage = Stage.FAILED
    return Snapshot(
        provider_id=invoice.id,
        stage=stage,
        payment=_payment(invoice),
        money=_money(invoice, stage),
        status=" · ".join(safe_word(word) for word in (invoice.status, invoice.sent) if word),
        number=invoice.invoice_num or None,
        echo=_echo(invoice, settings),
        problems=failures or _warnings(invoice),
        reference=stated(invoice.external_reference),
    )


def _stage(invoice: Invoice) -> Stage:
    if invoice.credited_by_invoice_id:
        return Stage.CREDITED
    stage = STATUSES[invoice.status]
    if stage is not Stage.APPROVED:
        return stage
    return SENT[invoice.sent] if invoice.invoice_num else Stage.APPROVING


def _payment(invoice: Invoice) -> PaymentStatus:
    details = invoice.payment_details or _PaymentDetails()
    if details.paid or (invoice.status == "settled" and not invoice.credited_by_invoice_id):
        return PaymentStatus.PAID
    status = PAYMENTS.get(details.current_payment_status or "", PaymentStatus.UNKNOWN)
    rest, gross = invoice.remaining_invoice_amount, invoice.total_amount_incl_vat
    partly = rest is not None and gross is not None and 0 < rest < gross
    return PaymentStatus.PARTLY_PAID if partly and status in _OPEN else status


def _money(invoice: Invoice, stage: Stage) -> Statement | None:
    """What is left, below zero what is too much (inferred). Of one that is credited it is nothing,
    whatever was paid before. Payments are not told one by one."""
    if not stage.reached(Stage.APPROVED) or not invoice.is_live:
        return None
    return Statement(left=invoice.remaining_invoice_amount)


_OPEN = (PaymentStatus.UNKNOWN, PaymentStatus.UNPAID)


def _failures(invoice: Invoice, errors: Errors) -> tuple[FieldProblem, ...]:
    """Why the provider gave up: the envelope's errors, the invoice's reason and its details."""
    reasons = [*errors, *([invoice.failure_reason_code] if invoice.failure_reason_code else [])]
    if invoice.failure_details:
        reasons.append(_Error(key="failureDetails", message=invoice.failure_details))
    return tuple(reason.problem() for reason in reasons)


def _warnings(invoice: Invoice) -> tuple[FieldProblem, ...]:
    if invoice.sent == "failed":
        return (FieldProblem(field="sent", message="the provider could not send the invoice"),)
    if invoice.has_errors:
        return (FieldProblem(field="hasErrors", message="the provider marks it as faulty"),)
    return ()


def _echo(invoice: Invoice, settings: ZeroFrictionSettings) -> Echo:
    # Of a final one it is what is left after the payments so far.
    due = invoice.remaining_invoice_amount if _stage(invoice) is Stage.DRAFTED else None
    return Echo(
        net=invoice.total_amount_excl_vat,
        vat=_vat(invoice.lines, settings),
        gross=invoice.total_amount_incl_vat,
        due=due,
        issue_date=day_of(invoice.invoice_date, settings.zone),
        due_date=day_of(invoice.due_date, settings.zone),
        buyer=invoice.debtor.customer_id if invoice.debtor else None,
        number=invoice.invoice_num or None,
        said=invoice.said,
    )


def _vat(
    lines: tuple[_InvoiceLine, ...], settings: ZeroFrictionSettings
) -> dict[str, Decimal] | None:
    """VAT by rate, summed over the lines; None when a line does not state its own."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        if line.stated_vat is None or line.tax_rate is None:
            return None
        rate = plain(settings.percent(line.tax_rate))
        sums[rate] = sums.get(rate, Decimal(0)) + line.stated_vat
    return sums or None


def at_least(stage: Stage, told: Snapshot | None, target: Target) -> Snapshot:
    """What the answer says, never behind what was just asked for."""
    if told is None:
        return Snapshot(provider_id=known_id(target, NAME), stage=stage)
    behind = stage.reached(told.stage)
    return told.model_copy(update={"stage": stage}) if behind else told


def only(items: Sequence[Item], what: str, field: str) -> Item:
    """The one there is; Rejected if there is none, or several."""
    if len(items) == 1:
        return items[0]
    count = f"{len(items)} fit" if items else "none fits"
    problem = FieldProblem(field=field, message=f"exactly one {what} is needed, {count}")
    raise Rejected(f"{NAME}: exactly one {what} is needed, {count}", fields=[problem])


def _bare(name: str | None) -> str:
    return " ".join((name or "").split()).casefold()


SIGNATURE = "x-webhook-signature-256"


def event_of(delivery: Delivery) -> Event:
    """Named by its body, and by the minute it came in: it says that something changed, not what, so
    the next change is told in the same words. One that is told twice is only looked at twice."""
    body = webhooks.parsed(NAME, delivery.body)
    kind = webhooks.text(body.get("_type"))
    if not kind:
        raise Unreadable(f"{NAME}: a webhook without a type")
    minute = f"{delivery.received:%Y-%m-%dT%H:%M}"
    return Event(id=webhooks.digest(minute, delivery.body), kind=kind, body=body)

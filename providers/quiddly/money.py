"""Quiddly: the money of an invoice, by the payments of the feed and by the balances of a read.

The page states what is left to be paid, of the claim and of what was put on top, and each payment
with its day and its means. That a payment below zero is money that went back is inferred; who took
it back is not said.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pydantic import JsonValue, TypeAdapter, ValidationError

from invoicing.balance import Movement, Statement, Way
from invoicing.money import exactly
from invoicing.provider import Event, PaymentStatus, Snapshot, Stage
from providers.kit.wire import Amount, day_of
from providers.kit.words import safe_word
from providers.quiddly.decode import SAID_OF_PAYMENT, Invoice
from providers.quiddly.states import PAYMENT, Context, Told

MOST_PAYMENTS = 100
"""Of one invoice that are known again by their ids. An older one that comes again is no news for
the invoice either, which knows its last 500 events."""

REMINDED = (
    *("EXPIRED_NOTIFICATION", "REMINDER", "COLLECTION", "DELAYED_PENALTY_FEE"),
    *("MONITORING_DECISION", "MONITORING"),
)
"""Words of the ledger from which on somebody reminds the buyer, or collects."""

_ZERO = Decimal(0)


def snapshot(told: Told, context: Context, invoice: Invoice | None = None) -> Snapshot:
    """What is known; with the invoice itself where it has just been read."""
    kept = told.model_dump(mode="json", exclude_defaults=True)
    by_balance = _by_balance(invoice, told, context) if invoice else None
    uncounted = [f"{len(told.uncounted)} payments not counted"] if told.uncounted else []
    return Snapshot(
        provider_id=told.id,
        stage=told.stage,
        payment=by_balance or _by_payments(told, context),
        money=_money(told, context, invoice),
        status=" · ".join([*filter(None, [told.status]), *uncounted]),
        number=told.echo.number,
        echo=told.echo,
        context={"told": kept},
        reference=told.reference,
    )


_number: TypeAdapter[Decimal] = TypeAdapter(Amount)


def amount_of(event: Event) -> Decimal | None:
    """What a payment event says it is; None where that cannot be read."""
    try:
        return _number.validate_python(event.body.get("amount"))
    except ValidationError:
        return None


def currency_of(event: Event) -> JsonValue:
    """The currency as far as it is one: what is no code of three letters is not the invoice's."""
    code = event.body.get("currency")
    return code if code is None or (isinstance(code, str) and len(code) == 3) else "?"


def with_payments(told: Told, events: Iterable[Event], context: Context) -> Told:
    """Each payment counts once, whenever and however often it is told of.

    One without a number was brought here by a person who knows that it is meant for us.
    """
    payments, uncounted = dict(told.payments), dict.fromkeys(told.uncounted)
    money = _heard(told)
    for event in (one for one in events if one.kind == PAYMENT):
        amount = amount_of(event)
        is_ours = event.body.get("invoiceNumber") in (None, "", context.number)
        fits = event.body.get("currency") in (None, context.currency)
        if amount is None or not is_ours or not fits:
            uncounted[event.id] = None
        elif event.id not in payments:
            payments[event.id] = amount
            money = money.moved(_movement(event.id, amount, event)) if amount else money
    kept = dict(list(payments.items())[-MOST_PAYMENTS:])
    update = {"payments": kept, "uncounted": tuple(uncounted)[-MOST_PAYMENTS:], "money": money}
    return told.model_copy(update=update)


def _heard(told: Told) -> Statement:
    """The movements so far; of what was remembered before there were any, from the payments."""
    money = told.money
    if not money.count:
        for name, amount in told.payments.items():
            money = money.moved(_movement(name, amount)) if amount else money
    return money


def _movement(event: str, amount: Decimal, told: Event | None = None) -> Movement:
    on, by = (told.body.get(name) if told else None for name in SAID_OF_PAYMENT)
    return Movement(
        way=Way.PAYMENT if amount > 0 else Way.RETURN,
        amount=abs(amount),
        on=day_of(on) or "",
        by=safe_word(by) if isinstance(by, str) and by else "",
        id=event.removeprefix(f"{PAYMENT}-"),
    )


def with_balances(told: Told, invoice: Invoice) -> Told:
    """With the most that was ever seen as put on top: what of it is paid is not shown any more."""
    there = invoice.balances
    with exactly():
        costs = (there.reminder or _ZERO) + (there.interest or _ZERO)
    if not (_in_one_currency(invoice) and costs > told.money.costs):
        return told
    return told.model_copy(update={"money": _heard(told).model_copy(update={"costs": costs})})


def _money(told: Told, context: Context, invoice: Invoice | None) -> Statement | None:
    """What is stated of it; None of a credit invoice, and before anything was booked."""
    heard = _heard(told)
    if context.credit or not (told.stage.reached(Stage.APPROVED) or heard.count):
        return None
    update: dict[str, object] = {"collection": told.collection}
    if invoice and _in_one_currency(invoice) and (invoice.dates.latest_financial_date or told.owed):
        update["left"] = invoice.balances.total
    return heard.model_copy(update=update)


def _in_one_currency(invoice: Invoice) -> bool:
    """Balances are in the base currency."""
    return invoice.currency.invoice_currency == invoice.currency.base_currency


def collection_of(invoice: Invoice) -> str:
    """How far its reminders have got; empty where nobody reminds yet."""
    word = invoice.statuses.ledger
    return word.lower() if word in REMINDED else ""


def _by_balance(invoice: Invoice, told: Told, context: Context) -> PaymentStatus | None:
    """By what the debtor still owes; None where that says nothing.

    Nothing is owed before the claim is booked either, so that it is must have shown: by a financial
    event, or by a balance seen earlier.
    """
    total, capital = invoice.balances.total, invoice.balances.capital
    booked = invoice.dates.latest_financial_date or told.owed
    if total is None or context.credit or not (invoice.is_activated and booked):
        return None
    if total <= 0:
        return PaymentStatus.PAID
    partly = _in_one_currency(invoice) and capital is not None and capital < context.due
    return PaymentStatus.PARTLY_PAID if partly or _received(told) > 0 else PaymentStatus.UNPAID


def _by_payments(told: Told, context: Context) -> PaymentStatus:
    """By the payments heard of. A negative one takes back what an earlier one brought."""
    activated = told.stage in (Stage.APPROVED, Stage.SENT)
    received = _received(told)
    if context.credit or not (activated or told.payments):
        return PaymentStatus.UNKNOWN
    if received >= context.due:
        return PaymentStatus.PAID
    if received > 0:
        return PaymentStatus.PARTLY_PAID
    came_and_went = _heard(told).sums.get(Way.PAYMENT, _ZERO) > 0
    return PaymentStatus.REVERSED if came_and_went else PaymentStatus.UNPAID


def _received(told: Told) -> Decimal:
    return _heard(told).net or _ZERO

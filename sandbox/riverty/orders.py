"""Everything that Riverty's accounting core has accepted, and what it objects to.

This is the second stage: it judges a request that the gateway has taken, from what is already in
the books. The rules are those of the provider's pages (an order before its invoices, whole lines,
a line is invoiced or cancelled and never both, unique references); the names of fields in
objections follow the pattern of the published example (BILLTOLANGUAGECODE), the rest of their
wording is inferred (I).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sandbox.riverty.forms import Json
from sandbox.riverty.invoice import CENT, Invoice, Line, Objection, Order, Submission, worth
from sandbox.riverty.words import Kind, VatPer

_OWN_REFERENCE = {
    Kind.ORDER: "orderReference",
    Kind.INVOICE: "invoiceReference",
    Kind.RETURN: "returnReference",
    Kind.GOODWILL: "goodwillReference",
}


class Orders:
    """Everything the core has accepted.

    `currencies` has the business codes there are, each with the currency it bills in. `vat_per`
    says whether `vatAmount` is that of one piece, as in the provider's example of a return (I), or
    of the whole line. `carrier` is whether an invoice of physical goods needs carrier and code.
    """

    def __init__(self, currencies: Mapping[str, str], vat_per: VatPer, carrier: bool) -> None:
        self.currencies = currencies
        self.vat_per = vat_per
        self.carrier = carrier
        self.orders: dict[str, Order] = {}
        self.invoices: dict[str, Invoice] = {}
        self._used: set[tuple[Kind, str]] = set()

    def objections(self, submission: Submission) -> list[Objection]:
        """What the core has against a request; nothing: it is accepted."""
        if submission.kind is Kind.ORDER:
            return [*_common(submission), *self._repeated(submission), *self._order(submission)]
        order = self.orders.get(submission.order)
        if order is None or not submission.in_turn:
            why = f"The order {submission.order} is unknown or has not been confirmed."
            return [Objection("ORDERNO", why, submission.order)]
        wrong = [*_common(submission), *self._repeated(submission), *_lines(order, submission)]
        if order.customer != submission.customer or order.business != submission.business:
            wrong.append(_objection("CUSTOMERNUMBER", "is not that of the order"))
        if not wrong:
            wrong += self._invoice(order, submission)
        return wrong

    def _repeated(self, submission: Submission) -> Iterator[Objection]:
        own = _OWN_REFERENCE.get(submission.kind)
        if own and (submission.kind, submission.body[own]) in self._used:
            yield _objection(own.upper(), "must be unique", submission.body[own])

    def _order(self, submission: Submission) -> Iterator[Objection]:
        body = submission.body
        if not re.fullmatch(r"[A-Za-z0-9]*", body["orderReference"]):
            yield _objection(
                "ORDERREFERENCE",
                "may only consist of alphanumeric characters",
                body["orderReference"],
            )
        if submission.business not in self.currencies:
            yield _objection("BUSINESSCODE", "is unknown", submission.business)
        elif body["currency"] != self.currencies[submission.business]:
            yield _objection("CURRENCY", "is not that of the business code", body["currency"])
        for item in body["items"]:
            yield from self._amounts(item)

    def _amounts(self, item: Json) -> Iterator[Objection]:
        price, percent = Decimal(item["grossUnitPrice"]), Decimal(item["vatPercent"])
        if percent < 0:
            yield _objection("LINEITEMVATPERCENT", "must not be negative", percent)
            return
        if self.vat_per == "line":
            price *= Decimal(item["quantity"])
        within = price * percent / (100 + percent)
        # Callers who start from net amounts may be a cent away from what is computed backwards.
        if abs(within - Decimal(item["vatAmount"])) > CENT:
            yield _objection("LINEITEMVATAMOUNT", "does not fit price and rate", item["vatAmount"])
        if Decimal(item["quantity"]) <= 0:
            yield _objection("LINEITEMQUANTITY", "must be more than zero", item["quantity"])

    def _invoice(self, order: Order, submission: Submission) -> Iterator[Objection]:
        if submission.kind is Kind.INVOICE and order.asked["orderType"] == "PHYSICAL_GOODS":
            for name in ("carrier", "trackingCode"):
                if self.carrier and not submission.body.get(name):
                    yield Objection.empty(name.upper())
        if submission.kind in (Kind.RETURN, Kind.GOODWILL):
            named = submission.invoice
            if named is not None and {line.invoice for line in order.named(submission)} != {named}:
                yield _objection("INVOICEREFERENCE", "is not that of the lines", named)
            yield from _credits(order, submission)
            for item in submission.items:
                yield from self._amounts(item)

    # Committing.

    def accept_order(self, submission: Submission, skew: Decimal) -> Order:
        """Store an order; `skew` is added to its first line."""
        lines = [Line(item, self.vat_per) for item in submission.items]
        lines[0].skew = skew
        order = Order(submission.body, submission.business, submission.customer, lines)
        self.orders[order.reference] = order
        self._used.add((Kind.ORDER, order.reference))
        return order

    def accept_invoice(self, submission: Submission) -> Invoice:
        """Store an invoice of whole lines."""
        order = self.orders[submission.order]
        invoice = Invoice(submission.body, order, order.named(submission))
        for line in invoice.lines:
            line.status, line.invoice = "invoiced", invoice.reference
        self.invoices[invoice.reference] = invoice
        self._used.add((Kind.INVOICE, invoice.reference))
        return invoice

    def cancel(self, submission: Submission) -> list[Line]:
        """Cancel open lines; those it names."""
        lines = self.orders[submission.order].named(submission)
        for line in lines:
            line.status = "cancelled"
        return lines

    def credit(self, submission: Submission) -> dict[str, list[Json]]:
        """Take returns or goodwills off; which items off which invoice."""
        order = self.orders[submission.order]
        taken: dict[str, list[Json]] = {}
        for item in submission.items:
            line = order.line(item["orderItemReference"])
            assert line is not None  # noqa: S101 - the core had no objections
            assert line.invoice is not None  # noqa: S101
            line.credited += worth(item)
            if submission.kind is Kind.RETURN:
                line.returned += Decimal(item["quantity"])
            taken.setdefault(line.invoice, []).append(item)
        self._used.add((submission.kind, submission.body[_OWN_REFERENCE[submission.kind]]))
        return taken


def _objection(name: str, why: str, given: Any = None) -> Objection:
    shown = None if given is None else str(given)
    return Objection(name, f"The content of field {name} {why}.", shown)


def _common(submission: Submission) -> Iterator[Objection]:
    """What can be said of any request: nothing empty, no line twice, languages in small letters."""
    for path, value in _texts(submission.body):
        name = _core_name(path)
        if not value.strip():
            yield Objection.empty(name)
        elif path[-1] == "language" and value != value.lower():
            yield _objection(name, "may only consist of lower case letters", value)
    for number, times in Counter(submission.numbers).items():
        if times > 1:
            yield _objection("LINEITEMNUMBER", "must be unique", number)


def _texts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, given in value.items():
            yield from _texts(given, (*path, name))
    elif isinstance(value, list):
        for given in value:
            yield from _texts(given, path)


def _core_name(path: Sequence[str]) -> str:
    prefixes = {"billToAddress": "BILLTO", "shipToAddress": "SHIPTO", "items": "LINEITEM"}
    last = "LANGUAGECODE" if path[-1] == "language" else path[-1].upper()
    return prefixes.get(path[0], "") + last


def _lines(order: Order, submission: Submission) -> Iterator[Objection]:
    """Lines must be there, and be what the request needs: open, or invoiced to be credited."""
    credited = submission.kind in (Kind.RETURN, Kind.GOODWILL)
    needed = "invoiced" if credited else "open"
    for number in submission.numbers:
        line = order.line(number)
        if line is None:
            yield _objection("LINEITEMNUMBER", "is unknown in this order", number)
        elif line.status != needed:
            why = f"names a line that is {line.status}, and must be {needed}"
            yield _objection("LINEITEMNUMBER", why, number)


def _credits(order: Order, submission: Submission) -> Iterator[Objection]:
    """No more comes back than was invoiced (I)."""
    for item in submission.items:
        line = order.line(item["orderItemReference"])
        if line is None:
            continue
        if item["vatPercent"] != line.asked["vatPercent"]:
            yield _objection("LINEITEMVATPERCENT", "is not that of the line", item["vatPercent"])
        pieces = Decimal(item["quantity"])
        left = Decimal(line.asked["quantity"]) - line.returned
        if pieces <= 0 or (submission.kind is Kind.RETURN and pieces > left):
            yield _objection("LINEITEMQUANTITY", "exceeds what was invoiced", item["quantity"])
        if worth(item) > line.gross - line.credited:
            yield _objection(
                "LINEITEMGROSSUNITPRICE", "exceeds what was invoiced", item["grossUnitPrice"]
            )

"""Invoices with their amounts over REST, read from the register: also those that Temporal has
forgotten. Only where the gateway is told where the register is (INVOICING_REGISTER_AT)."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self, TypeVar

from fastapi import Query
from pydantic import BeforeValidator, StringConstraints, model_validator

from gateway.access import Who
from gateway.backend import Backend, Behind, Register
from gateway.callers import Caller
from gateway.pages import Cursor, Paged
from gateway.problems import Kind, Trouble, invalid, unavailable
from gateway.routes import Heads, Limits
from invoicing.books import claims
from invoicing.books.booked import BadCursor, Entry, Total, Wanted, Worth
from invoicing.books.overview import Overview
from invoicing.books.periods import Period
from invoicing.errors import FieldProblem, Unavailable
from invoicing.inconsistent import Inconsistent
from invoicing.model import Recorded, Typed
from invoicing.money import Currency, Number
from invoicing.provider import PaymentStatus
from invoicing.request import ProviderName
from invoicing.state.invoice import Status
from invoicing.values import day

heads = Heads("books")
router = heads.router
T = TypeVar("T")

_NO_REGISTER = "this gateway reads no register: set INVOICING_REGISTER_AT to what the workers have"

Text = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
"""No database keeps the character 0, and PostgreSQL refuses to look for it."""
Day = Annotated[date, BeforeValidator(day)]
"""Written as 2026-06-30: a number would be taken for seconds since 1970."""


_AS_THEY_ARE = (
    *("provider", "account", "status", "payment", "prefix", "text", "buyer", "currency"),
    *("amount_from", "amount_to", "running", "due_before"),
)


class Chosen(Typed):
    """Which invoices; all that is given must fit. A period is of days of issue."""

    provider: ProviderName | None = None
    account: Text | None = None
    status: Status | None = None
    payment: PaymentStatus | None = None
    prefix: Text | None = None
    text: Text | None = None
    """In reference, number or buyer, in capitals or not."""
    buyer: Text | None = None
    currency: Currency | None = None
    amount_from: Number | None = None
    """Of the gross amount, each invoice's in its own currency; both bounds are included."""
    amount_to: Number | None = None
    running: bool | None = None
    due_before: Day | None = None
    overdue: bool = False
    went_back: bool = False
    """Money that had come in has gone again: a refund, a chargeback."""
    too_much: bool = False
    """More was paid than was due."""
    since: Day | None = None
    until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise Inconsistent([FieldProblem(field="until", message="is before the first day")])
        least, most = self.amount_from, self.amount_to
        if least is not None and most is not None and most < least:
            raise Inconsistent(
                [FieldProblem(field="amount_to", message="is less than the lowest one")]
            )
        return self

    def wanted(self, who: Caller) -> Wanted:
        """What is looked for: of a limited caller's own alone."""
        given: dict[str, Any] = {name: getattr(self, name) for name in _AS_THEY_ARE}
        if self.since or self.until:
            first, last = self.since or date(1900, 1, 1), self.until or date(9998, 12, 31)
            given["period"] = Period(first, last)
        given |= {"went_back": self.went_back, "too_much": self.too_much}
        if self.overdue:
            given["overdue_on"] = datetime.now(UTC).date()
        return Wanted(**given, accounts=who.reach.accounts, prefixes=who.reach.references)


class BookFilters(Chosen, Paged):
    """Which invoices; all that is given must fit. A period is of days of issue."""


class TotalFilters(Chosen):
    """As those of the list."""


class BookPage(Recorded):
    """Invoices as the register has them, the latest first. Without a cursor it is the last page."""

    invoices: tuple[Entry, ...]
    cursor: Cursor | None = None


class Totals(Recorded):
    """What the final ones come to, by currency."""

    totals: tuple[Total, ...]


@heads.lists("One page", Limits.SHOWN, "", Kind.NOT_FOUND)
async def list_books(
    filters: Annotated[BookFilters, Query()], behind: Behind, who: Who
) -> BookPage:
    """Invoices with amounts, buyer and payment, as they were recorded last."""
    books = register_of(behind)
    wanted = filters.wanted(who)
    found = await booked(behind, who, books.page(wanted, filters.limit, filters.cursor))
    return BookPage(invoices=found.rows, cursor=found.next)


@heads.lists("By currency", Limits.SHOWN, "/totals", Kind.NOT_FOUND)
async def total_books(
    filters: Annotated[TotalFilters, Query()], behind: Behind, who: Who
) -> Totals:
    """What those with a number come to, by currency and VAT rate."""
    books = register_of(behind)
    return Totals(totals=await booked(behind, who, books.totals(filters.wanted(who))))


MOST_DAYS = 92
"""Of one overview."""


class OverviewFilters(Typed):
    """Of which days, both included; at most 92."""

    since: Day
    until: Day
    provider: ProviderName | None = None
    account: Text | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= (self.until - self.since).days < MOST_DAYS:
            raise ValueError(f"until is before since, or more than {MOST_DAYS} days are asked for")
        return self


@heads.lists("By day, status and currency", Limits.SHOWN, "/overview", Kind.NOT_FOUND)
async def overlook_books(
    filters: Annotated[OverviewFilters, Query()], behind: Behind, who: Who
) -> Overview:
    """How it goes with what was asked for in these days, as counted in UTC: how many of each day
    have which status now, and what they come to by currency."""
    wanted = Wanted(
        provider=filters.provider,
        account=filters.account,
        accounts=who.reach.accounts,
        prefixes=who.reach.references,
    )
    asked, today = Period(filters.since, filters.until), datetime.now(UTC).date()
    return await booked(behind, who, register_of(behind).overview(wanted, asked, today))


async def overdue_among(found: Sequence[Entry], behind: Backend, who: Caller) -> frozenset[str]:
    """The references of those of these that are overdue today. The register is asked only where a
    due date has passed."""
    today = datetime.now(UTC).date()
    late = tuple(each.reference for each in found if each.due_date and each.due_date < today)
    if not late:
        return frozenset()
    wanted = Chosen(overdue=True).wanted(who).model_copy(update={"among": late})
    told = await booked(behind, who, register_of(behind).page(wanted, len(late)))
    return frozenset(each.reference for each in told.rows)


async def worths_of(
    kind: claims.Kind, references: Sequence[str], behind: Backend, who: Caller
) -> dict[str, Worth]:
    """What these invoices or orders are worth, by reference, of those of which that is known."""
    if not references:
        return {}
    wanted = Chosen().wanted(who).model_copy(update={"kind": kind, "among": tuple(references)})
    found = await booked(behind, who, register_of(behind).worths(wanted))
    return {each.reference: each for each in found}


def register_of(behind: Backend) -> Register:
    """The register, where one is set up here. Raises Trouble."""
    if behind.books is None:
        raise Trouble(Kind.NOT_FOUND, _NO_REGISTER)
    return behind.books


async def booked(behind: Backend, who: Caller, asked: Coroutine[Any, Any, T]) -> T:
    """What the register answers this caller, one question after the other. Raises Trouble for a
    cursor that is none, and where it is away."""
    try:
        return await behind.booked(behind.asking.after(who.name, asked))
    except BadCursor:
        raise invalid("query.cursor", "is none that a list has given") from None
    except Unavailable as error:
        raise unavailable(error.message) from None

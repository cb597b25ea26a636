"""What reconciliations have found, over REST: listed, closed with a reason, and looked for now."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Path, Query
from pydantic import StringConstraints

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.callers import Caller
from gateway.inputs import OnceKey, given
from gateway.pages import Cursor, Paged
from gateway.problems import Kind, Trouble, invalid, no_books, nothing_here
from gateway.routes import Heads, Limits
from invoicing.booked import BadCursor
from invoicing.client import NoRegister
from invoicing.client.books import BooksRoom
from invoicing.errors import NotFound, Unavailable
from invoicing.model import Recorded
from invoicing.reconciling import (
    Close,
    FindingKind,
    Found,
    NoFinding,
    Reconcile,
    ReconcileInput,
    Reconciliation,
    Sought,
)
from invoicing.request import ProviderName

heads = Heads("books")
router = heads.router

Account = Annotated[str, StringConstraints(min_length=1, max_length=50)]
Finding = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="As the list shows it.")]


class FindingFilters(Paged):
    """Which findings; all that is given must fit."""

    provider: ProviderName | None = None
    account: Account | None = None
    kind: FindingKind | None = None
    closed: bool = False
    """Those that are closed, too."""

    def sought(self, who: Caller) -> Sought:
        """What is looked for: of a limited caller's own alone."""
        given = self.model_dump(include={"provider", "account", "kind"})
        return _own(who).model_copy(update={**given, "closed_too": self.closed})


class Told(Found):
    """One finding. It names no buyer."""

    action: str
    """What a person is to do about it."""

    @classmethod
    def of(cls, found: Found) -> Self:
        """With what to do."""
        return cls(**found.model_dump(), action=found.to_do)


class FindingPage(Recorded):
    """Findings, the oldest first. Without a cursor it is the last page."""

    findings: tuple[Told, ...]
    cursor: Cursor | None = None


@heads.lists("One page", Limits.SHOWN, "/findings", Kind.NOT_FOUND)
async def list_findings(
    filters: Annotated[FindingFilters, Query()], behind: Behind, who: Who
) -> FindingPage:
    """What disagrees between the register and what the providers list, and what to do about it."""
    books = _books(behind)
    try:
        asked = books.findings(filters.sought(who), filters.limit, filters.cursor)
        found = await behind.stored(asked)
    except BadCursor:
        raise invalid("query.cursor", "is none that a list has given") from None
    except (NoRegister, Unavailable) as error:
        raise no_books(error) from None
    return FindingPage(findings=tuple(map(Told.of, found.rows)), cursor=found.next)


@heads.changes("/findings/{finding}/close", Close, "The finding, closed")
async def close_finding(
    finding: Finding,
    said: Annotated[Close, given(Close)],
    behind: Behind,
    who: Who,
    _: OnceKey = None,
) -> Told:
    """Say that it is dealt with, and how. It stays closed until something else is wrong there. The
    same word again gets the same answer, with a key or without."""
    try:
        return Told.of(await behind.stored(_books(behind).close(finding, said, _own(who))))
    except NoFinding:
        raise Trouble(Kind.NOT_FOUND, "there is no open finding with this id") from None
    except (NoRegister, Unavailable) as error:
        raise no_books(error) from None


@heads.changes("/reconciliations", Reconcile, "Where it is: it has just begun, or was under way")
async def reconcile(
    wanted: Annotated[Reconcile, given(Reconcile)], behind: Behind, who: Who, _: OnceKey = None
) -> Reconciliation:
    """Have an account held against the register now. One that is under way is not begun again."""
    _refuse_others(who, wanted.provider, wanted.account)
    start = ReconcileInput.model_validate(wanted.model_dump())
    await behind.stored(_books(behind).begin(start))
    return Reconciliation(provider=wanted.provider, account=wanted.account, running=True)


@heads.reads("/reconciliations/{provider}/{account}", "Where it is, or what it came to")
async def get_reconciliation(
    provider: Annotated[ProviderName, Path()],
    account: Annotated[Account, Path()],
    behind: Behind,
    who: Who,
) -> Reconciliation:
    """The last one of this account that somebody asked for; what those of the night found is in the
    list of findings."""
    _refuse_others(who, provider, account)
    try:
        return await behind.answered(_books(behind).reconciliation(provider, account))
    except NotFound:
        raise nothing_here() from None


def _own(who: Caller) -> Sought:
    return Sought(accounts=who.reach.accounts, prefixes=who.reach.references)


def _refuse_others(who: Caller, provider: str, account: str) -> None:
    """An account's books are everybody's who asks for its invoices: those limited to some
    references have it not."""
    if who.reach.references or not who.reach.has_account(provider, account):
        raise nothing_here()


def _books(behind: Backend) -> BooksRoom:
    return behind.client.books

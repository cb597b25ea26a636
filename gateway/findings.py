"""What reconciliations have found, over REST: read from the register, and closed in it by a person
with a reason. Only where the gateway is told where the register is (INVOICING_REGISTER_AT)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.books import Text, booked, register_of
from gateway.callers import Caller
from gateway.inputs import OnceKey, given
from gateway.pages import Cursor, Paged
from gateway.problems import Kind, nothing_here
from gateway.routes import Heads, Limits
from invoicing.books.findings import Close, Run, WantedFindings
from invoicing.books.reconciling import FindingKind, Found
from invoicing.model import Recorded
from invoicing.request import ProviderName
from invoicing.temporal.asking import Refused

heads = Heads("findings")
runs = Heads("reconciliations")
routers = (heads.router, runs.router)

FindingId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9-]{1,50}$", description="As a list of findings gives it.")
]


class FindingFilters(Paged):
    """Which findings; all that is given must fit."""

    provider: ProviderName | None = None
    account: Text | None = None
    kind: FindingKind | None = None
    closed: bool = False


class Finding(Recorded):
    """In what register and provider disagree, and what a person is to do about it."""

    found: Found
    to_do: str


class FindingPage(Recorded):
    """Findings, the oldest first. Without a cursor it is the last page."""

    findings: tuple[Finding, ...]
    cursor: Cursor | None = None


class RunPage(Recorded):
    """Reconciliations that have ended, the latest first. Without a cursor it is the last page."""

    reconciliations: tuple[Run, ...]
    cursor: Cursor | None = None


@heads.lists("One page", Limits.SHOWN, "", Kind.NOT_FOUND)
async def list_findings(
    filters: Annotated[FindingFilters, Query()], behind: Behind, who: Who
) -> FindingPage:
    """What disagrees, those that are open (or, with `closed`, those that are closed)."""
    wanted = WantedFindings(
        provider=filters.provider,
        account=filters.account,
        kind=filters.kind,
        closed=filters.closed,
        accounts=who.reach.accounts,
        prefixes=who.reach.references,
    )
    books = register_of(behind)
    found = await booked(behind, who, books.findings(wanted, filters.limit, filters.cursor))
    return FindingPage(findings=tuple(map(_told, found.rows)), cursor=found.next)


@heads.reads("/{finding}", "The finding as it is now")
async def get_finding(finding: FindingId, behind: Behind, who: Who) -> Finding:
    """One finding, open or closed."""
    return _told(await _own(behind, who, finding))


@heads.changes("/{finding}/close", Close, "The finding, closed")
async def close_finding(
    finding: FindingId,
    word: Annotated[Close, given(Close)],
    behind: Behind,
    who: Who,
    key: OnceKey = None,
) -> Finding:
    """Say that a finding is dealt with. It stays closed until something else is wrong there.

    The same again is the same, with a key or without. One that is closed already keeps the words
    of whoever was first, and is refused to everybody else."""
    await _own(behind, who, finding)
    by = word.signed
    closing = register_of(behind).close_finding(finding, by, word.reason, datetime.now(UTC))
    now = await booked(behind, who, closing)
    if (now.closed_by, now.reason) != (by, word.reason):
        raise Refused(f"it was closed before, by {now.closed_by or 'a later reconciliation'}")
    return _told(now)


@runs.lists("One page", Limits.SHOWN, "", Kind.NOT_FOUND)
async def list_reconciliations(
    filters: Annotated[Paged, Query()], behind: Behind, who: Who
) -> RunPage:
    """When each account was held against what its provider lists, over which days, and what that
    came to. A caller that is limited to some references sees none: they count others' as well."""
    if who.reach.references:
        return RunPage(reconciliations=())
    books = register_of(behind)
    found = await booked(behind, who, books.runs(who.reach.accounts, filters.limit, filters.cursor))
    return RunPage(reconciliations=found.rows, cursor=found.next)


async def _own(behind: Backend, who: Caller, finding: str) -> Found:
    found = await booked(behind, who, register_of(behind).finding(finding))
    reach = who.reach
    if found is None or not reach.has_account(found.provider, found.account):
        raise nothing_here()
    if not reach.has_reference(found.reference or ""):
        raise nothing_here()
    return found


def _told(found: Found) -> Finding:
    return Finding(found=found, to_do=found.to_do)

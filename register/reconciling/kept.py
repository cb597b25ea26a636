"""What people do with findings: list them, and close them with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine, RowMapping, select, update
from sqlalchemy.exc import DBAPIError

from invoicing.books.reconciling import Found
from invoicing.errors import InvoicingError
from register.tables import findings
from register.trouble import cannot_be


class NoFinding(InvoicingError):
    """There is no open finding with this id."""


def closed(engine: Engine, identity: str, by: str, reason: str, at: datetime) -> None:
    """A person says that it is dealt with. Raises NoFinding, BadRegister. Blocks."""
    open_ = (findings.c.id == identity, findings.c.closed_at.is_(None))
    done = {"closed_at": at, "closed_by": by, "reason": reason}
    try:
        with engine.begin() as db:
            changed = db.execute(update(findings).where(*open_).values(done)).rowcount
    except DBAPIError as error:
        raise cannot_be("written", error) from None
    if not changed:
        raise NoFinding(f"{identity}: there is no open finding with this id")


def every(
    engine: Engine,
    *,
    provider: str | None = None,
    account: str | None = None,
    kind: str | None = None,
    closed_too: bool = False,
) -> Iterator[Found]:
    """Those that fit, the oldest first, never all in memory. Raises BadRegister. Blocks."""
    has = findings.c
    given = {"provider": provider, "account": account, "kind": kind}
    fits = [has[name] == value for name, value in given.items() if value is not None]
    if not closed_too:
        fits.append(has.closed_at.is_(None))
    query = select(findings).where(*fits).order_by(has.first_at, has.id)
    try:
        with engine.begin() as db:
            rows = db.execution_options(yield_per=1000).execute(query).mappings()
            for row in rows:
                yield found_in(row)
    except DBAPIError as error:
        raise cannot_be("read", error) from None


def found_in(row: RowMapping) -> Found:
    """As the register has it."""
    return Found.model_validate({name: row[name] for name in Found.model_fields})

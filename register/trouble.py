"""What is wrong with a register, for a person."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from invoicing.errors import InvoicingError


class BadRegister(InvoicingError):
    """The register cannot be used as it is configured; names no password."""


def cannot_be(done: str, error: DBAPIError) -> BadRegister:
    """That it cannot be `read`, `written` or `opened`, and by which error."""
    return BadRegister(f"the register cannot be {done}: {which(error)}")


def which(error: DBAPIError) -> str:
    """Which error it is, with its code where it has one: `OperationalError (SQLITE_FULL)`,
    `QueryCanceled (57014)`. Its text is left out: it may repeat what is written, or a password."""
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
    name = type(error.orig).__name__
    return f"{name} ({code})" if code else name

"""What is wrong with a register, for a person."""

from __future__ import annotations

from invoicing.errors import InvoicingError


class BadRegister(InvoicingError):
    """The register cannot be used as it is configured; names no password."""

"""Inkwell: what a request may ask for here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ConfigDict

from invoicing.document import Name
from invoicing.model import Typed


class InkwellOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"folder": "Clients"}]})

    folder: Name | None = None
    """Where the invoice is kept. Left out, with all others."""


UNSAID: Mapping[str, str] = {}
"""Options of which the provider is not told, and what they do instead."""

"""Inkwell: its routes, and what its words mean."""

from __future__ import annotations

from invoicing.provider import Stage
from providers.kit.words import Words

INVOICES = "/v1/invoices"
INVOICE = "/v1/invoices/{id}"

STATES = Words({"draft": Stage.DRAFTED, "approved": Stage.APPROVED})

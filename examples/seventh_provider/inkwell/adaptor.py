"""Inkwell: the verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import httpx
from pydantic import BaseModel

from invoicing.provider import CreateCall, Figure, Plan, ReadCall, Search, Snapshot, Target
from invoicing.request import InvoiceRequest
from invoicing.totals import totals
from providers.kit.api import Api, known_id
from providers.kit.coverage import Coverage
from providers.kit.http import Call, unclear
from providers.kit.mistakes import Mistakes, parsed

from .check import COVERAGE, check_request
from .decode import Invoice, Listed, refusal, snapshot
from .encode import encoded
from .options import UNSAID, InkwellOptions
from .settings import NAME, InkwellSettings
from .states import INVOICE, INVOICES

STATED = tuple(map(Figure, ("currency", "net", "vat", "gross", "buyer", "reference")))
"""What every answer states."""


class Inkwell:
    """The verbs of `invoicing.provider.Provider` for one account."""

    Settings: ClassVar[type[BaseModel]] = InkwellSettings
    Options: ClassVar[type[BaseModel]] = InkwellOptions
    coverage: ClassVar[Coverage] = COVERAGE
    unsaid: ClassVar[Mapping[str, str]] = UNSAID
    name = "inkwell"

    def __init__(self, settings: InkwellSettings, http: httpx.AsyncClient) -> None:
        self._api = Api(
            http,
            provider=NAME,
            base_url=settings.base_url,
            timeout=settings.timeout,
            refusal=refusal,
            headers=settings.headers,
        )

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port."""
        mistakes = Mistakes()
        parsed(InkwellOptions, request.options, "options", mistakes)
        check_request(request, mistakes)
        mistakes.settle(NAME)
        return Plan(
            totals=totals(request.document, "category"),
            echoes=STATED,
            find_first=True,
            buyer=request.document.buyer.name,
        )

    async def find(self, target: Target) -> Search:
        """See the port. The list is whole, so what is not in it is not there."""
        query = {"reference": target.reference}
        listed = await self._api.read(Listed, self._api.call("find", "GET", INVOICES, query=query))
        found = (snapshot(one) for one in listed.invoices)
        return Search(invoices=tuple(one for one in found if one.reference == target.reference))

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port."""
        return await self._invoice(self._api.call("create", "POST", INVOICES, json=encoded(call)))

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port."""
        known = known_id(call.target, NAME)
        asked = self._invoice(self._api.call("read", "GET", INVOICE, id=known))
        return await self._api.unless_gone(known, asked)

    async def approve(self, target: Target) -> Snapshot:
        """See the port."""
        known = known_id(target, NAME)
        return await self._invoice(
            self._api.call("approve", "POST", f"{INVOICE}/approve", id=known)
        )

    async def delete(self, target: Target) -> Snapshot:
        """See the port."""
        known = known_id(target, NAME)
        return await self._api.remove(self._api.call("delete", "DELETE", INVOICE, id=known))

    async def _invoice(self, call: Call) -> Snapshot:
        """The one invoice an exchange answers with, and that it is the one asked about."""
        invoice = await self._api.read(Invoice, call)
        if invoice.id != call.ids.get("id", invoice.id):
            raise unclear(call, "is about another invoice")
        return snapshot(invoice)

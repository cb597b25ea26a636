"""Mollie: the PDF of an issued invoice, and the page on which it is paid.

Its page of an invoice shows `_links.pdfLink` and `_links.invoicePayment`, which whoever has one may
open:
https://docs.mollie.com/reference/get-sales-invoice
"""

from __future__ import annotations

import httpx
from pydantic import BaseModel, Field

from invoicing.errors import Unavailable
from invoicing.provider import Target
from providers.kit.api import Api, known_id
from providers.kit.documents import fetched, not_yet, refuse_another, trusted_link
from providers.mollie.decode import refusal
from providers.mollie.settings import NAME, MollieSettings
from providers.mollie.states import INVOICE

DOMAIN = "mollie.com"


class _Link(BaseModel):
    href: str


class _Links(BaseModel):
    pay: _Link | None = Field(None, alias="invoicePayment")
    pdf: _Link | None = Field(None, alias="pdfLink")


class _Linked(BaseModel):
    id: str
    links: _Links = Field(_Links(), alias="_links")


async def document(
    api: Api,
    http: httpx.AsyncClient,
    settings: MollieSettings,
    target: Target,
    query: dict[str, str],
) -> bytes:
    """The PDF. The link is asked for each time, for nobody says how long one holds, and is opened
    without our credentials."""
    shown = await _shown(api, "document", target, query)
    if shown.links.pdf is None:
        raise not_yet(NAME)
    link = trusted_link(shown.links.pdf.href, settings.base_url, DOMAIN)
    open_to_all = Api(
        http,
        provider=NAME,
        base_url=settings.base_url,
        timeout=settings.timeout,
        refusal=refusal,
        headers=lambda: {"Accept": "application/pdf"},
    )
    return await fetched(open_to_all, open_to_all.call("document", "GET", "/pdfLink", link=link))


async def pay_link(
    api: Api, settings: MollieSettings, target: Target, query: dict[str, str]
) -> str:
    """Where it is paid. Asked for each time: the page says nothing of how long one holds."""
    shown = await _shown(api, "pay link", target, query)
    if shown.links.pay is None:
        raise Unavailable(f"{NAME} shows no page on which this invoice can be paid")
    return trusted_link(shown.links.pay.href, settings.base_url, DOMAIN)


async def _shown(api: Api, name: str, target: Target, query: dict[str, str]) -> _Linked:
    look = api.call(name, "GET", INVOICE, id=known_id(target, NAME), query=query)
    shown = await api.read(_Linked, look)
    refuse_another(look, shown.id)
    return shown

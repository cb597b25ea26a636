"""Quiddly: the PDF of an activated invoice, which its `document.invoice` names.

Its page has `GET /storage/{fileName}` for files; no page has a route to read an invoice, so an
account without `read_route` has no way to the name.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from invoicing.errors import Unsupported
from invoicing.provider import Target
from providers.kit.api import Api, known_id
from providers.kit.documents import fetched, not_yet, refuse_another
from providers.quiddly.settings import NAME, QuiddlySettings

STORAGE = "/storage/{name}"


class _Names(BaseModel):
    invoice: str | None = None


class _Documented(BaseModel):
    id: str
    document: _Names = Field(_Names())


async def document(api: Api, settings: QuiddlySettings, target: Target) -> bytes:
    """The PDF, by the name that the invoice shows now."""
    if settings.read_route is None:
        raise Unsupported(
            f"{NAME}: no route to read an invoice is configured, so nothing names its PDF"
        )
    look = api.call("document", "GET", settings.read_route, id=known_id(target, NAME))
    shown = await api.read(_Documented, look)
    refuse_another(look, shown.id)
    if not shown.document.invoice:
        raise not_yet(NAME)
    return await fetched(
        api, api.call("document", "GET", STORAGE, ids={"name": shown.document.invoice})
    )

"""Riverty: the PDF that a notification `documentCreated` announces, with the key to fetch it.

The invoice's own document has the type `INVOICE`; those of reminders have others.
"""

from __future__ import annotations

from providers.kit.api import Api
from providers.kit.documents import fetched, not_yet, trusted_link
from providers.riverty.settings import NAME, RivertySettings
from providers.riverty.states import Context

DOCUMENT = "/documents/v1/S/{id}"
DOMAIN = "riverty.com"
INVOICE = "INVOICE"


async def document(api: Api, settings: RivertySettings, context: Context) -> bytes:
    """The PDF, once it was announced: the last one, for a document may be made anew."""
    keys = [each.key for each in context.documents if each.type == INVOICE and each.key]
    if not keys:
        raise not_yet(NAME)
    key = keys[-1]
    if "/" in key:
        link = trusted_link(key, settings.base_url, DOMAIN)
        return await fetched(api, api.call("document", "GET", DOCUMENT, link=link))
    return await fetched(api, api.call("document", "GET", DOCUMENT, id=key))

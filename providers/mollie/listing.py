"""Mollie: its list of sales invoices, a page at a time. It has no filter."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from invoicing.provider import Stage
from invoicing.provider.listing import ListCall, Listed, ListPage
from providers.kit.api import Api
from providers.kit.http import Call, encode
from providers.mollie.credit import as_credit_note
from providers.mollie.decode import Invoice, Page, snapshot
from providers.mollie.settings import MollieSettings
from providers.mollie.states import INVOICES, Context

PAGE_SIZE = 250
"""The most that the provider's page allows."""


def page_request(
    api: Api, settings: MollieSettings, onwards: str | None = None, name: str = "list"
) -> Call:
    """The call for the page that begins at `onwards`."""
    query = {"limit": str(PAGE_SIZE)}
    if settings.testmode is not None:
        query["testmode"] = encode(settings.testmode)
    if onwards is not None:
        query["from"] = onwards
    return api.call(name, "GET", INVOICES, query=query)


async def list_page(api: Api, settings: MollieSettings, call: ListCall) -> ListPage:
    """See the port."""
    onwards = str(call.cursor["from"]) if call.cursor else None
    page = await api.read(Page, page_request(api, settings, onwards))
    items = [one for item in page.items for one in _listed(item, settings)]
    following = page.next_from
    stuck = not page.is_last and following in (None, onwards)
    return ListPage(
        items=tuple(one for one in items if one),
        cursor=None if page.is_last or stuck else {"from": following},
        complete=None not in items and not stuck,
    )


def _listed(item: Any, settings: MollieSettings) -> tuple[Listed | None, ...]:
    """It, and where it is cancelled the credit note that this is; None where it cannot be read: one
    strange invoice does not hide the others."""
    try:
        invoice = Invoice.model_validate(item)
    except ValidationError:
        return (None,)
    told = snapshot(invoice, Context(), settings.zone)
    if told.stage is not Stage.CREDITED:
        return (Listed(invoice=told),)
    note = Listed(invoice=as_credit_note(told, None), credits=told.provider_id)
    return Listed(invoice=told), note

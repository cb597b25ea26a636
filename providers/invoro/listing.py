"""Invoro: its list of invoices, a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from invoicing.provider import Snapshot
from invoicing.provider.listing import ListCall, Listed, ListPage
from providers.invoro.decode import Invoice, Page
from providers.invoro.encode import since_query
from providers.invoro.options import TYPE_CODES
from providers.invoro.settings import InvoroSettings
from providers.invoro.states import INVOICES
from providers.kit.api import Api
from providers.kit.wire import parse

Read = Callable[[Invoice], Snapshot]
"""What an invoice says, without what its request brought."""


async def list_page(api: Api, settings: InvoroSettings, call: ListCall, read: Read) -> ListPage:
    """See the port. Only an empty page or a stated last page ends it. A day is taken off `since`,
    for nobody says in which zone the provider's days begin."""
    number = int(str(call.cursor["page"])) if call.cursor else 1
    query = {
        **since_query((call.since - timedelta(days=1)).isoformat()),
        **({"page": str(number)} if number > 1 else {}),
    }
    request = api.call("list", "GET", INVOICES, query=query)
    page = parse(Page, await api.ask(request), request)
    items = [_invoice(item) for item in page.data]
    ours = [one for one in items if one and one.direction != "incoming"]
    if settings.is_live:
        ours = [one for one in ours if not one.is_test]
    last = not page.data or (page.last_page is not None and number >= page.last_page)
    return ListPage(
        items=tuple(Listed(invoice=read(one), credits=_credits(one)) for one in ours),
        cursor=None if last else {"page": number + 1},
        complete=None not in items,
    )


def _invoice(item: Any) -> Invoice | None:
    """None where it cannot be read: one strange invoice does not hide the others."""
    try:
        return Invoice.model_validate(item)
    except ValidationError:
        return None


def _credits(invoice: Invoice) -> str | None:
    code = invoice.at("header", "invoice_type_code")
    return invoice.related_invoice_id if code in (None, TYPE_CODES["credit_note"]) else None

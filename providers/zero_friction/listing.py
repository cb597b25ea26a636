"""Zero Friction: its filter of invoices, which with an empty body is the list of all of them."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from invoicing.provider.listing import ListCall, Listed, ListPage
from providers.kit.api import Api
from providers.kit.wire import parse
from providers.zero_friction.decode import Invoice, Page, opened, snapshot
from providers.zero_friction.settings import ZeroFrictionSettings
from providers.zero_friction.states import FILTER


async def list_page(api: Api, settings: ZeroFrictionSettings, call: ListCall) -> ListPage:
    """See the port. The dates that it filters by are those on the invoice, not when it was made, so
    none is asked for."""
    before = str(call.cursor["token"]) if call.cursor else None
    headers = {"continuationToken": before} if before else {}
    request = api.call("list", "POST", FILTER, json={}, changes=False, headers=headers)
    page = parse(Page, opened(request, await api.exchange(request)).data, request)
    items = [_listed(item, settings) for item in page.results]
    token = page.next_page_token if page.has_next_page else None
    stuck = bool(page.has_next_page) and token in (None, before)
    return ListPage(
        items=tuple(one for one in items if one),
        cursor={"token": token} if token and not stuck else None,
        complete=None not in items and not stuck,
    )


def _listed(item: Any, settings: ZeroFrictionSettings) -> Listed | None:
    """None where it cannot be read: one strange invoice does not hide the others."""
    try:
        invoice = Invoice.model_validate(item)
    except ValidationError:
        return None
    return Listed(invoice=snapshot(invoice, settings), credits=invoice.credited_invoice_id)

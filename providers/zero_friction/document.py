"""Zero Friction: the PDF of an invoice, which is an attachment there.

The invoice names it as `attachmentId`; its specification has `POST /api/att/Attachments/{id}` to
fetch one (Zero Friction API, tag Attachments).
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from invoicing.provider import Target
from providers.kit.api import Api, known_id
from providers.kit.documents import fetched, not_yet, refuse_another
from providers.kit.wire import parse
from providers.zero_friction.decode import opened
from providers.zero_friction.settings import NAME
from providers.zero_friction.states import INVOICE

ATTACHMENT = "/api/att/Attachments/{id}"


class _Attached(BaseModel):
    id: str
    attachment: str | None = Field(None, alias="attachmentId")


async def document(api: Api, target: Target) -> bytes:
    """The PDF, in two calls that change nothing."""
    look = api.call("document", "GET", INVOICE, id=known_id(target, NAME))
    shown = parse(_Attached, opened(look, await api.exchange(look)).data, look)
    refuse_another(look, shown.id)
    if not shown.attachment:
        raise not_yet(NAME)
    return await fetched(
        api, api.call("document", "POST", ATTACHMENT, id=shown.attachment, changes=False)
    )

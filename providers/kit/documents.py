"""The document of an invoice, fetched as it is."""

from __future__ import annotations

from urllib.parse import urlsplit

from invoicing.document_file import begins_as_pdf
from invoicing.errors import Rejected, Unavailable, Unreadable
from providers.kit.api import Api
from providers.kit.http import Call, is_here, unclear


async def fetched(api: Api, call: Call) -> bytes:
    """The PDF that this call answers with. Raises as `Api.file`, and Unreadable for anything else
    than a PDF."""
    raw = await api.file(call)
    if not begins_as_pdf(raw):
        raise Unreadable(f"{call.provider}: what came as the document is no PDF")
    return raw


def refuse_another(call: Call, id: str) -> None:  # noqa: A002
    """Unreadable, where what was shown is another invoice than the one that was asked about."""
    if id != call.ids.get("id"):
        raise unclear(call, "is about another invoice")


def not_yet(provider: str) -> Unavailable:
    """The invoice is there, and its document is not."""
    return Unavailable(f"{provider} has no document of this invoice yet")


def trusted_link(link: str, base_url: str, domain: str) -> str:
    """A link that an answer gave, where it leads to the provider. Rejected where it leads anywhere
    else: a worker asks no address that a stranger names."""
    given, own = urlsplit(link), urlsplit(base_url)
    host = given.hostname or ""
    theirs = given.scheme == "https" and (host == domain or host.endswith(f".{domain}"))
    near = is_here(own.hostname or "") and given.netloc == own.netloc
    if given.username or given.password or not (theirs or near):
        raise Rejected("a link that the provider gave leads to another place than the provider")
    return link

"""The document of an invoice, fetched as it is."""

from __future__ import annotations

import re
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
    else: a worker asks no address that a stranger names, and no buyer is sent there."""
    try:
        trusted = _leads_to(link, base_url, domain)
    except ValueError:
        trusted = False
    if not trusted:
        raise Rejected("a link that the provider gave leads to another place than the provider")
    return link


_HOST = re.compile(r"[a-z0-9.-]+")


def _leads_to(link: str, base_url: str, domain: str) -> bool:
    """Whether everybody who reads it finds the provider in it. Raises ValueError for no address."""
    # Browsers read a backslash as a slash, and drop what is not printable.
    if not link.isascii() or not link.isprintable() or " " in link or "\\" in link:
        return False
    given, own = urlsplit(link), urlsplit(base_url)
    host, _ = given.hostname or "", given.port
    ends = _HOST.fullmatch(host) and (host == domain or host.endswith(f".{domain}"))
    theirs = given.scheme == "https" and bool(ends)
    near = is_here(own.hostname or "") and given[:2] == own[:2]
    return (theirs or near) and not (given.username or given.password)

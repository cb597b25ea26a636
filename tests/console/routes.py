"""Every address that the console has, read off the application: a new one is tried too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from pydantic import SecretStr
from starlette.routing import Route

from console.app import LOOKS, pages
from gateway.access import Access
from gateway.backend import Backend
from invoicing.client import InvoicingClient
from settings.gateway import GatewaySettings
from tests.console.browser import KEY

INSTEAD = {
    "{reference}": "NEVER-1",
    "{event:path}": "mollie/shop/never",
    "{finding}": "never",
    "{verb}": "hold",
}
FOR_STRANGERS = {"/sign-in", "/sign-in/issuer", "/sign-in/back", "/sign-out", "/sign-out/issuer"}
"""What there is for whoever has not signed in, beside how pages look."""


def _routes() -> Iterator[Route]:
    settings = GatewaySettings(console_keys=(SecretStr(KEY),))
    behind = Backend(cast("InvoicingClient", None), {}, settings)
    for each in pages(behind, Access(settings, {}), settings).routes:
        # A router that was included stands there as a whole.
        included = getattr(each, "original_router", None)
        for route in included.routes if included else [each]:
            assert isinstance(route, Route), route
            yield route


def _addresses(method: str) -> list[str]:
    found = []
    for route in _routes():
        if method in (route.methods or ()):
            path = route.path
            for part, value in INSTEAD.items():
                path = path.replace(part, value)
            assert "{" not in path, f"say in INSTEAD what stands for the part of {path}"
            found.append(path)
    return found


POSTS = [path for path in _addresses("POST") if path not in FOR_STRANGERS]
GETS = [
    path
    for path in _addresses("GET")
    if path not in FOR_STRANGERS and path.lstrip("/") not in LOOKS
]
LOOKERS = {"/lists", "/lists/forget"}
"""What changes nothing but what is the caller's own: whoever may look may do it."""

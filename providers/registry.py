"""The adaptors, by provider name: adding a provider is its folder and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import httpx
from pydantic import BaseModel

from invoicing.provider import Provider
from providers.invoro.adaptor import Invoro
from providers.kit.coverage import Coverage
from providers.mollie.adaptor import Mollie
from providers.quiddly.adaptor import Quiddly
from providers.riverty.adaptor import Riverty
from providers.zero_friction.adaptor import ZeroFriction


class Adaptor(Provider, Protocol):
    """A provider's class: built from its account's settings and the shared client."""

    Settings: ClassVar[type[BaseModel]]
    Options: ClassVar[type[BaseModel]]
    """What a request's options may be here."""
    coverage: ClassVar[Coverage]
    """What becomes of every field of a document there."""
    unsaid: ClassVar[Mapping[str, str]]
    """By path, the options of which the provider is not told, and what each does instead. Every
    other option changes what is sent: the contract holds an adaptor to that."""

    def __init__(self, settings: Any, http: httpx.AsyncClient) -> None: ...


ADAPTORS: dict[str, type[Adaptor]] = {
    "invoro": Invoro,
    "mollie": Mollie,
    "quiddly": Quiddly,
    "riverty": Riverty,
    "zero_friction": ZeroFriction,
}
"""Whoever keeps an adaptor elsewhere adds it before the settings are read, in one line:
`ADAPTORS["paperpost"] = Paperpost`."""

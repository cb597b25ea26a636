"""What the port promises of any adaptor, checked at each of them.

Subclass `Contract` and describe the provider: its settings, a request that it takes, and one `Step`
for every verb and every look-up of that request's plan. No server, no network: what is struck here
is the transport below `providers.kit.http`.

A provider that differs says so in its description (`Step.refuses`, `several`, `means`, `empty`), so
that every exception to the port can be read in one place.
"""

from __future__ import annotations

from tests.providers.contract.calling import Calling
from tests.providers.contract.given import (
    BUYER,
    BUYER_EMAIL,
    DOCUMENT,
    LINE,
    PERSON,
    REFERENCE,
    SECRET,
    WORD,
    Step,
)
from tests.providers.contract.planning import Planning
from tests.providers.contract.telling import Telling

__all__ = [
    "BUYER",
    "BUYER_EMAIL",
    "DOCUMENT",
    "LINE",
    "PERSON",
    "REFERENCE",
    "SECRET",
    "WORD",
    "Contract",
    "Step",
]


class Contract(Planning, Calling, Telling):
    """The promises. Subclasses say what is different; pytest collects those called Test…"""

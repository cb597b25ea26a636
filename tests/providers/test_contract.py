"""Every adaptor keeps the port's promises: one description each, in `contracts`, see `contract`."""

from __future__ import annotations

from providers.registry import ADAPTORS
from tests.providers.contracts import described


def test_every_adaptor_has_its_contract() -> None:
    assert {name: each.adaptor for name, each in described().items()} == ADAPTORS

"""The sandbox's detour is left out where no converter needs it, and only there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec, SerializationContext, WithSerializationContext

from invoicing.converter import data_converter
from worker import LIGHT
from workflows.runner import spared


class _Plain(PayloadCodec):
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


class _Curious(_Plain, WithSerializationContext):
    """A codec that does something else for every workflow, such as binding a key to its id."""

    def with_context(self, context: SerializationContext) -> _Curious:
        return _Curious()


def test_our_converter_asks_nobody_whose_payload_it_has() -> None:
    assert spared(LIGHT, data_converter) is not LIGHT


def test_a_codec_that_treats_all_payloads_alike_is_spared_too() -> None:
    assert spared(LIGHT, dataclasses.replace(data_converter, payload_codec=_Plain())) is not LIGHT


def test_a_codec_that_wants_to_know_whose_payload_it_has_is_told() -> None:
    assert spared(LIGHT, dataclasses.replace(data_converter, payload_codec=_Curious())) is LIGHT

"""The document of an invoice × every fault of its fetch × before and after, at each provider that
makes one: kept once, and whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from tests.lifecycle.document_lives import DOCUMENTS, every_scenario, keeping, lived
from tests.lifecycle.scenarios import Scenario, uncovered
from tests.lifecycle.test_documents import MAKE
from tests.lifecycle.world import World
from tests.tiers import chosen, simulated


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Every failed attempt is logged with its traceback; here that is the ordinary case."""
    caplog.set_level(logging.ERROR, "temporalio.activity")


@pytest.fixture(scope="module")
async def its_world() -> AsyncIterator[World]:
    async with keeping() as made:
        yield made


def test_every_provider_that_makes_documents_is_described() -> None:
    assert set(DOCUMENTS) == set(MAKE)


@pytest.mark.parametrize("provider", sorted(DOCUMENTS))
def test_every_fault_of_a_fetch_is_told_of(provider: str) -> None:
    assert uncovered(DOCUMENTS[provider]) == []


@simulated
async def test_whatever_fails_the_document_is_kept_once_and_whole(its_world: World) -> None:
    at_once = asyncio.Semaphore(16)

    async def one(provider: str, scenario: Scenario) -> str:
        async with at_once:
            return (await lived(its_world, provider, scenario)).report

    told = [(name, each) for name in sorted(DOCUMENTS) for each in every_scenario(name)]
    wrong = [
        each for each in await asyncio.gather(*(one(*each) for each in chosen(told, 9))) if each
    ]
    assert not wrong, "\n\n".join(wrong)

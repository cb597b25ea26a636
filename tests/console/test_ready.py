"""Consoles that are up with one command, with somebody who can sign in."""

from __future__ import annotations

import importlib
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from demo import keep
from demo.console import console as demonstrated
from demo.worker import DemoFailed
from settings.callers import Scope
from temporal_server import Server
from tests.console.browser import Browser, console_over
from tests.lifecycle.world import World
from tests.tiers import detail, slow

playground: Any = importlib.import_module("examples.run.__main__")
stage: Any = importlib.import_module("examples.run.stage")


@slow
async def test_the_demonstration_keeps_a_console_that_its_token_signs_in_to(
    server: Server, tmp_path: Path
) -> None:
    async with demonstrated(server, tmp_path) as door:
        browser = Browser(f"http://{urlsplit(door.url).netloc}")
        page = await browser.sign_in(door.token)
        assert (page.status, page.path) == (200, "/console/")
        assert "Signed in as you" in page.text
        assert "/console/batch" in page.links()
        assert "may look, not answer" not in page.text


@detail
async def test_a_console_that_does_not_come_up_is_told(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("demo.console.secrets.token_hex", lambda _: "weak")
    with pytest.raises(DemoFailed, match="did not come up") as failed:
        async with demonstrated(server, tmp_path):
            pass
    log = Path(str(failed.value).rpartition(" ")[2])
    assert "GATEWAY_CONSOLE_KEYS" in log.read_text()  # noqa: ASYNC240
    log.unlink()  # noqa: ASYNC240


async def test_the_playground_s_person_signs_in_and_may_decide(shared_world: World) -> None:
    token, person = secrets.token_hex(32), secrets.token_hex(32)
    async with console_over(shared_world.client, stage._callers(token, person)) as gateway:
        browser = Browser(gateway.url)
        page = await browser.sign_in(person)
        assert "Signed in as you" in page.text
        assert "may look, not answer" not in page.text
    assert stage._callers(token, person)["examples"].may == (Scope.READ, Scope.START)


def test_both_say_where_it_is_and_what_signs_in() -> None:
    assert "{gateway}/console" in playground._WORDS
    assert "{person}" in playground._WORDS
    for word in ("{console}", "{token}"):
        assert word in keep._WORDS

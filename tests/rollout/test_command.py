"""`rollout` as it is typed: what it refuses, what it says, and the code it ends with."""

from __future__ import annotations

import pytest

import worker
from commands.base import Code
from invoicing.state.invoice import Status
from tests.command_line import typed
from tests.rollout.changed import Breaking, stories
from tests.rollout.conftest import Scene
from tests.tiers import slow


@slow
async def test_code_that_fits_is_promoted_and_shown(scene: Scene) -> None:
    held = await scene.company.start(hold=True)
    await scene.company.until_status(held, Status.HELD)
    async with scene.serve("two"):
        said = await typed("rollout", "promote", at=scene.company, INVOICING_BUILD="two")
        assert said.exit_code == Code.DONE, said.output
        assert "1 of 1 histories replayed" in said.stderr
        assert said.stdout == ("All 1 histories fit the code at hand.\ntwo is the current build.\n")
        said = await typed("rollout", "status", at=scene.company)
        assert "current: two\n" in said.stdout
        assert "  one  draining" in said.stdout
        said = await typed("rollout", "roll-back", at=scene.company)
        assert said.stdout == "All work goes to one again.\n"
        said = await typed("rollout", "ramp", "25", "two", "--checked", at=scene.company)
        assert said.stdout == "two gets 25 % of the work.\n"


@slow
async def test_code_that_does_not_fit_is_not_promoted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await scene.company.start(hold=True)
    await scene.company.until_status(held, Status.HELD)
    monkeypatch.setattr(worker, "STORIES", stories(Breaking))
    async with scene.serve("two", stories(Breaking)):
        said = await typed("rollout", "promote", at=scene.company, INVOICING_BUILD="two")
    assert said.exit_code == Code.FAILED
    assert "1 of 1 histories do not fit the code at hand:" in said.stdout
    assert f"InvoiceWorkflow invoice/{held}, event " in said.stdout
    assert "the code at hand starts a timer there" in said.stdout
    assert (await scene.deployment.deployed()).current == "one"


@slow
async def test_a_build_that_the_code_at_hand_is_not_known_to_be_is_not_promoted_unchecked(
    shared: Scene,
) -> None:
    said = await typed("rollout", "promote", at=shared.company)
    assert (said.exit_code, "Name the build" in said.stderr) == (Code.BAD_INPUT, True)
    said = await typed("rollout", "promote", "two", at=shared.company, INVOICING_BUILD="one")
    assert said.exit_code == Code.BAD_INPUT
    assert "Run this in its image" in said.stderr


async def test_what_no_worker_has_is_said_in_a_sentence(shared: Scene) -> None:
    variables = {"INVOICING_DEPLOYMENT": "another"}
    said = await typed("rollout", "status", at=shared.company, **variables)
    assert said.exit_code == Code.FAILED
    assert "no worker of deployment another has asked for work yet" in said.stderr

"""Work goes to the build that was promoted, goes back, and nothing stands still for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import InvoicingError, NotLetIn, ServerAway
from invoicing.state.invoice import Release, Status
from rollout.deployment import UNVERSIONED, Build, Deployed, Deployment, NotMoved
from rollout.replaying import check
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step
from settings.worker import WorkerSettings
from tests.patience import LONG_ENOUGH
from tests.rollout.changed import Patched, stories
from tests.rollout.conftest import Scene
from tests.tiers import slow
from worker import STORIES


@slow
async def test_new_work_goes_to_what_was_promoted_and_what_lives_goes_along(scene: Scene) -> None:
    company, deployment = scene.company, scene.deployment
    held = await company.start(hold=True)
    await company.until_status(held, Status.HELD)
    async with scene.serve("two"):
        await deployment.promote("two")
        assert (await deployment.deployed()).earlier == "one"
        new = await company.start()
        await company.finished(new)
        assert set(await scene.lived_in(new)) == {"two"}
        await company.release(held)
        await company.finished(held)
        builds = await scene.lived_in(held)
        assert (builds[0], builds[-1]) == ("one", "two")
        assert await deployment.roll_back() == "one"
        back = await company.start()
        await company.finished(back)
        assert set(await scene.lived_in(back)) == {"one"}
    assert company.effects(held) == ["created", "approved", "sent"]


@slow
async def test_a_share_of_new_work_ramps_and_a_roll_back_ends_the_ramp(scene: Scene) -> None:
    company, deployment = scene.company, scene.deployment
    async with scene.serve("two"):
        await deployment.ramp("two", 50)
        now = await deployment.deployed()
        assert (now.current, now.ramping, now.share) == ("one", "two", 50)
        with pytest.raises(NotMoved, match="two has 50 % of the work"):
            await deployment.promote("one")
        lived: set[str] = set()
        async with asyncio.timeout(LONG_ENOUGH):
            while lived != {"one", "two"}:  # which one gets it is by its id
                started = [await company.start() for _ in range(4)]
                await asyncio.gather(*map(company.finished, started))
                for each in started:
                    lived.update(await scene.lived_in(each))
        assert await deployment.roll_back() == "one"
        now = await deployment.deployed()
        assert (now.current, now.ramping, now.share) == ("one", None, 0)


@slow
async def test_lives_over_two_builds_with_a_roll_back_in_the_middle_all_end_well(
    scene: Scene,
) -> None:
    """Some are held when the build changes, some in the middle of a step."""
    company, deployment = scene.company, scene.deployment
    held = [await company.start(hold=True) for _ in range(4)]
    moving = [await company.start() for _ in range(4)]
    async with scene.serve("two"):
        await deployment.promote("two")
        moving += [await company.start() for _ in range(4)]
        for each in held[:2]:
            await company.until_status(each, Status.HELD)
            await company.release(each)
        await deployment.roll_back()
        moving += [await company.start() for _ in range(4)]
        for each in held[2:]:
            await company.until_status(each, Status.HELD)
            await company.release(each)
        for each in (*held, *moving):
            assert (await company.finished(each)).status is Status.SENT
            assert await company.violations(each) == []
    lived = set().union(*[await scene.lived_in(each) for each in (*held, *moving)])
    assert lived == {"one", "two"}


@slow
async def test_two_hundred_lives_over_three_builds_with_a_roll_back_break_no_promise(
    scene: Scene,
) -> None:
    """Answers to creates are lost meanwhile, and some are held from one build to the next."""
    company, deployment = scene.company, scene.deployment
    held: list[str] = []
    lives: list[str] = []
    judged = asyncio.Semaphore(16)

    async def begin() -> None:
        company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="after", times=5)
        new = [await company.start(hold=number % 4 == 0) for number in range(40)]
        held.extend(new[::4])
        lives.extend(new)

    async def let_go(some: Sequence[str]) -> None:
        for each in some:
            await company.until_status(each, Status.HELD)
            await company.release(each)

    async def violations(reference: str) -> list[str]:
        async with judged:
            state = await company.finished(reference)
            assert state.status is Status.SENT
            return await company.violations(reference, state)

    async with scene.serve("two"), scene.serve("three"):
        await begin()
        await deployment.promote("two")
        await begin()
        await let_go(held[:5])
        await deployment.promote("three")
        await begin()
        await let_go(held[5:15])
        await begin()
        assert await deployment.roll_back() == "two"
        await begin()
        await let_go(held[15:])
        broken = await asyncio.gather(*map(violations, lives))
    assert len(set(lives)) == 200
    assert [each for each in broken if each] == []
    lived = set().union(*[await scene.lived_in(each) for each in lives])
    assert lived == {"one", "two", "three"}
    assert len(company.stand_in.ledger.entries) == 3 * len(lives)


@slow
async def test_what_only_the_newer_code_knows_waits_for_it_after_a_roll_back(scene: Scene) -> None:
    """A check of the older code tells before; nothing is lost, and it goes on when it is back."""
    company, deployment = scene.company, scene.deployment
    async with scene.serve("two", stories(Patched)):
        await deployment.promote("two")
        newer = await company.start(hold=True)
        await company.until_status(newer, Status.HELD)
        found = await check(scene.client, STORIES, processes=1)
        (difference,) = found.first.values()
        assert difference.came == "does not ask for the patch `pause`"
        assert difference.wanted == "notes the patch `pause`"
        await deployment.roll_back()
        older = await company.start()
        await company.finished(older)
        wanted = Release(by="an operator", reason="test")
        await company.client.invoices.handle(newer).signal("release", wanted)
        await deployment.promote("two")
        assert (await company.finished(newer, within=120)).status is Status.SENT
    assert company.effects(newer) == ["created", "approved", "sent"]


@slow
async def test_a_promotion_waits_a_while_for_workers_that_have_just_started(scene: Scene) -> None:
    patient = Deployment(scene.client, WorkerSettings().deployment, patience=30)
    promoted = asyncio.create_task(patient.promote("two"))
    async with scene.serve("two"):
        await promoted
        assert (await patient.deployed()).current == "two"


@slow
async def test_a_build_without_workers_gets_no_work(scene: Scene) -> None:
    deployment = scene.deployment
    with pytest.raises(NotMoved, match="no worker of build nowhere has asked for work yet"):
        await deployment.promote("nowhere")
    assert (await deployment.deployed()).current == "one"


@slow
async def test_from_workers_without_a_build_there_is_a_way_to_one_and_back(scene: Scene) -> None:
    deployment = scene.deployment
    assert (await deployment.deployed()).current == "one"
    with pytest.raises(NotMoved, match="no older build was current before one"):
        await deployment.roll_back()
    assert await deployment.roll_back(UNVERSIONED) == UNVERSIONED
    assert (await deployment.deployed()).current == UNVERSIONED


class Service:
    """One that answers everything with this."""

    def __init__(self, status: RPCStatusCode) -> None:
        self.status = status

    async def describe_worker_deployment(self, _: Any) -> Any:
        raise RPCError("not now", self.status, b"")


@slow
@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (RPCStatusCode.NOT_FOUND, NotMoved, "no worker of deployment d has asked for work yet"),
        (RPCStatusCode.FAILED_PRECONDITION, NotMoved, r"does not move it yet \(not now\)"),
        (RPCStatusCode.UNAVAILABLE, ServerAway, "cannot be reached"),
        (RPCStatusCode.PERMISSION_DENIED, NotLetIn, "does not let us in"),
    ],
)
async def test_what_the_server_refuses_is_told_in_an_error_of_ours(
    status: RPCStatusCode, error: type[InvoicingError], said: str
) -> None:
    client = SimpleNamespace(workflow_service=Service(status), namespace="n")
    with pytest.raises(error, match=said):
        await Deployment(cast("Client", client), "d").deployed()


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def a_build(name: str, seen: int, left: int | None = None) -> Build:
    """Seen, and left, so many minutes after noon."""
    gone = None if left is None else NOON + timedelta(minutes=left)
    return Build(name=name, state="", seen=NOON + timedelta(minutes=seen), left=gone)


@pytest.mark.parametrize(
    ("current", "since", "others", "wanted"),
    [
        (a_build("b", 5), 6, [a_build("a", 0, 6)], "a"),
        (a_build("c", 9), 9, [a_build("b", 5, 9), a_build("a", 0, 6)], "b"),
        (a_build("a", 0), 9, [a_build("b", 5, 9)], None),
        (a_build("b", 5), 6, [a_build("c", 7, 8), a_build("a", 0, 6)], "a"),
        (a_build("b", 5), 6, [a_build("never", 0)], None),
    ],
    ids=["two", "three", "went back already", "one had a share later", "one never had work"],
)
def test_the_build_to_go_back_to(
    current: Build, since: int, others: list[Build], wanted: str | None
) -> None:
    deployed = Deployed(
        current=current.name,
        since=NOON + timedelta(minutes=since),
        builds=(current, *others),
    )
    assert deployed.earlier == wanted

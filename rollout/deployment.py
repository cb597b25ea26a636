"""Which build gets new work: Temporal's worker deployment, seen and moved.

A build is what runs under one INVOICING_BUILD. Of all builds one is current: it gets what
begins, and what lives already goes on there with its next step. Another may ramp: it gets a share.
Workers whose INVOICING_BUILD is not set are together one more, called `unversioned` here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import NoReturn, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import BaseModel, ConfigDict
from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentInfo
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client

from invoicing.errors import EngineRefused, InvoicingError, ServerAway
from invoicing.temporal.engine import ours

UNVERSIONED = "unversioned"
_NOT_THERE, _NOT_YET = "NOT_FOUND", "FAILED_PRECONDITION"
"""The engine's words for it."""
T = TypeVar("T")
S = WorkerDeploymentVersionStatus
_STATES = {
    S.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT: "current",
    S.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING: "ramping",
    S.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: "draining",
    S.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED: "drained",
}


class NotMoved(InvoicingError):
    """Work goes where it went before; the sentence says why, and what to do."""


class Build(BaseModel):
    """One build that has had a worker.

    state: current, ramping, draining, drained or waiting. seen: when its first worker came.
    left: when it last stopped getting work, if it did.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    state: str
    seen: datetime
    left: datetime | None = None


class Deployed(BaseModel):
    """Where work goes.

    since: when that build became current. share: per cent that the ramping build gets.
    builds: newest first.
    """

    model_config = ConfigDict(frozen=True)

    current: str
    since: datetime | None = None
    ramping: str | None = None
    share: float = 0
    builds: tuple[Build, ...] = ()
    token: bytes = b""

    @property
    def earlier(self) -> str | None:
        """The build that was current before, if it is an older one.

        It left when this one came: one that left later had a share. A newer one was gone back from
        already, and to go back once more by mistake must not bring it again.
        """
        here = next((each for each in self.builds if each.name == self.current), None)
        if not here or not self.since:
            return None
        before = {
            each.left: each.name
            for each in self.builds
            if each.left and each.left <= self.since and each.seen < here.seen
        }
        return before[max(before)] if before else None


class Deployment:
    """One deployment in the client's namespace. Every method raises NotMoved, with a sentence,
    or another error of ours where the server does not answer or does not let us in.

    patience: seconds in which the server may come to know a build whose workers have just started;
    while it notes one down, it may even deny the deployment.
    """

    def __init__(self, client: Client, name: str, patience: float = 0) -> None:
        self._client = client
        self._patience = patience
        self._service = client.workflow_service
        self._name = name

    async def deployed(self) -> Deployed:
        """Where work goes now."""
        request = DescribeWorkerDeploymentRequest(
            namespace=self._client.namespace, deployment_name=self._name
        )
        answer = await self._told(lambda: self._service.describe_worker_deployment(request))
        return _deployed(answer.worker_deployment_info, answer.conflict_token)

    async def promote(self, build: str) -> None:
        """All work to this build from now on."""
        now = await self.deployed()
        if now.ramping not in (None, build):
            raise NotMoved(f"{now.ramping} has {now.share:g} % of the work: end that first, with 0")
        await self._make_current(build, now)

    async def ramp(self, build: str, share: float) -> None:
        """So many per cent to this build. Which ones is by their ids: the same at every step."""
        now = await self.deployed()
        if now.current == build:
            raise NotMoved(f"{build} is the current build already: it has all of it")
        await self._ramp(build, share, now)

    async def roll_back(self, to: str | None = None) -> str:
        """End a ramp, or else make the build current that was so before, or this one.

        Returns which gets all the work now.
        """
        now = await self.deployed()
        if now.ramping:
            await self._ramp(now.ramping, 0, now)
            return now.current
        to = to or now.earlier
        if to is None:
            raise NotMoved(
                f"no older build was current before {now.current}: name the one to go back to; "
                f"`{UNVERSIONED}` stands for workers without INVOICING_BUILD"
            )
        await self._make_current(to, now)
        return to

    async def _make_current(self, build: str, now: Deployed) -> None:
        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace=self._client.namespace,
            deployment_name=self._name,
            build_id=_build_id(build),
            conflict_token=now.token,
        )
        await self._told(
            lambda: self._service.set_worker_deployment_current_version(request), build
        )

    async def _ramp(self, build: str, share: float, now: Deployed) -> None:
        request = SetWorkerDeploymentRampingVersionRequest(
            namespace=self._client.namespace,
            deployment_name=self._name,
            # A ramp of nothing is none: the server then expects no name.
            build_id=_build_id(build) if share else "",
            percentage=share,
            conflict_token=now.token,
        )
        await self._told(
            lambda: self._service.set_worker_deployment_ramping_version(request), build
        )

    async def _told(self, call: Callable[[], Awaitable[T]], build: str = "") -> T:
        until = monotonic() + self._patience
        while True:
            try:
                with ours(ServerAway):
                    return await call()
            except EngineRefused as error:
                if error.code != _NOT_THERE or monotonic() > until:
                    self._refuse(error, build)
            await asyncio.sleep(0.25)

    def _refuse(self, error: EngineRefused, build: str) -> NoReturn:
        if error.code == _NOT_THERE:
            what = f"build {build}" if build else f"deployment {self._name}"
            raise NotMoved(
                f"no worker of {what} has asked for work yet: start one with INVOICING_BUILD"
                f"{f'={build}' if build else ' set'}, and try again"
            ) from None
        if error.code == _NOT_YET:
            raise NotMoved(
                f"the server does not move it yet ({error.words}): see that all workers of "
                "it have started, and try again"
            ) from None
        raise error


def _build_id(build: str) -> str:
    return "" if build == UNVERSIONED else build


def _deployed(info: WorkerDeploymentInfo, token: bytes) -> Deployed:
    routing: RoutingConfig = info.routing_config
    builds = [
        Build(
            name=each.deployment_version.build_id,
            state=_STATES.get(each.status, "waiting"),
            seen=each.create_time.ToDatetime(UTC),
            left=_moment(each.last_deactivation_time),
        )
        for each in info.version_summaries
    ]
    return Deployed(
        current=routing.current_deployment_version.build_id or UNVERSIONED,
        since=_moment(routing.current_version_changed_time),
        ramping=routing.ramping_deployment_version.build_id or None,
        share=round(routing.ramping_version_percentage, 1),
        builds=tuple(sorted(builds, key=_seen, reverse=True)),
        token=token,
    )


def _seen(build: Build) -> datetime:
    return build.seen


def _moment(told: Timestamp) -> datetime | None:
    return told.ToDatetime(UTC) if told.seconds else None

"""A server and a world in it whose own workers are of the build `one`, the current one.

Which build is current concerns everything that lives at a server: tests that move work have one
of their own, those that only look share one per module.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from invoicing.state.identity import TASK_QUEUE, provider_queue, workflow_id
from rollout.deployment import Deployment
from settings.worker import WorkerSettings
from temporal_server import local_server
from tests.lifecycle.world import Company, World, world
from tests.patience import LONG_ENOUGH
from worker import STORIES, serving, workers


@dataclass
class Scene:
    """Where builds are moved: a world, a company in it, and the deployment of its workers."""

    here: World
    company: Company

    @property
    def client(self) -> Client:
        return self.here.client.temporal

    @property
    def deployment(self) -> Deployment:
        return Deployment(self.client, WorkerSettings().deployment)

    @contextlib.asynccontextmanager
    async def serve(self, build: str, stories: Sequence[type] = STORIES) -> AsyncIterator[None]:
        """Workers of this build meanwhile, beside those of `one`."""
        setup = WorkerSettings(grace=2.0, calls=200, build=build)
        async with serving(workers(self.client, self.here.accounts, setup, stories=stories)):
            await self.heard_of(build)
            yield

    async def heard_of(self, build: str) -> None:
        """Once the server has heard of all queues of these workers: it tells nobody when."""
        queues = {TASK_QUEUE, *map(provider_queue, self.here.accounts)}
        version = WorkerDeploymentVersion(
            deployment_name=WorkerSettings().deployment, build_id=build
        )
        request = DescribeWorkerDeploymentVersionRequest(
            namespace=self.client.namespace, deployment_version=version
        )
        service = self.client.workflow_service
        async with asyncio.timeout(LONG_ENOUGH):
            while queues:
                with contextlib.suppress(RPCError):
                    told = await service.describe_worker_deployment_version(request)
                    infos = told.worker_deployment_version_info.task_queue_infos
                    queues -= {each.name for each in infos}
                await asyncio.sleep(0.1)

    async def lived_in(self, reference: str) -> list[str]:
        """The build of each workflow task so far."""
        handle = self.client.get_workflow_handle(workflow_id(reference))
        return [
            event.workflow_task_completed_event_attributes.deployment_version.build_id
            for event in (await handle.fetch_history()).events
            if event.HasField("workflow_task_completed_event_attributes")
        ]


@contextlib.asynccontextmanager
async def _scene() -> AsyncIterator[Scene]:
    # The processes that replay connect by themselves.
    with pytest.MonkeyPatch.context() as environment:
        async with local_server(own=True) as server:
            environment.setenv("TEMPORAL_ADDRESS", server.address)
            async with world(server, build="one") as here, here.company() as company:
                made = Scene(here, company)
                await made.heard_of("one")
                await made.deployment.promote("one")
                yield made


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with _scene() as made:
        yield made


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Scene]:
    async with _scene() as made:
        yield made

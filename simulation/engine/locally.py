"""Local activities: done by the worker within the workflow task that asks for them.

One attempt each, which is all that ours ask for. If the task is lost, it is done again with the
task: what it did before stays done.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.activity_result import ActivityResolution, Success
from temporalio.bridge.proto.activity_result import Failure as Failed
from temporalio.bridge.proto.workflow_activation import ResolveActivity, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import ScheduleLocalActivity

from simulation.engine.clock import micros, moment
from simulation.engine.failures import of_activity, timeout
from simulation.engine.instance import TASK_QUEUE
from simulation.engine.model import ActivityCall
from simulation.engine.run import Run

if TYPE_CHECKING:
    from simulation.engine.server import Server


class Locally:
    """Does them for a server's worker."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def do(
        self, run: Run, wanted: ScheduleLocalActivity, kind: type | None
    ) -> WorkflowActivationJob:
        """How it went. Time passes meanwhile, and nothing else happens to the run."""
        if wanted.retry_policy.maximum_attempts != 1:
            raise NotImplementedError(f"{wanted.activity_type}: it is tried once, no more")
        result = self._result(run, wanted, kind)
        resolved = ResolveActivity(seq=wanted.seq, result=result, is_local=True)
        return WorkflowActivationJob(resolve_activity=resolved)

    def _result(
        self, run: Run, wanted: ScheduleLocalActivity, kind: type | None
    ) -> ActivityResolution:
        server = self._server
        server.counters.attempts += 1
        player, takes = server.activities.player(wanted.activity_type)
        argument = _argument(server, wanted, kind or takes)
        within = wanted.schedule_to_close_timeout.ToTimedelta()
        attempt = player(argument, self._call(run, wanted, within))
        took = min(attempt.after, within)
        server.clock.pass_to(server.clock.now + micros(took))
        if attempt.lost or took == within:
            return ActivityResolution(failed=Failed(failure=_too_late(wanted)))
        if attempt.failure is not None:
            # As it was raised, and not as the cause of an ActivityError: core does so.
            failure = server.payloads.failure(attempt.failure)
            return ActivityResolution(failed=Failed(failure=failure))
        answer: Payload = server.payloads.encoded(attempt.result)
        return ActivityResolution(completed=Success(result=answer))

    def _call(self, run: Run, wanted: ScheduleLocalActivity, within: timedelta) -> ActivityCall:
        now = moment(self._server.clock.now)
        return ActivityCall(
            name=wanted.activity_type,
            id=wanted.activity_id,
            attempt=1,
            workflow=run.workflow,
            workflow_id=run.id,
            run_id=run.run_id,
            queue=TASK_QUEUE,
            scheduled=now,
            started=now,
            within=within,
        )


def _argument(server: Server, wanted: ScheduleLocalActivity, kind: type | None) -> object:
    return server.payloads.decoded(wanted.arguments[0], kind) if wanted.arguments else None


def _too_late(wanted: ScheduleLocalActivity) -> Failure:
    return of_activity(
        "Local Activity timed out",
        timeout(TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE),
        wanted.activity_type,
        wanted.activity_id,
        RetryState.RETRY_STATE_CANCEL_REQUESTED,
    )

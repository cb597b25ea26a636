"""The SDK's workflow instance, driven without a worker. The one file that uses its private parts.

Written for temporalio 1.35.0, and refuses any other: nothing here is promised to stay.
"""

from __future__ import annotations

import asyncio
import types
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, cast

from temporalio import workflow
from temporalio.api.common.v1 import Payload, Payloads, SearchAttributes
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.workflow_activation import (
    QueryWorkflow,
    RemoveFromCache,
    WorkflowActivation,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.common import MetricMeter, Priority
from temporalio.converter import (
    DefaultFailureConverter,
    PayloadConverter,
    decode_search_attributes,
    decode_typed_search_attributes,
)
from temporalio.worker import _workflow_instance as sdk

from simulation.engine.converter import Converter

PINNED = "1.35.0"

NAMESPACE = "simulation"
TASK_QUEUE = "simulation"

if version("temporalio") != PINNED:
    raise ImportError(
        f"simulation/engine/instance.py is written for temporalio {PINNED}, not "
        f"{version('temporalio')}: read what has changed in temporalio.worker._workflow_instance, "
        "then raise the pin"
    )

Definition = workflow._Definition


def definition_of(story: type) -> Definition:
    """What the SDK knows of a workflow class. Raises ValueError where it is none."""
    return Definition.must_from_class(story)


def name_of(definition: Definition) -> str:
    """The workflow's type, as it is started by."""
    if definition.name is None:
        raise ValueError(f"{definition.cls.__name__}: dynamic workflows are not simulated")
    return definition.name


def result_type(definition: Definition) -> type | None:
    """What `run` returns."""
    return definition.ret_type


def query_type(definition: Definition, name: str) -> type | None:
    """What a query answers."""
    found = definition.queries.get(name)
    return found.ret_type if found else None


def update_type(definition: Definition, name: str) -> type | None:
    """What an update answers."""
    found = definition.updates.get(name)
    return found.ret_type if found else None


def takes_argument(definition: Definition) -> bool:
    """Whether `run` has a parameter beside self."""
    return definition.arg_types is None or bool(definition.arg_types)


@dataclass(frozen=True)
class Origin:
    """What a run was started with."""

    workflow_id: str
    workflow: str
    run_id: str
    first_run_id: str
    continued_from: str | None
    parent: tuple[str, str] | None
    """Workflow and run id."""
    root: tuple[str, str] | None
    started: datetime
    memo: dict[str, Payload]
    search_attributes: dict[str, Payload]
    seed: int


@dataclass(slots=True)
class Outcome:
    """What one activation led to: commands, or why the workflow task failed."""

    commands: list[WorkflowCommand]
    failure: Failure | None
    flags: tuple[int, ...] = ()
    """Of the SDK's own behaviour, that it has just relied on and must again in a replay."""


@dataclass(slots=True)
class Moment:
    """What an activation is told beside its jobs."""

    nanoseconds: int
    history_length: int
    history_bytes: int
    suggested: bool


class WithoutTraces(DefaultFailureConverter):
    """Leaves out where in the code an error was raised: no workflow reads that, and to write it the
    code of every frame is parsed again."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """As the SDK does it, of an error without its trace."""
        super().to_failure(exception.with_traceback(None), payload_converter, failure)


class Instance:
    """One run in a worker's memory."""

    def __init__(self, definition: Definition, origin: Origin, converter: Converter) -> None:
        self.converter = converter
        self.unfinished: tuple[str, ...] = ()
        """Handlers that still ran when the workflow ended, and should have been waited for."""
        self._run_id = origin.run_id
        self._failed = False
        details = sdk.WorkflowInstanceDetails(
            payload_converter_factory=lambda: converter,
            failure_converter_class=WithoutTraces,
            interceptor_classes=(),
            defn=definition,
            info=_info(origin),
            randomness_seed=origin.seed,
            extern_functions=_EXTERN,
            disable_eager_activity_execution=True,
            worker_level_failure_exception_types=(),
            patch_activation_callback=None,
            last_completion_result=_NOTHING,
            last_failure=None,
        )
        self._sdk = cast(
            "sdk._WorkflowInstanceImpl",
            _with_loop(
                lambda: sdk.UnsandboxedWorkflowRunner().create_instance(details),
                types.SimpleNamespace(),
            ),
        )
        # The SDK warns; a simulation wants to know.
        self._sdk._warn_if_unfinished_handlers = self._note_unfinished  # type: ignore[method-assign]

    def activate(
        self,
        at: Moment,
        jobs: Sequence[WorkflowActivationJob],
        *,
        replaying: bool,
        flags: Collection[int] = (),
    ) -> Outcome:
        """Have the workflow's code take in these jobs; `flags` are those relied on before, and in
        a replay those of this task as well."""
        activation = WorkflowActivation(
            run_id=self._run_id,
            is_replaying=replaying,
            history_length=at.history_length,
            history_size_bytes=at.history_bytes,
            continue_as_new_suggested=at.suggested,
            jobs=jobs,
            available_internal_flags=flags,
        )
        # Not by FromNanoseconds, which checks what cannot be otherwise, at a tenth of the cost.
        activation.timestamp.seconds, activation.timestamp.nanos = divmod(
            at.nanoseconds, 1_000_000_000
        )
        completion = _with_loop(lambda: self._sdk.activate(activation))
        if completion.HasField("failed"):
            self._failed = True
            return Outcome([], completion.failed.failure)
        said = completion.successful
        return Outcome(list(said.commands), None, tuple(said.used_internal_flags))

    def query(self, at: Moment, name: str) -> Payload:
        """Ask the workflow in memory. Raises LookupError with what the handler said."""
        job = WorkflowActivationJob(query_workflow=QueryWorkflow(query_id="query", query_type=name))
        (command,) = self.activate(at, [job], replaying=False).commands
        answer = command.respond_to_query
        if answer.HasField("failed"):
            raise LookupError(answer.failed.message)
        return answer.succeeded.response

    def evict(self) -> None:
        """Take it out of the memory. Its coroutines end here, and not when they are collected."""
        if not self._sdk._tasks:
            return
        job = WorkflowActivationJob(remove_from_cache=RemoveFromCache())
        moment = Moment(self._sdk._time_ns, 0, 0, False)
        if not self._failed:
            self.activate(moment, [job], replaying=True)
            return
        # A task that failed leaves handlers behind that never began, and Python says so.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            self.activate(moment, [job], replaying=True)

    def activity_argument(self, seq: int) -> type | None:
        """The type that an activity's one argument has to its worker."""
        handle = self._sdk._pending_activities.get(seq)
        types_ = handle._input.arg_types if handle else None
        return types_[0] if types_ else None

    def _note_unfinished(self) -> None:
        running = (
            *self._sdk._in_progress_updates.values(),
            *self._sdk._in_progress_signals.values(),
        )
        warned = workflow.HandlerUnfinishedPolicy.WARN_AND_ABANDON
        self.unfinished = tuple(each.name for each in running if each.unfinished_policy == warned)


def _with_loop(act: Callable[[], Any], loop: object | None = None) -> Any:
    """Do something of the SDK's outside the thread that it expects to have for itself: it leaves
    no running loop behind, which matters where the engine is called from a coroutine."""
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(cast("asyncio.AbstractEventLoop | None", loop))
    try:
        return act()
    finally:
        asyncio._set_running_loop(before)


def _info(origin: Origin) -> workflow.Info:
    attributes = SearchAttributes(indexed_fields=origin.search_attributes)
    return workflow.Info(
        attempt=1,
        continued_run_id=origin.continued_from,
        cron_schedule=None,
        execution_timeout=None,
        first_execution_run_id=origin.first_run_id,
        headers={},
        namespace=NAMESPACE,
        original_execution_run_id=origin.run_id,
        parent=_execution(workflow.ParentInfo, origin.parent),
        root=_execution(workflow.RootInfo, origin.root),
        priority=Priority.default,
        raw_memo=dict(origin.memo),
        retry_policy=None,
        run_id=origin.run_id,
        run_timeout=None,
        search_attributes=decode_search_attributes(attributes),
        start_time=origin.started,
        task_queue=TASK_QUEUE,
        task_timeout=timedelta(seconds=10),
        typed_search_attributes=decode_typed_search_attributes(attributes),
        workflow_id=origin.workflow_id,
        workflow_start_time=origin.started,
        workflow_type=origin.workflow,
    )


def _execution(kind: type[Any], ids: tuple[str, str] | None) -> Any:
    if ids is None:
        return None
    fields = {"workflow_id": ids[0], "run_id": ids[1]}
    return kind(**fields, namespace=NAMESPACE) if kind is workflow.ParentInfo else kind(**fields)


_NOTHING = Payloads()


_EXTERN: dict[str, Callable[..., Any]] = {
    "__temporal_get_metric_meter": lambda: MetricMeter.noop,
    "__temporal_assert_local_activity_valid": lambda _: None,
}

"""The SDK's sandbox without a detour that costs more than our own workflow code.

For every payload that comes or goes, several times, SDK 1.35 enters the sandbox to ask whose it is,
for converters and codecs that want to know (WithSerializationContext): about 135 times in the life
of an invoice, 0.1 ms each. Where nobody wants to know, nobody needs to be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio.converter import (
    DataConverter,
    SerializationContext,
    StorageDriverStoreContext,
    WorkflowSerializationContext,
)
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

_SOMEBODY = WorkflowSerializationContext(namespace="", workflow_id="")
_NOWHERE = StorageDriverStoreContext(target=None)


def spared(runner: WorkflowRunner, converter: DataConverter) -> WorkflowRunner:
    """This runner, without the detour where no part of the converter needs it."""
    wants_to_know = converter.with_context(_SOMEBODY) is not converter
    if wants_to_know or converter.external_storage is not None:
        return runner
    return _Spared(runner)


class _Spared(WorkflowRunner):
    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Instance(self._runner.create_instance(det))

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class _Instance(WorkflowInstance):
    """A workflow in memory, which answers for itself whose payloads it has: nobody's."""

    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance

    def activate(self, act: Any) -> Any:
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: object) -> SerializationContext | None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return _NOWHERE

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()

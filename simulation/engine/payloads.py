"""How one server's clients and workers make payloads and read them."""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter

from simulation.engine.converter import ByReference, ByValue, Converter, Table


class Payloads:
    """The converters of one server: by reference within a life, or all by the real one."""

    def __init__(self, real: PayloadConverter, *, strict: bool) -> None:
        self._real = real
        self._strict = strict
        self._table = Table()
        self._failures = DefaultFailureConverter()
        self.client = self.converter()

    def converter(self) -> Converter:
        """One more, for a workflow instance."""
        return ByValue(self._real) if self._strict else ByReference(self._table, self._real)

    def encoded(self, value: Any) -> Payload:
        """A value for this life."""
        return self.client.to_payloads([value])[0]

    def really(self, value: Any) -> Payload:
        """A value by the real converter, as at the start of a workflow."""
        return self._real.to_payloads([value])[0]

    def stored(self, payload: Payload) -> Payload:
        """A payload as the real server has it."""
        return self.client.stored(payload)

    def decoded(self, payload: Payload, kind: type | None = None) -> Any:
        """The value of a payload."""
        return self.client.from_payloads([payload], [kind] if kind else None)[0]

    def value(self, payload: Payload) -> Any:
        """What a payload stands for, to be shown to people."""
        return self.client.value(payload)

    def failure(self, error: BaseException) -> Failure:
        """An error as a worker reports it."""
        failure = Failure()
        self._failures.to_failure(error, self.client, failure)
        return failure

    def exception(self, failure: Failure) -> BaseException:
        """A failure as a client raises it."""
        return self._failures.from_failure(failure, self.client)

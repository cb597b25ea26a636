"""What the engine and the network raise, as errors of ours. Nothing that a caller of the client can
catch is Temporal's: this is the one place that knows both.

    with ours():                 around a call of Temporal's SDK
    @told, @stored, @stored_each  around a method of the client that makes such calls

What decides is the status or the class of the error, never its text; where the SDK has but text for
different things (no TLS, an untrusted certificate), that is read in `silent`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from temporalio.client import (
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import (
    EngineError,
    EngineRefused,
    Failing,
    FieldProblem,
    InvalidRequest,
    InvoicingError,
    Misread,
    NoNamespace,
    NotLetIn,
    NoWorker,
    ServerAway,
    TooLarge,
)

P = ParamSpec("P")
T = TypeVar("T")

FOREIGN = (
    RPCError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    FailureError,
    RuntimeError,
)
"""What Temporal's SDK raises for what is nobody's mistake in a program."""


@contextlib.contextmanager
def ours(late: type[EngineError] = NoWorker) -> Iterator[None]:
    """Raise an error of ours instead of one of the engine's. All others pass.

    `late` is what it means that no answer comes: for what needs no worker, ServerAway.
    """
    try:
        yield
    except FOREIGN as error:
        if _is_cancelled(error):
            # The SDK makes an error of its own of an update that is cancelled, and so hides it from
            # whoever cancelled: a time-out would not know its own.
            raise asyncio.CancelledError from error
        if isinstance(error, RuntimeError) and not is_the_bridges(error):
            raise
        raise translated(error, late) from error
    except UnicodeEncodeError:
        raise InvalidRequest(_NO_TEXT) from None


_NO_TEXT = "a name that was given is not valid Unicode: nothing has it"


def refuse_no_text(name: str) -> None:
    """Raise InvalidRequest for what no name can be, as a shell hands on bytes of another encoding.
    The error of Python would quote it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(_NO_TEXT) from None


def told(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The method, which asks a worker, with errors of ours alone."""
    return _with(NoWorker, method)


def stored(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The method, which asks the server and no worker, with errors of ours alone."""
    return _with(ServerAway, method)


def _with(
    late: type[EngineError], method: Callable[P, Awaitable[T]]
) -> Callable[P, Coroutine[Any, Any, T]]:
    @functools.wraps(method)
    async def wrapped(*args: P.args, **named: P.kwargs) -> T:
        with ours(late):
            return await method(*args, **named)

    return wrapped


def stored_each(
    method: Callable[P, AsyncGenerator[T, None]],
) -> Callable[P, AsyncGenerator[T, None]]:
    """As `stored`, of a method that gives one after the other."""

    @functools.wraps(method)
    async def wrapped(*args: P.args, **named: P.kwargs) -> AsyncGenerator[T, None]:
        with ours(ServerAway):
            async with aclosing(method(*args, **named)) as found:
                async for each in found:
                    yield each

    return wrapped


async def within(seconds: float, call: Awaitable[T], late: Callable[[], Exception]) -> T:
    """What the call answers within so many seconds. Raises what `late` makes where it is too late,
    and errors of ours alone."""
    try:
        async with asyncio.timeout(seconds):
            with ours():
                return await call
    except TimeoutError:
        raise late() from None


def translated(error: Exception, late: type[EngineError] = NoWorker) -> InvoicingError:
    """The error of ours that says the same."""
    match error:
        case RPCError():
            return _of_the_server(error, late)
        case WorkflowQueryFailedError():
            return Failing()
        case WorkflowUpdateRPCTimeoutOrCancelledError():
            return late()
        case ApplicationError():
            fields = [one for one in error.details if isinstance(one, FieldProblem)]
            return Misread(fields=fields)
        case RuntimeError():
            return ServerAway(silent("the address that was given", str(error)))
    return EngineRefused("the engine failed at it")


def _of_the_server(error: RPCError, late: type[EngineError]) -> InvoicingError:
    name = error.status.name
    if is_too_large(error):
        return TooLarge("this is more than the Temporal server takes at once")
    if is_no_namespace(error):
        return NoNamespace(code=name)
    if error.status in _TOO_LATE:
        return late(code=name)
    if error.status is RPCStatusCode.FAILED_PRECONDITION and late is NoWorker:
        # What the server says at once when no worker has polled for a while.
        return NoWorker(code=name)
    if kind := _BY_STATUS.get(error.status):
        return kind(code=name)
    return EngineRefused(f"the Temporal server refused: {name}", code=name, words=error.message)


_TOO_LATE = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)
_BY_STATUS: dict[RPCStatusCode, type[EngineError]] = {
    RPCStatusCode.UNAVAILABLE: ServerAway,
    RPCStatusCode.RESOURCE_EXHAUSTED: ServerAway,
    RPCStatusCode.PERMISSION_DENIED: NotLetIn,
    RPCStatusCode.UNAUTHENTICATED: NotLetIn,
}


def is_too_large(error: RPCError) -> bool:
    """Whether the server takes less than the bounds that we have measured by. It has no status of
    its own for that."""
    return any(words in error.message for words in _TOO_LARGE)


_TOO_LARGE = ("size exceeds limit", "larger than max")


def is_no_namespace(error: RPCError) -> bool:
    """Whether it is the namespace that is not found. It must not be taken for an invoice that is
    not there: that would be asked for, and be a second one beside that of the right namespace."""
    if error.status is not RPCStatusCode.NOT_FOUND or error.grpc_status is None:
        return False
    details = error.grpc_status.details
    return any(one.type_url.endswith("NamespaceNotFoundFailure") for one in details)


def _is_cancelled(error: Exception) -> bool:
    if not isinstance(error, WorkflowUpdateRPCTimeoutOrCancelledError):
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_the_bridges(error: Exception) -> bool:
    """Whether the SDK's own core raised it: it has but Python's classes for all that it meets."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
    return str(module).startswith("temporalio.bridge")


def silent(address: str, said: str) -> str:
    """Why there was no answer. The SDK says it in words of its transport; what is none of these is
    taken for silence."""
    return next(
        (sentence.format(address) for words, sentence in _SILENCE.items() if words in said),
        f"no Temporal server answers at {address}: start it (`make server` starts one here), or "
        "set TEMPORAL_ADDRESS to where it is",
    )


_NO_TLS = (
    "what answers at {} speaks no TLS: check TEMPORAL_TLS, which a TEMPORAL_API_KEY turns on, and "
    "TEMPORAL_ADDRESS"
)
_SILENCE = {
    "InvalidCertificate": "the certificate of the Temporal server at {} is not trusted here, or is "
    "for another name: check TEMPORAL_TLS_SERVER_CA_CERT_PATH and TEMPORAL_TLS_SERVER_NAME",
    "KeyParseError": "the client's key for {} cannot be read: check TEMPORAL_TLS_CLIENT_KEY_PATH",
    "tls handshake": _NO_TLS,
    "InvalidContentType": _NO_TLS,
    "after connection": "what answers at {} does not understand us: check whether it wants TLS "
    "(TEMPORAL_TLS), and TEMPORAL_ADDRESS",
}

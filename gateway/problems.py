"""Every answer that is not the wished one is a problem as RFC 9457 has it.

It says what is wrong and where, and repeats no value that was sent. What was not foreseen is told
to nobody but the log, and there without its message, which may quote anything.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from invoicing.client import Failed, Refused
from invoicing.errors import (
    CutOff,
    EngineError,
    EngineRefused,
    Failing,
    FieldProblem,
    Forged,
    InvalidRequest,
    Misread,
    NotFound,
    NotLetIn,
    NoWorker,
    ReferenceInUse,
    TooLarge,
    Unreachable,
    Unreadable,
)
from invoicing.model import Recorded
from invoicing.parse import explained
from invoicing.state.invoice import Problem
from invoicing.temporal.converter import Erased

log = logging.getLogger("invoicing.gateway")

MEDIA_TYPE = "application/problem+json"
MOST_PATH = 200
"""Characters of a field's path: an object can be nested deeper than anybody wants to read."""


class Kind(Enum):
    """What can be wrong: its name in `type`, its status, its title."""

    UNREADABLE = ("unreadable", 400, "The request cannot be read")
    UNAUTHENTICATED = ("unauthenticated", 401, "Who asks is not proven")
    FORBIDDEN = ("forbidden", 403, "This token may not do that")
    NOT_FOUND = ("not-found", 404, "There is no such thing here")
    NOT_ALLOWED = ("method-not-allowed", 405, "That cannot be done with this address")
    TOO_SLOW = ("too-slow", 408, "The body did not arrive in time")
    IN_USE = ("reference-in-use", 409, "The reference stands for other content")
    REFUSED = ("refused", 409, "That cannot be done now; nothing has changed")
    CUT_OFF = ("cut-off", 409, "It was ended from outside, in the middle")
    TOO_LARGE = ("too-large", 413, "The body is too large")
    ERASED = ("erased", 410, "It was erased for good")
    MISDIRECTED = ("misdirected", 421, "This gateway does not answer for that name")
    RANGE = ("range", 416, "It does not reach so far")
    MEDIA = ("unsupported-media-type", 415, "The body must be JSON")
    INVALID = ("invalid", 422, "The request has mistakes")
    TOO_MANY = ("too-many-requests", 429, "Too many requests")
    INTERNAL = ("internal", 500, "The gateway failed")
    FAILING = ("failing", 502, "A worker is there, and fails at it")
    ENGINE = ("engine", 502, "Temporal or a worker could not carry this out")
    UNAVAILABLE = ("unavailable", 503, "Not available now; nothing is lost, try again")
    NO_WORKER = ("no-answer", 504, "No worker answered in time")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug, self.status, self.title = slug, status, title

    @property
    def type(self) -> str:
        """The URI that identifies it."""
        return f"urn:durable-invoicing:problem:{self.slug}"


class ProblemDetails(Recorded):
    """What went wrong, as RFC 9457 has it. `type` is what programs decide on."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: tuple[FieldProblem, ...] = ()
    """Every field that is wrong, by its path in the body (or `query.`, `path.`, `header.`)."""
    differs: tuple[str, ...] = Field(default=(), description="Where the two contents differ.")
    question: Problem | None = Field(
        default=None, description="The question that is open, where an answer did not fit it."
    )


class Trouble(Exception):
    """A problem on its way to the caller."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        errors: Sequence[FieldProblem] = (),
        differs: Sequence[str] = (),
        question: Problem | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.title)
        self.kind = kind
        self.headers = dict(headers or {})
        self.details = ProblemDetails(
            type=kind.type,
            title=kind.title,
            status=kind.status,
            detail=detail,
            errors=tuple(map(_short, errors)),
            differs=tuple(differs),
            question=question,
        )

    def response(self) -> Response:
        """The answer that says so."""
        body = self.details.model_dump_json(exclude_defaults=True)
        return Response(body, self.kind.status, self.headers, MEDIA_TYPE)


def _short(problem: FieldProblem) -> FieldProblem:
    if len(problem.field) <= MOST_PATH:
        return problem
    return problem.model_copy(update={"field": f"{problem.field[:MOST_PATH]}…"})


def invalid(field: str, message: str) -> Trouble:
    """One mistake in one field."""
    return Trouble(Kind.INVALID, errors=[FieldProblem(field=field, message=message)])


def nothing_here() -> Trouble:
    """Also for what is there and is not the caller's own: nobody is to learn the difference."""
    return Trouble(Kind.NOT_FOUND, "nothing is known here under this reference")


def busy(detail: str) -> Trouble:
    """The caller itself has too much under way."""
    return Trouble(Kind.TOO_MANY, detail, headers={"Retry-After": "1"})


def unavailable(detail: str, seconds: int = 5) -> Trouble:
    """Try again in so many seconds."""
    return Trouble(Kind.UNAVAILABLE, detail, headers={"Retry-After": str(seconds)})


# What is raised on purpose, to what is told. In order: the first that fits.


def trouble_with(error: Exception) -> Trouble:
    """What to tell the caller about this error."""
    match error:
        case Trouble():
            return error
        case TooLarge():
            return Trouble(Kind.TOO_LARGE, str(error))
        case InvalidRequest(fields=()):
            return Trouble(Kind.UNREADABLE, str(error))
        case InvalidRequest():
            return Trouble(Kind.INVALID, errors=error.fields)
        case RequestValidationError():
            return Trouble(Kind.INVALID, errors=_parameters(error))
        case ReferenceInUse():
            return Trouble(Kind.IN_USE, str(error), differs=error.differs)
        case NotFound():
            return nothing_here()
        case CutOff():
            return Trouble(Kind.CUT_OFF, str(error))
        case Failed():
            return Trouble(Kind.ENGINE, str(error))
        case Refused():
            return Trouble(Kind.REFUSED, str(error), question=error.problem)
        case Forged():
            return Trouble(Kind.UNAUTHENTICATED)
        case Unreadable():
            return Trouble(Kind.UNREADABLE)
        case HTTPException():
            return _plain(error)
        case EngineError():
            return _of_the_engine(error)
    note(error)
    return Trouble(Kind.INTERNAL)


def _parameters(error: RequestValidationError) -> tuple[FieldProblem, ...]:
    return explained(error.errors())


_BY_STATUS = {404: Kind.NOT_FOUND, 405: Kind.NOT_ALLOWED}


def _plain(error: HTTPException) -> Trouble:
    return Trouble(_BY_STATUS.get(error.status_code, Kind.UNREADABLE), headers=error.headers)


def _of_the_engine(error: EngineError) -> Trouble:
    match error:
        case NoWorker():
            return no_worker()
        case Failing():
            return Trouble(Kind.FAILING, str(error))
        case NotLetIn():
            note(error)
            return unavailable("the Temporal server does not let the gateway in", 60)
        case Erased():
            return Trouble(Kind.ERASED, str(error))
        case Misread():
            note(error)
            return unavailable(
                "the gateway cannot read what is stored: it lacks a key, or is of "
                "another release than the workers",
                60,
            )
        case Unreachable():
            return unavailable(str(error))
        case EngineRefused(code=code) if code:
            note(error)
            return Trouble(Kind.ENGINE, f"the Temporal server refused: {code}")
    note(error)
    return Trouble(Kind.ENGINE)


MAYBE = (
    "An instruction just given may still be carried out: look before you repeat it, or repeat it "
    "with the same Idempotency-Key."
)


def no_worker(why: str = "") -> Trouble:
    """Nobody answered who could; an instruction may have been taken all the same."""
    return Trouble(Kind.NO_WORKER, " ".join(filter(None, (why, MAYBE))))


def note(error: Exception) -> None:
    """Log where it happened, and nothing that it says."""
    where = "".join(traceback.format_tb(error.__traceback__))
    status = f" {error.code}" if isinstance(error, EngineError) else ""
    log.error("%s%s at\n%s", type(error).__name__, status, where)


def documented(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """These problems, as the OpenAPI document describes responses."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        titles = described.setdefault(kind.status, _described())
        titles["description"] = " · ".join(filter(None, (titles["description"], kind.title)))
    return described


def _described() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {"description": "", "content": {MEDIA_TYPE: {"schema": schema}}}

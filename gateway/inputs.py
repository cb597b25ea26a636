"""What comes in: bodies, read within bounds and by the same rules as everywhere, and their keys."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Path, Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.callers import Caller
from gateway.pace import spread
from gateway.problems import Kind, Trouble, invalid
from gateway.store import refuse_unseen
from invoicing import request
from invoicing.model import Typed
from invoicing.parse import read
from invoicing.schemas import NOT_FOR_CALLERS
from settings.gateway import GatewaySettings

Model = TypeVar("Model", bound=BaseModel)

Reference = Annotated[request.Reference, Path(description="The caller's own key.")]

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        pattern="^[!-~]+$",
        description=(
            "What the body names (`reference`, `delivery`, `cancellation`, `credit`, `amendment`) "
            "is its key: left out or given here as well, the same request again is the same thing. "
            "Anything else here is a mistake."
        ),
    ),
]
OnceKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        pattern="^[!-~]+$",
        description=(
            "The same instruction again under the same key is not carried out again: it gets the "
            "first answer. Without a key it is a new instruction. A refused one is not remembered, "
            "and no key is when the workflow behind it has been continued, after thousands of "
            "events."
        ),
    ),
]


DISCARDED = 10_000_000
"""Bytes of a body that are read only to be dropped: whoever is still sending hears no answer."""


Took = Callable[[int], None]
Beside = Callable[[asyncio.Timeout], AbstractContextManager[Took]]


def alone(_: asyncio.Timeout) -> AbstractContextManager[Took]:
    """Nobody else is looked at."""
    return nullcontext(lambda _: None)


async def whole_body(
    request: Request,
    settings: GatewaySettings,
    beside: Beside = alone,
    most: int | None = None,
) -> bytes:
    """The body, bounded in size and time. Nothing has looked at it. `beside` is entered with the
    deadline meanwhile, is told what came, and may bring it forward; `most` is how many bytes it may
    have, where that is not the settings' word."""
    most = settings.max_body if most is None else most
    body, length = bytearray(), 0
    try:
        async with asyncio.timeout(spread(settings.body_seconds)) as deadline:
            with beside(deadline) as took:
                async for part in request.stream():
                    length += len(part)
                    took(len(part))
                    if length > DISCARDED:
                        break
                    if length <= most:
                        body += part
    except TimeoutError:
        raise Trouble(Kind.TOO_SLOW, headers=_CLOSE) from None
    except ClientDisconnect:
        raise Trouble(Kind.UNREADABLE) from None
    if length > most:
        raise Trouble(Kind.TOO_LARGE, f"at most {most} bytes", headers=_CLOSE)
    return bytes(body)


# What is left of the body is not waited for.
_CLOSE = {"Connection": "close"}


def given(model: type[Model]) -> Any:
    """The dependency that reads the body as this model, once the caller was let in."""

    async def reading(request: Request, behind: Behind, who: Who) -> Model:
        _check_media(request)
        wanted = await _read(model, await whole_body(request, behind.settings), behind, who)
        for name in NOT_FOR_CALLERS.get(model, ()):
            if getattr(wanted, name):
                raise invalid(name, "is set by us alone: leave it out")
        await refuse_unseen(behind, who, wanted)
        if "proven" in model.model_fields:
            return wanted.model_copy(update={"proven": who.name})
        return wanted

    return Depends(reading)


async def _read(model: type[Model], body: bytes, behind: Backend, who: Caller) -> Model:
    """A large one beside the loop: nobody else is to wait for it."""
    if len(body) <= AT_ONCE:
        return read(model, body)
    return await behind.reading.do(who.name, partial(read, model, body))


AT_ONCE = 20_000
"""Bytes that are read in some milliseconds at most."""


def _check_media(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if kind != "application/json" or coding != "identity":
        detail = "send Content-Type: application/json, and no Content-Encoding"
        raise Trouble(Kind.MEDIA, detail, headers={"Accept": "application/json", **_CLOSE})


def accepts(model: type[BaseModel]) -> dict[str, Any]:
    """The same for the OpenAPI document."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def check_key(key: str | None, name: str, field: str) -> None:
    """Refuse a key that is not what the body names."""
    if key is not None and key.strip('"') != name:
        raise invalid("header.Idempotency-Key", f"must be the {field} in the body, or be left out")


def once(key: str | None, verb: str, instruction: Typed) -> str | None:
    """Under which name the instruction is carried out once: its key and what it says.

    So a key that is used again for something else does not hide that.
    """
    if key is None:
        return None
    said = hashlib.sha256(instruction.model_dump_json().encode()).hexdigest()[:16]
    return f"{verb}/{key}/{said}"

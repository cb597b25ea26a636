"""One account's way to its provider: the requests it makes, and what comes of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import httpx
from pydantic import BaseModel

from invoicing.errors import (
    Denied,
    FieldProblem,
    ProviderError,
    Rejected,
    Unavailable,
    Unreadable,
)
from invoicing.provider import Snapshot, Stage, Target
from providers.kit.http import Answer, Call, File, Json, Tokens, exchange, unclear
from providers.kit.wire import parse

_Model = TypeVar("_Model", bound=BaseModel)

Refusal = Callable[[Call, Answer], ProviderError]
"""What an answer that is no success means. Only the adaptor knows its provider's error keys."""

GONE = ("404", "410")
"""Of HTTP: there is nothing at this address."""
DENIED = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


class Api:
    """Makes the calls of one account, each once, and raises what `providers.kit.http` says.

    `headers` go with every call; they are asked for when one is made, because an account that only
    receives webhooks has no credentials. With `tokens` each call brings one; a 401 refuses before
    anything is done, so then it is made once more with a new one. `gone` are the codes of a refusal
    that says there is no such invoice.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        provider: str,
        base_url: str,
        timeout: float,
        refusal: Refusal,
        headers: Callable[[], Mapping[str, str]] = dict,
        tokens: Tokens | None = None,
        gone: Container[str | None] = ("404",),
        expects: Container[int] = (),
    ) -> None:
        self._http = http
        self._provider = provider
        self._base_url = base_url
        self._timeout = timeout
        self._refusal = refusal
        self._headers = headers
        self._tokens = tokens
        self._gone = gone
        self._expects = expects

    def call(
        self,
        name: str,
        method: str,
        route: str,
        *,
        changes: bool | None = None,
        id: str | None = None,  # noqa: A002
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Json = None,
        form: Mapping[str, str] | None = None,
        file: File | None = None,
        link: str = "",
    ) -> Call:
        """A request. One that is no GET changes something unless it is said that it does not."""
        return Call(
            provider=self._provider,
            name=name,
            method=method,
            base_url=self._base_url,
            route=route,
            changes=method != "GET" if changes is None else changes,
            ids=ids or ({} if id is None else {"id": id}),
            query=query or {},
            headers={**self._headers(), **(headers or {})},
            json=json,
            form=form,
            file=file,
            timeout=self._timeout,
            expects=self._expects,
            link=link,
        )

    async def exchange(self, call: Call) -> Answer:
        """The answer, a refusal included. That nothing is there must be JSON, or empty: a page
        for people may be of what stands before the provider, which does not know."""
        answer = await self._exchanged(call)
        if answer.strange and str(answer.status) in GONE:
            raise unclear(call, f"is HTTP {answer.status} and no JSON", str(answer.status))
        return answer

    async def _exchanged(self, call: Call) -> Answer:
        if self._tokens is None:
            return await exchange(self._http, call)
        token = await self._tokens.get()
        answer = await exchange(self._http, bearing(call, token))
        if answer.status != httpx.codes.UNAUTHORIZED:
            return answer
        self._tokens.drop(token)
        return await exchange(self._http, bearing(call, await self._tokens.get()))

    async def ask(self, call: Call) -> Json:
        """The body of a success; every refusal is raised."""
        answer = await self.exchange(call)
        if not answer.ok:
            raise self._refusal(call, answer)
        return answer.body

    async def file(self, call: Call) -> bytes:
        """The file that a success brings; every refusal is raised."""
        # Of a compressed body nobody would see that it breaks off.
        headers = {**call.headers, "Accept-Encoding": "identity"}
        answer = await self.exchange(replace(call, headers=headers, takes_file=True))
        if not answer.ok:
            raise self._refusal(call, answer)
        return answer.raw

    async def read(self, model: type[_Model], call: Call) -> _Model:
        """The body of a success as that model."""
        return parse(model, await self.ask(call), call)

    async def unless_gone(self, known: str, asked: Awaitable[Snapshot]) -> Snapshot:
        """What a call about this invoice comes to; DELETED where it is refused because there is no
        such invoice."""
        try:
            return await asked
        except Rejected as error:
            if not self.gone(error):
                raise
            return deleted(known)

    async def remove(self, call: Call) -> Snapshot:
        """DELETED, once the call has done so or has found none."""
        known = call.ids["id"]

        async def removed() -> Snapshot:
            await self.ask(call)
            return deleted(known)

        return await self.unless_gone(known, removed())

    def gone(self, error: Rejected) -> bool:
        """Whether the refusal says that there is no such invoice."""
        return error.code in self._gone


def bearing(call: Call, token: str) -> Call:
    """The call with this token (RFC 6750)."""
    return replace(call, headers={**call.headers, "Authorization": f"Bearer {token}"})


async def signed_in(http: httpx.AsyncClient, call: Call, model: type[_Model], what: str) -> _Model:
    """The answer to signing in with `what`.

    That changes nothing, so whatever goes wrong here leaves the call it was meant for certainly
    undone: Unavailable, or Denied where the credentials are refused.
    """
    try:
        answer = await exchange(http, call)
        if answer.ok:
            return parse(model, answer.body, call)
    except Unreadable as error:
        raise Unavailable(error.message) from None
    raise Denied(f"{call.provider} refuses {what}", code=str(answer.status))


def refused(
    call: Call,
    answer: Answer,
    fields: Iterable[FieldProblem] = (),
    *,
    credentials: str = "the credentials of this account",
) -> Rejected:
    """A refusal of which nothing more is known than its status, and what was said to it: Denied
    where that is about the credentials."""
    denied = answer.status in DENIED
    what = f"{credentials} for" if denied else "to"
    sentence = f"{call.provider} refuses {what} {call.name} (HTTP {answer.status})"
    kind = Denied if denied else Rejected
    return kind(sentence, code=str(answer.status), fields=tuple(fields))


def known_id(target: Target, provider: str) -> str:
    """The provider's id of the invoice; Rejected while there is none."""
    if not target.provider_id:
        raise Rejected(f"{provider}: there is no invoice yet")
    return target.provider_id


def deleted(provider_id: str) -> Snapshot:
    """What is said of an invoice that is no longer there."""
    return Snapshot(provider_id=provider_id, stage=Stage.DELETED)

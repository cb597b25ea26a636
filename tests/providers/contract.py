"""What the port promises of any adaptor, checked at each of them.

Subclass `Contract` and describe the provider: its settings, a request that it takes, and one `Step`
for every verb and every look-up of that request's plan. No server, no network: what is struck here
is the transport below `providers.kit.http`.

A provider that differs says so in its description (`Step.refuses`, `several`, `means`, `empty`), so
that every exception to the port can be read in one place.
"""

from __future__ import annotations

import contextlib
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import chain, product
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import BaseModel, ValidationError

from invoicing.errors import (
    Denied,
    Forged,
    ProviderError,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
    Unsupported,
)
from invoicing.provider import (
    AttachCall,
    Attaches,
    Batch,
    CancelLinesCall,
    CreateCall,
    Credits,
    Delivery,
    Event,
    Feeds,
    Finds,
    Found,
    Hooks,
    LooksUp,
    LookUp,
    LookUpCall,
    Notifies,
    OrderReadCall,
    Orders,
    OrderSnapshot,
    OrderTarget,
    Paces,
    Plan,
    ReadCall,
    RegisterCall,
    Search,
    Sends,
    Snapshot,
    Stage,
    Subject,
    Target,
)
from invoicing.request import Goal, InvoiceRequest, OrderRequest
from invoicing.totals import VatRounding, totals
from providers.kit.coverage import Coverage
from providers.registry import ADAPTORS
from settings.accounts import hooks
from tests.providers import Reply, Script, answer
from tests.providers.fields import Change, Sample, changed, findings, written
from tests.providers.options import Beside
from tests.providers.options import findings as options_found
from tests.tiers import chosen

SECRET = "canary-secret"
"""Every secret of the settings contains it, and every token that a sign-in answers is it."""
PERSON = "A. Person"
"""What a provider's free text mentions."""
WORD = "canaryword"
"""A status that no provider documents."""
HOST = "api.example.test"
BUYER = "Canary Energy BV"
BUYER_EMAIL = "billing@canary.example.com"
REFERENCE = "ref-1"

LINE: dict[str, Any] = {
    "id": "1",
    "name": "Meter replacement",
    "quantity": "3",
    "unit_price": "19.99",
    "vat": {"rate": "21"},
}
DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "issue_date": "2026-06-30",
    "due_date": "2026-07-30",
    "buyer": {"name": BUYER, "account_number": "C-1"},
    "lines": [LINE],
}
"""An invoice to start from: net 59.97, VAT 12.59, gross 72.56."""

VERBS = ("find", "create", "read", "approve", "send", "delete", "credit")
MANDATORY = ("create", "read", "approve", "delete")
ONLY_SOME = {"find": Finds, "send": Sends, "credit": Credits, "attach": Attaches}
ORDERLY = ("register", "read_order", "cancel_lines")
FED = ("poll", "acknowledge")
CHANGING = {"create", "attach", "approve", "send", "delete", "credit", "register", "cancel_lines"}
BORN = {"attach", *VERBS} - {"find", "create"}
"""Verbs that are called once there is an id."""

Failures = Sequence[type[ProviderError]]


@dataclass(frozen=True)
class Step:
    """One verb, or one look-up, as this provider has it.

    asks: the calls it makes ("POST /invoices") and the JSON each is answered with; none: no call.
    context: what the call needs beside the plan's context, as earlier answers would have given it.
    events: what `read` or `read_order` is given.
    refuses: what it always raises, where the provider has no such thing.
    several: why it takes more than one call, a sentence; that is an exception to the port.
    means: statuses that do not mean what they mean elsewhere, by the provider's own word.
    empty: whether a success without a body says enough.
    silent: why its answer does not state our reference, a sentence.
    """

    asks: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    refuses: type[ProviderError] | None = None
    several: str = ""
    means: Mapping[int, type[ProviderError]] = field(default_factory=dict)
    empty: bool = False
    silent: str = ""


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong below an adaptor, and what it is to a call of either kind."""

    name: str
    reply: Reply
    reads: type[ProviderError]
    changes: type[ProviderError] = UnknownOutcome


def _page(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, html=f"<p>{PERSON}, we will be right back</p>")


def _words() -> str:
    """What httpx might quote in its messages."""
    return f"Authorization: Bearer {SECRET}; {PERSON}"


TROUBLES = (
    Trouble("refused", httpx.ConnectError(_words()), Unavailable, Unavailable),
    Trouble("no connection in time", httpx.ConnectTimeout(_words()), Unavailable, Unavailable),
    Trouble("no place in the pool", httpx.PoolTimeout(_words()), Unavailable, Unavailable),
    Trouble("reset after sending", httpx.ReadError(_words()), Unavailable),
    Trouble("reset while sending", httpx.WriteError(_words()), Unavailable),
    Trouble("not sent in time", httpx.WriteTimeout(_words()), Unavailable),
    Trouble("not answered in time", httpx.ReadTimeout(_words()), Unavailable),
    Trouble("cut off", httpx.RemoteProtocolError(_words()), Unavailable),
    Trouble("not decodable", httpx.DecodingError(_words()), Unavailable),
    Trouble("a page of HTML", _page, Unreadable),
    Trouble("half of a JSON", lambda _: httpx.Response(200, content=b'{"id": "1", '), Unreadable),
    Trouble("a number that is none", lambda _: httpx.Response(200, content=b"NaN"), Unreadable),
    Trouble("not UTF-8", lambda _: httpx.Response(200, content=b'"\xff"'), Unreadable),
)

STRANGE: tuple[Any, ...] = (
    {},
    PERSON,
    7,
    True,
    [[]],
    [7],
    {"data": PERSON},
    {"data": {"id": 7}},
    {"id": None},
)
"""JSON, and not what was asked for."""
INDIFFERENT = ("delete", "acknowledge", "poll")
"""A success is all that the first two need; news that nobody understands is news all the same."""

REDIRECTS = (301, 302, 303, 307, 308)
PASSED_ON = (408, 425, 429, 460, 499)
"""What may be answered by something in front of the provider that has passed the call on before."""
CREDENTIALS = (401, 403)
"""What says that the caller may not, whatever it asks."""
STATUSES = sorted(
    {status.value for status in HTTPStatus if status >= 200} | {299, 520, 599, *PASSED_ON}
)
ELSEWHERE = "https://elsewhere.example.test/"


class _Endless(httpx.AsyncByteStream):
    """A body that never ends; whoever reads more than any limit could be is stopped."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(1024):
            yield b" " * 65536
        raise AssertionError("64 MiB were read, and more would have been")


class Contract:
    """The promises. Subclasses say what is different; pytest collects those called Test…"""

    adaptor: ClassVar[type[Any]]
    settings: ClassVar[Mapping[str, Any]]
    """As the environment gives them; `base_url` is added."""
    options: ClassVar[Mapping[str, Any]] = {}
    document: ClassVar[Mapping[str, Any]] = DOCUMENT
    rounding: ClassVar[VatRounding]
    goals: ClassVar[frozenset[Goal]]
    """Those that an ordinary request can reach here."""
    ordinary: ClassVar[Goal] = Goal.SENT
    """That of the ordinary request: another one where nothing is sent."""
    walked: ClassVar[Goal | None] = None
    """What is asked for while single fields and options are walked, if not that: a draft where one
    that is sent must have much beside them."""
    wrong: ClassVar[tuple[Mapping[str, Any], frozenset[str]]]
    """Changes to the document that are mistakes here, and the fields that name them: two at least.
    What is typed there must not come back: put PERSON into it."""
    provider_id: ClassVar[str]
    steps: ClassVar[Mapping[str, Step]]
    """By verb; a look-up by "look up " and its name in the plan."""
    strange: ClassVar[Step]
    """`read`, answered with the status WORD."""
    refusal: ClassVar[Any] = {"message": PERSON, "error": PERSON}
    """The body of a refusal, in the provider's form; PERSON where it writes freely."""
    means: ClassVar[Mapping[int, type[ProviderError]]] = {}
    """As in a step, for all of them."""
    sign_in: ClassVar[Mapping[str, Any]] = {}
    """The calls that fetch a token, and their answers."""
    news: ClassVar[tuple[Event, ...]] = ()
    """An event of every kind that it tells unasked, as it comes."""
    effect: ClassVar[timedelta] = Paces().effect
    """For how long an uncertain call may still take effect, by the provider's own word."""
    order: ClassVar[Mapping[str, Any]] = {}
    """Changes to the document that make it an order's, for providers with orders."""
    documents: ClassVar[Sequence[Change]] = ()
    """Changes to the document in which fields are said that have no place in the ordinary one."""
    samples: ClassVar[Mapping[str, Sequence[Sample]]] = {}
    """By path, where the ordinary value of a field is not possible here."""
    beside: ClassVar[Mapping[str, Sequence[Beside]]] = {}
    """By path of an option, what must be given for it to be possible."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test per verb that this provider describes; those that make no call fail nowhere."""
        for name, verbs in (
            ("verb", sorted(self.steps)),
            ("calling", sorted(verb for verb, step in self.steps.items() if step.asks)),
        ):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, verbs)

    # what tests are made of

    _kept: tuple[InvoiceRequest, Plan] | None = None

    async def _ordinary(self) -> tuple[InvoiceRequest, Plan]:
        """The ordinary request and its plan, made once per test."""
        self._kept = self._kept or (self.asked(), await self.planned())
        return self._kept

    def made(self, told: Script) -> Any:
        """The adaptor over scripted answers."""
        return self.adaptor(self.set(), told.client())

    def set(self, **changes: Any) -> Any:
        """Its settings."""
        given = {"base_url": f"https://{HOST}", **self.settings, **changes}
        return self.adaptor.Settings.model_validate(given)

    def asked(self, **changes: Any) -> InvoiceRequest:
        """The ordinary request."""
        return InvoiceRequest.model_validate(
            {
                "reference": REFERENCE,
                "provider": self.adaptor.name,
                "document": self.document,
                "options": self.options,
                "goal": self.ordinary,
                **changes,
            }
        )

    async def planned(self, **changes: Any) -> Plan:
        """Its plan, as it comes back from a history."""
        plan: Plan = await self.made(Script()).plan(self.asked(**changes))
        return Plan.model_validate_json(plan.model_dump_json())

    async def refused(self, **changes: Any) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await self.planned(**changes)
        _is_clean(caught.value)
        return caught.value

    def script(self, step: Step) -> Script:
        """Everything goes well."""
        told = Script()
        for route, body in {**self.sign_in, **step.asks}.items():
            told.on(route, answer(body))
        return told

    async def perform(self, verb: str, told: Script, step: Step | None = None) -> Any:
        """Call the verb as the workflow would, against this script."""
        step, adaptor = step or self.steps[verb], self.made(told)
        if verb in FED:
            return await self._fed(verb, adaptor, told)
        if verb in ORDERLY:
            return await self._ordered(verb, adaptor, step)
        request, plan = await self._ordinary()
        return await self.called(verb, told, step, request, plan)

    def known(self, plan: Plan, step: Step) -> dict[str, Any]:
        """What the step needs beside the plan's context."""
        return {**plan.context, **step.context}

    async def called(
        self, verb: str, told: Script, step: Step, request: InvoiceRequest, plan: Plan
    ) -> Any:
        """One verb of an invoice."""
        adaptor = self.made(told)
        target = Target(
            account="default",
            reference=REFERENCE,
            provider_id=self.provider_id if verb in BORN else None,
            context=self.known(plan, step),
        )
        match verb:
            case "create":
                call = CreateCall(
                    target=target,
                    document=request.document,
                    options=request.options,
                    totals=plan.totals,
                )
                return await adaptor.create(call)
            case "attach":
                (attachment,) = plan.attachments
                return await adaptor.attach(AttachCall(target=target, attachment=attachment))
            case "read":
                return await adaptor.read(ReadCall(target=target, events=step.events))
            case _ if verb.startswith("look up "):
                look_up = _look_ups(plan)[verb]
                return await adaptor.look_up(LookUpCall(target=target, look_up=look_up))
            case _:
                return await getattr(adaptor, verb)(target)

    async def _ordered(self, verb: str, adaptor: Any, step: Step) -> Any:
        request = self.ordered()
        plan = await self.made(Script()).plan_order(request)
        target = OrderTarget(
            account="default",
            reference=REFERENCE,
            provider_id=None if verb == "register" else self.provider_id,
            context={**plan.context, **step.context},
        )
        given = {"target": target, "document": request.document}
        match verb:
            case "register":
                more = {"options": request.options, "totals": plan.totals}
                return await adaptor.register(RegisterCall(**given, **more))
            case "read_order":
                return await adaptor.read_order(OrderReadCall(target=target, events=step.events))
            case _:
                lines = (request.document.lines[0].id,)
                call = CancelLinesCall(**given, cancellation="cancel-1", lines=lines)
                return await adaptor.cancel_lines(call)

    def ordered(self, **changes: Any) -> OrderRequest:
        """The ordinary order."""
        request = {
            "reference": REFERENCE,
            "provider": self.adaptor.name,
            "document": {**self.document, **self.order},
            "options": self.options,
        }
        return OrderRequest.model_validate({**request, **changes})

    async def _fed(self, verb: str, adaptor: Any, told: Script) -> Any:
        if verb == "poll":
            return await adaptor.poll()
        batch = await self.made(self.script(self.steps["poll"])).poll()
        return await adaptor.acknowledge(batch.items[0])

    async def struck(self, verb: str, route: str, reply: Reply) -> tuple[Script, Any]:
        """The verb with one of its calls answered like this: the script, and what came of it."""
        told = self.script(self.steps[verb]).on(route, reply)
        try:
            return told, await self.perform(verb, told)
        except ProviderError as error:
            _is_clean(error)
            return told, error

    async def outcomes(
        self, verb: str, replies: Mapping[str, Reply]
    ) -> AsyncIterator[tuple[str, str, Script, Any]]:
        """Each of these at each call of the verb: where, what, the script, what came of it."""
        for route in self.steps[verb].asks:
            for name, reply in replies.items():
                try:
                    told, outcome = await self.struck(verb, route, reply)
                except Exception as error:
                    error.add_note(f"{name} at {route}")
                    raise
                yield f"{name} at {route}", name, told, outcome

    def allowed(self, verb: str) -> Failures:
        """What the port lets this verb raise."""
        if verb in CHANGING:
            return (Unavailable, Denied, Rejected, UnknownOutcome)
        return (Unavailable, Denied, Rejected, Unreadable)

    def counted(self, told: Script) -> list[str]:
        """The calls that were made, signing in aside, all of them to the configured address."""
        for request in told.asked:
            assert (request.url.scheme, request.url.host) == ("https", HOST), request.url.host
        return [route for route in told.routes() if route not in self.sign_in]

    # the description itself

    def test_its_name_is_its_key_in_the_registry(self) -> None:
        assert ADAPTORS.get(self.adaptor.name) is self.adaptor

    async def test_every_verb_and_every_look_up_of_the_plan_is_described(self) -> None:
        adaptor = self.made(Script())
        offered = {*MANDATORY, *_look_ups(await self.planned())}
        offered |= {verb for verb, port in ONLY_SOME.items() if isinstance(adaptor, port)}
        offered |= set(ORDERLY) if isinstance(adaptor, Orders) else set()
        offered |= set(FED) if isinstance(adaptor, Feeds) else set()
        assert set(self.steps) == offered
        for verb, step in self.steps.items():
            assert len(step.asks) <= 1 or step.several, f"{verb} makes several calls: say why"
            assert not (step.asks and step.refuses), f"{verb} is not offered, so it asks nothing"

    def test_its_address_is_a_setting_and_nothing_travels_in_the_clear(self) -> None:
        for name in ("base_url", *(name for name in self.settings if name.endswith("_url"))):
            with pytest.raises(ValidationError):
                self.set(**{name: f"http://{HOST}"})

    def test_a_setting_nobody_reads_is_refused_and_a_secret_is_not_shown(self) -> None:
        assert SECRET not in repr(self.set())
        with pytest.raises(ValidationError) as caught:
            self.set(canary=SECRET)
        assert SECRET not in str(caught.value)

    # planning

    async def test_planning_makes_no_call_and_says_the_same_twice(self) -> None:
        told = Script()
        adaptor = self.made(told)
        assert await adaptor.plan(self.asked()) == await adaptor.plan(self.asked())
        assert told.asked == []

    async def test_a_plan_survives_a_history_and_keeps_no_secret(self) -> None:
        plan: Plan = await self.made(Script()).plan(self.asked())
        written = plan.model_dump_json()
        assert Plan.model_validate_json(written) == plan
        assert SECRET not in written

    async def test_the_totals_of_a_plan_are_the_documents(self) -> None:
        lines = [{**self.document["lines"][0], "id": str(number)} for number in (1, 2, 3)]
        document = {**self.document, "lines": lines}
        asked = self.asked(document=document).document
        assert totals(asked, "line").vat != totals(asked, "category").vat
        assert (await self.planned(document=document)).totals == totals(asked, self.rounding)

    async def test_another_rounding_than_its_own_is_refused(self) -> None:
        other = "line" if self.rounding == "category" else "category"
        error = await self.refused(document={**self.document, "vat_rounding": other})
        assert "document.vat_rounding" in _fields(error)

    async def test_every_field_is_said_refused_or_ignored(self) -> None:
        """And it is so: a value in the field is heard by the provider, refused, or without any
        effect, as the table says."""
        documents = [self.document, *(changed(self.document, each) for each in self.documents)]
        coverage: Coverage = self.adaptor.coverage
        found = await findings(coverage, self.life, documents, self.samples)
        assert not found, "\n".join(found)

    def options_for(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The options that this document needs."""
        return self.options

    async def life(self, document: Mapping[str, Any]) -> str:
        """Everything the provider is sent about this document until it is out."""
        request = self.asked(
            document=document, options=self.options_for(document), goal=self.walked or self.ordinary
        )
        return await self._sent(request, ("create", "approve", "send"))

    async def _sent(self, request: InvoiceRequest, verbs: Sequence[str]) -> str:
        plan: Plan = await self.made(Script()).plan(request)
        asked: list[httpx.Request] = []
        for verb in verbs:
            step = self.steps.get(verb)
            if step and step.asks and (verb != "attach" or plan.attachments):
                told = self.script(step).anywhere(answer(next(iter(step.asks.values()))))
                await self.called(verb, told, step, request, plan)
                asked += told.asked
        return written(asked, [each.model_dump(mode="json") for each in chain(*plan.look_ups)])

    async def test_every_option_is_said_or_has_its_reason(self) -> None:
        """A value in the option is heard by the provider; or it is not, and the adaptor says why
        such an option is there."""

        async def life(options: Mapping[str, Any], beside: Beside) -> str:
            document = changed(self.document, beside.document)
            request = self.asked(
                document=document, options=options, goal=self.walked or self.ordinary
            )
            verbs = ("create", "attach", "approve", "send", "delete", "credit")
            return await self._sent(request, verbs)

        adaptor = self.adaptor
        found = await options_found(
            adaptor.Options, adaptor.unsaid, life, self.options, self.beside
        )
        assert not found, "\n".join(found)

    async def test_an_option_nobody_knows_is_refused_by_its_name(self) -> None:
        error = await self.refused(options={**self.options, "canary_option": PERSON})
        assert isinstance(error, Rejected)
        assert "options.canary_option" in _fields(error)

    async def test_all_mistakes_are_named_at_once_without_what_was_typed(self) -> None:
        changes, wrong = self.wrong
        error = await self.refused(
            document={**self.document, **changes},
            options={**self.options, "canary_option": PERSON},
        )
        assert len(wrong) > 1
        assert {*wrong, "options.canary_option"} <= _fields(error)
        assert PERSON not in str(error.fields)

    @pytest.mark.parametrize("goal", Goal)
    async def test_a_goal_that_cannot_be_seen_here_is_refused(self, goal: Goal) -> None:
        if goal in self.goals:
            await self.planned(goal=goal)
            return
        error = await self.refused(goal=goal)
        assert isinstance(error, Rejected | Unsupported)
        assert "goal" in _fields(error)

    async def test_a_look_up_that_is_in_no_plan_is_refused(self) -> None:
        told = Script()
        target = Target(account="default", reference=REFERENCE)
        if not isinstance(adaptor := self.made(told), LooksUp):
            assert (await self.planned()).look_ups == ()
            return
        with pytest.raises(Rejected):
            await adaptor.look_up(
                LookUpCall(target=target, look_up=LookUp(name="canary", query={}))
            )
        assert told.asked == []

    # every verb

    async def test_a_verb_is_one_call(self, verb: str) -> None:
        step = self.steps[verb]
        told = self.script(step)
        if step.refuses:
            with pytest.raises(step.refuses) as caught:
                await self.perform(verb, told)
            _is_clean(caught.value)
        else:
            _is_answer(verb, await self.perform(verb, told))
        assert sorted(self.counted(told)) == sorted(step.asks)

    async def test_the_same_call_asks_for_the_same(self, calling: str) -> None:
        """Whichever worker makes it: the names of ours in it depend on its input alone."""
        asked = []
        for _ in range(2):
            told = self.script(self.steps[calling])
            await self.perform(calling, told)
            asked.append([(each.url, each.headers.raw, each.content) for each in told.asked])
        assert asked[0] == asked[1]

    async def test_whatever_fails_is_what_it_is_to_this_kind_of_call(
        self, calling: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        wrong: list[str] = []
        troubles = {trouble.name: trouble.reply for trouble in TROUBLES}
        kinds = {trouble.name: _kind(calling, trouble) for trouble in TROUBLES}
        async for where, name, told, outcome in self.outcomes(calling, troubles):
            expected = self.allowed(calling) if self.steps[calling].several else [kinds[name]]
            wrong += _unexpected(where, outcome, expected)
            repeated = len(set(self.counted(told))) < len(self.counted(told))
            wrong += [f"{where}: the call was repeated"] if repeated else []
        assert wrong == [], "\n".join(wrong)
        _is_private(caplog.text)

    async def test_every_status_means_something(
        self, calling: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        wrong: list[str] = []
        replies = {str(status): answer(self.refusal, status) for status in chosen(STATUSES, 3)}
        async for where, name, _, outcome in self.outcomes(calling, replies):
            fine = int(name) < 300 and not isinstance(outcome, ProviderError)
            if not fine and not _is_gone(calling, int(name), outcome):
                wrong += _unexpected(where, outcome, self.meant(calling, int(name)))
        assert wrong == [], "\n".join(wrong)
        _is_private(caplog.text)

    def meant(self, verb: str, status: int) -> Failures:
        """What this status may be to this verb: see the table in providers.kit.http."""
        step, changes = self.steps[verb], verb in CHANGING
        means = {**self.means, **step.means}
        if status in means:
            return [means[status]]
        if step.several:
            return self.allowed(verb)
        if status in CREDENTIALS:
            return [Denied]
        if 300 <= status < 400:
            return [UnknownOutcome if changes else Unreadable]
        if status in (408, 429) or status >= 500:
            return [UnknownOutcome if changes else Unavailable]
        if changes and status in PASSED_ON:
            return [UnknownOutcome]
        return self.allowed(verb)

    async def test_what_may_have_been_passed_on_is_looked_for_and_never_done_again_unasked(
        self, calling: str
    ) -> None:
        """However short the tests are; and how long to wait is not lost on the way."""
        wrong: list[str] = []
        wait = {"Retry-After": "7"}
        statuses = [each for each in (*PASSED_ON, 502, 503, 504) if each not in self.means]
        replies: dict[str, Reply] = {
            str(status): answer(self.refusal, status, wait) for status in statuses
        }
        async for where, name, _, outcome in self.outcomes(calling, replies):
            if self.steps[calling].several or (name in self.READ and calling not in CHANGING):
                continue
            wrong += _unexpected(where, outcome, self.meant(calling, int(name)))
            if getattr(outcome, "retry_after", None) != timedelta(seconds=7):
                wrong += [f"{where}: how long to wait is not told"]
        assert wrong == [], "\n".join(wrong)

    READ = ("425", "460", "499")
    """Of a reading call these are answers, as any 4xx."""

    async def test_a_refusal_that_is_no_json_is_a_refusal_all_the_same(self, calling: str) -> None:
        wrong: list[str] = []
        replies = {
            str(status): httpx.Response(status, html=PERSON) for status in (400, 401, 403, 422)
        }
        async for where, name, _, outcome in self.outcomes(calling, replies):
            kind = Denied if int(name) in CREDENTIALS else Rejected
            wrong += _unexpected(where, outcome, [kind])
        assert wrong == [], "\n".join(wrong)

    async def test_an_answer_to_another_question_is_not_taken_for_one(self, calling: str) -> None:
        wrong: list[str] = []
        replies: dict[str, Reply] = {json.dumps(body): answer(body) for body in STRANGE}
        async for where, _, _, outcome in self.outcomes(calling, replies):
            if isinstance(outcome, ProviderError):
                wrong += _unexpected(where, outcome, self.allowed(calling))
            elif calling not in INDIFFERENT and not self.steps[calling].empty:
                wrong += [f"{where}: was taken for an answer"]
        assert wrong == [], "\n".join(wrong)

    async def test_an_empty_success_says_nothing_where_something_was_to_be_said(
        self, calling: str
    ) -> None:
        wrong: list[str] = []
        allowed = self.allowed(calling)
        expected = allowed if self.steps[calling].several else allowed[-1:]
        replies: dict[str, Reply] = {str(status): answer(None, status) for status in (200, 204)}
        async for where, _, _, outcome in self.outcomes(calling, replies):
            if not self.steps[calling].empty:
                wrong += _unexpected(where, outcome, expected)
            elif isinstance(outcome, ProviderError):
                wrong += [f"{where}: {outcome!r}"]
        assert wrong == [], "\n".join(wrong)

    async def test_no_redirect_is_followed(self, calling: str) -> None:
        wrong: list[str] = []
        replies: dict[str, Reply] = {
            str(status): answer({}, status, {"Location": ELSEWHERE}) for status in REDIRECTS
        }
        async for where, _, told, outcome in self.outcomes(calling, replies):
            wrong += _unexpected(where, outcome, self.meant(calling, 301))
            self.counted(told)
        assert wrong == [], "\n".join(wrong)

    async def test_an_answer_without_end_is_cut_off(self, calling: str) -> None:
        wrong: list[str] = []
        expected = (
            self.allowed(calling) if self.steps[calling].several else self.meant(calling, 301)
        )
        replies: dict[str, Reply] = {
            "endless": lambda _: httpx.Response(200, stream=_Endless()),
            "endless refusal": lambda _: httpx.Response(400, stream=_Endless()),
        }
        async for where, _, _, outcome in self.outcomes(calling, replies):
            wrong += _unexpected(where, outcome, expected)
        assert wrong == [], "\n".join(wrong)

    async def test_what_fails_before_the_call_leaves_it_undone(self, calling: str) -> None:
        wrong: list[str] = []
        replies = {trouble.name: trouble.reply for trouble in TROUBLES}
        replies |= {
            str(status): answer(self.refusal, status) for status in (204, 302, 400, 401, 503)
        }
        replies |= {json.dumps(body): answer(body) for body in STRANGE}
        for route in self.sign_in:
            for name, reply in replies.items():
                told, outcome = await self.struck(calling, route, reply)
                undone = [each for each in self.allowed(calling) if each is not UnknownOutcome]
                wrong += _unexpected(f"{name} at {route}", outcome, undone)
                wrong += [f"{name}: called all the same"] if self.counted(told) else []
        assert wrong == [], "\n".join(wrong)

    # whose it is

    async def test_every_answer_about_an_invoice_states_our_reference(self, calling: str) -> None:
        step = self.steps[calling]
        shown = _shown(await self.perform(calling, self.script(step)))
        assert shown or calling not in TELLING
        assert {one.reference for one in shown} <= {None if step.silent else REFERENCE}

    async def test_an_answer_about_anothers_invoice_never_looks_like_ours(
        self, calling: str
    ) -> None:
        step = self.steps[calling]
        theirs = replace(step, asks=_renamed(step.asks))
        if calling == "find":
            # Left out; or refused, where what we would make under our number is there already.
            with contextlib.suppress(Rejected):
                assert _shown(await self.perform(calling, self.script(theirs), theirs)) == []
            return
        shown = _shown(await self.perform(calling, self.script(theirs), theirs))
        assert {one.reference for one in shown} <= {None if step.silent else OTHERS}

    async def test_how_long_an_uncertain_call_may_take_effect_is_the_providers_word(self) -> None:
        assert (await self.planned()).paces.effect == self.effect
        adaptor = self.made(Script())
        if isinstance(adaptor, Orders):
            assert (await adaptor.plan_order(self.ordered())).paces.effect == self.effect

    # news

    async def test_what_is_kept_of_an_event_reads_as_the_whole_of_it(self) -> None:
        adaptor = self.made(Script())
        if not isinstance(adaptor, Notifies):
            return
        assert self.news, "describe what it tells"
        for event in (each for one in self.news for each in (one, *chosen(_swollen(one), 3))):
            kept = await _kept(adaptor, event)
            if kept is None:
                continue
            for verb in {"read", "read_order"} & self.steps.keys():
                step = self.steps[verb]
                whole, slim = [
                    await self.perform(verb, self.script(step), replace(step, events=(one,)))
                    for one in (event, kept)
                ]
                assert slim == whole, event.kind

    async def test_what_is_kept_of_an_event_is_small(self) -> None:
        adaptor = self.made(Script())
        if not isinstance(adaptor, Notifies):
            return
        for event in self.news:
            kept = await _kept(adaptor, event)
            assert kept is not None, event.kind
            assert len(kept.model_dump_json()) <= 8 * 1024, event.kind
            for each in _swollen(event):
                rest = await _kept(adaptor, each)
                assert rest is None or len(rest.model_dump_json()) <= 16 * 1024, event.kind

    # words

    async def test_a_status_nobody_knows_is_no_stage(self) -> None:
        told = self.script(self.strange)
        snapshot: Snapshot = await self.perform("read", told, self.strange)
        assert snapshot.stage is Stage.UNKNOWN
        assert WORD in snapshot.status

    async def test_events_nobody_knows_change_nothing(self) -> None:
        step = self.steps["read"]
        calm: Snapshot = await self.perform("read", self.script(step), step)
        news = Step(step.asks, step.context, (*step.events, *_unheard_of()))
        assert await self.perform("read", self.script(news), news) == calm

    async def test_an_event_nobody_knows_is_about_nothing_or_is_not_understood(self) -> None:
        told = Script()
        adaptor = self.made(told)
        if not isinstance(adaptor, Notifies):
            return
        for event in _unheard_of():
            try:
                assert isinstance(await adaptor.about(event), Subject)
            except Unreadable as error:
                _is_clean(error)
        plain = Event(id="1", kind="canary.unheard-of", body={})
        assert await adaptor.about(plain) == Subject()
        assert told.asked == []

    async def test_a_webhook_of_unproven_origin_is_forged(self) -> None:
        """With all settings, and where webhooks are received: with none that must be given."""
        adaptor = self.made(Script())
        if not isinstance(adaptor, Hooks):
            return
        name = self.adaptor.name
        bare = hooks({f"{name}_timeout".upper(): "5"}, Script().client())[name]["default"]
        for each, body in product((adaptor, bare), (b"", b"{}", b"\xff", PERSON.encode())):
            delivery = Delivery(body=body, source="203.0.113.7", received=datetime.now(UTC))
            with pytest.raises(Forged) as caught:
                each.receive(delivery)
            _is_private(str(caught.value))

    # orders

    async def test_planning_an_order_makes_no_call_and_names_all_mistakes(self) -> None:
        told = Script()
        adaptor = self.made(told)
        if not isinstance(adaptor, Orders):
            return
        plan = await adaptor.plan_order(self.ordered())
        assert plan.totals == totals(self.ordered().document, self.rounding)
        changes, wrong = self.wrong
        with pytest.raises(ProviderError) as caught:
            await adaptor.plan_order(
                self.ordered(
                    document={**self.document, **self.order, **changes},
                    options={**self.options, "canary_option": PERSON},
                )
            )
        _is_clean(caught.value)
        assert {*wrong, "options.canary_option"} <= _fields(caught.value)
        assert told.asked == []


def _look_ups(plan: Plan) -> dict[str, LookUp]:
    return {f"look up {one.name}": one for wave in plan.look_ups for one in wave}


def _fields(error: ProviderError) -> set[str]:
    return {problem.field for problem in error.fields}


def _kind(verb: str, trouble: Trouble) -> type[ProviderError]:
    return trouble.changes if verb in CHANGING else trouble.reads


def _unexpected(where: str, outcome: Any, expected: Failures) -> Iterator[str]:
    # The very class: a subclass would be handled as something else.
    if type(outcome) not in expected:
        wanted = " or ".join(each.__name__ for each in expected)
        yield f"{where}: expected {wanted}, came to {outcome!r}"


def _is_gone(verb: str, status: int, outcome: Any) -> bool:
    """Whether this is a 404 of the kind that answers the question: it is not there any more."""
    if status not in (404, 409, 410) or isinstance(outcome, ProviderError):
        return False
    if verb == "acknowledge":
        return True
    return verb in ("read", "delete") and outcome.stage is Stage.DELETED


TELLING = ("find", "create", "read", "approve", "send", "credit")
"""Verbs whose answer shows an invoice."""
OTHERS = f"{REFERENCE}0"


def _shown(result: Any) -> list[Snapshot]:
    if isinstance(result, Search):
        return list(result.invoices)
    is_live = isinstance(result, Snapshot) and result.stage is not Stage.DELETED
    return [result] if is_live else []


def _renamed(asks: Mapping[str, Any]) -> Any:
    """The same answers about an invoice of somebody else's."""
    return json.loads(json.dumps(asks).replace(REFERENCE, OTHERS))


async def _kept(adaptor: Any, event: Event) -> Event | None:
    """What reaches the invoice; None if nothing does."""
    try:
        subject: Subject = await adaptor.about(event)
    except Unreadable:
        return None
    if not subject.keys:
        return None
    assert len("".join(subject.keys)) < 16 * 1024
    if subject.event is None:
        return Event(id=event.id, kind=event.kind, at=event.at)
    assert subject.event == event.model_copy(update={"body": subject.event.body})
    return subject.event


def _swollen(event: Event) -> list[Event]:
    """The event with something too large in it, one thing at a time."""
    return [event.model_copy(update={"body": body}) for body in _swollen_bodies(event.body)]


def _swollen_bodies(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    more = {"canary": ["x" * 1000] * 1000, "parameters.canary": {"y" * 100_000: "z" * 100_000}}
    yield {**whole, **more}
    for path in _places(whole):
        for change in (_long, _many):
            body = json.loads(json.dumps(whole))
            _change(body, path, change)
            yield body


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, member in members:
        yield (*at, name)
        if isinstance(member, dict | list):
            yield from _places(member, (*at, name))


def _change(body: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> None:
    *way, last = path
    for name in way:
        body = body[name]
    body[last] = change(body[last])


def _long(value: Any) -> Any:
    """Text without end; a long number stays one."""
    if isinstance(value, list | dict):
        return value
    return f"{value}" + ("0" if str(value).replace(".", "").isdigit() else "ü") * 100_000


def _many(value: Any) -> Any:
    return value * 1000 if isinstance(value, list) else [value] * 1000


ANSWERS: dict[str, type[BaseModel] | None] = {
    "find": Search,
    "poll": Batch,
    "acknowledge": None,
    "attach": Found,
    **dict.fromkeys(ORDERLY, OrderSnapshot),
}


def _is_answer(verb: str, result: Any) -> None:
    """Of the port's type, and the same after a stay in a history, without a secret in it."""
    kind = Found if verb.startswith("look up ") else ANSWERS.get(verb, Snapshot)
    if kind is None:
        assert result is None
        return
    assert type(result) is kind
    written = result.model_dump_json()
    assert kind.model_validate_json(written) == result
    assert SECRET not in written


def _is_clean(error: ProviderError) -> None:
    """Its sentence may be logged, with its traceback: no secret, nobody's name."""
    _is_private(f"{error} {error!r} {error.message}")
    _is_private("".join(traceback.format_exception(error)))


def _is_private(text: str) -> None:
    for canary in (SECRET, PERSON, BUYER, BUYER_EMAIL):
        assert canary not in text, f"{canary!r} is told"


def _unheard_of() -> Iterator[Event]:
    bodies: tuple[Any, ...] = ({}, {"id": 7, "data": [], "type": None}, {"canary": {"a": [1]}})
    for number, body in enumerate(bodies):
        yield Event(id=f"canary-{number}", kind="canary.unheard-of", body=body)

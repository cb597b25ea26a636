"""What a provider says of itself, and what tests make of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from invoicing.attachment import files_of
from invoicing.errors import (
    Denied,
    ProviderError,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
)
from invoicing.provider import (
    AttachCall,
    CancelLinesCall,
    CreateCall,
    Event,
    LookUpCall,
    OrderReadCall,
    OrderTarget,
    Paces,
    Plan,
    ReadCall,
    RegisterCall,
    Target,
)
from invoicing.request import Goal, InvoiceRequest, OrderRequest
from invoicing.totals import VatRounding
from tests.attached import CONTENT
from tests.providers import Reply, Script, answer
from tests.providers.contract.given import (
    BORN,
    CHANGING,
    DOCUMENT,
    FED,
    HOST,
    ORDERLY,
    PERSON,
    REFERENCE,
    Failures,
    Step,
)
from tests.providers.contract.judging import (
    look_ups,
    must_be_clean,
)
from tests.providers.fields import Change, Sample
from tests.providers.options import Beside


class Description:
    """What a provider says of itself, and what tests make of it."""

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
        must_be_clean(caught.value)
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
            case "create" | "update":
                call = CreateCall(
                    target=target,
                    document=request.document,
                    options=request.options,
                    totals=plan.totals,
                    files={file.sha256: CONTENT for file in files_of(request.document.attachments)},
                )
                return await getattr(adaptor, verb)(call)
            case "attach":
                (attachment,) = plan.attachments
                attaching = AttachCall(target=target, attachment=attachment, content=CONTENT)
                return await adaptor.attach(attaching)
            case "read":
                return await adaptor.read(ReadCall(target=target, events=step.events))
            case _ if verb.startswith("look up "):
                look_up = look_ups(plan)[verb]
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
            must_be_clean(error)
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

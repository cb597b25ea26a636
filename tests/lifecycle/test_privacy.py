"""Where personal data and secrets may be: nowhere but in payloads, and secrets not even there.

Names, an address, a note and the operator's words go through everything that can go wrong. Then
every log record, every failure, every id and every list entry is searched for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Memo, Payload, SearchAttributes
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError

from invoicing.client import Failed
from invoicing.document import Contact, Document, Party, Payment
from invoicing.errors import InvalidRequest, InvoicingError
from invoicing.parse import read_request
from invoicing.provider import Event
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, workflow_id
from invoicing.state.invoice import Cancel, Hold, Release, Resolve, Status
from invoicing.state.questions import Answer
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from sandbox.zero_friction.forms import Refusal
from tests.examples import a_document
from tests.lifecycle.parking import NEVER, SHORT
from tests.lifecycle.world import PACES, Company, Hurried, World, settings

NAME = "Quillon Canaryson"
CONTACT = "Marmeline Canaryson"
MAIL = "quillon.canaryson@example.test"
NOTE = "for the canary in cage seven"
IBAN = "BE71096123456769"
OPERATOR = "Operatrix Canaryson"
WORDS = "because the canary sang"
ECHO = "Echo Canaryson of Cage Street"
PERSONAL = (NAME, CONTACT, MAIL, NOTE, IBAN, OPERATOR, WORDS, ECHO, "canaryson", "canary sang")

WRONG = "wrong-secret-of-a-canary"
SECRETS = (zf.CLIENT_SECRET, zf.SUBSCRIPTION_KEY, WRONG, "Bearer ", "sandbox-")
"""The stand-in's tokens all begin with the last."""


def document(**changes: Any) -> Document:
    contact = Contact(name=CONTACT, email=MAIL)
    buyer = Party(name=NAME, account_number="K-1001", contact=contact)
    return a_document(buyer=buyer, notes=(NOTE,), payment=Payment(iban=IBAN), **changes)


# --- what is collected ----------------------------------------------------------------------------


@dataclass
class Collected(logging.Handler):
    """Everything that was said in clear text, with where; and all payload bodies."""

    clear: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    loggers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__(logging.DEBUG)

    __hash__ = logging.Handler.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        shown = logging.Formatter("%(message)s").format(record)
        self.loggers.add(record.name)
        self.clear.append((f"log {record.name}", f"{shown} {record.args} {vars(record)}"))

    def error(self, error: BaseException | None) -> None:
        """An exception as a service that logs it would show it, causes included."""
        while error is not None:
            self.clear.append((type(error).__name__, f"{error} {error!r} {error.args}"))
            error = error.__cause__

    def message(self, message: Message, where: str, *, is_clear: bool = False) -> None:
        """Every text in a protobuf message. Payload bodies are what a codec encrypts, except those
        of search attributes, of the memo and of summaries."""
        if isinstance(message, Payload):
            if is_clear:
                self.clear.append((where, message.data.decode(errors="replace")))
            self.bodies.append(message.data)
            return
        inside = is_clear or isinstance(message, (SearchAttributes, Memo, UserMetadata))
        for descriptor, value in message.ListFields():
            for part in _parts(descriptor, value):
                self._part(part, f"{where}.{descriptor.name}", is_clear=inside)

    def _part(self, part: object, where: str, *, is_clear: bool) -> None:
        if isinstance(part, Message):
            self.message(part, where, is_clear=is_clear)
        elif isinstance(part, str):
            self.clear.append((where, part))

    def leaks(self, words: Sequence[str]) -> list[str]:
        """Where one of these words stands in clear text."""
        return [
            f"{word!r} in {where}: {text[:300]}"
            for where, text in self.clear
            for word in words
            if word.casefold() in text.casefold()
        ]


def _parts(descriptor: FieldDescriptor, value: Any) -> Iterator[object]:
    kind = descriptor.message_type
    if kind is not None and kind.GetOptions().map_entry:
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, (str, bytes, int, float, Message)):
        yield value
    else:
        yield from list(value)


@pytest.fixture
def collected() -> Iterator[Collected]:
    """Every logger there is, from its finest level on."""
    handler, root = Collected(), logging.getLogger()
    names = ("httpx", "httpcore", "invoicing", "providers", "activities", "workflows", "worker")
    calls = logging.getLogger("temporalio.activity")
    loggers = [*(logging.getLogger(name) for name in names), calls]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    # The engine's own debug lines show payloads; worker.py never lets them out.
    calls.setLevel(logging.INFO)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


# --- what happens ---------------------------------------------------------------------------------


@dataclass
class Play:
    """The scenes: each leaves a workflow behind whose history is searched."""

    world: World
    collected: Collected
    ids: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def company(self, **how: Any) -> AsyncIterator[Company]:
        async with self.world.company(**how) as company:
            yield company
            for reference in company.client.invoices.started:  # type: ignore[attr-defined]
                await self.search(company, reference)

    async def search(self, company: Company, reference: str) -> None:
        """Add the history and the description of this workflow to what is searched."""
        handle = company.client.invoices.handle(reference)
        async for event in handle.fetch_history_events():
            self.collected.message(event, f"event {event.event_id}")
        described = await handle.describe()
        self.collected.message(described.raw_description, "description")
        self.ids.append(handle.id)

    async def happy(self) -> None:
        async with self.company(approval_delay=NEVER) as company:
            request = company.request(goal=Goal.PAID, document=_fields())
            await company.start(request)
            await company.until_waiting(request.reference, "approval")
            company.stand_in.revoke_tokens()
            hold = Hold(by=OPERATOR, reason=WORDS)
            await company.client.invoices.hold(request.reference, hold)
            company.stand_in.finish(request.reference)
            await company.until_status(request.reference, Status.HELD)
            release = Release(by=OPERATOR, reason=WORDS)
            await company.client.invoices.release(request.reference, release)
            await company.until_waiting(request.reference, "payment")
            event = Event(id="1", body={"payer": NAME})
            await company.client.invoices.handle(request.reference).signal("provider_event", event)
            company.stand_in.pay(request.reference)
            await company.finished(request.reference)

    async def refused(self) -> None:
        """The provider repeats the name in its error; a person corrects, another cancels."""
        async with self.company() as company:
            drafted, refusals = company.stand_in.books.draft, 0

            def refuse(body: dict[str, Any]) -> Any:
                nonlocal refusals
                refusals += 1
                if refusals > 2:
                    return drafted(body)
                raise Refusal(("COULD_NOT_CREATE_INVOICE", ECHO))

            company.stand_in.books.draft = refuse  # type: ignore[method-assign]
            reference = await company.start(document=_fields())
            parked = await company.parked(reference)
            assert parked.problem is not None
            assert ECHO in str(parked.problem.fields), "people do see what the provider said"
            answer = {"by": OPERATOR, "reason": WORDS}
            correction = document(due_date=None)
            await company.resolve(reference, Answer.CORRECT, document=correction, **answer)
            await company.until(reference, lambda _: refusals == 2)
            await company.parked(reference)
            await company.resolve(reference, Answer.RETRY, **answer)
            await company.finished(reference)
            cancelled = await company.start(document=_fields(), hold=True)
            await company.until_status(cancelled, Status.HELD)
            await company.client.invoices.cancel(cancelled, Cancel(by=OPERATOR, reason=WORDS))
            await company.finished(cancelled)

    async def lost(self) -> None:
        """Answers that do not come, or cannot be read."""
        async with self.company() as company:
            faults = company.stand_in.faults
            faults.place(Step.TOKEN, Fault.NOT_JSON)
            faults.place(Step.CUSTOMERS, Fault.TRUNCATED)
            faults.place(Step.FIND, Fault.NOT_JSON, nth=2)
            faults.place(Step.CREATE, Fault.TIME_OUT, when="after")
            faults.place(Step.READ, Fault.NOT_JSON)
            faults.place(Step.APPROVE, Fault.RESET, when="after")
            faults.place(Step.SEND, Fault.NOT_JSON, when="after")
            reference = await company.start(document=_fields())
            await company.finished(reference)

    async def failing(self) -> None:
        """An approval that fails in the provider's own words."""
        async with self.company() as company:
            company.stand_in.faults.place(Step.APPROVE, Told.ERRORS_FILLED, key=ECHO)
            reference = await company.start(document=_fields())
            await company.parked(reference)
            await company.resolve(reference, Answer.ABANDON, by=OPERATOR, reason=WORDS)
            await company.finished(reference)

    async def strangers(self) -> None:
        """A secret that the provider refuses."""
        patient = SHORT.model_copy(update={"deadline": timedelta(seconds=8)})
        # Long enough to be seen to wait, on a busy machine.
        attention = timedelta(seconds=5)
        waits = {"unavailable": patient, "credentials": patient, "attention": attention}
        brief = PACES.model_copy(update=waits)
        async with self.company(paces=brief) as company:
            wrong = settings(company.stand_in, client_secret=WRONG)
            strange = Hurried(wrong, self.world.http, brief)
            self.world.accounts["zero_friction"][company.account] = strange
            reference = await company.start(document=_fields())
            parked = await company.parked(reference)
            assert "client id or secret" in str(parked.problem)
            with pytest.raises(Failed) as failed:
                await company.finished(reference)
            self.collected.error(failed.value)

    async def mistaken(self) -> None:
        """Inputs and instructions that cannot be read."""
        async with self.company() as company:
            reference = await company.start(document=_fields(), hold=True)
            await company.until_status(reference, Status.HELD)
            handle = company.client.invoices.handle(reference)
            for update, wrong in (
                ("hold", {"by": OPERATOR, "reason": 7, "resaon": WORDS}),
                ("resolve", {"by": OPERATOR, "reason": WORDS, "answer": NAME}),
                ("cancel", OPERATOR),
            ):
                with pytest.raises(WorkflowUpdateFailedError) as refusal:
                    await handle.execute_update(update, wrong)
                self.collected.error(refusal.value)
            said = {"question": "q9", "answer": "retry", "by": OPERATOR, "reason": WORDS}
            answer = Resolve.model_validate(said)
            with pytest.raises(InvoicingError) as refused:
                await company.client.invoices.resolve(reference, answer)
            self.collected.error(refused.value)
            other = company.request(reference, document=_fields(), goal=Goal.PAID)
            with pytest.raises(InvoicingError) as in_use:
                await company.start(other)
            self.collected.error(in_use.value)
            await self._unreadable(company)

    async def _unreadable(self, company: Company) -> None:
        request = company.request(document=_fields())
        content = request.model_dump(mode="json", exclude_none=True)
        content["document"]["buyer"]["nmae"] = NAME
        content["document"]["notes"] = NOTE
        content["document"]["payment"]["iban"] = f"{IBAN[:-1]}8"
        content["document"]["buyer"]["contact"]["email"] = f"{MAIL}@"
        company.client.invoices.started.add(request.reference)  # type: ignore[attr-defined]
        started = await company.client.temporal.start_workflow(
            WORKFLOW, content, id=workflow_id(request.reference), task_queue=TASK_QUEUE
        )
        with pytest.raises(WorkflowFailureError) as failed:
            await started.result()
        self.collected.error(failed.value)
        assert "document.buyer.nmae" in str(failed.value.cause)

    async def all(self) -> None:
        """All scenes at once."""
        scenes = (self.happy, self.refused, self.lost, self.failing, self.strangers, self.mistaken)
        await asyncio.gather(*(scene() for scene in scenes))


def _fields(**changes: Any) -> dict[str, Any]:
    whole = document(**changes)
    return {name: getattr(whole, name) for name in type(whole).model_fields}


async def test_nothing_personal_and_no_secret_is_anywhere_but_where_it_belongs(
    shared_world: World, collected: Collected
) -> None:
    play = Play(shared_world, collected)
    await play.all()
    assert len(play.ids) == 8
    collected.clear += [("workflow id", identity) for identity in play.ids]
    assert collected.leaks(PERSONAL) == []
    assert collected.leaks(SECRETS) == []
    bodies = b"\n".join(collected.bodies)
    for secret in SECRETS:
        assert secret.encode() not in bodies
    # The search does find what there is to be found.
    for word in (NAME, MAIL, NOTE, OPERATOR, WORDS, ECHO):
        assert word.encode() in bodies
    assert {
        "httpx",
        "httpcore.http11",
        "invoicing.calls",
        "invoicing.workflow",
        "providers.kit.http",
        "temporalio.activity",
    } <= collected.loggers
    assert collected.leaks(["invoice/T-"])
    assert collected.leaks(["providers.kit.http"])


def test_a_request_that_cannot_be_read_does_not_show_what_was_written(collected: Collected) -> None:
    text = document().model_dump_json().replace(IBAN, f"{IBAN[:-1]}8").replace("EUR", "Euro")
    with pytest.raises(InvalidRequest) as error:
        read_request(f'{{"reference": "T-1", "provider": "{NAME}", "document": {text}}}')
    collected.error(error.value)
    with pytest.raises(ValueError, match="buyer") as plain:
        InvoiceRequest.model_validate({"document": {"buyer": {"nmae": NAME, "name": [MAIL]}}})
    collected.error(plain.value)
    assert collected.leaks(PERSONAL) == []

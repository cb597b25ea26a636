"""A person is erased: with a data key per invoice, nothing of them is left to be read anywhere.

On a real server, with a register and a store of documents; the command line erases.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from documents import Account, NotThere
from documents import opened as store_at
from invoicing.attachment import SupportingDocument
from invoicing.client import InvoicingClient, converter
from invoicing.credits.amend import Amend, AmendStatus
from invoicing.document import Address, Party
from invoicing.errors import KeysAway
from invoicing.request import Goal
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, money_id, workflow_id
from invoicing.state.invoice import Hold, Invoice, Release, Status
from invoicing.temporal.converter import Erased, Undecipherable, data_converter
from invoicing.temporal.encryption import (
    KEY_NAME,
    OWN_KEY,
    VARIABLE,
    EncryptionCodec,
    new_key,
    read_keys,
)
from register import Books
from register.database import made
from register.keys import KeyStore
from register.tables import metadata
from starter import Code
from temporal_server import Server, local_server
from tests.attached import a_file, supporting
from tests.command_line import typed
from tests.examples import a_document, a_line
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.office import a_credit
from tests.lifecycle.provider_world import opened as opened_at
from tests.lifecycle.test_encryption import payloads, until_event
from tests.lifecycle.test_money import HEARS
from tests.lifecycle.test_orders import a_delivery, an_order
from tests.lifecycle.test_orders import until as until_order
from tests.lifecycle.test_privacy import Collected
from tests.lifecycle.test_privacy import collected as collected
from tests.lifecycle.world import Company, World, world
from tests.patience import LONG_ENOUGH
from tests.register.postgres import on_both_when_thorough
from tests.tiers import detail, slow

NAME = "Quillon Canaryson"
STREET = "Cage Street 7"
NOTE = "for the canary in cage seven"
LINE = "one birdcage of brass"
OPERATOR = "Operatrix Canaryson"
WORDS = "because the canary sang"
ORDER_LINE = "a perch of willow"
CANARIES = (NAME, STREET, NOTE, LINE, OPERATOR, WORDS, ORDER_LINE, "canaryson")

KEYS = new_key("2026-11")
DATA_KEYS = "INVOICING_DATA_KEYS"
WHY = ("--reason", "asked for by the buyer", "--by", "Bo", "--yes")


@dataclass
class Here:
    """A world with a register, data keys and documents, and the variables that say so."""

    world: World
    company: Company
    variables: dict[str, str]
    folder: Path
    keys: KeyStore

    async def typed(self, *arguments: str) -> Any:
        return await typed(*arguments, at=self.company, **self.variables)

    async def newcomer(self) -> InvoicingClient:
        """A client that has looked up no key yet."""
        here = converter(self.keys)
        return await InvoicingClient.connect(self.world.server.address, data_converter=here)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    """One of its own: on the shared one a worker without keys takes the tasks."""
    async with local_server(own=True) as running:
        yield running


@pytest.fixture
async def here(
    server: Server, place: str, books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Here]:
    folder = tmp_path / "documents"
    variables = {
        VARIABLE: KEYS,
        DATA_KEYS: "true",
        "INVOICING_REGISTER_AT": place,
        "INVOICING_DOCUMENTS_AT": str(folder),
    }
    for name, says in variables.items():
        monkeypatch.setenv(name, says)
    # A minute is long for a test: what was erased is to be known at once.
    monkeypatch.setattr("invoicing.temporal.data_keys.FRESH", 0.0)
    with contextlib.closing(KeyStore(place)) as keys:
        async with (
            world(server, register=books, documents=store_at(str(folder)), data_keys=keys) as made_,
            made_.company(paces=HEARS) as company,
        ):
            yield Here(made_, company, variables, folder, keys)


def _document() -> dict[str, Any]:
    address = Address(street=STREET, city="Antwerpen", postal_code="2000", country="BE")
    buyer = Party(name=NAME, account_number="K-1001", address=address)
    return {"buyer": buyer, "notes": (NOTE,), "lines": (a_line(1, name=LINE),)}


async def _eventful(company: Company) -> str:
    """An invoice that is held, released with a word, previewed, told of, paid; its reference."""
    request = company.request(document=_document(), options={}, hold=True, goal=Goal.PAID)
    await company.client.invoices.preview(request)
    reference = await company.start(request)
    await company.until_status(reference, Status.HELD)
    await company.client.invoices.release(reference, Release(by=OPERATOR, reason=WORDS))
    await company.until_waiting(reference, "payment")
    await company.client.invoices.hold(reference, Hold(by=OPERATOR, reason=WORDS))
    company.stand_in.pay(reference)
    await company.tell(reference)
    await company.finished(reference)
    await asyncio.wait_for(company.client.documents.wait(reference), LONG_ENOUGH)
    await company.client.invoices.handle(reference).result()
    return reference


# --- what can be read -----------------------------------------------------------------------------


async def _everything(client: InvoicingClient) -> list[Payload]:
    """Every payload of every workflow in the namespace, its memo included, as it is stored."""
    found: list[Payload] = []
    async for each in client.temporal.list_workflows():
        handle = client.temporal.get_workflow_handle(each.id, run_id=each.run_id)
        events = [event async for event in handle.fetch_history_events()]
        found += payloads([*events, each.raw_info, (await handle.describe()).raw_description])
    return found


async def _readable(here: Here) -> set[str]:
    """The canaries that somebody with every key there is can read in what Temporal keeps."""
    stored = await _everything(here.company.client)
    fresh = (await here.newcomer()).temporal.data_converter.payload_codec
    common = EncryptionCodec(read_keys(SecretStr(KEYS)))
    assert fresh is not None
    texts = [one.SerializeToString() for one in stored]
    for codec in (fresh, common):
        for one in stored:
            with contextlib.suppress(Undecipherable):
                texts.append((await codec.decode([one]))[0].SerializeToString())
    return _canaries(b"\n".join(texts))


def _canaries(text: bytes) -> set[str]:
    return {word for word in CANARIES if word.lower().encode() in text.lower()}


def _in_the_register(place: str) -> bytes:
    engine = made(place)
    with engine.begin() as db:
        # A row as text leaves out the middle of what is long.
        tables = metadata.tables.values()
        rows = [str(tuple(row)) for table in tables for row in db.execute(select(table))]
    engine.dispose()
    files = [] if "://" in place else Path(place).parent.glob("register.db*")
    return "\n".join(rows).encode() + b"".join(each.read_bytes() for each in files)


def _in_files(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


@slow
async def test_after_an_erasure_no_canary_is_left_anywhere(
    here: Here, collected: Collected, place: str, tmp_path: Path
) -> None:
    company = here.company
    other = await company.start()
    reference = await _eventful(company)
    await company.finished(other)
    before = await _everything(company.client)
    assert {one.metadata[KEY_NAME] for one in before} == {OWN_KEY.encode()}
    assert await _readable(here) == set(CANARIES) - {ORDER_LINE}
    assert _canaries(_in_the_register(place)) >= {NAME, OPERATOR, WORDS}
    assert list((here.folder / reference).rglob("*.pdf"))

    hearing = company.client.temporal.get_workflow_handle(money_id(reference))
    assert (await hearing.describe()).status is WorkflowExecutionStatus.RUNNING
    said = await here.typed("erase", reference, *WHY)
    assert said.exit_code == Code.DONE, said.output
    assert (await hearing.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert "Its data key is destroyed" in said.stdout

    assert await _readable(here) == set()
    # Who answered is kept: it is the law's part of the register, and no buyer's name.
    assert _canaries(_in_the_register(place)) <= {OPERATOR, "canaryson"}
    assert not list((here.folder / reference).rglob("*.pdf"))
    assert _canaries(_in_files(here.folder)) == set()
    exported = await here.typed("export", "--month", "2026-06", "-o", str(tmp_path / "june"))
    assert exported.exit_code == Code.DONE, exported.output
    assert _canaries(_in_files(tmp_path / "june")) <= {OPERATOR, "canaryson"}
    assert collected.leaks([*CANARIES, KEYS.partition(":")[2]]) == []

    # Others are untouched, and lists go on.
    client = await here.newcomer()
    assert (await client.invoices.state(other)).status is Status.SENT
    listed = {row.reference: row.status async for row in client.invoices.list()}
    assert listed[reference] == Status.PAID
    assert listed[other] == Status.SENT


SHEET = b"%PDF-1.7\nhours of Quillon Canaryson\n%%EOF"
TERMS = b"%PDF-1.7\nterms for everybody\n%%EOF"


@slow
async def test_what_came_with_an_invoice_and_what_amended_it_is_erased_as_well(
    here: Here, collected: Collected, place: str
) -> None:
    async with opened_at(here.world, "invoro") as shop:
        old, new, other = await _amended_with_files(here, shop)
        store = here.world.documents
        assert store
        assert _canaries(_in_files(here.folder)) >= {NAME}
        assert await _readable(here) >= {NAME, OPERATOR, WORDS, LINE}
        notes = [each.reference for each in (await shop.client.credits.state(old)).credits]
        # What is another's is erased after it.
        for reference in (old, new, *notes):
            said = await here.typed("erase", reference, *WHY)
            assert said.exit_code == Code.DONE, said.output
        assert await _readable(here) == set()
        assert _canaries(_in_the_register(place)) <= {OPERATOR, "canaryson"}
        assert _canaries(_in_files(here.folder)) == set()
        assert collected.leaks([*CANARIES, KEYS.partition(":")[2]]) == []
        # The file that another invoice has as well stays until that one is erased.
        (terms,), account = _with(TERMS), Account(shop.provider, shop.account)
        assert terms.file
        assert await store.attachments.get(account, terms.file) == TERMS
        assert (await here.typed("erase", other, *WHY)).exit_code == Code.DONE
        with pytest.raises(NotThere):
            await store.attachments.get(account, terms.file)


async def _amended_with_files(here: Here, shop: Shop) -> tuple[str, str, str]:
    """An invoice with two files, the one in its place with one of them, another with the other."""
    assert here.world.documents
    for content in (SHEET, TERMS):
        await here.world.documents.attachments.put(Account(shop.provider, shop.account), content)
    buyer = shop.request().document.buyer.model_copy(update={"name": NAME})
    document = {**_document(), "buyer": buyer, "attachments": _with(SHEET)}
    old = shop.request(document={**document, "attachments": _with(SHEET, TERMS)})
    other = shop.request(document={"attachments": _with(TERMS)})
    for each in (old, other):
        await shop.start(each)
        await shop.finished(each.reference)
    new = shop.request(f"{old.reference}-A1", document=document)
    wanted = Amend(by=OPERATOR, reason=WORDS, amendment="A1", invoice=new)
    await shop.client.amendments.make(old.reference, wanted)
    state = await asyncio.wait_for(shop.client.amendments.result(old.reference), LONG_ENOUGH)
    assert (state.status, state.problem) == (AmendStatus.AMENDED, "")
    for each in (old, new, other):
        await shop.client.invoices.handle(each.reference).result()
    return old.reference, new.reference, other.reference


def _with(*contents: bytes) -> tuple[SupportingDocument, ...]:
    described = (supporting(file=a_file(content)) for content in contents)
    return tuple(
        SupportingDocument.model_validate({**each, "reference": f"F-{number}"})
        for number, each in enumerate(described)
    )


# --- what is answered -----------------------------------------------------------------------------


async def _erased(here: Here) -> str:
    reference = await here.company.start(document=_document(), options={})
    await here.company.finished(reference)
    await here.company.client.invoices.handle(reference).result()
    await asyncio.wait_for(here.company.client.documents.wait(reference), LONG_ENOUGH)
    said = await here.typed("erase", reference, *WHY)
    assert said.exit_code == Code.DONE, said.output
    return reference


@detail
@on_both_when_thorough
async def test_an_erased_reference_is_said_to_be_erased_whatever_is_asked(here: Here) -> None:
    reference = await _erased(here)
    client = await here.newcomer()
    same = here.company.request(reference, document=_document(), options={})
    other = here.company.request(reference)
    for call in (
        client.invoices.state(reference),
        client.invoices.journal(reference),
        client.invoices.result(reference),
        client.invoices.start(same),
        client.invoices.start(other),
        client.invoices.preview(same),
        client.invoices.hold(reference, Hold(by="Bo", reason="test")),
        client.credits.overview(reference),
        client.credits.make(reference, a_credit("C1", whole=True)),
    ):
        with pytest.raises(Erased, match=f"{reference} was erased on"):
            await call
    for command in (("show", reference), ("watch", reference)):
        said = await here.typed(*command)
        assert said.exit_code == Code.FAILED, said.output
        assert "was erased on" in said.output
    again = await here.typed("erase", reference, *WHY)
    assert again.exit_code == Code.DONE, again.output
    assert here.company.effects(reference) == ["created", "approved", "sent"]


@slow
@on_both_when_thorough
async def test_who_starts_an_erased_reference_without_the_register_is_refused_by_the_worker(
    here: Here,
) -> None:
    reference = await _erased(here)
    plain = await InvoicingClient.connect(here.world.server.address, data_converter=data_converter)
    again = here.company.request(reference)
    handle = await plain.temporal.start_workflow(
        WORKFLOW,
        again,
        id=workflow_id(reference),
        task_queue=TASK_QUEUE,
        result_type=Invoice,
    )
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), LONG_ENOUGH)
    assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED
    with pytest.raises(Erased):
        await (await here.newcomer()).invoices.result(reference)
    assert here.company.effects(reference) == ["created", "approved", "sent"]


@slow
@on_both_when_thorough
async def test_an_erased_invoice_that_is_reset_makes_nothing_and_ends_at_once(
    here: Here,
) -> None:
    reference = await _erased(here)
    temporal = here.company.client.temporal
    handle = temporal.get_workflow_handle(workflow_id(reference))
    last = await handle.describe()
    reset = await temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=last.run_id),
            reason="test",
            workflow_task_finish_event_id=4,
            request_id="reset",
        )
    )
    run = temporal.get_workflow_handle(handle.id, run_id=reset.run_id)
    with pytest.raises(Erased):
        await asyncio.wait_for(run.result(), LONG_ENOUGH)
    assert (await run.describe()).status is WorkflowExecutionStatus.FAILED
    assert here.company.effects(reference) == ["created", "approved", "sent"]
    said = await here.typed("show", reference)
    assert "was erased on" in said.output


@detail
@on_both_when_thorough
async def test_before_the_end_nothing_is_erased(here: Here) -> None:
    reference = await here.company.start(document=_document(), options={}, hold=True)
    await here.company.until_status(reference, Status.HELD)
    said = await here.typed("erase", reference, *WHY)
    # The register may know it by an earlier status, or not at all yet.
    assert said.exit_code in (Code.FAILED, Code.NOT_FOUND), said.output
    assert "it has not ended" in said.output or "has nothing of it" in said.output
    await here.company.release(reference)
    assert (await here.company.finished(reference)).status is Status.SENT


@slow
@on_both_when_thorough
async def test_a_delivery_s_invoice_is_erased_after_its_order(here: Here) -> None:
    company = here.company
    line = a_line(1, name=ORDER_LINE)
    order = an_order(company, "1", document=a_document(**{**_document(), "lines": (line,)}))
    await company.client.orders.start(order)
    await company.client.orders.deliver(order.reference, a_delivery("D1", "1"))
    state = await until_order(company, order.reference, lambda order: order.ended)
    invoice = state.deliveries[0].reference
    await company.client.orders.handle(order.reference).result()
    await company.client.invoices.handle(invoice).result()
    await asyncio.wait_for(company.client.documents.wait(invoice), LONG_ENOUGH)
    first = await here.typed("erase", invoice, *WHY)
    assert first.exit_code == Code.FAILED, first.output
    assert f"it belongs to order {order.reference}: erase that first" in first.output
    assert ORDER_LINE in await _readable(here)
    for what in ((order.reference, "--order"), (invoice,)):
        said = await here.typed("erase", *what, *WHY)
        assert said.exit_code == Code.DONE, said.output
    assert ORDER_LINE not in await _readable(here)
    with pytest.raises(Erased, match=order.reference):
        await (await here.newcomer()).orders.state(order.reference)


# --- the register is away -------------------------------------------------------------------------


@slow
@on_both_when_thorough
async def test_a_register_that_is_away_ends_nothing_and_all_goes_on_when_it_is_back(
    here: Here, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = here.company
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)

    def away(work: object) -> object:
        raise KeysAway("the register is away (test)")

    client = await here.newcomer()
    with monkeypatch.context() as gone:
        gone.setattr(KeyStore, "_told", staticmethod(away))
        with pytest.raises(KeysAway, match="away"):
            await client.invoices.state(reference)
        # By somebody whose key it does not need: the worker cannot read what the invoice is.
        plain = await InvoicingClient.connect(
            here.world.server.address, data_converter=data_converter
        )
        handle = plain.temporal.get_workflow_handle(workflow_id(reference))
        await handle.signal("provider_event", {"id": "e1"})
        failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        await asyncio.wait_for(until_event(company, reference, failed), LONG_ENOUGH)
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await company.release(reference)
    assert (await company.finished(reference, 60)).status is Status.SENT
    assert company.effects(reference) == ["created", "approved", "sent"]

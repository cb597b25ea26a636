"""A person is erased: with a data key per invoice, nothing of them is left to be read anywhere.

The command line erases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from documents import Account, NotThere
from invoicing.attachment import SupportingDocument
from invoicing.credits.amend import Amend, AmendStatus
from invoicing.request import Goal
from invoicing.state.identity import money_id
from invoicing.state.invoice import Hold, Release, Status
from invoicing.temporal.encryption import (
    KEY_NAME,
    OWN_KEY,
)
from starter import Code
from tests.attached import a_file, supporting
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened as opened_at
from tests.lifecycle.test_privacy import Collected
from tests.lifecycle.test_privacy import collected as collected
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH
from tests.register.erased import (
    CANARIES,
    KEYS,
    LINE,
    NAME,
    OPERATOR,
    ORDER_LINE,
    WHY,
    WORDS,
    Here,
    canaries_in,
    everything_stored,
    her_document,
    in_files,
    in_the_register,
    readable,
)
from tests.register.erased import here as here
from tests.register.erased import server as server
from tests.tiers import slow


async def _eventful(company: Company) -> str:
    """An invoice that is held, released with a word, previewed, told of, paid; its reference."""
    request = company.request(document=her_document(), options={}, hold=True, goal=Goal.PAID)
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


@slow
async def test_after_an_erasure_no_canary_is_left_anywhere(
    here: Here, collected: Collected, place: str, tmp_path: Path
) -> None:
    company = here.company
    other = await company.start()
    reference = await _eventful(company)
    await company.finished(other)
    before = await everything_stored(company.client)
    assert {one.metadata[KEY_NAME] for one in before} == {OWN_KEY.encode()}
    assert await readable(here) == set(CANARIES) - {ORDER_LINE}
    assert canaries_in(in_the_register(place)) >= {NAME, OPERATOR, WORDS}
    assert list((here.folder / reference).rglob("*.pdf"))

    hearing = company.client.temporal.get_workflow_handle(money_id(reference))
    assert (await hearing.describe()).status is WorkflowExecutionStatus.RUNNING
    said = await here.typed("erase", reference, *WHY)
    assert said.exit_code == Code.DONE, said.output
    assert (await hearing.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert "Its data key is destroyed" in said.stdout

    assert await readable(here) == set()
    # Who answered is kept: it is the law's part of the register, and no buyer's name.
    assert canaries_in(in_the_register(place)) <= {OPERATOR, "canaryson"}
    assert not list((here.folder / reference).rglob("*.pdf"))
    assert canaries_in(in_files(here.folder)) == set()
    exported = await here.typed("export", "--month", "2026-06", "-o", str(tmp_path / "june"))
    assert exported.exit_code == Code.DONE, exported.output
    assert canaries_in(in_files(tmp_path / "june")) <= {OPERATOR, "canaryson"}
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
        assert canaries_in(in_files(here.folder)) >= {NAME}
        assert await readable(here) >= {NAME, OPERATOR, WORDS, LINE}
        notes = [each.reference for each in (await shop.client.credits.state(old)).credits]
        # What is another's is erased after it.
        for reference in (old, new, *notes):
            said = await here.typed("erase", reference, *WHY)
            assert said.exit_code == Code.DONE, said.output
        assert await readable(here) == set()
        assert canaries_in(in_the_register(place)) <= {OPERATOR, "canaryson"}
        assert canaries_in(in_files(here.folder)) == set()
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
    document = {**her_document(), "buyer": buyer, "attachments": _with(SHEET)}
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

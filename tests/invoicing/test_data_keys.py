"""The codec with a key per invoice: what it binds and refuses, and what it does without a key."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError

from invoicing.errors import KeysAway
from invoicing.temporal import data_keys
from invoicing.temporal.converter import Erased, Undecipherable
from invoicing.temporal.data_keys import (
    FRESH,
    DataKeyCodec,
    DataKeys,
    Kept,
    Masters,
    Subject,
    subject_of,
)
from invoicing.temporal.encryption import KEY_NAME, OWN_KEY, EncryptionCodec, new_key, read_keys

MASTER = new_key("2026-11")
CANARY = Payload(metadata={"encoding": b"json/plain"}, data=b'"Canary Energy BV"')
INVOICE, OTHER = "invoice/INV-7", "invoice/INV-8"


class Remembered:
    """A store in memory that can be away."""

    def __init__(self) -> None:
        self.keys: dict[Subject, Kept] = {}
        self.away = False
        self.asked = 0

    async def kept(self, subject: Subject) -> Kept | None:
        self._ask()
        return self.keys.get(subject)

    async def keep(self, subject: Subject, sealed: bytes, master: str) -> Kept:
        self._ask()
        return self.keys.setdefault(subject, Kept(sealed, master))

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise KeysAway

    def destroy(self, reference: str) -> None:
        at = datetime(2027, 7, 6, tzinfo=UTC)
        self.keys[Subject("invoice", reference)] = Kept(None, destroyed_at=at)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def codec(
    store: Remembered,
    clock: Clock | None = None,
    *,
    seals: bool = True,
    worker: bool = False,
    masters: str = MASTER,
) -> DataKeyCodec:
    keys = read_keys(SecretStr(masters))
    ring = DataKeys(Masters(keys), store, clock or Clock())
    return DataKeyCodec(EncryptionCodec(keys), ring, seals=seals, worker=worker)


def about(codec: DataKeyCodec, workflow_id: str = INVOICE) -> DataKeyCodec:
    return codec.with_context(WorkflowSerializationContext("default", workflow_id))


async def sealed(codec: DataKeyCodec, workflow_id: str = INVOICE) -> Payload:
    return (await about(codec, workflow_id).encode([CANARY]))[0]


# --- whose key ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workflow_id", "subject"),
    [
        ("invoice/INV-7", ("invoice", "INV-7")),
        ("credits/INV-7", ("invoice", "INV-7")),
        ("amend/INV-7", ("invoice", "INV-7")),
        ("document/INV-7", ("invoice", "INV-7")),
        ("pay-link/INV-7", ("invoice", "INV-7")),
        ("money/INV-7", ("invoice", "INV-7")),
        ("preview/INV-7/0a1b", ("invoice", "INV-7")),
        ("order/INV-7", ("order", "INV-7")),
        ("event/mollie/default/1", None),
        ("notices/erp/invoice/INV-7", None),
        ("reconciliation/mollie/default", None),
        ("invoice/", None),
        ("invoice/" + "x" * 201, None),
        ("", None),
    ],
)
def test_a_reference_s_workflows_share_its_key(
    workflow_id: str, subject: tuple[str, str] | None
) -> None:
    assert subject_of(workflow_id) == subject


async def test_a_payload_comes_back_and_shows_nothing_on_the_way() -> None:
    store = Remembered()
    one = await sealed(codec(store))
    assert one.metadata[KEY_NAME] == OWN_KEY.encode()
    assert b"Canary" not in one.SerializeToString()
    # Another process, which has the same register.
    assert await about(codec(store)).decode([one]) == [CANARY]


async def test_two_invoices_have_two_keys() -> None:
    store = Remembered()
    await sealed(codec(store))
    await sealed(codec(store), OTHER)
    assert len({kept.sealed for kept in store.keys.values()}) == 2
    store.keys[Subject("invoice", "INV-7")] = store.keys[Subject("invoice", "INV-8")]
    with pytest.raises(Undecipherable, match="does not fit 2026-11"):
        await about(codec(store)).encode([CANARY])


async def test_an_activity_s_payloads_are_its_workflow_s() -> None:
    context = ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="create",
        activity_task_queue="q",
        workflow_id=INVOICE,
        workflow_type="InvoiceWorkflow",
        is_local=False,
    )
    ring = codec(Remembered())
    one = await ring.with_context(context).encode([CANARY])
    assert await about(ring).decode(one) == [CANARY]


# --- bound ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "placed"),
    [
        (INVOICE, OTHER),
        (INVOICE, "credits/INV-7"),
        (INVOICE, "amend/INV-7"),
        ("event/a/b/1", "event/a/b/2"),
    ],
)
async def test_a_payload_copied_into_another_workflow_does_not_open(
    written: str, placed: str
) -> None:
    ring = codec(Remembered())
    one = await sealed(ring, written)
    with pytest.raises(Undecipherable, match="another workflow"):
        await about(ring, placed).decode([one])
    one.metadata["workflow-id"] = placed.encode()
    await sealed(ring, placed)
    with pytest.raises(Undecipherable, match="does not fit"):
        await about(ring, placed).decode([one])
    # Nor may it pass for one that is bound to nothing.
    del one.metadata["workflow-id"]
    with pytest.raises(Undecipherable):
        await about(ring, placed).decode([one])


async def test_who_has_no_context_reads_it_by_what_it_says_itself() -> None:
    ring = codec(Remembered())
    assert await ring.decode([await sealed(ring)]) == [CANARY]


async def test_what_a_schedule_begins_is_read_under_the_id_that_it_gets() -> None:
    ring = codec(Remembered())
    one = await sealed(ring, "reconciliation/mollie/default")
    started = about(ring, "reconciliation/mollie/default-2026-06-01T02:00:00Z")
    assert await started.decode([one]) == [CANARY]


# --- before and beside ----------------------------------------------------------------------------


async def test_what_was_written_before_is_still_read() -> None:
    old = await EncryptionCodec(read_keys(SecretStr(MASTER))).encode([CANARY])
    assert await about(codec(Remembered())).decode([*old, CANARY]) == [CANARY, CANARY]


async def test_where_it_is_off_nothing_changes_but_what_is_written_elsewhere_is_read() -> None:
    store = Remembered()
    off = codec(store, seals=False)
    plainly = await sealed(off)
    assert plainly.metadata[KEY_NAME] == b"2026-11"
    assert "workflow-id" not in plainly.metadata
    assert await about(off).decode([plainly]) == [CANARY]
    assert store.asked == 0
    assert await about(off).decode([await sealed(codec(store))]) == [CANARY]


async def test_who_has_the_common_keys_alone_is_told_what_is_missing() -> None:
    one = await sealed(codec(Remembered()))
    with pytest.raises(Undecipherable, match="INVOICING_DATA_KEYS"):
        await EncryptionCodec(read_keys(SecretStr(MASTER))).decode([one])


async def test_a_master_key_that_is_not_here_is_named() -> None:
    store = Remembered()
    one = await sealed(codec(store))
    with pytest.raises(Undecipherable, match="the key 2026-11, not in"):
        await about(codec(store, masters=new_key("other"))).decode([one])


async def test_a_register_that_never_had_the_key_is_said_to_be_another() -> None:
    one = await sealed(codec(Remembered()))
    with pytest.raises(Undecipherable, match="not in this register"):
        await about(codec(Remembered())).decode([one])


# --- erased ---------------------------------------------------------------------------------------


async def test_what_was_erased_is_said_to_be_erased_however_it_was_written() -> None:
    store = Remembered()
    one = await sealed(codec(store))
    old = await EncryptionCodec(read_keys(SecretStr(MASTER))).encode([CANARY])
    store.destroy("INV-7")
    ring = codec(store)
    for each in (one, *old, CANARY):
        with pytest.raises(Erased, match="INV-7 was erased on 2027-07-06"):
            await about(ring).decode([each])
    with pytest.raises(Erased):
        await about(ring).encode([CANARY])
    with pytest.raises(Erased):
        await about(ring, "credits/INV-7").encode([CANARY])
    assert await about(ring, OTHER).decode(await about(ring, OTHER).encode([CANARY])) == [CANARY]


async def test_people_see_that_it_was_erased_beside_what_was_not() -> None:
    store = Remembered()
    ring = codec(store)
    two = [await sealed(ring), await sealed(ring, OTHER)]
    store.destroy("INV-7")
    shown = await codec(store).shown(two)
    assert [each.data for each in shown] == [b'"erased: INV-7"', CANARY.data]


async def test_a_worker_ends_what_was_erased_and_what_it_still_writes_nobody_reads() -> None:
    store, kept = Remembered(), Remembered()
    one = await sealed(codec(store))
    kept.keys = dict(store.keys)
    store.destroy("INV-7")
    ring = about(codec(store, worker=True))
    with pytest.raises(ApplicationError, match="was erased") as ended:
        await ring.decode([one])
    assert (ended.value.type, ended.value.non_retryable) == ("Erased", True)
    (late,) = await ring.encode([CANARY])
    assert late.metadata[KEY_NAME] == OWN_KEY.encode()
    with pytest.raises(Erased):
        await about(codec(store)).decode([late])
    # Not with the key that was destroyed either.
    before = codec(kept)
    with pytest.raises(Undecipherable):
        await about(before).decode([late])


async def test_who_looked_before_it_began_reads_it_at_once() -> None:
    store = Remembered()
    ring = codec(store)
    await about(ring).refuse_erased()
    one = await sealed(codec(store))
    assert await about(ring).decode([one]) == [CANARY]


async def test_what_was_erased_elsewhere_is_read_for_a_minute_at_most() -> None:
    store, clock = Remembered(), Clock()
    ring = codec(store, clock)
    one = await sealed(ring)
    store.destroy("INV-7")
    clock.now = FRESH - 1
    assert await about(ring).decode([one]) == [CANARY]
    clock.now = FRESH
    with pytest.raises(Erased):
        await about(ring).decode([one])


# --- a register that is away ----------------------------------------------------------------------


async def test_while_the_register_is_away_nothing_is_read_or_written_that_needs_a_new_key() -> None:
    store, clock = Remembered(), Clock()
    ring = codec(store, clock)
    one = await sealed(ring)
    store.away, clock.now = True, FRESH
    with pytest.raises(KeysAway):
        await about(ring).decode([one])
    with pytest.raises(KeysAway):
        await sealed(ring, OTHER)
    # What a call has already done must be told: a key that is known is not waited for.
    result = await sealed(ring)
    store.away = False
    assert await about(ring).decode([one, result]) == [CANARY, CANARY]


async def test_the_failure_to_read_can_itself_be_written() -> None:
    store = Remembered()
    one = await sealed(codec(store))
    store.away = True
    ring = about(codec(store, worker=True))
    with pytest.raises(KeysAway):
        await ring.decode([one])
    (failure,) = await ring.encode([CANARY])
    assert failure.metadata[KEY_NAME] == b"2026-11"


# --- bounds ---------------------------------------------------------------------------------------


async def test_keys_are_looked_up_once_a_minute_and_not_kept_without_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data_keys, "MOST_KEYS", 3)
    store, clock = Remembered(), Clock()
    keys = DataKeys(Masters(read_keys(SecretStr(MASTER))), store, clock)
    for _ in range(20):
        await keys.to_seal(Subject("invoice", "INV-7"))
    assert store.asked == 2  # whether there is one, and that there is one now
    for number in range(20):
        await keys.to_open(Subject("invoice", f"T-{number}"))
    assert len(keys) == 3
    clock.now = FRESH
    before = store.asked
    await keys.to_open(Subject("invoice", "T-19"))
    assert store.asked == before + 1

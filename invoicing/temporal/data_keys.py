"""A key of its own for every invoice and order: destroyed, nobody reads what Temporal has of it.

A data key is made by chance, by whoever writes the first payload; it is kept in the register,
encrypted with a common key of INVOICING_ENCRYPTION_KEYS. It encrypts every payload of the workflows
of one reference: the invoice's, those of its credits, its amendment, its document, its pay link,
its money and its previews; or an order's.

Every payload is bound to the workflow for which it was written: in another one it does not open.
Which workflow that is says the SDK (docs/decisions/0036). What belongs to no reference is bound as
well, under a common key; what the SDK names no workflow for, and what was written before, is under
a common key and bound to none.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec, SerializationContext, WithSerializationContext
from temporalio.exceptions import ApplicationError

from invoicing.errors import KeysAway
from invoicing.temporal.converter import Erased, Undecipherable
from invoicing.temporal.encryption import (
    ENCODING,
    KEY_BYTES,
    NONCE_BYTES,
    OWN_KEY,
    WORKFLOW_NAME,
    EncryptionCodec,
    Keys,
    decrypted,
    encrypted,
    key_of,
)

FRESH = 60.0
"""Seconds after which a key is looked up again: so long may a process read what was erased."""
MOST_KEYS = 5_000
"""Kept in memory, about 1 kB each; beyond, the one that was not used longest is looked up again."""
LONGEST = 200
"""Characters of a reference, in the register."""


class Subject(NamedTuple):
    """Whose key it is."""

    kind: Literal["invoice", "order"]
    reference: str


_KINDS: dict[str, Literal["invoice", "order"]] = {
    "invoice": "invoice",
    "credits": "invoice",
    "amend": "invoice",
    "document": "invoice",
    "pay-link": "invoice",
    "money": "invoice",
    "preview": "invoice",
    "order": "order",
}
_UNBOUND = ("reconciliation/", "retention/")
"""Begun by a schedule, which adds a time to the id that the SDK knew; nothing personal is in it."""


def subject_of(workflow_id: str) -> Subject | None:
    """Whose key the payloads of this workflow are under; None: a common one."""
    first, _, rest = workflow_id.partition("/")
    reference = rest.rpartition("/")[0] if first == "preview" else rest
    if first not in _KINDS or not 0 < len(reference) <= LONGEST:
        return None
    return Subject(_KINDS[first], reference)


@dataclass(frozen=True)
class Kept:
    """What the register has of a subject's key."""

    sealed: bytes | None
    """The key, encrypted by `master`; None: it was destroyed."""
    master: str | None = None
    destroyed_at: datetime | None = None


class KeyStore(Protocol):
    """Where data keys are kept. All raise KeysAway."""

    async def kept(self, subject: Subject) -> Kept | None:
        """What there is; None where there never was one."""
        ...

    async def keep(self, subject: Subject, sealed: bytes, master: str) -> Kept:
        """Keep this one, unless there is or was one; what stands now. On disk when it returns."""
        ...


class Masters:
    """The common keys, as what encrypts data keys."""

    def __init__(self, keys: Keys) -> None:
        self._ciphers = {name: AESGCM(key.get_secret_value()) for name, key in keys.items()}
        self.newest = next(iter(self._ciphers))
        """The name of the one that encrypts."""

    def seal(self, subject: Subject, key: bytes) -> bytes:
        """A data key encrypted with the newest."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[self.newest].encrypt(nonce, key, _of(subject, self.newest))

    def unseal(self, subject: Subject, sealed: bytes, master: str) -> bytes:
        """The data key. Raises Undecipherable where the master key is not here or does not fit."""
        cipher = self._ciphers.get(master)
        if cipher is None:
            raise Undecipherable(
                f"its data key is encrypted with the key {master}, not in INVOICING_ENCRYPTION_KEYS"
            )
        nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, text, _of(subject, master))
        except (InvalidTag, ValueError):
            raise Undecipherable(f"its data key in the register does not fit {master}") from None


def _of(subject: Subject, master: str) -> bytes:
    return "\0".join(("data-key", *subject, master)).encode()


_Known = AESGCM | date | None
"""A key; the day on which it was destroyed; none."""


class DataKeys:
    """The data keys that this process has looked up lately. May be used from several threads."""

    def __init__(
        self, masters: Masters, store: KeyStore, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._masters = masters
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._lately: OrderedDict[Subject, tuple[_Known, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lately)

    async def to_open(self, subject: Subject, *, sure: bool = False) -> _Known:
        """The key, none where there never was one, or when it was destroyed. Raises KeysAway and
        Undecipherable.

        `sure`: there is or was one, so that what is remembered is out of date where it is none."""
        before = self._remembered(subject)
        if before is not None and self._is_fresh(before) and not (sure and before[0] is None):
            return before[0]
        return self._learn(subject, await self._store.kept(subject))

    async def to_seal(self, subject: Subject) -> AESGCM | date:
        """The key, made where there is none yet, or when it was destroyed. One that was known here
        serves while the register is away. Raises KeysAway and Undecipherable."""
        try:
            known = await self.to_open(subject)
        except KeysAway:
            before = self._remembered(subject)
            if before is None or before[0] is None:
                raise
            return before[0]
        if known is not None:
            return known
        sealed = self._masters.seal(subject, AESGCM.generate_key(KEY_BYTES * 8))
        kept = await self._store.keep(subject, sealed, self._masters.newest)
        made = self._learn(subject, kept)
        if made is None:
            raise KeysAway("the register has kept no data key")
        return made

    def _remembered(self, subject: Subject) -> tuple[_Known, float] | None:
        with self._lock:
            if subject in self._lately:
                self._lately.move_to_end(subject)
            return self._lately.get(subject)

    def _is_fresh(self, remembered: tuple[_Known, float]) -> bool:
        # What is destroyed stays so.
        return isinstance(remembered[0], date) or self._clock() - remembered[1] < FRESH

    def _learn(self, subject: Subject, kept: Kept | None) -> _Known:
        known = self._known(subject, kept)
        with self._lock:
            self._lately[subject] = known, self._clock()
            self._lately.move_to_end(subject)
            while len(self._lately) > MOST_KEYS:
                self._lately.popitem(last=False)
        return known

    def _known(self, subject: Subject, kept: Kept | None) -> _Known:
        if kept is None:
            return None
        if kept.sealed is None or kept.master is None:
            return (kept.destroyed_at or datetime.now(UTC)).date()
        return AESGCM(self._masters.unseal(subject, kept.sealed, kept.master))


class DataKeyCodec(PayloadCodec, WithSerializationContext):
    """Payloads under the key of the invoice or order that the SDK says they belong to.

    Args:
        common: what belongs to none is encrypted by it, and what was written before is read by it.
        keys: the data keys.
        seals: whether what is written now gets a data key; if not, it is only read.
        worker: whether workflows run here. There, what was erased ends a workflow, for it can never
            go on, and what is still written for it nobody can read; everywhere else nothing is
            written for it.
    """

    def __init__(
        self,
        common: EncryptionCodec,
        keys: DataKeys,
        *,
        seals: bool,
        worker: bool = False,
        workflow_id: str = "",
    ) -> None:
        self._common = common
        self._keys = keys
        self._seals = seals
        self._worker = worker
        self._workflow_id = workflow_id
        self._opened_nothing = False

    def with_context(self, context: SerializationContext) -> DataKeyCodec:
        """The same for the workflow that this is about, as the SDK has it."""
        about = getattr(context, "workflow_id", None) or ""
        return DataKeyCodec(
            self._common, self._keys, seals=self._seals, worker=self._worker, workflow_id=about
        )

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each encrypted. Raises Erased, KeysAway."""
        about = "" if self._workflow_id.startswith(_UNBOUND) else self._workflow_id
        if not (self._seals and about):
            return await self._common.encode(payloads)
        key = await self._key_to_seal(about)
        if key is None:
            return [self._common.encrypted(each, about) for each in payloads]
        return [encrypted(each, key, OWN_KEY, about) for each in payloads]

    async def _key_to_seal(self, about: str) -> AESGCM | None:
        subject = subject_of(about)
        if subject is None:
            return None
        try:
            key = await self._keys.to_seal(subject)
        except KeysAway:
            if self._opened_nothing:
                # It is the failure that says so itself: nothing of anybody was read.
                return None
            raise
        if isinstance(key, date):
            if not self._worker:
                raise Erased(subject.reference, key)
            # Forgotten at once: whoever gets this, another workflow or a reader of the failure,
            # finds it erased, and so does who has every key there is.
            return AESGCM(AESGCM.generate_key(KEY_BYTES * 8))
        return key

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each as it was.

        Raises Undecipherable, of which Erased is one, and KeysAway: a worker tries the task again.
        In a worker what was erased is a failure that ends the workflow.
        """
        try:
            return [await self._opened(each) for each in payloads]
        except KeysAway:
            self._opened_nothing = True
            raise
        except Erased as error:
            if not self._worker:
                raise
            raise ApplicationError(str(error), type=Erased.__name__, non_retryable=True) from None

    async def shown(self, payloads: Sequence[Payload]) -> list[Payload]:
        """As `decode`, for people: in the place of what was erased it says so."""
        return [await self._shown(each) for each in payloads]

    async def _shown(self, payload: Payload) -> Payload:
        try:
            return await self._opened(payload)
        except Erased as error:
            said = f'"erased: {error.reference}"'.encode()
            return Payload(metadata={"encoding": b"json/plain"}, data=said)

    async def refuse_erased(self) -> None:
        """Raise Erased where what this is about was erased. Raises KeysAway."""
        await self._own(self._workflow_id)

    async def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            if self._seals:
                await self._own(self._workflow_id)
            return payload
        bound = payload.metadata.get(WORKFLOW_NAME, b"").decode("utf-8", "replace")
        if bound and self._workflow_id and bound != self._workflow_id:
            raise Undecipherable("it was written for another workflow than the one it stands in")
        if key_of(payload) != OWN_KEY:
            if self._seals:
                await self._own(self._workflow_id or bound)
            return self._common.decrypted(payload)
        key = await self._own(bound, sure=True)
        if key is None:
            raise Undecipherable("its data key is not in this register: is it the workers' own?")
        return decrypted(payload, key, "its data key")

    async def _own(self, about: str, *, sure: bool = False) -> AESGCM | None:
        """The data key of this workflow, if there is one. Raises Erased."""
        subject = subject_of(about)
        if subject is None:
            return None
        key = await self._keys.to_open(subject, sure=sure)
        if isinstance(key, date):
            raise Erased(subject.reference, key)
        return key


def codec(keys: Keys, store: KeyStore, *, seals: bool, worker: bool) -> DataKeyCodec:
    """What a client or a worker with these keys and this register uses."""
    masters = Masters(keys)
    return DataKeyCodec(EncryptionCodec(keys), DataKeys(masters, store), seals=seals, worker=worker)

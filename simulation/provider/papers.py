"""The PDF that the provider makes of an invoice, and the store in which it is kept.

What a worker does with both is the real activity; only the two ends of it are played.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any, cast

from temporalio.exceptions import ApplicationError

from activities.document import DocumentActivities
from documents import DocumentStore, StoreAway
from invoicing.document_file import DocumentFile
from invoicing.errors import Unavailable, Unsupported
from invoicing.provider import Accounts, DocumentCall
from simulation.decisions import PaperTrouble
from simulation.engine import ActivityCall, Attempt
from simulation.provider.kinds import Kind
from simulation.provider.ledger import Held, Ledger
from simulation.wire import NEVER, Clock, Story, Wire

ANNOUNCED = "document"
"""The kind of event that tells of one."""


class Papers:
    """One account's PDFs, and the store of its worker. `fetched` and `kept` count, by key."""

    def __init__(self, clock: Clock, kind: Kind, ledger: Ledger, wire: Wire, story: Story) -> None:
        self._clock = clock
        self._kind = kind
        self._ledger = ledger
        self._wire = wire
        self._story = story
        self._troubles: dict[int, PaperTrouble] = {}
        self._away_until = clock.now
        self.longest_away = timedelta(0)
        self.fetched: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.files: dict[str, tuple[bytes, DocumentFile]] = {}
        self.killed = 0
        """Workers that died between the provider and the store."""
        self._dies = False
        store = _Store(self) if kind.keeps else None
        adaptor = _Adaptor(self) if kind.papers != "none" else object()
        accounts = cast("Accounts", _Every(adaptor))
        self._activities = DocumentActivities(accounts, cast("DocumentStore | None", store))

    def trouble(self, each: PaperTrouble) -> None:
        """What goes wrong with one of its calls."""
        self._troubles.setdefault(each.nth, each)

    def go_away(self, lasts: timedelta) -> None:
        """The store answers nobody for a while."""
        self._away_until = max(self._away_until, self._clock.now + lasts)
        self.longest_away += lasts
        self._story.tell("the store of documents is away for a while")

    def keep_document(self, given: DocumentCall, call: ActivityCall) -> Attempt:
        """The real activity, between this provider and this store."""
        nth = self._wire.begin("keep_document")
        trouble = self._troubles.get(nth)
        how = trouble.how if trouble else ""
        self._dies = how == "killed before it is kept"
        after = self._wire.took("keep_document", nth)
        try:
            result = _done(self._activities.keep_document(given))
        except _Killed:
            self.killed += 1
            self._story.tell(f"{trouble}")
            return Attempt(after=after, lost=True)
        except ApplicationError as error:
            return Attempt(after=after, failure=error)
        self._story.tell(f"{given.target.reference}: its document is kept, or was already")
        if how == "killed after it is kept":
            return Attempt(after=after, lost=True)
        return Attempt(after=NEVER if how == "its answer never comes" else after, result=result)

    # What the two ends do

    def document(self, given: DocumentCall) -> bytes:
        """The PDF of one invoice, or why there is none."""
        if self._kind.papers == "refused":
            raise Unsupported("this account has no way to it")
        held = self.of(given.target.provider_id or "", given.target.reference)
        told = given.target.context.get("pdf") or any(e.kind == ANNOUNCED for e in given.events)
        if held is None or not self.is_ready(held) or (self._kind.papers == "told" and not told):
            raise Unavailable("there is no document yet")
        return raw(held)

    def of(self, name: str, reference: str) -> Held | None:
        """The invoice of this id; where nobody can look, by our own name for it."""
        held = self._ledger.invoices.get(name)
        if held is None and not self._kind.can_look:
            final = [one for one in self._ledger.of(reference) if one.number]
            return final[-1] if final else None
        return held

    def is_ready(self, held: Held) -> bool:
        """Whether it is made."""
        since = held.when("approved")
        return since is not None and self._clock.now >= since + self._kind.papers_after

    def find(self, key: str) -> DocumentFile | None:
        """What the store has."""
        if self._clock.now < self._away_until:
            raise StoreAway("the store is away")
        kept = self.files.get(key)
        return kept[1] if kept else None

    def keep(self, key: str, given: bytes) -> DocumentFile:
        """In the store it is."""
        self.fetched[key] += 1
        if self._dies:
            raise _Killed
        digest = hashlib.sha256(given).hexdigest()
        file = DocumentFile(size=len(given), sha256=digest, kept=self._clock.now)
        self.kept[key] += 1
        self.files[key] = given, file
        return file

    def handlers(self) -> dict[str, Callable[[Any, ActivityCall], Attempt]]:
        """Its activity by name."""
        return {"keep_document": self.keep_document}


def raw(held: Held) -> bytes:
    """The PDF itself."""
    return f"%PDF-1.7 {held.id} {held.content} %%EOF".encode()


class _Killed(Exception):
    """The worker dies here."""


class _Every(dict[str, Any]):
    def __init__(self, adaptor: object) -> None:
        self._adaptor = adaptor

    def __missing__(self, account: str) -> object:
        return self._adaptor


class _Adaptor:
    def __init__(self, papers: Papers) -> None:
        self._papers = papers

    async def document(self, call: DocumentCall) -> bytes:
        return self._papers.document(call)


class _Store:
    def __init__(self, papers: Papers) -> None:
        self._papers = papers

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        yield

    async def find(self, key: str) -> DocumentFile | None:
        return self._papers.find(key)

    async def keep(self, key: str, given: bytes) -> DocumentFile:
        return self._papers.keep(key, given)


def _done(work: Coroutine[Any, Any, DocumentFile]) -> DocumentFile:
    """What it comes to; nothing here is waited for."""
    try:
        work.send(None)
    except StopIteration as ended:
        result: DocumentFile = ended.value
        return result
    work.close()
    raise RuntimeError("the activity waits for something")

"""The data keys of invoices and orders: kept, destroyed for good by an erasure, encrypted anew."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from invoicing.errors import KeysAway
from invoicing.temporal.data_keys import Kept, Masters, Subject
from register.database import PATIENCE, BadRegister, for_reading, made
from register.key_rows import kept_of
from register.rows import insert_into, is_of
from register.tables import data_keys
from register.trouble import cannot_be, which

R = TypeVar("R")
THREADS = 4
AT_ONCE = 500
"""Keys that are encrypted anew in one transaction."""


class KeyStore:
    """The data keys of the register at a place, opened with the first question: a gateway may begin
    before it is there. See `invoicing.temporal.data_keys.KeyStore`."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._opening = threading.Lock()
        self._engines: tuple[Engine, Engine] | None = None
        self._threads = ThreadPoolExecutor(THREADS, "data-keys")

    async def kept(self, subject: Subject) -> Kept | None:
        """What there is. Raises KeysAway."""
        return await self._run(lambda: self._look(subject))

    async def keep(self, subject: Subject, sealed: bytes, master: str) -> Kept:
        """Keep this key, unless there is or was one; what stands. Raises KeysAway."""
        return await self._run(lambda: self._keep(subject, sealed, master))

    def close(self) -> None:
        """Let what is under way end, and let go of the database."""
        self._threads.shutdown()
        for engine in self._engines or ():
            engine.dispose()

    async def _run(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._told, work)

    @staticmethod
    def _told(work: Callable[[], R]) -> R:
        try:
            return work()
        except BadRegister as error:
            raise KeysAway(f"the data keys are not to be had: {error}") from None
        except DBAPIError as error:
            # The driver's words may repeat what is written; its kind of error does not.
            what = which(error)
            raise KeysAway(f"the register, which has the data keys, fails: {what}") from None
        except PoolTimeout:
            raise KeysAway("the register: every connection is taken") from None

    def _open(self) -> tuple[Engine, Engine]:
        """To read, which holds up no writer; and to write. Raises BadRegister."""
        with self._opening:
            if self._engines is None:
                self._engines = for_reading(self._where, PATIENCE), made(self._where)
            return self._engines

    def _look(self, subject: Subject) -> Kept | None:
        reading, _ = self._open()
        with reading.begin() as db:
            return kept_of(db, subject)

    def _keep(self, subject: Subject, sealed: bytes, master: str) -> Kept:
        _, writing = self._open()
        values = {
            **subject._asdict(),
            "sealed": sealed,
            "master": master,
            "made_at": datetime.now(UTC),
        }
        with writing.begin() as db:
            new = insert_into(data_keys, db.dialect.name).values(values)
            db.execute(new.on_conflict_do_nothing())
            return kept_of(db, subject) or Kept(None)


def rekeyed(engine: Engine, masters: Masters) -> int:
    """Encrypt every data key with the newest master key, some hundreds in one transaction; how many
    it was not yet. May be cut short and repeated. Raises Undecipherable where a key is not here,
    BadRegister. Blocks."""
    done = 0
    try:
        while more := _some_rekeyed(engine, masters):
            done += more
    except DBAPIError as error:
        raise cannot_be("written", error) from None
    return done


def _some_rekeyed(engine: Engine, masters: Masters) -> int:
    with engine.begin() as db:
        others = (
            select(data_keys)
            .where(data_keys.c.sealed.is_not(None), data_keys.c.master != masters.newest)
            .limit(AT_ONCE)
            .with_for_update()
        )
        rows = db.execute(others).all()
        for row in rows:
            subject = Subject(row.kind, row.reference)
            sealed = masters.seal(subject, masters.unseal(subject, row.sealed, row.master))
            again = {"sealed": sealed, "master": masters.newest}
            db.execute(update(data_keys).where(*is_of(data_keys, *subject)).values(again))
        return len(rows)

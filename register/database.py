"""Where the register is: an SQLite file, or PostgreSQL; opened, and brought up to date."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError

from invoicing.books.reconciling import KEPT
from register.books import Books
from register.trouble import BadRegister as BadRegister
from register.trouble import cannot_be

PATIENCE = 5
"""Seconds: to connect, and for a lock of somebody else's. What takes longer is tried again by the
engine, which shows that it waits."""

STARTING_PATIENCE = 60
"""Seconds for a lock of another worker that brings the tables up to date: they start together."""

MIGRATING_PATIENCE = 3600
"""Seconds that PostgreSQL may take for one step of that: it may go through every row there is."""

CONNECTIONS = 8
"""To PostgreSQL, and threads that use them, of one worker. SQLite writes one at a time anyway."""

_MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 7_226_173_001
"""PostgreSQL's lock for those who bring one database up to date at the same time; any number."""


def opened(where: str, *, findings_kept: timedelta = KEPT) -> Books:
    """The register at this place, its tables up to date: made where there are none.

    `where` is the path of a file, or `postgresql://user:password@host:port/database`. Raises
    BadRegister. Blocks.
    """
    engine = made(where)
    try:
        upgraded(engine)
    except CommandError:
        engine.dispose()
        raise BadRegister("the register was made by a newer version of this program") from None
    except DBAPIError as error:
        engine.dispose()
        raise cannot_be("opened", error) from None
    threads = 1 if engine.dialect.name == "sqlite" else CONNECTIONS
    return Books(engine, threads=threads, findings_kept=findings_kept)


def made(where: str) -> Engine:
    """An engine for this place, as we want its connections. Raises BadRegister."""
    url = _url(where)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    # What it is given may be personal: no error and no log repeats it.
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=PATIENCE,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": PATIENCE,
            "tcp_user_timeout": PATIENCE * 1000,
            "options": f"-c statement_timeout={PATIENCE}s -c lock_timeout={PATIENCE}s "
            f"-c idle_in_transaction_session_timeout={PATIENCE * 2}s",
        },
    )


READING_PATIENCE = 600
"""Seconds that PostgreSQL may sort and search for one list or export."""


def for_reading(where: str, patience: int = READING_PATIENCE) -> Engine:
    """An engine that changes nothing: each transaction sees one moment, and holds up no writer.
    PostgreSQL gives up a statement after `patience` seconds.

    Raises BadRegister, also where there is no register yet, or one of another version. Blocks.
    """
    url = _url(where)
    engine = (
        _sqlite_to_read(url)
        if url.get_backend_name() == "sqlite"
        else _postgres_to_read(url, patience)
    )
    try:
        with engine.begin() as connection:
            _refuse_another_version(connection)
    except DBAPIError as error:
        engine.dispose()
        raise cannot_be("read", error) from None
    except BadRegister:
        engine.dispose()
        raise
    return engine


def _refuse_another_version(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    if MigrationContext.configure(connection).get_current_revision() != head:
        raise BadRegister(
            "the register is not of this version: a worker of this version brings it up to date"
        )


def _postgres_to_read(url: URL, patience: int) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=1,
        pool_pre_ping=True,
        execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        connect_args={
            "connect_timeout": PATIENCE,
            "tcp_user_timeout": PATIENCE * 1000,
            "options": f"-c statement_timeout={patience}s",
        },
    )


def _sqlite_to_read(url: URL) -> Engine:
    if not Path(url.database or "").is_file():
        raise BadRegister("there is no register at this place yet: a worker makes it")
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": PATIENCE})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA query_only=ON")
        # Its own knows the letters of English alone.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _url(where: str) -> URL:
    if "://" not in where:
        return URL.create("sqlite", database=str(Path(where).expanduser()))
    try:
        url = make_url(where)
    except ArgumentError:
        raise BadRegister("the register's address is none: it cannot be read") from None
    if url.drivername not in ("postgresql", "postgres"):
        raise BadRegister(
            "the register is a file, or at postgresql://user:password@host:port/database; not at "
            f"{url.drivername}://"
        )
    return url.set(drivername="postgresql+psycopg")


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": PATIENCE})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        # The driver begins no transaction by itself: `_begin` does.
        connection.isolation_level = None
        # A claim that was granted must outlive a loss of power.
        # What is erased must be gone from the file, too.
        for each in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {each}")
        _log_ahead(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # At once for writing: two that read first and write then would refuse each other.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turn its write-ahead log on. Of two who do so at once SQLite refuses one without a wait."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.05)


def upgraded(engine: Engine, revision: str = "head") -> None:
    """Bring the tables up to this revision, in one transaction, whoever else does so too."""
    with _migrating(engine) as config:
        command.upgrade(config, revision)


def downgraded(engine: Engine, revision: str) -> None:
    """Take the tables back to this revision (`base`: none), with what only later ones have."""
    with _migrating(engine) as config:
        command.downgrade(config, revision)


@contextlib.contextmanager
def _migrating(engine: Engine) -> Iterator[Config]:
    with engine.connect() as connection, _patient(connection), connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{STARTING_PATIENCE}s'"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{STARTING_PATIENCE}s'"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{MIGRATING_PATIENCE}s'"))
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        yield config


@contextlib.contextmanager
def _patient(connection: Connection) -> Iterator[None]:
    """A connection to a file waits longer for its lock meanwhile; PostgreSQL is told so itself."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    driver.execute(f"PRAGMA busy_timeout={STARTING_PATIENCE * 1000}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={PATIENCE * 1000}")

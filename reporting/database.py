"""The database: declarative base, engine rules and the one way to commit.

Holds no table of its own. Ids are 16 random bytes (sealing.md 2): an increasing number or a
time-ordered UUID would tell in which order reports came in.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, LargeBinary, MetaData, TypeDecorator, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, Session, registry

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# No rowid: SQLite's hidden rowid grows with each insert and would keep the order of arrival.
UNORDERED = {"sqlite_with_rowid": False}

Id = LargeBinary(16)

# A writer waits this long for another one.
_BUSY_SECONDS = 30
# Whoever empties SQLite's log waits at most this long for its readers.
LOG_WAIT_SECONDS = 0.5


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC, the same on SQLite (which forgets the zone) and PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse a time without a zone: it would be read as another moment later."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give SQLite's naive times their zone back."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """Base of every table. Each column says in `info["holds"]` what it may hold."""

    # The map belongs to the registry: Flask-SQLAlchemy derives from this base once more, and a
    # base that brings both is refused.
    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={bytes: LargeBinary, datetime: UtcTime},
    )


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


def engine_options(url: str) -> dict[str, Any]:
    """How the engine of `url` is made.

    A SQL error must not carry the values of a report's row into a log. On PostgreSQL a question
    outside `transaction` needs none of its own: each statement sees what is committed, as it would
    inside one, and two of three round trips are saved. Whatever writes says `transaction`.
    """
    own = {"isolation_level": "AUTOCOMMIT"} if url.startswith("postgresql") else {}
    return {"hide_parameters": True, **own}


@contextmanager
def transaction() -> Iterator[Session]:
    """Commit on leaving, roll back on any error. Answers are given only after this has left.

    Ends a read that is still open, so that the writer sees the newest state. Raises `RuntimeError`
    inside another one: the inner commit would make half of the outer visible; and inside a
    `snapshot`, which it would end.
    """
    session = _outermost("transaction")
    if session.in_transaction():
        session.commit()
    session.info["writing"] = True
    try:
        options: dict[str, Any] = {"upstander_writes": True}
        if session.get_bind().dialect.name == "postgresql":
            options["isolation_level"] = "READ COMMITTED"
        session.connection(execution_options=options)
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["writing"] = False


@contextmanager
def snapshot() -> Iterator[Session]:
    """Everything read within is of one moment, whatever others commit meanwhile.

    For what is compared: pages mostly take each answer as it is. Keeps nothing that is changed
    within. Raises `RuntimeError` inside `transaction` or another one, which it would end.
    """
    session = _outermost("snapshot")
    session.rollback()
    session.info["reading"] = True
    try:
        if session.get_bind().dialect.name == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            session.connection(execution_options=options)
        # SQLite's transaction sees what was there at its first question, until it ends.
        yield session
    finally:
        session.info["reading"] = False
        session.rollback()


def _outermost(what: str) -> Session:
    session: Session = db.session()
    for flag, outer in (("writing", "transaction"), ("reading", "snapshot")):
        if session.info.get(flag):
            raise RuntimeError(f"a {what} inside a {outer}")
    return session


def forget(*tables: str) -> None:
    """Empty what still holds deleted rows: SQLite's log, PostgreSQL's dead rows (sealing.md 10).

    Readers may hold the log up: after a moment the next call or the nightly job does it. `tables`
    are those that rows went from; only PostgreSQL asks.
    """
    if db.engine.dialect.name != "sqlite":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in tables:
                connection.exec_driver_sql(f"VACUUM {table}")
        return
    # Not through a session: a transaction of our own would be one of the readers.
    raw = db.engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA {_busy(LOG_WAIT_SECONDS)}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            cursor.execute(f"PRAGMA {_busy(_BUSY_SECONDS)}")
            cursor.close()
    finally:
        raw.close()


def _busy(seconds: float) -> str:
    return f"busy_timeout={int(seconds * 1000)}"


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """Begin on SQLite by hand: writers at once take the lock and so wait for each other.

    A reader that turned writer in mid-transaction would get "database is locked" without waiting.
    """
    if connection.dialect.name == "sqlite":
        writes = connection.get_execution_options().get("upstander_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@event.listens_for(Engine, "connect")
def _sqlite_rules(connection: Any, _record: Any) -> None:
    """Durable, strict and forgetful SQLite: `secure_delete` so that erased bytes are gone."""
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # `_begin` says when a transaction begins
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        _busy(_BUSY_SECONDS),
        # Sorting and temporary tables must not reach the disk.
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

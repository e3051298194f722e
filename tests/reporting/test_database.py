"""What each connection to SQLite is told: durable, strict, and forgetful of what was erased."""

import sqlite3
from pathlib import Path

import sqlalchemy

import wsgi
from reporting import database
from reporting.database import db
from tests.conftest import make_settings

# As SQLite says them: write-ahead log, a commit reaches the disk before it is answered, foreign
# keys hold, erased bytes are overwritten, another writer is waited for, temporary tables in memory.
RULES = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "secure_delete": 1,
    "busy_timeout": 30_000,
    "temp_store": 2,
}
# The suite lets nobody wait for the disk, here only (`tests/speed.py`).
WITHOUT_DISK = {**RULES, "synchronous": 0}


def test_a_connection_is_told_all_rules(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "new.db") as connection:
        before = {rule: connection.execute(f"PRAGMA {rule}").fetchone()[0] for rule in RULES}
        database._sqlite_rules(connection, None)
        told = {rule: connection.execute(f"PRAGMA {rule}").fetchone()[0] for rule in RULES}
    connection.close()
    assert told == RULES
    # SQLite itself says otherwise of these, on every machine: that they were told shows.
    assert {"journal_mode", "foreign_keys", "temp_store"} <= {
        rule for rule in RULES if before[rule] != RULES[rule]
    }


def test_every_connection_of_the_application_is_told(tmp_path: Path) -> None:
    app = wsgi.create_app(make_settings(tmp_path))
    with app.app_context(), db.engine.connect() as connection:
        told = {
            rule: connection.execute(sqlalchemy.text(f"PRAGMA {rule}")).scalar() for rule in RULES
        }
        connection.close()
        db.engine.dispose()
    app.extensions["redis"].close()
    assert told == WITHOUT_DISK

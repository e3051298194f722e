"""The first migration: makes what the models say, keeps rows, and can be undone."""

from typing import Any

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade

from reporting.database import Base, db, transaction
from reporting.models import Organisation
from wsgi import MIGRATIONS


def differences() -> list[Any]:
    """What autogenerate would still change."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def test_the_schema_is_what_the_models_say(app: Flask) -> None:
    """And a table that no migration makes would be noticed."""
    assert differences() == []
    stray = sqlalchemy.Table("stray", Base.metadata, sqlalchemy.Column("id", sqlalchemy.Integer))
    try:
        assert [kind for kind, *_ in differences()] == ["add_table"]
    finally:
        Base.metadata.remove(stray)


def test_rows_outlive_a_second_upgrade(app: Flask) -> None:
    """`upstander run` upgrades at each start."""
    with transaction() as session:
        session.add(Organisation(id=bytes(16), slug="one", name="قف", identity_key=b""))
    upgrade(directory=str(MIGRATIONS))
    kept = db.session.get(Organisation, bytes(16))
    assert kept is not None
    assert kept.name == "قف"


def test_it_can_be_undone_and_done_again(app: Flask) -> None:
    """Down to nothing, and up to the same."""
    db.session.rollback()
    downgrade(directory=str(MIGRATIONS), revision="base")
    assert sqlalchemy.inspect(db.engine).get_table_names() == ["alembic_version"]
    upgrade(directory=str(MIGRATIONS))
    assert differences() == []


def test_tables_of_reports_keep_no_order_of_arrival(app: Flask) -> None:
    """SQLite's hidden rowid would number the reports; PostgreSQL is rewritten nightly."""
    if db.engine.dialect.name != "sqlite":
        return
    with db.engine.connect() as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        made = {row.name: row.sql for row in connection.execute(sqlalchemy.text(query))}
    unordered = {name for name, sql in made.items() if "WITHOUT ROWID" in sql}
    named = {"report", "attachment", "submission", "message", "erasure_order", "work"}
    assert named | {"record", "record_code", "statement"} <= unordered
    assert "organisation" not in unordered

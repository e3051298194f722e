"""Every column says what it holds, and each package holds only what it may (decision 4)."""

from typing import Any

import pytest
from sqlalchemy import Date, LargeBinary
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import KeyedColumnElement

import wsgi  # noqa: F401  # loads every model
from reporting.database import Base, UtcTime

# opaque: random or keyed bytes; public: published by design; name: of a member of staff.
ALLOWED = {
    "reporting": {"opaque", "public", "code", "day", "ciphertext"},
    "reporting.queue": {"opaque", "code", "staff time"},
    "casework": {"opaque", "public", "code", "day", "month", "ciphertext", "name", "staff time"},
    "analytics": {"opaque", "public", "code", "day", "month"},
}
# The one sealed thing of the statistics: the count a statement was made from.
SEALED_STATISTICS = {("statement", "n_ref")}
# A release has days; a record must not.
DAYS_OF_STATISTICS = {("release", "created")}


def columns() -> list[tuple[str, "KeyedColumnElement[Any]"]]:
    found = []
    for mapper in Base.registry.mappers:
        assert isinstance(mapper, Mapper)
        module = mapper.class_.__module__
        found += [(module, column) for column in mapper.local_table.columns]
    return sorted(found, key=lambda each: (each[1].table.name, each[1].name))


COLUMNS = columns()
NAMES = [f"{column.table.name}.{column.name}" for _, column in COLUMNS]


def test_there_are_columns_to_look_at() -> None:
    assert len(COLUMNS) > 60


@pytest.mark.parametrize(("module", "column"), COLUMNS, ids=NAMES)
def test_a_column_declares_what_it_may_hold(module: str, column: "KeyedColumnElement[Any]") -> None:
    holds = column.info.get("holds")
    place = (column.table.name, column.name)
    allowed = ALLOWED.get(module, ALLOWED[module.split(".", 1)[0]])
    if place in SEALED_STATISTICS:
        allowed = allowed | {"ciphertext"}
    assert holds in allowed, f"{place}: {holds!r}"
    if isinstance(column.type, UtcTime):
        assert holds == "staff time", f"{place}: a clock time that is not staff's"
    if isinstance(column.type, Date):
        assert holds == "day"
        assert not module.startswith("analytics") or place in DAYS_OF_STATISTICS
    if holds == "ciphertext":
        assert isinstance(column.type, LargeBinary)


def test_no_table_of_statistics_points_outside() -> None:
    for mapper in Base.registry.mappers:
        if mapper.class_.__module__.startswith("analytics"):
            for key in mapper.local_table.foreign_keys:
                assert key.column.table.name in {"release", "record", "statement"}


@pytest.mark.parametrize("table", ["report", "message", "submission", "record", "record_code"])
def test_tables_of_reporters_and_records_keep_no_order_of_arrival(table: str) -> None:
    options = Base.metadata.tables[table].dialect_options["sqlite"]
    assert options["with_rowid"] is False


def test_no_column_counts_upwards() -> None:
    for table in Base.metadata.tables.values():
        assert table.autoincrement_column is None or table.name == "alembic_version", table.name

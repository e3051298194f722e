"""Records: codes only, safe to repeat, nothing left behind."""

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from analytics import noise, records
from analytics.models import Record, RecordCode
from reporting.database import Base, db
from tests import acts
from tests.factories_statistics import make_coded


def count_rows(table: type[Base]) -> int:
    session: Any = db.session
    return int(session.scalar(select(func.count()).select_from(table)))


def test_a_record_holds_the_gravest_act_and_each_ground_family_once(app: Flask) -> None:
    record_id = secrets.token_bytes(16)
    coded = make_coded(
        acts={"act.verbal", "act.assault_minor", "act.profiling"},
        grounds={"b.race.black", "b.race.skin", "b.rel.muslim"},
    )
    records.put(record_id, coded)
    row = db.session.get(Record, record_id)
    assert row is not None
    assert row.type == "af.violence"
    assert row.rkey == noise.rkey(
        noise.record_key(app.extensions["instance"].noise_root), record_id
    )
    found = db.session.execute(select(RecordCode.field, RecordCode.code)).all()
    assert sorted(map(tuple, found)) == [
        ("act", "act.assault_minor"),
        ("act", "act.profiling"),
        ("act", "act.verbal"),
        ("motive", "b.race.black"),
        ("motive", "b.race.skin"),
        ("motive", "b.rel.muslim"),
        ("motive_group", "bf.race"),
        ("motive_group", "bf.religion"),
    ]


def test_no_ground_counts_as_unknown(app: Flask) -> None:
    records.put(secrets.token_bytes(16), make_coded(grounds=()))
    assert [tuple(r) for r in db.session.execute(select(RecordCode.field, RecordCode.code))] == [
        ("act", "act.verbal"),
        ("motive_group", "unknown"),
    ]


def test_a_known_id_changes_nothing(app: Flask) -> None:
    record_id = secrets.token_bytes(16)
    records.put(record_id, make_coded(grounds={"b.rel.jewish"}))
    before = count_rows(RecordCode)
    records.put(record_id, make_coded(grounds={"b.race.roma"}, setting="loc.home"))
    row = db.session.get(Record, record_id)
    assert row is not None
    assert row.setting == "loc.street"
    assert count_rows(RecordCode) == before


def test_withdraw_leaves_nothing_and_can_be_repeated(app: Flask) -> None:
    ids = [secrets.token_bytes(16) for _ in range(3)]
    records.put_many([(record_id, make_coded()) for record_id in ids])
    records.withdraw_many(ids[:1])
    assert count_rows(Record) == 2
    for _ in range(2):
        records.withdraw_many([*ids, *ids])
    assert count_rows(Record) == count_rows(RecordCode) == 0


def test_the_order_of_deletion_is_that_of_the_ids(app: Flask) -> None:
    """Dead rows and logs keep it; the caller's order is that of the incidents."""
    ids = [secrets.token_bytes(16) for _ in range(20)]
    records.put_many([(record_id, make_coded()) for record_id in ids])
    with acts.seen() as seen:
        records.withdraw_many(ids)
    assert acts.deletions(seen) == [[one.hex() for one in sorted(ids)]]


def test_withdrawn_codes_do_not_stay_in_the_log(app: Flask) -> None:
    ids = [secrets.token_bytes(16) for _ in range(3)]
    records.put_many([(record_id, make_coded()) for record_id in ids])
    with acts.seen() as seen:
        records.withdraw_many(ids)
    if db.engine.dialect.name != "sqlite":
        # PostgreSQL keeps dead rows in its own files.
        assert seen[-2:] == ["VACUUM record_code", "VACUUM record"]
        return
    held = b"".join(
        path.read_bytes()
        for path in Path(app.extensions["settings"].data_dir).glob("upstander.db*")
    )
    assert not any(one in held for one in ids)


def test_a_batch_larger_than_one_statement_is_stored_whole(app: Flask) -> None:
    batch = [(secrets.token_bytes(16), make_coded()) for _ in range(1203)]
    records.put_many(batch)
    records.put_many(batch[:700])
    assert count_rows(Record) == 1203
    assert count_rows(RecordCode) == 3 * 1203


def test_only_what_is_still_named_is_put(app: Flask) -> None:
    batch = [(secrets.token_bytes(16), make_coded()) for _ in range(3)]
    records.put_many(batch, lambda session: {batch[1][0]} if session.info["writing"] else set())
    session: Any = db.session
    assert list(session.scalars(select(Record.id))) == [batch[1][0]]
    records.put_many(batch[:1], lambda _session: ())
    assert count_rows(Record) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("month", "2025-03-04"),
        ("month", "2024-03"),
        ("month", "2025-13"),
        ("month", "2025-03\n"),
        ("country", "Germany"),
        ("country", "germany"),
        ("acts", frozenset({"he hit me"})),
        ("grounds", frozenset({"b.race.black", "because"})),
        ("setting", "in front of my house"),
        ("vocabulary", 99),
        ("year", 25),
        ("organisation_id", b"short"),
    ],
)
def test_anything_but_codes_is_refused_without_repeating_it(
    app: Flask, field: str, value: Any
) -> None:
    coded = replace(make_coded(), **{field: value})
    with pytest.raises(ValueError, match=r"not a code") as refusal:
        records.put(secrets.token_bytes(16), coded)
    said = str(value if not isinstance(value, frozenset) else max(value, key=len))
    assert said not in str(refusal.value)
    assert count_rows(Record) == 0


def test_a_record_does_not_ride_on_another_change(app: Flask) -> None:
    """In one transaction with an incident it could be joined to it by the order of the log."""
    db.session.add(RecordCode(record_id=bytes(16), field="act", code="act.verbal"))
    with pytest.raises(RuntimeError):
        records.put(secrets.token_bytes(16), make_coded())
    db.session.rollback()


def test_who_says_what_is_still_named_writes_nothing(app: Flask) -> None:
    one = (secrets.token_bytes(16), make_coded())

    def writes(session: Session) -> set[bytes]:
        session.add(RecordCode(record_id=bytes(16), field="act", code="act.verbal"))
        return {one[0]}

    with pytest.raises(RuntimeError):
        records.put_many([one], writes)
    assert count_rows(Record) == count_rows(RecordCode) == 0


def test_no_column_can_hold_a_text_a_day_or_a_way_back() -> None:
    for table in (Record.__table__, RecordCode.__table__):
        assert not table.foreign_keys
        for column in inspect(table).columns:
            assert column.info["holds"] in {"opaque", "code", "month"}, column

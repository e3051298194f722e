"""What waits to be handed over: still in a new process, found by its index, many at once."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text

from analytics.models import Record
from casework import admission, erasure, flagged, handover, linking, objects
from casework.models import Incident, Work
from casework.sessions import Session
from reporting.database import db, transaction
from reporting.sealing import random_id
from tests import acts
from tests.casework import sent
from tests.casework.damage import damaged
from tests.casework.decided import (
    closed,
    coded,
    incident_of,
    made,
    recorded,
    refuted,
    reopened,
    two_reports,
    work_of,
)


def test_what_waits_to_be_handed_over_waits_still_in_a_new_process(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Withdrawn or put alone, a record would show whose it is: the hand-over takes many at once."""
    erasure.settle(sana)
    _yes, _no, refuted_id = two_reports(sana)
    refuted(sana, refuted_id)
    closed(sana, made(sana, sent.send()))
    monkeypatch.setattr(handover, "_LOOKED", set())
    before = db.session.scalars(select(Record.id)).all()
    erasure.settle(sana)
    assert db.session.scalars(select(Record.id)).all() == before
    assert handover.waiting(sana) == 2
    # Once in a process's life.
    with acts.seen() as seen:
        erasure.settle(sana)
    assert "COMMIT" not in seen
    assert sum(act.startswith("SELECT") for act in seen) == 1
    assert handover.hand_over(sana) == 2


def test_open_incidents_do_not_count_as_waiting(sana: Session) -> None:
    erasure.settle(sana)
    for _ in range(11):
        first, second = sent.send(), sent.send()
        incident_id = made(sana, first)
        linking.link(sana, second.report_id, incident_id, work_of(second).version)
        coded(sana, incident_id)
        sent.add(first)
    admission.admit_new(sana)
    assert handover.waiting(sana) == 0
    assert handover.hand_over_if_due(sana) == 0
    closed(sana, made(sana, sent.send()))
    assert handover.waiting(sana) == 1
    assert handover.hand_over_if_due(sana) == 0
    # Nothing is to be withdrawn from them: they are looked at once and no more.
    erasure.settle(sana)
    with acts.seen() as seen:
        erasure.settle(sana)
    assert "COMMIT" not in seen
    assert handover.waiting(sana) == 1


@pytest.mark.parametrize(
    ("look", "indexes"),
    [
        (handover.correct_open, {"ix_incident_waits"}),
        (handover._hand_over, {"ix_incident_waits"}),
        (erasure.settle, {"ix_incident_waits", "ix_incident_list"}),
    ],
)
def test_what_waits_is_found_by_its_index(
    sana: Session, look: Callable[[Session], object], indexes: set[str]
) -> None:
    """Asked at every request: thousands of incidents that do not wait must not be read for it."""
    erasure.settle(sana)
    first = incident_of(made(sana, sent.send()))
    row = {column.key: getattr(first, column.key) for column in Incident.__table__.columns}
    rows = [
        {**row, "id": random_id(), "state": state, "waits": False}
        for state in ("open", "coded", "closed")
        for _ in range(800)
    ]
    with transaction() as database:
        database.execute(insert(Incident), rows)
        database.execute(text("ANALYZE"))
    asked: list[Any] = []

    def executed(_connection: Any, _cursor: Any, *given: Any) -> None:
        asked.append(given[:2])

    event.listen(db.engine, "before_cursor_execute", executed)
    look(sana)
    event.remove(db.engine, "before_cursor_execute", executed)
    ((statement, parameters),) = [one for one in asked if one[0].startswith("SELECT")]
    explain = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
    with db.engine.connect() as connection:
        plan = connection.exec_driver_sql(explain + statement, parameters).all()
    assert {index for index in indexes if index in str(plan)} == indexes


def test_only_incidents_with_a_record_to_put_are_opened_for_it(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [made(sana, sent.send()) for _ in range(3)]
    for incident_id in ids:
        closed(sana, incident_id)
    handover.hand_over(sana)
    refuted(sana, ids[0])
    reopened(sana, ids[1])
    closed(sana, ids[1], country="FR")
    opened: list[bytes] = []
    real = objects.read_records

    def read(database: Any, keyring: Any, found: Sequence[Incident]) -> Any:
        opened.extend(one.id for one in found)
        return real(database, keyring, found)

    monkeypatch.setattr(objects, "read_records", read)
    assert handover.hand_over(sana) == 2
    assert opened == [ids[1]]


def test_a_long_hand_over_asks_for_what_comes_next(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flagged, "AT_ONCE", 2)
    ids = [made(sana, sent.send()) for _ in range(5)]
    for incident_id in ids:
        closed(sana, incident_id)
    broken_id = min(ids)
    damaged(broken_id, "coding", "altered")
    with acts.seen() as seen:
        assert handover.hand_over(sana) == 4
    assert recorded() == 4
    rounds = [act for act in seen if act.startswith("SELECT incident.id") and "LIMIT" in act]
    assert (len(rounds), len(set(rounds))) == (4, 1)
    assert {work.incident_id for work in db.session.scalars(select(Work))} == set(ids)

"""What is withdrawn goes at once and for good, names no incident, and is not lost in a crash."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text

from analytics.models import Record
from casework import admission, erasure, flagged, handover, incidents, linking, objects
from casework.models import Incident, Work
from casework.sessions import Session
from reporting.database import db, transaction
from reporting.models import Report
from reporting.sealing import random_id
from tests import acts
from tests.casework import sent
from tests.casework.damage import damaged
from tests.casework.decided import (
    closed,
    coded,
    erased,
    incident_of,
    made,
    recorded,
    two_reports,
    work_of,
)

NO = {"statistics": False, "reply": True}


def reopened(session: Session, incident_id: bytes) -> None:
    incidents.reopen(session, incident_id, incident_of(incident_id).version)


def refuted(session: Session, incident_id: bytes) -> None:
    reopened(session, incident_id)
    closed(session, incident_id, certainty="VX")


def take_back(session: Session, one: sent.Sent) -> list[bytes]:
    """The reporter takes consent back and it is admitted; the incidents to be corrected."""
    sent.add(one, request="consent", consent=NO)
    return list(admission.admit_new(session).incidents)


def record_item(session: Session, incident_id: bytes) -> dict[str, Any]:
    return objects.read_record(db.session(), session.keyring, incident_of(incident_id)).value


@pytest.mark.parametrize("how", ["handed over", "corrected"])
def test_the_order_of_withdrawals_does_not_tell_the_incidents(sana: Session, how: str) -> None:
    """Audit entries name the incidents in the clear just before, in their order."""
    sends = [sent.send() for _ in range(6)]
    ids = [made(sana, one) for one in sends]
    for incident_id in ids:
        closed(sana, incident_id)
    handover.hand_over(sana)
    gone = [one.hex() for one in sorted(db.session.scalars(select(Record.id)))]
    with acts.seen() as seen:
        if how == "corrected":
            for one in sends:
                sent.add(one, request="consent", consent=NO)
            handover.correct(sana, list(admission.admit_new(sana).incidents))
        else:
            for incident_id in ids:
                refuted(sana, incident_id)
            handover.hand_over(sana)
    assert acts.deletions(seen) == [gone]


def only_withdraws(how: str, session: Session, one: sent.Sent, incident_id: bytes) -> None:
    if how == "hand-over":
        refuted(session, incident_id)
        handover.hand_over(session)
    elif how == "queue":
        handover.correct(session, take_back(session, one))
    else:
        linking.unlink(session, one.report_id, work_of(one).version)


@pytest.mark.parametrize("how", ["hand-over", "queue", "unlink"])
def test_what_is_withdrawn_stays_in_no_log(app: Flask, sana: Session, how: str) -> None:
    yes, _no, incident_id = two_reports(sana)
    record_id = db.session.scalars(select(Record.id)).one()
    db.session.remove()
    with acts.seen() as seen:
        only_withdraws(how, sana, yes, incident_id)
    assert recorded() == 0
    if db.engine.dialect.name != "sqlite":
        assert {"VACUUM record", "VACUUM record_code"} <= set(seen)
        return
    for path in Path(app.extensions["settings"].data_dir).glob("upstander.db*"):
        assert record_id not in path.read_bytes(), path.name


def cut_off(monkeypatch: pytest.MonkeyPatch, where: str, act: Callable[[], Any]) -> None:
    """The process dies before `correct`, or in it before or after the withdrawal."""
    real = handover._apply

    def stop(*given: Any, **_more: Any) -> None:
        if where == "after":
            real(*given)
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(handover, "correct" if where == "before" else "_apply", stop)
        with suppress(InterruptedError):
            act()
            pytest.fail("not cut off")


def withdraw(how: str, session: Session, one: sent.Sent, other: bytes | None) -> None:
    """Take the consent back, or take the report out of its incident, into another or none."""
    if how == "consent":
        handover.correct(session, take_back(session, one))
    else:
        linking.unlink(session, one.report_id, work_of(one).version, other)


@pytest.mark.parametrize("reopen_first", [True, False])
@pytest.mark.parametrize("where", ["before", "inside", "after"])
@pytest.mark.parametrize("how", ["consent", "unlinked", "moved"])
def test_a_withdrawal_from_a_reopened_incident_is_not_lost(
    sana: Session, monkeypatch: pytest.MonkeyPatch, how: str, where: str, *, reopen_first: bool
) -> None:
    """It would stay counted against its reporters' word until somebody closed it."""
    yes, _no, incident_id = two_reports(sana)
    other = made(sana, sent.send()) if how == "moved" else None
    if reopen_first:
        reopened(sana, incident_id)

    cut_off(monkeypatch, where, lambda: withdraw(how, sana, yes, other))
    assert recorded() == (0 if where == "after" else 1)
    if not reopen_first:
        reopened(sana, incident_id)
    assert erasure.settle(sana) == 0
    assert recorded() == 0
    assert record_item(sana, incident_id) == linking.NO_RECORD
    assert not db.session.scalars(select(Incident.id).where(Incident.waits)).all()


@pytest.mark.parametrize("where", ["before", "inside", "after"])
@pytest.mark.parametrize("how", ["consent", "unlinked", "moved"])
def test_a_withdrawal_from_a_closed_incident_is_not_lost(
    sana: Session, monkeypatch: pytest.MonkeyPatch, how: str, where: str
) -> None:
    """It would stay counted against its reporter's word until the next hand-over."""
    yes, _no, incident_id = two_reports(sana)
    other = made(sana, sent.send()) if how == "moved" else None
    erasure.settle(sana)

    cut_off(monkeypatch, where, lambda: withdraw(how, sana, yes, other))
    assert recorded() == (0 if where == "after" else 1)
    if where == "before":
        # Between two statements nothing fails: the process was killed, and this is its successor.
        monkeypatch.setattr(handover, "_LOOKED", set())
    assert erasure.settle(sana) == 0
    assert recorded() == 0
    assert record_item(sana, incident_id) == linking.NO_RECORD
    assert not incident_of(incident_id).waits


def test_a_withdrawal_that_fails_while_another_request_looks_is_not_lost(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks has read the flags before, and must not remember that nothing is left."""
    yes, _no, incident_id = two_reports(sana)
    read = flagged.batches

    def meanwhile(*asked: Any) -> Iterator[list[bytes]]:
        yield from read(*asked)
        cut_off(monkeypatch, "inside", lambda: handover.correct(sana, take_back(sana, yes)))

    erasure.settle(sana)
    with monkeypatch.context() as patched:
        patched.setattr(handover, "_LOOKED", set())
        patched.setattr(flagged, "batches", meanwhile)
        handover.correct_closed(sana)
        assert recorded() == 1
        patched.setattr(flagged, "batches", read)
        erasure.settle(sana)
    assert recorded() == 0
    assert record_item(sana, incident_id) == linking.NO_RECORD


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


def test_a_reopened_incident_that_somebody_agrees_to_stays_counted(sana: Session) -> None:
    yes, _yes, incident_id = two_reports(sana, agreed=True)
    reopened(sana, incident_id)
    take_back(sana, yes)
    erasure.settle(sana)
    assert recorded() == 1
    assert not incident_of(incident_id).waits
    closed(sana, incident_id, country="FR")
    assert handover.hand_over(sana) == 1
    assert db.session.scalars(select(Record.country)).one() == "FR"


def broken(one: sent.Sent, how: str) -> Callable[[], None]:
    """Somebody at the database damages a report, so that nobody can open it; the way back."""
    column = "boxed_key" if how == "key" else "body"

    def write(value: bytes) -> bytes:
        with transaction() as database:
            report = database.get_one(Report, one.report_id)
            before = bytes(getattr(report, column))
            setattr(report, column, value)
        return before

    kept = write(bytes(2000))

    def mend() -> None:
        write(kept)

    return mend


@pytest.mark.parametrize("how", ["key", "body"])
@pytest.mark.parametrize("reopen", [True, False])
def test_a_report_that_does_not_open_has_not_disagreed(
    sana: Session, how: str, *, reopen: bool
) -> None:
    yes, no, incident_id = two_reports(sana)
    before = db.session.scalars(select(Record.id)).one()
    if reopen:
        reopened(sana, incident_id)
    mend = broken(yes, how)
    handover.correct(sana, take_back(sana, no))
    erasure.settle(sana)
    assert handover.hand_over(sana) == 0
    assert db.session.scalars(select(Record.id)).one() == before
    assert incident_of(incident_id).waits
    assert handover.waiting(sana) == (0 if reopen else 1)
    mend()
    erasure.settle(sana)
    assert handover.hand_over(sana) == (0 if reopen else 1)
    assert db.session.scalars(select(Record.id)).one() == before
    assert not incident_of(incident_id).waits


@pytest.mark.parametrize("reopen", [True, False])
def test_once_erased_a_report_that_did_not_open_agrees_no_more(
    sana: Session, *, reopen: bool
) -> None:
    yes, _no, incident_id = two_reports(sana)
    if reopen:
        reopened(sana, incident_id)
    broken(yes, "body")
    erased(yes)
    assert erasure.settle(sana) == 1
    assert recorded() == 0
    assert not incident_of(incident_id).waits


@pytest.mark.parametrize("reopen", [True, False])
def test_an_erasure_leaves_a_report_that_does_not_open_waiting(
    sana: Session, *, reopen: bool
) -> None:
    yes, no, incident_id = two_reports(sana)
    if reopen:
        reopened(sana, incident_id)
    mend = broken(no, "body")
    erased(yes)
    assert erasure.settle(sana) == 1
    assert (recorded(), incident_of(incident_id).waits) == (1, True)
    mend()
    erasure.settle(sana)
    handover.hand_over(sana)
    assert (recorded(), incident_of(incident_id).waits) == (0, False)


def test_a_refusal_counts_though_the_report_before_it_does_not_open(sana: Session) -> None:
    """Else whoever damages a report would keep it counted against its reporter's word."""
    yes, _no, _incident_id = two_reports(sana)
    broken(yes, "body")
    handover.correct(sana, take_back(sana, yes))
    assert recorded() == 0


def test_an_addition_that_does_not_open_may_have_agreed(sana: Session) -> None:
    one = sent.send(consent=NO)
    incident_id = made(sana, one)
    added = sent.add(one, request="consent", consent={"statistics": True})
    admission.admit_new(sana)
    mend = broken(added, "body")
    closed(sana, incident_id)
    assert handover.hand_over(sana) == 0
    assert handover.waiting(sana) == 1
    mend()
    assert handover.hand_over(sana) == 1
    assert recorded() == 1


def test_a_withdrawal_that_was_begun_is_finished_though_nothing_opens_now(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    yes, _no, incident_id = two_reports(sana)
    refuted(sana, incident_id)
    cut_off(monkeypatch, "inside", lambda: handover.hand_over(sana))
    broken(yes, "body")
    damaged(incident_id, "coding", "altered")
    assert recorded() == 1
    handover.hand_over(sana)
    assert recorded() == 0
    assert record_item(sana, incident_id) == linking.NO_RECORD
    # Whether it is to be counted anew cannot be told.
    assert incident_of(incident_id).waits


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

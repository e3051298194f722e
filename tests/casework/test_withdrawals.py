"""What is withdrawn goes at once and for good, names no incident, and is not lost in a crash."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from analytics.models import Record
from casework import admission, erasure, flagged, handover, linking
from casework.models import Incident
from casework.sessions import Session
from reporting.database import db
from tests import acts
from tests.casework import sent
from tests.casework.crash import cut_off, record_item
from tests.casework.decided import (
    NO,
    closed,
    incident_of,
    made,
    recorded,
    refuted,
    reopened,
    take_back,
    two_reports,
    work_of,
)


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

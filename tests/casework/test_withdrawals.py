"""What is withdrawn goes at once and for good, names no incident, and is not lost in a crash."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from analytics.models import Record
from casework import admission, handover, incidents, linking
from casework.models import Incident, Work
from casework.sessions import Session
from reporting.database import db
from tests import acts
from tests.casework import people, sent
from tests.casework.test_incidents import (
    closed,
    damaged,
    incident_of,
    made,
    recorded,
    two_reports,
    work_of,
)

NO = {"statistics": False, "reply": True}


@pytest.fixture
def sana(app: Flask) -> Session:
    return people.session_of(people.add_organisation().supervisor)


def reopened(session: Session, incident_id: bytes) -> None:
    incidents.reopen(session, incident_id, incident_of(incident_id).version)


def refuted(session: Session, incident_id: bytes) -> None:
    reopened(session, incident_id)
    closed(session, incident_id, certainty="VX")


def take_back(session: Session, one: sent.Sent) -> list[bytes]:
    """The reporter takes consent back and it is admitted; the incidents to be corrected."""
    sent.add(one, request="consent", consent=NO)
    return list(admission.admit_new(session).incidents)


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
    opened, real = [], incidents.read_record

    def read(database: Any, session: Session, incident: Incident) -> Any:
        opened.append(incident.id)
        return real(database, session, incident)

    monkeypatch.setattr(incidents, "read_record", read)
    assert handover.hand_over(sana) == 2
    assert opened == [ids[1]]


def test_a_long_hand_over_asks_for_what_comes_next(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "_AT_ONCE", 2)
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

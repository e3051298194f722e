"""From report to record, and back: linking, coding, closing, handing over, erasing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from analytics.models import Record, RecordCode
from casework import (
    admission,
    audit,
    coding,
    erasure,
    handover,
    incidents,
    linking,
    reports,
    triage,
)
from casework.models import Incident, Item, Work
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting import mailbox
from reporting.database import db
from reporting.models import Report
from reporting.sealing import random_id
from tests.casework import people, sent
from tests.casework.people import Organisation


@pytest.fixture
def organisation(app: Flask) -> Organisation:
    return people.add_organisation()


@pytest.fixture
def sana(organisation: Organisation) -> Session:
    return people.session_of(organisation.supervisor)


def work_of(one: sent.Sent) -> Work:
    found = db.session.get(Work, one.report_id, populate_existing=True)
    assert found is not None
    return found


def incident_of(incident_id: bytes) -> Incident:
    found = db.session.get(Incident, incident_id, populate_existing=True)
    assert found is not None
    return found


def made(session: Session, one: sent.Sent) -> bytes:
    """An incident of a report, through admission and decision."""
    admission.admit_new(session)
    return linking.new_incident(session, one.report_id, work_of(one).version)


def coded(session: Session, incident_id: bytes, **changes: Any) -> None:
    opened = incidents.open_incident(session, incident_id)
    chosen = replace(opened.coding, **{"certainty": "V2", **changes})
    incidents.save_coding(session, incident_id, opened.incident.version, chosen)


def closed(session: Session, incident_id: bytes, **changes: Any) -> None:
    coded(session, incident_id, **changes)
    incidents.close(session, incident_id, incident_of(incident_id).version)


def recorded() -> int:
    return db.session.scalar(select(func.count()).select_from(Record)) or 0


def test_a_report_becomes_a_record(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    assert recorded() == 0
    assert handover.waiting(sana) == 1
    assert handover.hand_over(sana) == 1
    assert handover.waiting(sana) == 0
    row = db.session.scalars(select(Record)).one()
    assert (row.ref_year, row.month, row.country) == (2025, "2025-03", "DE")
    assert (row.type, row.setting) == ("af.threat", "loc.transport")
    codes = {(c.field, c.code) for c in db.session.scalars(select(RecordCode))}
    assert ("motive", "b.language") in codes
    assert [m.get("status") for m in sent.messages(one)] == ["being_read", "finished"]
    assert audit.verify(sana.organisation_id or b"") is None

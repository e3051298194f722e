"""What follows from a report, made as members make it: decided about, coded, closed, counted.

Goes through the public interface of each step. Holds no test; what is damaged stands in `damage`.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import func, select

from analytics.models import Record
from casework import admission, erasure, handover, incidents, linking, reports
from casework.models import Incident, Work
from casework.sessions import Session
from reporting import mailbox
from reporting.database import db
from reporting.sealing import random_id
from tests.casework import sent

# What a reporter says who takes consent back.
NO = {"statistics": False, "reply": True}


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


def counted(session: Session) -> tuple[sent.Sent, bytes]:
    """A report and its incident, closed and handed over: the only one that is counted."""
    one = sent.send()
    incident_id = made(session, one)
    closed(session, incident_id)
    handover.hand_over(session)
    assert recorded() == 1
    return one, incident_id


def erased(one: sent.Sent) -> None:
    """The reporter deletes; the keyless job runs."""
    mailbox.erase(one.receipt.mailbox_token)
    erasure.finish_erasures()


def two_reports(session: Session, *, agreed: bool = False) -> tuple[sent.Sent, sent.Sent, bytes]:
    """A counted incident of a report that agrees to statistics and another; with a note."""
    yes, other = sent.send(), sent.send(consent={"statistics": agreed})
    incident_id = made(session, yes)
    linking.link(session, other.report_id, incident_id, work_of(other).version)
    incidents.save_note(session, incident_id, random_id(), 0, "Called back.")
    closed(session, incident_id)
    handover.hand_over(session)
    assert recorded() == 1
    return yes, other, incident_id


def reopened(session: Session, incident_id: bytes) -> None:
    incidents.reopen(session, incident_id, incident_of(incident_id).version)


def refuted(session: Session, incident_id: bytes) -> None:
    reopened(session, incident_id)
    closed(session, incident_id, certainty="VX")


def take_back(session: Session, one: sent.Sent) -> list[bytes]:
    """The reporter takes consent back and it is admitted; the incidents to be corrected."""
    sent.add(one, request="consent", consent=NO)
    return list(admission.admit_new(session).incidents)


def opened(session: Session, one: sent.Sent) -> reports.Thread:
    _work, thread = reports.open_report(session, one.report_id)
    assert thread is not None
    return thread

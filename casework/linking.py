"""Linking: a report becomes an incident, joins one, moves to another, or goes back.

Only keys are boxed anew, not a byte of text is touched. Runs under the organisation's audit lock;
each change is audited in its own transaction.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as DatabaseSession

from casework import answers, audit, coding, handover, incidents, objects, policy, reports
from casework.models import Incident, Work
from casework.policy import ActionRefused, IncidentState, ReportState
from casework.sessions import Session
from reporting import clock
from reporting.database import transaction
from reporting.models import Report
from reporting.sealing import SealingRefused, b64, random_id

# What a record item says while there is no record and none to withdraw.
NO_RECORD: dict[str, Any] = {"id": "", "coded": None, "old": []}


def new_incident(session: Session, report_id: bytes, version: int) -> bytes:
    """Make an incident of a report; its first coding is proposed from the reporter's answers."""
    with transaction() as database:
        work = _held(database, session, report_id, version)
        policy.move_report(ReportState(work.state), "link")
        thread = reports.gather(database, session, work)
        if thread is None:
            raise ActionRefused("erased")
        incident_id = random_id()
        key, boxed, epoch = objects.make_object_key(session.keyring, incident_id)
        incident = Incident(
            id=incident_id,
            organisation_id=work.organisation_id,
            state=IncidentState.OPEN,
            holder_id=session.member_id,
            version=1,
            day=clock.today(),
            object_key=boxed,
            epoch=epoch,
            waits=False,
        )
        database.add(incident)
        database.flush()
        me, report = session.member_id, {"report": b64(work.report_id)}
        audit.write(database, work.organisation_id, me, "new_incident", incident_id, report)
        proposed = coding.propose(thread.first.body)
        objects.write_item(database, incident, key, me, "coding", proposed.to_json())
        objects.write_item(database, incident, key, me, "record", NO_RECORD)
        _attach(database, session, work, incident, key)
        incidents.summarise(database, session, incident, proposed)
        answers.tell(database, session, work, thread, "being_read")
    return incident_id


def link(session: Session, report_id: bytes, incident_id: bytes, version: int) -> None:
    """Add a report to an incident that is there already."""
    with transaction() as database:
        work = _held(database, session, report_id, version)
        policy.move_report(ReportState(work.state), "link")
        thread = reports.gather(database, session, work)
        if thread is None:
            raise ActionRefused("erased")
        incident = incidents.find(database, session, incident_id)
        key = objects.open_object_key(session.keyring, incident)
        detail = {"report": b64(work.report_id)}
        audit.write(database, work.organisation_id, session.member_id, "link", incident.id, detail)
        _attach(database, session, work, incident, key)
        _changed(database, session, incident, key)
        answers.tell(database, session, work, thread, "being_read")


def unlink(session: Session, report_id: bytes, version: int, to: bytes | None = None) -> None:
    """Take a report out of its incident: to another one, or back into the queue.

    An incident that loses its last report is erased: it would be about nothing anybody said.
    """
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        work = reports.find(database, session, report_id)
        incidents.check_version(work.version, version)
        policy.move_report(ReportState(work.state), "move" if to else "unlink")
        before = incidents.find(database, session, work.incident_id or b"")
        key = objects.open_object_key(session.keyring, before)
        detail = {"report": b64(work.report_id)}
        if to is not None and to != before.id:
            after = incidents.find(database, session, to)
            detail["to"] = b64(to)
            audit.write(
                database, work.organisation_id, session.member_id, "move", before.id, detail
            )
            after_key = objects.open_object_key(session.keyring, after)
            _attach(database, session, work, after, after_key)
            _changed(database, session, after, after_key)
        elif to is None:
            audit.write(
                database, work.organisation_id, session.member_id, "unlink", before.id, detail
            )
            _detach(database, session, work)
        database.flush()
        if incidents.works(database, before.id):
            _changed(database, session, before, key)
        else:
            before.state = policy.move_incident(IncidentState(before.state), "erase")
        left = before.id
    # If nobody who is left agreed to statistics, the record goes now, closed or reopened.
    handover.correct(session, [left])


def _held(database: DatabaseSession, session: Session, report_id: bytes, version: int) -> Work:
    """A report this member may decide about, at the version they saw; they hold it from now."""
    audit.lock(database, session.organisation_id or b"")
    work = reports.find(database, session, report_id)
    if work.parent_id is not None:
        raise ActionRefused("unknown")
    policy.check_decide(reports.actor(session), work.holder_id)
    incidents.check_version(work.version, version)
    work.holder_id = session.member_id
    work.version += 1
    return work


def _changed(database: DatabaseSession, session: Session, incident: Incident, key: bytes) -> None:
    """Another set of reports: what is counted, and the line in the list, may be others now."""
    items = objects.read_items(database, incident, key, ["coding"])
    if items:
        incidents.summarise(database, session, incident, coding.from_json(items[0].value))
    # In any state: reopened, it may be counted still, and this process may die before it has
    # withdrawn what nobody who is left agrees to.
    incident.waits = True
    incident.version += 1


def _attach(
    database: DatabaseSession, session: Session, work: Work, incident: Incident, key: bytes
) -> None:
    """Box the keys of a report and its additions for the incident; not a byte of text is touched.

    Readable only by who opens the incident from now on.
    """
    for row, report, content_key in _keys(database, session, work):
        if content_key is not None:
            holder = (incident.id, key)
            report.boxed_key = reports.box_for_object(holder, report.report_id, content_key)
            report.boxed_epoch = None
        row.incident_id = incident.id
        row.state = ReportState.LINKED
    work.version += 1


def _detach(database: DatabaseSession, session: Session, work: Work) -> None:
    """Box the keys of a report and its additions under the newest epoch, as before linking."""
    for row, report, content_key in _keys(database, session, work):
        if content_key is not None:
            report.boxed_key, report.boxed_epoch = reports.box_for_epoch(
                session.keyring, report.report_id, content_key
            )
        row.incident_id = None
        if row.parent_id is None:
            row.state = ReportState.ADMITTED
    work.version += 1


def _keys(
    database: DatabaseSession, session: Session, work: Work
) -> list[tuple[Work, Report, bytes | None]]:
    """The rows of a report and its additions, with the content keys that open."""
    holder = reports.holder_of(database, session, work)
    found: list[tuple[Work, Report, bytes | None]] = []
    for row, report in database.execute(
        select(Work, Report)
        .join(Report, Report.report_id == Work.report_id)
        .where((Work.report_id == work.report_id) | (Work.parent_id == work.report_id))
    ).all():
        try:
            found.append((row, report, reports.content_key(session.keyring, report, holder)))
        except SealingRefused:
            found.append((row, report, None))
    return found

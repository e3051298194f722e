"""Linking: a report becomes an incident, joins one, moves to another, or goes back.

Only keys are boxed anew, not a byte of text is touched. Runs under the organisation's audit lock;
each change is audited in its own transaction.
"""

from typing import Any

from sqlalchemy.orm import Session as DatabaseSession

from casework import (
    answers,
    audit,
    coding,
    handover,
    incidents,
    object_keys,
    objects,
    policy,
    report_keys,
    reports,
    stored,
)
from casework.models import Incident, Work
from casework.policy import ActionRefused, IncidentState, ReportState
from casework.report_keys import IncidentKey
from casework.reports import Thread
from casework.sessions import Session
from casework.stored import Rows
from reporting import clock
from reporting.database import transaction
from reporting.models import Report
from reporting.sealing import SealingRefused, b64, random_id

# What a record item says while there is no record and none to withdraw.
NO_RECORD: dict[str, Any] = {"id": "", "coded": None, "old": []}

# A report or an addition, with its content key if that opens.
_Key = tuple[Work, Report, bytes | None]


def new_incident(session: Session, report_id: bytes, version: int) -> bytes:
    """Make an incident of a report; its first coding is proposed from the reporter's answers."""
    with transaction() as database:
        work, thread, keys = _decided(database, session, report_id, version)
        incident_id, me = random_id(), session.member_id
        key, boxed, epoch = object_keys.make(session.keyring, incident_id)
        incident = Incident(
            id=incident_id,
            organisation_id=work.organisation_id,
            state=IncidentState.OPEN,
            holder_id=me,
            version=1,
            day=clock.today(),
            object_key=boxed,
            epoch=epoch,
            waits=False,
        )
        proposed = coding.propose(thread.first.body)
        incidents.shorten(session, incident, proposed, 1)
        database.add(incident)
        database.flush()
        report = {"report": b64(work.report_id)}
        audit.write(database, work.organisation_id, me, "new_incident", incident_id, report)
        first = {"coding": proposed.to_json(), "record": NO_RECORD}
        items = [objects.Change(incident, key, kind, value) for kind, value in first.items()]
        objects.write_items(database, me, items)
        _hold(session, work)
        _attach(work, keys, (incident_id, key))
        answers.tell(database, session, work, thread, "being_read")
    return incident_id


def link(session: Session, report_id: bytes, incident_id: bytes, version: int) -> None:
    """Add a report to an incident that is there already."""
    with transaction() as database:
        work, thread, keys = _decided(database, session, report_id, version)
        incident = incidents.find(database, session, incident_id)
        key = object_keys.open_one(session.keyring, incident)
        detail = {"report": b64(work.report_id)}
        audit.write(database, work.organisation_id, session.member_id, "link", incident.id, detail)
        _hold(session, work)
        _attach(work, keys, (incident.id, key))
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
        key = object_keys.open_one(session.keyring, before)
        detail = {"report": b64(work.report_id)}
        if to is not None and to != before.id:
            after = incidents.find(database, session, to)
            detail["to"] = b64(to)
            audit.write(
                database, work.organisation_id, session.member_id, "move", before.id, detail
            )
            after_key = object_keys.open_one(session.keyring, after)
            _attach(work, _moved(database, session, work, (before.id, key)), (after.id, after_key))
            for item in incidents.drop_answers(database, session, before, key):
                # Not one that somebody altered: boxed anew it would pass for whole.
                if item.value.get("report") == detail["report"] and not item.altered:
                    objects.carry_item(database, after, after_key, session.member_id, item)
            _changed(database, session, after, after_key)
        elif to is None:
            audit.write(
                database, work.organisation_id, session.member_id, "unlink", before.id, detail
            )
            _detach(session, work, _moved(database, session, work, (before.id, key)))
            incidents.drop_answers(database, session, before, key)
        database.flush()
        if incidents.works(database, before.id):
            _changed(database, session, before, key)
        else:
            before.state = policy.move_incident(IncidentState(before.state), "erase")
        left = before.id
    # If nobody who is left agreed to statistics, the record goes now, closed or reopened.
    handover.correct(session, [left])


def _decided(
    database: DatabaseSession, session: Session, report_id: bytes, version: int
) -> tuple[Work, Thread, list[_Key]]:
    """A report to be linked, opened: one this member may decide about, at the version they saw."""
    audit.lock(database, session.organisation_id or b"")
    work = reports.find(database, session, report_id)
    if work.parent_id is not None:
        raise ActionRefused("unknown")
    policy.check_decide(reports.actor(session), work.holder_id)
    incidents.check_version(work.version, version)
    policy.move_report(ReportState(work.state), "link")
    # In no incident yet.
    rows = stored.lock(database, report_id)
    thread = reports.threads(database, session, [(work, None)], rows)[0]
    if thread is None:
        raise ActionRefused("erased")
    return work, thread, _keys(session, rows, None)


def _hold(session: Session, work: Work) -> None:
    work.holder_id = session.member_id
    work.version += 1


def _changed(database: DatabaseSession, session: Session, incident: Incident, key: bytes) -> None:
    """Another set of reports: what is counted, and the line in the list, may be others now."""
    items = objects.read_items(database, incident, key, ["coding"])
    if items:
        incidents.summarise(database, session, incident, coding.from_json(items[0].value))
    # In any state: reopened, it may be counted still, and this process may die before it has
    # withdrawn what nobody who is left agrees to.
    incident.waits = True
    incident.version += 1


def _attach(work: Work, keys: list[_Key], linked: IncidentKey) -> None:
    """Box the keys of a report and its additions for the incident; not a byte of text is touched.

    Readable only by who opens the incident from now on.
    """
    for row, report, content_key in keys:
        if content_key is not None:
            report.boxed_key = report_keys.box_for_incident(linked, report.report_id, content_key)
            report.boxed_epoch = None
        row.incident_id = linked[0]
        row.state = ReportState.LINKED
    work.version += 1


def _detach(session: Session, work: Work, keys: list[_Key]) -> None:
    """Box the keys of a report and its additions under the newest epoch, as before linking."""
    for row, report, content_key in keys:
        if content_key is not None:
            report.boxed_key, report.boxed_epoch = report_keys.box_for_epoch(
                session.keyring, report.report_id, content_key
            )
        row.incident_id = None
        if row.parent_id is None:
            row.state = ReportState.ADMITTED
    work.version += 1


def _moved(
    database: DatabaseSession, session: Session, work: Work, linked: IncidentKey
) -> list[_Key]:
    return _keys(session, stored.lock(database, work.report_id), linked)


def _keys(session: Session, rows: Rows, linked: IncidentKey | None) -> list[_Key]:
    """The rows of a report and its additions, with the content keys that open."""
    found: list[_Key] = []
    for row, report, _has_files in rows:
        try:
            found.append((row, report, report_keys.content_key(session.keyring, report, linked)))
        except SealingRefused:
            found.append((row, report, None))
    return found

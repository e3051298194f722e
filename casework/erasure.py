"""Erasure: what is left to do after a reporter deleted a report (sealing.md 6).

The mailbox's authority deleted keys, words, files and messages at once. A keyless job empties the
queue's row within minutes. What needs a key waits for the next signed-in member's request: the
statistical record goes unless another linked report consents, and an incident without any report
is deleted with its object key, after its record. One that goes on keeps no answer to the report.
"""

from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Select,
    bindparam,
    delete,
    exists,
    literal_column,
    select,
    update,
)

from casework import audit, flagged, handover, incidents, object_keys, policy, reports
from casework.basis import read_basis
from casework.models import Incident, Work
from casework.policy import ActionRefused, IncidentState, ReportState
from casework.sessions import Session
from reporting import attachments, clock
from reporting.database import db, forget, transaction
from reporting.models import Attachment, ErasureOrder, Message, Report

# Tables whose rows an erasure deletes or empties.
EMPTIED = tuple("report attachment message work incident item record record_code".split())

# Somebody who was writing at that moment may have put a digest back behind the erasure.
_NOT_EMPTY = (Work.state != ReportState.ERASED) | Work.digest.is_not(None)


def settle(session: Session) -> int:
    """Finish erasures and withdrawals that need a key, and hand over at a month's first request.

    Cheap when nothing waits.

    Called before every request of a signed-in member; returns how many incidents it settled.
    """
    if session.organisation_id is None or session.role not in policy.KEY_HOLDERS:
        return 0
    values = {"organisation": session.organisation_id}
    erased, reopened = db.session().execute(_left_over(), values).one()
    count = 0
    for incident_id in _unsettled(session) if erased else ():
        count += _settle_one(session, incident_id)
    if count:
        with transaction() as database:
            audit.write(
                database,
                session.organisation_id,
                session.member_id,
                "settle_erasure",
                None,
                {"count": count},
            )
        forget_log()
    if count or reopened:
        handover.correct_open(session)
    handover.correct_closed(session)
    handover.hand_over_monthly(session)
    return count


def finish_erasures() -> int:
    """Keyless job: empty the rows of erased reports; replay orders after a restore."""
    late = _replay()
    with transaction() as database:
        ids = database.scalars(
            select(Work.report_id)
            .join(ErasureOrder, ErasureOrder.report_id == Work.report_id)
            .where(_NOT_EMPTY)
        ).all()
        done: Any = database.execute(
            update(Work)
            .where(Work.report_id.in_(ids), _NOT_EMPTY)
            .values(
                state=ReportState.ERASED,
                digest=None,
                digest_epoch=None,
                holder_id=None,
                claimed=None,
                fresh=False,
                version=Work.version + 1,
            )
            .execution_options(synchronize_session=False)
        )
        # PostgreSQL keeps the dead rows of a report that nobody had taken in yet, too.
        since = clock.today() - timedelta(days=1)
        fresh = database.scalar(select(exists().where(ErasureOrder.day >= since)))
    if done.rowcount or late or fresh:
        forget_log()
    return int(done.rowcount)


def forget_log() -> None:
    """Nothing that was erased stays in a log or in dead rows."""
    forget(*EMPTIED)


def _unsettled(session: Session) -> list[bytes]:
    """Incidents with an erased report, and those that lost their last one."""
    values = {"organisation": session.organisation_id}
    return sorted(db.session().scalars(_waiting(), values))


@cache
def _left_over() -> Select[bool, bool]:
    """Whether an erasure waits, and a reopened incident: one question for every request."""
    return select(exists(_waiting()), exists(flagged.reopened()))


@cache
def _waiting() -> CompoundSelect[Any]:
    """Both halves have an index of their own."""
    organisation: BindParameter[Any] = bindparam("organisation")
    touched = select(Work.incident_id).where(
        Work.organisation_id == organisation,
        Work.state == literal_column("'erased'"),
        Work.incident_id.is_not(None),
    )
    empty = select(Incident.id).where(
        Incident.organisation_id == organisation, Incident.state == IncidentState.ERASED
    )
    return touched.union(empty)


def _settle_one(session: Session, incident_id: bytes) -> bool:
    """Settle one incident; each step may be repeated after a crash."""
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        incident = database.get(Incident, incident_id, populate_existing=True)
        if incident is None:
            return False
        policy.check_open(reports.actor(session), incident.organisation_id)
        alive = [
            work
            for work in incidents.works(database, incident_id)
            if work.state != ReportState.ERASED
        ]
        if not alive:
            incident.state = IncidentState.ERASED
    try:
        # Whatever hinders the rest: a damaged record must not keep what was said to a reporter.
        _drop_answers(session, incident_id)
        if alive:
            handover.correct(session, [incident_id])
            _detach_erased(session, incident_id)
        else:
            _delete(session, incident_id)
    except ActionRefused:
        # This member's keys do not open it; another member's request will.
        return False
    return True


def _drop_answers(session: Session, incident_id: bytes) -> None:
    """Delete staff's copies of answers to what was erased."""
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        incident = database.get(Incident, incident_id, populate_existing=True)
        if incident is not None:
            key = object_keys.open_one(session.keyring, incident)
            incidents.drop_answers(database, session, incident, key)


def _detach_erased(session: Session, incident_id: bytes) -> None:
    """The incident goes on with the reports that are left."""
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        database.execute(
            update(Work)
            .where(Work.incident_id == incident_id, Work.state == ReportState.ERASED)
            .values(incident_id=None)
            .execution_options(synchronize_session=False)
        )
        incident = incidents.find(database, session, incident_id)
        # Refuses while its record cannot be named: nobody would come back for it.
        basis = read_basis(database, session, incident)
        if basis.coding is not None:
            incidents.summarise(database, session, incident, basis.coding)
        if basis.countable is not False:
            # The day of receipt may be another report's now; or nothing tells yet who agrees.
            incident.waits = True
        incident.version += 1


def _delete(session: Session, incident_id: bytes) -> None:
    """First the record, then the incident with its key: the id stands nowhere else."""
    handover.withdraw_all(session, incident_id)
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        database.execute(
            update(Work)
            .where(Work.incident_id == incident_id)
            .values(incident_id=None)
            .execution_options(synchronize_session=False)
        )
        database.execute(delete(Incident).where(Incident.id == incident_id))


def _replay() -> int:
    """Erase again what a restored backup brought back, and messages written at the same moment."""
    with transaction() as database:
        rows = database.execute(
            select(Report.report_id, Report.mailbox).join(
                ErasureOrder, ErasureOrder.report_id == Report.report_id
            )
        ).all()
        ids = [row.report_id for row in rows]
        database.execute(delete(Attachment).where(Attachment.report_id.in_(ids)))
        database.execute(delete(Report).where(Report.report_id.in_(ids)))
        boxes = [row.mailbox for row in rows]
        ordered = select(ErasureOrder.report_id)
        messages: Any = database.execute(
            delete(Message)
            .where(Message.mailbox.in_(boxes) | Message.report_id.in_(ordered))
            .execution_options(synchronize_session=False)
        )
    for report_id in ids:
        attachments.delete(report_id)
    return len(ids) + int(messages.rowcount)

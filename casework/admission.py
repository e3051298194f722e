"""Admission: opening the queue takes in what has arrived, each report once (sealing.md 6).

The sealed key of a report is opened with the intake key and deleted; the content key is boxed under
the newest casework epoch, or for its incident when it adds to a linked report. A report that does
not open is admitted as such and stops no other.
"""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.orm import Session as DatabaseSession

from casework import audit, bodies, object_keys, report_keys, stored
from casework.bodies import Body
from casework.digests import box_digest
from casework.models import Incident, Work
from casework.policy import ActionRefused, ReportState
from casework.sessions import Session
from reporting.database import db, transaction
from reporting.envelope import open_body, open_content_key
from reporting.models import Report
from reporting.sealing import SealingRefused

# One opening of the queue admits as many as fit well into one request; the page says what waits.
BATCH = 200

_REPORT = cast(Table, Report.__table__)
# The report if it waits still. On PostgreSQL not one that is just being erased: an erasure takes a
# report and its additions in an order of its own, and of two that wait for each other one is cut
# off, which may be the reporter's.
_UNHELD = (
    select(_REPORT.c.report_id)
    .where(_REPORT.c.report_id == bindparam("report"), _REPORT.c.sealed_key.is_not(None))
    .with_for_update(skip_locked=True)
)
# Built once, and asked of the connection: see `audit`.
_REBOX = (
    update(_REPORT)
    .where(_REPORT.c.report_id.in_(_UNHELD))
    .values(sealed_key=None, boxed_key=bindparam("boxed"), boxed_epoch=bindparam("epoch"))
)


@dataclass(frozen=True)
class Admitted:
    """What one opening of the queue took in, and what it changed."""

    count: int
    waiting: int
    # Of `count`: what reporters added to reports there were.
    additions: int = 0
    # Incidents whose reporters said something about consent.
    incidents: tuple[bytes, ...] = ()

    @property
    def reports(self) -> int:
        """How many are reports of their own."""
        return self.count - self.additions


@dataclass(frozen=True)
class _Opened:
    row: Report
    key: bytes | None
    body: Body
    files: int


def admit_new(session: Session, limit: int = BATCH) -> Admitted:
    """Admit up to `limit` reports that this member can open."""
    database = db.session()
    waiting = _waiting(database, session)
    if not waiting:
        return Admitted(0, 0)
    mine = list(session.keyring.intake)
    ids = database.scalars(
        select(Report.report_id)
        .where(
            Report.organisation_id == session.organisation_id,
            Report.sealed_key.is_not(None),
            Report.key_id.in_(mine),
        )
        # Reports before additions, so that an addition finds what it adds to.
        .order_by(Report.kind.desc(), Report.report_id)
        .limit(limit)
    ).all()
    rows = database.scalars(select(Report).where(Report.report_id.in_(ids))).all()
    files = stored.files(database, ids)
    opened = [
        _open(session, row, len(files.get(row.report_id, ())))
        for row in rows
        if row.sealed_key is not None
    ]
    opened.sort(key=lambda one: (one.row.kind != "report", one.row.report_id))
    database.expunge_all()
    # Ends the read: the transaction below must see what others have admitted meanwhile.
    database.rollback()
    return _take_in(session, opened)


def _waiting(database: DatabaseSession, session: Session) -> int:
    count = database.scalar(
        select(func.count())
        .select_from(Report)
        .where(Report.organisation_id == session.organisation_id, Report.sealed_key.is_not(None))
    )
    return count or 0


def _open(session: Session, row: Report, files: int) -> _Opened:
    key = None
    try:
        seed = session.keyring.intake[row.key_id]
        key = open_content_key(seed, row.report_id, row.key_id, row.sealed_key or b"")
        body = bodies.read_body(open_body(key, row.report_id, row.body), row.kind)
    except SealingRefused:
        body = Body(broken="key" if key is None else "body")
    return _Opened(row, key, body, files)


def _take_in(session: Session, opened: list[_Opened]) -> Admitted:
    touched: set[bytes] = set()
    with transaction() as database:
        organisation = session.organisation_id or b""
        audit.lock(database, organisation)
        before: dict[bytes, int] = {}
        count = additions = 0
        for one in opened:
            parent = _parent(database, one.row) if one.row.kind == "addition" else None
            if not _rebox(database, session, one, parent):
                continue
            count += 1
            additions += one.row.kind == "addition"
            number = 0
            if parent is not None:
                number = before.setdefault(parent.report_id, _additions(database, parent))
                parent.fresh = True
                if parent.incident_id is not None:
                    touched.add(parent.incident_id)
                    _wait(database, parent.incident_id)
            # Goes into the database with the others, or when an addition looks for its report.
            database.add(_work(session, one, parent, number))
        if count:
            audit.write(database, organisation, session.member_id, "admit", None, {"count": count})
    return Admitted(count, _waiting(db.session(), session), additions, tuple(touched))


def _rebox(database: DatabaseSession, session: Session, one: _Opened, parent: Work | None) -> bool:
    """Swap the sealed key for a boxed one; false when it is being erased, or gone or admitted."""
    boxed: bytes | None = None
    epoch: int | None = None
    if one.key is not None:
        incident = None
        if parent is not None and parent.incident_id is not None:
            incident = database.get(Incident, parent.incident_id)
        if incident is not None:
            try:
                linked = (incident.id, object_keys.open_one(session.keyring, incident))
            except ActionRefused:
                # Not this member's: it goes on waiting and stops no other.
                return False
            boxed = report_keys.box_for_incident(linked, one.row.report_id, one.key)
        else:
            boxed, epoch = report_keys.box_for_epoch(session.keyring, one.row.report_id, one.key)
    values = {"report": one.row.report_id, "boxed": boxed, "epoch": epoch}
    return bool(database.connection().execute(_REBOX, values).rowcount)


def _parent(database: DatabaseSession, row: Report) -> Work | None:
    """The report this addition's mailbox belongs to; an unknown mailbox has none."""
    return database.scalars(
        select(Work)
        .join(Report, Report.report_id == Work.report_id)
        .where(
            Report.mailbox == row.mailbox,
            Report.organisation_id == row.organisation_id,
            Work.parent_id.is_(None),
            Work.state != ReportState.ERASED,
            Report.report_id != row.report_id,
        )
        .order_by(Work.kind.desc(), Work.report_id)
        .limit(1)
    ).first()


def _additions(database: DatabaseSession, parent: Work) -> int:
    count = database.scalar(
        select(func.count()).select_from(Work).where(Work.parent_id == parent.report_id)
    )
    return count or 0


def _work(session: Session, one: _Opened, parent: Work | None, number: int) -> Work:
    # How many additions came before is noted inside the box: rows keep no order of arrival.
    digest = one.body.digest(one.row.kind, one.files, number)
    boxed, epoch = box_digest(session.keyring, one.row.report_id, digest)
    return Work(
        report_id=one.row.report_id,
        organisation_id=one.row.organisation_id,
        # An addition is where its report is and has no place of its own in the queue.
        state=ReportState.ADMITTED if parent is None else ReportState.LINKED,
        kind=one.row.kind,
        day=one.row.day,
        version=1,
        parent_id=parent.report_id if parent else None,
        incident_id=parent.incident_id if parent else None,
        fresh=False,
        digest=boxed,
        digest_epoch=epoch,
    )


def _wait(database: DatabaseSession, incident_id: bytes) -> None:
    """What was added may be a word on consent: the hand-over, or `correct`, looks again.

    Of an incident in any state: reopened, it may be counted still, and this process may die before
    it has withdrawn what nobody agrees to any more.
    """
    incident = database.get(Incident, incident_id)
    if incident is not None:
        incident.waits = True

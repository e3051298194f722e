"""Incidents: opened, coded, annotated, answered, closed, reopened.

Every change runs under the organisation's audit lock, asks `policy`, compares the version that the
person saw, and writes its audit entry in the same transaction. The second of two writers is refused
with what the first one wrote, and loses nothing of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session as DatabaseSession

from casework import answers, audit, coding, digests, object_keys, objects, policy, reports, stored
from casework.coding import Coding
from casework.models import Incident, Item, Work
from casework.objects import OpenedItem
from casework.policy import ActionRefused, IncidentState, ReportState
from casework.reports import Thread
from casework.sessions import Session
from reporting.database import db, transaction
from reporting.sealing import b64

# Built once: see `audit`.
_FIND = (
    select(Incident)
    .where(Incident.id.in_(bindparam("ids")))
    .execution_options(populate_existing=True)
)
_WORKS = (
    select(Work)
    .where(Work.incident_id.in_(bindparam("ids")), Work.parent_id.is_(None))
    .order_by(Work.day, Work.report_id)
    .execution_options(populate_existing=True)
)
# With additions; what is erased is in no incident, whether that is settled yet or not.
_HELD = select(Work.report_id).where(
    Work.incident_id == bindparam("incident"), Work.state != ReportState.ERASED
)
_COUNT = select(func.count(Work.report_id)).where(
    Work.incident_id.in_(bindparam("ids")), Work.parent_id.is_(None)
)


@dataclass(frozen=True)
class OpenedIncident:
    """An incident with everything a member may see of it."""

    incident: Incident
    coding: Coding
    # Who coded last; nobody while it is only proposed from the report.
    coded: OpenedItem
    # Whether there is a statistical record, and its id: nowhere but here.
    record: OpenedItem | None = field(repr=False)
    notes: tuple[OpenedItem, ...]
    answers: tuple[OpenedItem, ...]
    threads: tuple[tuple[Work, Thread], ...]
    erased: int = 0
    # Items that are not what the audit chain says was written.
    altered: tuple[OpenedItem, ...] = field(default=())

    @property
    def consents(self) -> list[bool]:
        """Each linked report's latest word on statistics."""
        return [thread.consents("statistics") for _work, thread in self.threads]

    @property
    def countable(self) -> bool:
        """Whether it counts as it stands."""
        return policy.is_countable(self.consents, self.coding.certainty)


def find(database: DatabaseSession, session: Session, incident_id: bytes) -> Incident:
    """An incident of the member's own organisation, as the database has it now."""
    incident = database.scalars(_FIND, {"ids": [incident_id]}).one_or_none()
    if incident is None or incident.state == IncidentState.ERASED:
        raise ActionRefused("unknown")
    policy.check_open(reports.actor(session), incident.organisation_id)
    return incident


def find_all(database: DatabaseSession, session: Session, ids: Sequence[bytes]) -> list[Incident]:
    """Those of several that `find` would not refuse."""
    me, found = reports.actor(session), database.scalars(_FIND, {"ids": ids})
    there = [one for one in found if one.state != IncidentState.ERASED]
    return [one for one in there if policy.may_open(me, one.organisation_id)]


def works(database: DatabaseSession, incident_id: bytes) -> Sequence[Work]:
    """The reports of an incident, without additions."""
    return database.scalars(_WORKS, {"ids": [incident_id]}).all()


def open_incident(session: Session, incident_id: bytes) -> OpenedIncident:
    """Open an incident with its reports for a page: the audit entries are committed first."""
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        incident = find(database, session, incident_id)
        audit.write(
            database, incident.organisation_id, session.member_id, "open_incident", incident_id
        )
        for work in works(database, incident_id):
            if work.state != ReportState.ERASED:
                reports.write_opening(database, session, work)
    database = db.session()
    return read(database, session, find(database, session, incident_id))


def read(database: DatabaseSession, session: Session, incident: Incident) -> OpenedIncident:
    """Everything of an incident, opened. Writes no audit entry: see `open_incident`."""
    key = object_keys.open_one(session.keyring, incident)
    items = objects.read_items(database, incident, key)
    coded = next((one for one in items if one.kind == "coding"), None)
    if coded is None or not coded.value:
        raise ActionRefused("cannot-open")
    threads = read_threads(database, session, {incident.id: key})[incident.id]
    return OpenedIncident(
        incident=incident,
        coding=coding.from_json(coded.value),
        coded=coded,
        record=next((one for one in items if one.kind == "record"), None),
        notes=tuple(one for one in items if one.kind == "note"),
        answers=tuple(one for one in items if one.kind == "answer"),
        threads=tuple((work, thread) for work, thread in threads if thread is not None),
        erased=sum(thread is None for _work, thread in threads),
        altered=tuple(one for one in items if one.altered),
    )


def read_threads(
    database: DatabaseSession, session: Session, keys: Mapping[bytes, bytes]
) -> dict[bytes, list[tuple[Work, Thread | None]]]:
    """What was reported, of incidents whose keys are given, by id."""
    linked = database.scalars(_WORKS, {"ids": list(keys)}).all()
    rows = stored.rows(database, [work.report_id for work in linked])
    held = [(work, work.incident_id or b"") for work in linked]
    wanted = [(work, (incident_id, keys[incident_id])) for work, incident_id in held]
    found: dict[bytes, list[tuple[Work, Thread | None]]] = {one: [] for one in keys}
    opened = reports.threads(database, session, wanted, rows)
    for (work, incident_id), thread in zip(held, opened, strict=True):
        found[incident_id].append((work, thread))
    return found


def save_coding(session: Session, incident_id: bytes, version: int, chosen: Coding) -> None:
    """Store a coding as a new revision of the one there is."""
    with transaction() as database:
        incident, key = _at_version(database, session, incident_id, version)
        state = policy.move_incident(IncidentState(incident.state), "code")
        _write_coding(database, session, incident, key, chosen)
        incident.state = state
        incident.version += 1


def save_note(
    session: Session, incident_id: bytes, item_id: bytes, revision: int, text: str
) -> None:
    """Write a note, or a new revision of it. The same note sent twice is one."""
    if not text.strip():
        raise ActionRefused("empty-note")
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        incident = find(database, session, incident_id)
        key = object_keys.open_one(session.keyring, incident)
        notes = objects.read_items(database, incident, key, ["note"])
        known = next((one for one in notes if one.item_id == item_id), None)
        if known is not None and known.value.get("text") == text:
            return
        if (known.revision if known else 0) != revision:
            raise ActionRefused("version")
        me, value = session.member_id, {"text": text}
        objects.write_item(database, incident, key, me, "note", value, known or item_id)


def answer(
    session: Session,
    incident_id: bytes,
    report_id: bytes,
    item_id: bytes,
    text: str,
    status: str,
) -> None:
    """Answer a reporter, and keep what was said with the incident. Sent twice, it is one answer."""
    policy.check_message(status, text)
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        incident = find(database, session, incident_id)
        key = object_keys.open_one(session.keyring, incident)
        if database.get(Item, (incident_id, item_id, 1)) is not None:
            return
        work = reports.find(database, session, report_id)
        if work.incident_id != incident_id:
            raise ActionRefused("unknown")
        thread = reports.gather(database, session, work)
        if thread is None or not thread.can_answer:
            raise ActionRefused("no-answer-wanted")
        if not status and reports.digest_of(session, work).told == "question":
            # Whoever goes on without asking waits for nothing: the reporter's page says so too.
            status = "being_read"
        message = answers.tell(database, session, work, thread, status, text)
        value = {
            "report": b64(report_id),
            "text": text,
            "status": status,
            "message": b64(message) if message else "",
        }
        objects.write_item(database, incident, key, session.member_id, "answer", value, item_id)


def drop_answers(
    database: DatabaseSession, session: Session, incident: Incident, key: bytes
) -> list[OpenedItem]:
    """Delete staff's copies of answers to reports that are not in the incident any more; which.

    Nothing would lead to them when the report is erased. One that does not open says not whose it
    is and stays: it goes the next time, if somebody mends it.
    """
    database.flush()
    held = {b64(one) for one in database.scalars(_HELD, {"incident": incident.id})}
    found = objects.read_items(database, incident, key, ["answer"])
    gone = [one for one in found if one.value and one.value.get("report") not in held]
    for item in gone:
        objects.delete_item(database, incident, session.member_id, item.item_id)
    return gone


def close(session: Session, incident_id: bytes, version: int) -> None:
    """Close an incident: its record waits from now, and its reporters read "Finished"."""
    with transaction() as database:
        incident, _key = _at_version(database, session, incident_id, version)
        state = policy.move_incident(IncidentState(incident.state), "close")
        opened = read(database, session, incident)
        if opened.altered:
            # What is counted must be what a member coded.
            raise ActionRefused("altered")
        for work, thread in opened.threads:
            answers.tell(database, session, work, thread, "finished")
        audit.write(database, incident.organisation_id, session.member_id, "close", incident_id)
        incident.state = state
        incident.waits = True
        incident.version += 1


def reopen(session: Session, incident_id: bytes, version: int) -> None:
    """Take up a closed incident again: its reporters read "Being read".

    Its record stays as it was until it is closed anew.
    """
    with transaction() as database:
        incident, key = _at_version(database, session, incident_id, version)
        incident.state = policy.move_incident(IncidentState(incident.state), "reopen")
        incident.holder_id = session.member_id
        for work, thread in read_threads(database, session, {incident_id: key})[incident_id]:
            if thread is not None:
                answers.tell(database, session, work, thread, "being_read")
        audit.write(database, incident.organisation_id, session.member_id, "reopen", incident_id)
        incident.version += 1


def _at_version(
    database: DatabaseSession, session: Session, incident_id: bytes, version: int
) -> tuple[Incident, bytes]:
    audit.lock(database, session.organisation_id or b"")
    incident = find(database, session, incident_id)
    check_version(incident.version, version)
    return incident, object_keys.open_one(session.keyring, incident)


def check_version(now: int, seen: int) -> None:
    """Raises `ActionRefused` when somebody else has written since the page was made."""
    if now != seen:
        raise ActionRefused("version")


def _write_coding(
    database: DatabaseSession, session: Session, incident: Incident, key: bytes, chosen: Coding
) -> None:
    items = objects.read_items(database, incident, key, ["coding"])
    before, value = items[0] if items else None, chosen.to_json()
    objects.write_item(database, incident, key, session.member_id, "coding", value, before)
    summarise(database, session, incident, chosen)


def summarise(
    database: DatabaseSession, session: Session, incident: Incident, chosen: Coding
) -> None:
    """Renew what the list shows of an incident: codes only."""
    shorten(session, incident, chosen, database.scalar(_COUNT, {"ids": [incident.id]}) or 0)


def shorten(session: Session, incident: Incident, chosen: Coding, count: int) -> None:
    """The same, of an incident with so many reports."""
    incident.digest, incident.digest_epoch = digests.box_digest(
        session.keyring, incident.id, chosen.digest(count)
    )

"""Opening admitted reports: keys, bodies, additions and files.

Every opening is an audit entry, committed before anything opened leaves this module. Plaintext
lives for one request; nothing here writes it anywhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session as DatabaseSession

from casework import audit, bodies, digests, object_keys, policy, report_keys, stored
from casework.bodies import Body, NamedFile
from casework.keys import Keyring
from casework.models import Incident, Work
from casework.policy import ActionRefused, Actor, ReportState, Role
from casework.report_keys import IncidentKey
from casework.sessions import Session
from casework.stored import Rows, Stored
from reporting import attachments
from reporting.database import db, transaction
from reporting.envelope import open_attachment, open_body, verify_attachment
from reporting.models import Attachment, Report
from reporting.sealing import SealingRefused, b64

CHUNK = 64 * 1024

# Built once: see `audit`.
_FIND = (
    select(Work).where(Work.report_id == bindparam("id")).execution_options(populate_existing=True)
)


@dataclass(frozen=True)
class AttachedFile:
    """One file of a report: the reporter's words for it, and what is stored."""

    index: int
    name: str
    media_type: str
    # True size; -1 when the body does not say it, and then the file cannot be opened.
    size: int


@dataclass(frozen=True)
class Filed:
    """One opened report or addition."""

    report_id: bytes
    kind: str
    day: date
    body: Body
    confirmed: bool
    number: int
    files: tuple[AttachedFile, ...] = ()

    @property
    def id(self) -> str:
        """As addresses have it."""
        return b64(self.report_id)


@dataclass(frozen=True)
class Thread:
    """A report with everything its reporter added to it."""

    first: Filed
    additions: tuple[Filed, ...] = ()
    mailbox: bytes = field(default=b"", repr=False)

    def consents(self, purpose: str) -> bool:
        """The latest word on a purpose."""
        return bodies.latest_consent(self.first.body, self._words(purpose), purpose)

    def agrees(self, purpose: str) -> bool | None:
        """The same, or nothing while what does not open may have said otherwise."""
        return bodies.known_consent(self.first.body, self._words(purpose), purpose)

    def _words(self, purpose: str) -> list[tuple[Body, bool]]:
        """Days have no hours: of words of one day that came in together, a refusal comes last."""
        rank = {True: 0, None: 1, False: 2}
        ordered = sorted(
            self.additions,
            key=lambda one: (one.day, one.number, rank[one.body.consent.get(purpose)]),
        )
        return [(one.body, one.confirmed) for one in ordered]

    @property
    def can_answer(self) -> bool:
        """Whether the reporter wants an answer and gave a key that one can be sealed to."""
        return self.consents("reply") and self.first.body.reply_key is not None


def actor(session: Session) -> Actor:
    """The signed-in member as the rules see them."""
    return Actor(session.member_id, Role(session.role), session.organisation_id)


def find(database: DatabaseSession, session: Session, report_id: bytes) -> Work:
    """The work row of a report of the member's own organisation, as the database has it now.

    Raises `ActionRefused("unknown")` for one there is not and for another organisation's alike.
    """
    work = database.scalars(_FIND, {"id": report_id}).one_or_none()
    if work is None:
        raise ActionRefused("unknown")
    policy.check_open(actor(session), work.organisation_id)
    return work


def open_one(keyring: Keyring, report: Report, linked: IncidentKey | None) -> Body:
    """Open one body. Never raises: one that does not open is shown as such."""
    try:
        key = report_keys.content_key(keyring, report, linked)
    except SealingRefused:
        return Body(broken="key")
    try:
        return bodies.read_body(open_body(key, report.report_id, report.body), report.kind)
    except SealingRefused:
        return Body(broken="body")


def gather(database: DatabaseSession, session: Session, work: Work) -> Thread | None:
    """Open a report and its additions; nothing when the reporter has erased it.

    Writes no audit entry: callers have committed one, or show nothing of it.
    """
    linked = incident_key(database, session, work)
    return threads(database, session, [(work, linked)], stored.rows(database, [work.report_id]))[0]


def threads(
    database: DatabaseSession,
    session: Session,
    wanted: Sequence[tuple[Work, IncidentKey | None]],
    found: Rows,
) -> list[Thread | None]:
    """The same of several reports, each with its incident's key; `found` are their rows."""
    files = stored.files(database, [row.work.report_id for row in found if row.has_files])
    together: dict[bytes, list[Stored]] = {}
    for row in found:
        for name in {row.work.report_id, row.work.parent_id or row.work.report_id}:
            together.setdefault(name, []).append(row)
    return [
        _thread(session, work, together.get(work.report_id, ()), linked, files)
        for work, linked in wanted
    ]


def _thread(
    session: Session,
    work: Work,
    found: Rows,
    linked: IncidentKey | None,
    files: Mapping[bytes, Sequence[int]],
) -> Thread | None:
    first = next((row.report for row in found if row.work.report_id == work.report_id), None)
    if first is None or work.state == ReportState.ERASED:
        return None
    body = open_one(session.keyring, first, linked)
    additions = []
    for row, report, _has_files in found:
        if report is not first:
            added = open_one(session.keyring, report, linked)
            confirmed = bodies.is_confirmed(body, added)
            has = files.get(row.report_id, ())
            additions.append(_filed(session, row, report, added, has, confirmed=confirmed))
    opened = _filed(session, work, first, body, files.get(work.report_id, ()), confirmed=True)
    return Thread(opened, tuple(additions), first.mailbox)


def incident_key(database: DatabaseSession, session: Session, work: Work) -> IncidentKey | None:
    """Open the key of the incident a report is linked to."""
    if work.incident_id is None:
        return None
    incident = database.get(Incident, work.incident_id)
    if incident is None:
        return None
    return incident.id, object_keys.open_one(session.keyring, incident)


def open_report(session: Session, report_id: bytes) -> tuple[Work, Thread | None]:
    """Open a report for a page: the audit entry is committed first, "new" is cleared."""
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        work = find(database, session, report_id)
        if work.parent_id is not None:
            work = find(database, session, work.parent_id)
        write_opening(database, session, work)
    database = db.session()
    work = find(database, session, work.report_id)
    return work, gather(database, session, work)


def write_opening(database: DatabaseSession, session: Session, work: Work) -> None:
    """The audit entry of an opening, in the caller's transaction."""
    audit.write(database, work.organisation_id, session.member_id, "open_report", work.report_id)
    work.fresh = False


@dataclass(frozen=True)
class Download:
    """A file that has verified to its last chunk, ready to be streamed."""

    size: int
    chunks: Iterator[bytes]


def open_file(session: Session, report_id: bytes, index: int) -> Download:
    """Verify a whole file, then stream it: nothing is used before the last chunk has verified.

    Raises `ActionRefused("file")` for one that is cut, changed or longer than its body says.
    """
    with transaction() as database:
        work = find(database, session, report_id)
        if database.get(Attachment, (report_id, index)) is None:
            raise ActionRefused("unknown")
        me, detail = session.member_id, {"index": index}
        audit.write(database, work.organisation_id, me, "download", report_id, detail)
    database = db.session()
    work = find(database, session, report_id)
    report = database.get(Report, report_id)
    if report is None:
        raise ActionRefused("erased")
    linked = incident_key(database, session, work)
    try:
        key = report_keys.content_key(session.keyring, report, linked)
        body = bodies.read_body(open_body(key, report_id, report.body), report.kind)
        if index >= len(body.files):
            raise ActionRefused("file")
        size = body.files[index].size
        if size < 0:
            raise ActionRefused("file")
        sealed = attachments.path(report_id, index).open("rb")
        try:
            verify_attachment(key, report_id, index, _chunks(sealed), size)
        except BaseException:
            sealed.close()
            raise
    except (SealingRefused, OSError) as refused:
        raise ActionRefused("file") from refused
    sealed.seek(0)
    return Download(
        size, _streamed(sealed, open_attachment(key, report_id, index, _chunks(sealed), size))
    )


def _filed(
    session: Session,
    row: Work,
    report: Report,
    body: Body,
    files: Iterable[int],
    *,
    confirmed: bool,
) -> Filed:
    known = dict(enumerate(body.files))
    nameless = NamedFile("", "", -1)
    words = [(index, known.get(index, nameless)) for index in sorted(files)]
    attached = tuple(AttachedFile(i, one.name, one.media_type, one.size) for i, one in words)
    number = digest_of(session, row).number
    return Filed(report.report_id, report.kind, report.day, body, confirmed, number, attached)


def _chunks(sealed: BinaryIO) -> Iterator[bytes]:
    while chunk := sealed.read(CHUNK):
        yield chunk


def _streamed(sealed: BinaryIO, opened: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from opened
    finally:
        sealed.close()


def digest_of(session: Session, work: Work) -> digests.Digest:
    """The digest of a report that is shown: why it was set aside, what the reporter was told."""
    return digests.open_digest(session.keyring, work.report_id, work.digest, work.digest_epoch)

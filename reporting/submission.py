"""Takes a sealed report once: stores it, remembers it, and gives the instance's signed word.

Sees ciphertext and public facts only. The same bytes are asked for first, so that a repeat gets the
same answer even when its key has retired since or the report has been erased (sealing.md 5).
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from flask import current_app
from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from reporting import clock, organisations
from reporting.attachments import Incoming
from reporting.database import db, transaction
from reporting.envelope import Envelope, acknowledgement, commitment, envelope_json
from reporting.instance import Instance
from reporting.models import Attachment, Report, Submission
from reporting.organisations import Listing
from reporting.receipt import mailbox_of
from reporting.sealing import derive


class SubmissionRefused(Exception):
    """A report that is not stored: HTTP status, reason code, and what the answer adds to them."""

    def __init__(self, status: int, code: str, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.extra = dict(extra or {})


@dataclass(frozen=True)
class Accepted:
    """A report that is stored.

    There is no acknowledgement when a draft is sent a second time and the first has been admitted
    since: what it vouched for is not kept.
    """

    acknowledgement: dict[str, Any] | None
    repeated: bool


@dataclass(frozen=True)
class _Memory:
    """What is remembered of a report."""

    by_bytes: bytes
    day: date


_MEMORY, _REPORT, _ATTACHMENT = (
    cast(Table, model.__table__) for model in (Submission, Report, Attachment)
)
# Built once: putting a statement together costs as much as asking it.
_REMEMBERED = select(_MEMORY.c.by_bytes, _MEMORY.c.day).where(
    _MEMORY.c.by_id == bindparam("wanted")
)
_REMEMBER = insert(_MEMORY)
_STORE = insert(_REPORT)
_STORE_FILES = insert(_ATTACHMENT)


def is_known(name: bytes) -> bool:
    """Whether a report of this id, or known by this, was ever taken, erased ones included."""
    return _remembered(name) is not None


def lies_at(name: bytes, places: Iterable[Sequence[bytes]]) -> bool:
    """Whether what is known by this was stored at one of these places (see `submit`)."""
    known = _remembered(name)
    return known is not None and any(
        hmac.compare_digest(known.by_bytes, _by_place(name, place)) for place in places
    )


def check_key(organisation: Listing, key_id: bytes) -> None:
    """Refuse a report sealed to another key than the current one."""
    if organisation.closed:
        raise SubmissionRefused(503, "closed")
    if organisation.key is None or organisation.key.key_id != key_id:
        current = organisation.key and organisations.published_key(organisation.key)
        raise SubmissionRefused(410, "key-retired", {"intake_key": current})


def submit(
    organisation: Listing,
    envelope: Envelope,
    parts: Sequence[Incoming],
    *,
    known_by: bytes | None = None,
    place: Sequence[bytes] = (),
) -> Accepted:
    """Store a report, or recognise it. Returns after the commit; raises `SubmissionRefused`.

    `known_by` is for the way without script, where a repeat is sealed afresh: there it alone tells
    one, in place of the id. `place`, ids of reports with this one's own, is then remembered instead
    of the bytes, which never come again. Files that are not kept are the caller's to discard.
    """
    if [p.length for p in envelope.attachments] != [p.length for p in parts]:
        raise SubmissionRefused(422, "attachments")
    hashes = [part.sha256 for part in parts]
    name = known_by or envelope.report_id
    bytes_of = _by_place(name, place) if place else _by_bytes(organisation.id, envelope, parts)
    day = clock.today()
    known: _Memory | None = None
    try:
        check_key(organisation, envelope.key_id)
        # What is known fails on its key: the common case, a new report, is not asked for first.
        _store(organisation.id, envelope, parts, _by_id(name), bytes_of, day)
    except (IntegrityError, SubmissionRefused) as refused:
        # The same bytes come before every other reason, a retired key too.
        known = _remembered(name)
        if known is None:
            if isinstance(refused, SubmissionRefused):
                raise
            raise SubmissionRefused(409, "other-bytes") from None
    if known is None:
        return Accepted(_word(organisation.slug, envelope, hashes, day), repeated=False)
    if hmac.compare_digest(known.by_bytes, bytes_of):
        return Accepted(_word(organisation.slug, envelope, hashes, known.day), repeated=True)
    if known_by is None:
        raise SubmissionRefused(409, "other-bytes")
    word = _word_of_stored(organisation.slug, envelope.report_id, known.day)
    return Accepted(word, repeated=True)


def known_draft(slug: str, report_id: bytes) -> Accepted | None:
    """The answer to a draft that was sent before, without sealing it again."""
    known = _remembered(report_id)
    if known is None:
        return None
    return Accepted(_word_of_stored(slug, report_id, known.day), repeated=True)


def _remembered(name: bytes) -> _Memory | None:
    session: Any = db.session
    values = {"wanted": _by_id(name)}
    row = session.connection().execute(_REMEMBERED, values).one_or_none()
    return _Memory(row.by_bytes, row.day) if row else None


def _store(
    organisation_id: bytes,
    envelope: Envelope,
    parts: Sequence[Incoming],
    by_id: bytes,
    bytes_of: bytes,
    day: date,
) -> None:
    """All rows and the names of the files, in one transaction."""
    report_id = envelope.report_id
    memory = {
        "by_id": by_id,
        "by_bytes": bytes_of,
        "key_id": envelope.key_id,
        "day": day,
    }
    report = {
        "report_id": report_id,
        "organisation_id": organisation_id,
        "kind": envelope.kind,
        "key_id": envelope.key_id,
        "sealed_key": envelope.sealed_key,
        "body": envelope.body,
        "mailbox": mailbox_of(_instance().pepper, envelope.mailbox_token),
        "day": day,
    }
    files = [
        {"report_id": report_id, "index": index, "length": part.length, "sha256": part.sha256}
        for index, part in enumerate(parts)
    ]
    with transaction() as session:
        connection = session.connection()
        connection.execute(_REMEMBER, memory)
        connection.execute(_STORE, report)
        if files:
            connection.execute(_STORE_FILES, files)
        # This transaction alone owns the id by now: a rename cannot replace another report's file.
        # Before the commit: a row never names a file that is not there. A file without its row,
        # which a crash in between leaves, is `attachments.sweep`'s.
        for index, part in enumerate(parts):
            part.keep(report_id, index)


def _word_of_stored(slug: str, report_id: bytes, day: date) -> dict[str, Any] | None:
    session: Any = db.session
    report = session.get(Report, report_id)
    if report is None or report.sealed_key is None:
        return None
    rows = session.query(Attachment).filter_by(report_id=report_id).order_by(Attachment.index)
    given = commitment(report_id, report.sealed_key, report.body)
    return _signed(slug, given, [row.sha256 for row in rows], day)


def _word(slug: str, envelope: Envelope, hashes: Sequence[bytes], day: date) -> dict[str, Any]:
    given = commitment(envelope.report_id, envelope.sealed_key, envelope.body)
    return _signed(slug, given, hashes, day)


def _signed(slug: str, given: bytes, hashes: Sequence[bytes], day: date) -> dict[str, Any]:
    instance = _instance()
    return acknowledgement(
        instance.instance_id, slug, day.isoformat(), given, hashes, instance.acknowledgement
    )


def _by_id(name: bytes) -> bytes:
    return hmac.digest(_memory_key(), name, "sha256")


def _by_bytes(organisation_id: bytes, envelope: Envelope, parts: Sequence[Incoming]) -> bytes:
    """HMAC over everything a client repeats: the envelope as read, where it went, and its files."""
    every = hashlib.sha256(organisation_id + envelope_json(envelope))
    for part in parts:
        every.update(part.sha256)
    return hmac.digest(_memory_key(), every.digest(), "sha256")


def _by_place(name: bytes, place: Sequence[bytes]) -> bytes:
    """HMAC over the name too, which the page alone has: a row leads to no report without it."""
    return hmac.digest(_memory_key(), name + b"".join(sorted(place)), "sha256")


def _memory_key() -> bytes:
    return derive(_instance().pepper, "submission")


def _instance() -> Instance:
    instance: Instance = current_app.extensions["instance"]
    return instance

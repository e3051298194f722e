"""The audit chain: what members did, one link after another (sealing.md 8).

One chain per organisation and one for the instance. Holds ids, codes and counts in declared
shapes, never a word of a report, a note or a search; never anything about a reporter's visit.
Whoever can write to the database can only append: a changed or missing link breaks `verify`, and
a chain rewritten from its middle no longer holds the heads that members saw.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, text
from sqlalchemy.orm import Session

from casework.audit_actions import checked
from casework.models import AuditEntry
from reporting import clock
from reporting.database import db
from reporting.sealing import b64, label

CHAIN_INSTANCE = bytes(16)
_PAGE = 1000  # links that are read at once
FIRST = bytes(32)
_TABLE = cast(Table, AuditEntry.__table__)
_LINK = _TABLE.c

# Built once: putting a statement together costs as much as asking it. Of columns, not of mapped
# objects: one in the session's memory would be an old head. Asked of the connection: what the
# session still holds back says nothing about a chain, and goes in one go when it is committed.
_WRITE = _TABLE.insert()
_LAST = (
    select(_LINK.seq, _LINK.hash, _LINK.entry)
    .where(_LINK.chain == bindparam("chain"))
    .order_by(_LINK.seq.desc())
    .limit(1)
)
_ABOUT = (
    select(_LINK.subject, _LINK.entry)
    .where(_LINK.chain == bindparam("chain"), _LINK.subject.in_(bindparam("subjects")))
    .order_by(_LINK.seq)
)

# Only PostgreSQL: SQLite has one write lock for the whole file, and `transaction` begins with it.
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")

# One act: action, subject and detail.
Act = tuple[str, bytes | None, Mapping[str, Any]]


def write(
    session: Session,
    chain: bytes,
    actor: bytes | None,
    action: str,
    subject: bytes | None = None,
    detail: Mapping[str, Any] | None = None,
) -> bytes:
    """Append one link in the caller's transaction and return the new head.

    The chain stays locked until that transaction ends, so that no two links share a predecessor.
    """
    return write_all(session, chain, actor, [(action, subject, detail or {})])


def write_all(session: Session, chain: bytes, actor: bytes | None, acts: Iterable[Act]) -> bytes:
    """The same of several acts, at least one, in this order and in one go."""
    declared = [(action, subject, checked(action, detail)) for action, subject, detail in acts]
    lock(session, chain)
    seq, link = _locked(session)[chain] or tip(session, chain)
    rows = []
    for action, subject, detail in declared:
        seq += 1
        parts = [seq, minute(), _named(actor), action, _named(subject), detail]
        said = json.dumps(parts, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        entry = said.encode()
        link = _link(link, entry)
        row = {"chain": chain, "seq": seq, "entry": entry, "hash": link, "subject": subject}
        rows.append(row)
    session.connection().execute(_WRITE, rows)
    _locked(session)[chain] = (seq, link)
    return link


def write_failure(session: Session, chain: bytes, subject: bytes | None, reason: str) -> None:
    """Record a refused sign-in, once a minute for the same subject.

    Guessing costs nobody anything but the guesser: it must not fill the chain either.
    """
    lock(session, chain)
    last = session.execute(_LAST, {"chain": chain}).first()
    if last is not None:
        _seq, time, _actor, action, named, _detail = json.loads(last.entry)
        if (time, action, named) == (minute(), "sign_in_failed", _named(subject)):
            return
    write(session, chain, None, "sign_in_failed", subject, {"reason": reason})


def minute() -> str:
    """The present time as the chain keeps it: to the minute, no finer."""
    return clock.now().strftime("%Y-%m-%dT%H:%MZ")


def lock(session: Session, chain: bytes) -> None:
    """One writer at a time until the transaction ends; safe to take twice.

    Raises `RuntimeError` outside `transaction`: on PostgreSQL the lock would be gone at once.
    """
    # A savepoint may be rolled back alone; `_locked` would go on from a link that is not there.
    if not session.info.get("writing") or session.in_nested_transaction():
        raise RuntimeError("an audit chain is locked straight in a transaction")
    if chain in _locked(session):
        return
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(chain).digest()[:8], "big", signed=True)
        connection.execute(_LOCK, {"key": key})
    _locked(session)[chain] = None


def _locked(session: Session) -> dict[bytes, tuple[int, bytes] | None]:
    """Chains this transaction holds, and what it wrote last to each: nobody else can write."""
    now = session.get_transaction()
    held: tuple[Any, dict[bytes, tuple[int, bytes] | None]] | None = session.info.get("audit")
    if now is None or held is None or held[0] is not now:
        held = session.info["audit"] = (now, {})
    return held[1]


def head(chain: bytes) -> bytes:
    """Hash of the last link; 32 zero bytes of an empty chain."""
    return tip(db.session(), chain)[1]


def tip(session: Session, chain: bytes) -> tuple[int, bytes]:
    """Number and hash of the last link."""
    last = session.connection().execute(_LAST, {"chain": chain}).first()
    return (last.seq, last.hash) if last else (0, FIRST)


def contains(chain: bytes, seen: bytes, seq: int | None = None) -> bool:
    """Whether a head seen earlier is still a link of the chain, at its place if that is known."""
    if seen == FIRST:
        return seq in (None, 0)
    query = select(_LINK.seq).where(_LINK.chain == chain, _LINK.hash == seen)
    if seq is not None:
        query = query.where(_LINK.seq == seq)
    return db.session().scalar(query) is not None


def verify(chain: bytes) -> int | None:
    """Walk the chain; the number of its first broken link, or nothing."""
    before = FIRST
    for expected, (seq, entry, link, subject) in enumerate(_links(db.session(), chain, 0), 1):
        if seq != expected or link != _link(before, entry) or not _holds(entry, seq, subject):
            return expected
        before = link
    return None


def chains() -> list[bytes]:
    """Every chain that has a link."""
    return list(db.session().scalars(select(_LINK.chain).distinct().order_by(_LINK.chain)))


def of(session: Session, chain: bytes, subject: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Actions and details about one subject, oldest first; links that cannot be read left out."""
    return [(action, detail) for _it, action, detail in about(session, chain, [subject])]


def about(
    session: Session, chain: bytes, subjects: Iterable[bytes]
) -> Iterator[tuple[bytes, str, dict[str, Any]]]:
    """The same of several subjects, each with its subject: asked in one go."""
    asked = {"chain": chain, "subjects": list(subjects)}
    for subject, entry in session.connection().execute(_ABOUT, asked):
        if parts := _read(entry):
            yield subject, str(parts[3]), parts[5]


def last_day(session: Session, chain: bytes, subject: bytes) -> str:
    """Day of the newest link about one subject."""
    query = select(_LINK.entry).where(_LINK.chain == chain, _LINK.subject == subject)
    entry = session.scalars(query.order_by(_LINK.seq.desc()).limit(1)).first()
    parts = _read(entry) if entry else []
    return str(parts[1])[:10] if parts else ""


def since(
    session: Session, chain: bytes, seq: int, action: str
) -> list[tuple[int, dict[str, Any]]]:
    """Numbers and details of the links of one action after `seq`, oldest first."""
    found = ((row.seq, _read(row.entry)) for row in _links(session, chain, seq))
    return [(number, parts[5]) for number, parts in found if parts and parts[3] == action]


def _links(session: Session, chain: bytes, after: int) -> Iterator[Any]:
    """Links after a number, oldest first.

    In pages: a chain of years does not fit in memory, and no cursor stays open over it.
    """
    query = select(_LINK.seq, _LINK.entry, _LINK.hash, _LINK.subject).order_by(_LINK.seq)
    while rows := session.execute(
        query.where(_LINK.chain == chain, _LINK.seq > after).limit(_PAGE)
    ).all():
        yield from rows
        after = rows[-1].seq


def _link(before: bytes, entry: bytes) -> bytes:
    return hashlib.sha256(label("audit") + before + entry).digest()


def _holds(entry: bytes, seq: int, subject: bytes | None) -> bool:
    """Whether the columns beside the hashed bytes say the same as these."""
    parts = _read(entry)
    return bool(parts) and (parts[0], parts[4]) == (seq, _named(subject))


def _named(thing: bytes | None) -> str | None:
    return b64(thing) if thing is not None else None


def _read(entry: bytes) -> list[Any]:
    """The six parts of an entry; nothing of bytes that somebody put in its place."""
    try:
        parts = json.loads(entry)
    except ValueError:
        return []
    shaped = isinstance(parts, list) and len(parts) == 6 and isinstance(parts[5], dict)
    return parts if shaped else []

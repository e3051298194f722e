"""The one door in: coded facts of an incident become a record, or a record is withdrawn.

Takes codes only and refuses what is not in the vocabulary: no text, no day, nothing that leads
back.
The random id is made by the caller, so that both acts can be repeated. No id is ever logged.
"""

import re
import secrets
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from analytics import deployment, noise
from analytics.models import Record, RecordCode
from reporting import vocabulary
from reporting.database import db, forget, transaction

UNKNOWN = vocabulary.UNKNOWN
# Rows of one INSERT: SQLite allows 32,766 values in a statement.
_CHUNK = 500


@dataclass(frozen=True)
class Coded:
    """The coarse facts of one countable incident (disclosure.md 4.1)."""

    organisation_id: bytes
    year: int
    # "2025-03" or "2025-unknown".
    month: str
    country: str
    acts: frozenset[str]
    grounds: frozenset[str]
    setting: str
    vocabulary: int


def put(record_id: bytes, coded: Coded) -> None:
    """Store one record in a transaction of its own. A known id changes nothing."""
    put_many([(record_id, coded)])


def put_many(
    batch: Sequence[tuple[bytes, Coded]],
    named: Callable[[Session], Container[bytes]] | None = None,
) -> None:
    """Store a batch, shuffled, in one transaction of its own: its order tells nothing.

    `named` is asked in that transaction which ids may still be put: one that was withdrawn since
    the caller made it would count for ever. It may read and lock; it must not write.
    """
    for record_id, coded in batch:
        _check(record_id, coded)
    shuffled = list(batch)
    secrets.SystemRandom().shuffle(shuffled)
    key = noise.record_key(deployment.noise_root())
    _own_transaction()
    with transaction() as session:
        if named is not None:
            ids = named(session)
            _own_transaction()
            shuffled = [one for one in shuffled if one[0] in ids]
        for start in range(0, len(shuffled), _CHUNK):
            _store(session, dict(shuffled[start : start + _CHUNK]), key)


def withdraw_many(ids: Iterable[bytes]) -> None:
    """Delete records with their codes and keys, in one transaction. Unknown ids change nothing.

    Dead rows and the databases' logs keep the order of deletion: beside the audit entries, which
    name incidents, it would say whose record went. Ids are random, so their own order says nothing;
    and as all sessions keep it, no two wait for each other.
    """
    _own_transaction()
    gone = [{"gone": one} for one in sorted(set(ids))]
    if not gone:
        return
    codes: Any = RecordCode.__table__
    rows: Any = Record.__table__
    with transaction() as session:
        session.execute(delete(codes).where(codes.c.record_id == bindparam("gone")), gone)
        session.execute(delete(rows).where(rows.c.id == bindparam("gone")), gone)
    forget(RecordCode.__tablename__, Record.__tablename__)


def _own_transaction() -> None:
    """Refuse to ride on another change: one transaction would tie record and incident together."""
    session: Any = db.session
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("records are written in a transaction of their own")


def _store(session: Session, batch: dict[bytes, Coded], key: bytes) -> None:
    """Insert the records that are not there yet, and the codes of those only."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert: Any = sqlite.insert if on_sqlite else postgresql.insert
    rows = [_row(record_id, coded, key) for record_id, coded in batch.items()]
    # The tables themselves: nobody asks for objects, and their rules cost a third of the time.
    kept: Any = Record.__table__
    fresh = session.scalars(insert(kept).on_conflict_do_nothing().returning(kept.c.id), rows).all()
    codes = [
        {"record_id": record_id, "field": field, "code": code}
        for record_id in fresh
        for field, code in _codes(batch[record_id])
    ]
    if codes:
        session.execute(insert(RecordCode.__table__), codes)


def _row(record_id: bytes, coded: Coded, key: bytes) -> dict[str, object]:
    return {
        "id": record_id,
        "organisation_id": coded.organisation_id,
        "ref_year": coded.year,
        "month": coded.month,
        "country": coded.country,
        "type": vocabulary.gravest(coded.acts),
        "setting": coded.setting,
        "vocabulary": coded.vocabulary,
        "rkey": noise.rkey(key, record_id),
    }


def _codes(coded: Coded) -> list[tuple[str, str]]:
    """Multi-valued fields. Each ground family once per incident, and never none at all."""
    families = {vocabulary.ground_family(ground) for ground in coded.grounds} or {UNKNOWN}
    return sorted(
        {("act", act) for act in coded.acts}
        | {("motive", ground) for ground in coded.grounds}
        | {("motive_group", family) for family in families}
    )


def _check(record_id: bytes, coded: Coded) -> None:
    """Refuse anything but codes, naming the field and never what stood in it."""
    accepted = {
        "id": len(record_id) == 16,
        "organisation_id": len(coded.organisation_id) == 16,
        "year": 1900 <= coded.year <= 9999,
        "month": bool(re.fullmatch(rf"{coded.year:04d}-(0[1-9]|1[0-2]|{UNKNOWN})", coded.month)),
        "country": coded.country in (*vocabulary.countries(), UNKNOWN),
        "acts": coded.acts <= set(vocabulary.ids("act")),
        "grounds": coded.grounds <= set(vocabulary.ids("bias")),
        "setting": coded.setting in (*vocabulary.ids("loc"), UNKNOWN),
        "vocabulary": 1 <= coded.vocabulary <= vocabulary.VERSION,
    }
    for field, fine in accepted.items():
        if not fine:
            raise ValueError(f"not a code of the vocabulary: {field}")

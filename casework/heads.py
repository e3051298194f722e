"""Heads of an organisation's audit chain that its supervisors signed (sealing.md 8).

A chain that root rewrites and hashes anew looks whole. It does not hold the heads that were signed
before, and a copy of everything at rest does not sign others: only a supervisor's session opens the
identity key. Rows can be deleted with the links they cover, and root who watches such a session can
sign what it likes: that is why releases carry newest heads away.
Holds hashes and signatures, never what was done, by whom or when.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from analytics.heads import Head
from casework import audit
from casework.models import AuditEntry, SignedHead
from reporting.database import db
from reporting.models import Organisation
from reporting.sealing import (
    ID_SIZE,
    KEY_SIZE,
    SealingRefused,
    b64,
    public_of_signing,
    unb64,
)
from reporting.sealing import sign as sign_bytes
from reporting.sealing import verify as verify_bytes

LABEL = "audit-head"
MISSING, SIGNATURE, NONE = "missing", "signature", "none"
# Rows that are read at once; mostly the first is the one.
_PAGE = 20


class Checked(NamedTuple):
    """How many signed heads were good; what is wrong with the next one, and its place."""

    good: int
    wrong: str = ""
    seq: int = 0


class Last(NamedTuple):
    """The head that was signed last; whether it is still in its chain."""

    head: bytes
    signature: bytes
    stands: bool


class Signer(NamedTuple):
    """An organisation and the keys it has signed with."""

    organisation: Organisation
    keys: list[bytes]


def message(organisation_id: bytes, head: bytes) -> bytes:
    """What is signed under the label. Its place is not in it: the head covers that already."""
    if (len(organisation_id), len(head)) != (ID_SIZE, KEY_SIZE):
        raise SealingRefused("audit-head")
    return organisation_id + head


def sign(session: Session, organisation_id: bytes, identity: bytes | None) -> None:
    """Sign the present head, in the transaction that wrote its link and so holds the chain's lock.

    Leaves it when the session holds no identity key, or one that was replaced since it was opened;
    and when the chain lost a signed head: a second signature would make the loss look right.
    """
    if identity is None:
        return
    organisation = session.get_one(Organisation, organisation_id, populate_existing=True)
    if public_of_signing(identity) != organisation.identity_key:
        return
    if not stands(session, organisation_id):
        return
    seq, head = audit.tip(session, organisation_id)
    signature = sign_bytes(identity, LABEL, message(organisation_id, head))
    session.add(
        SignedHead(organisation_id=organisation_id, seq=seq, head=head, signature=signature)
    )
    session.flush()


def stands(session: Session, organisation_id: bytes) -> bool:
    """Whether the head that was signed last is still in its chain.

    Where the published key signed none, the last row decides: a key that is made new while a head
    is missing signs nothing, and must not let that be forgotten.
    """
    last = _last(session, organisation_id, _published(session, organisation_id))
    if last is not None:
        return last.stands
    for row in _rows(session, organisation_id):
        return audit.contains(organisation_id, row.head, row.seq)
    return True


def newest(session: Session) -> list[Head]:
    """The head each organisation signed last with its published key, for a release."""
    found = []
    known = session.execute(select(Organisation.id, Organisation.identity_key)).all()
    for organisation_id, key in known:
        last = _last(session, organisation_id, key)
        if last is not None:
            found.append(Head(organisation_id, key, last.head, last.signature))
    return found


def verify(organisation: Organisation) -> Checked:
    """Look at every signed head of an organisation, in the order of the chain, in a `snapshot`."""
    session: Any = db.session
    query = (
        select(SignedHead.seq, SignedHead.head, SignedHead.signature, AuditEntry.hash)
        .outerjoin(
            AuditEntry,
            (AuditEntry.chain == SignedHead.organisation_id)
            & (AuditEntry.seq == SignedHead.seq)
            & (AuditEntry.hash == SignedHead.head),
        )
        .where(SignedHead.organisation_id == organisation.id)
        .order_by(SignedHead.seq, SignedHead.head)
    )
    rows = session.execute(query).all()
    keys = _keys(session, organisation.id)
    good = 0
    for seq, head, signature, found in rows:
        if found is None:
            return Checked(good, MISSING, seq)
        key = next(key for end, key in reversed(keys) if seq < end)
        if not _is_signed(key, organisation.id, head, signature):
            return Checked(good, SIGNATURE, seq)
        good += 1
    return Checked(good) if good else Checked(0, NONE)


def signers() -> list[Signer]:
    """Organisations with every identity key they have had. Walks all chains, in a `snapshot`."""
    session: Any = db.session
    rows: list[Organisation] = list(session.scalars(select(Organisation)))
    return [Signer(row, [key for _end, key in _keys(session, row.id)]) for row in rows]


def signer(among: Iterable[Signer], head: bytes, signature: bytes) -> Organisation | None:
    """The organisation that signed a head somebody kept."""
    for organisation, keys in among:
        if any(_is_signed(key, organisation.id, head, signature) for key in keys):
            return organisation
    return None


def _last(session: Session, organisation_id: bytes, key: bytes) -> Last | None:
    """The newest row that this key signed, and whether its head is in the chain.

    Whoever can only write to the database could put a row above all others, and nobody of the
    organisation would come in or sign. Such a row has no signature; or that of an older head, for
    the place is not signed: a head that stands elsewhere in the chain is not the newest.
    """
    for row in _rows(session, organisation_id):
        if not _is_signed(key, organisation_id, row.head, row.signature):
            continue
        if audit.contains(organisation_id, row.head, row.seq):
            return Last(row.head, row.signature, stands=True)
        if not audit.contains(organisation_id, row.head):
            return Last(row.head, row.signature, stands=False)
    return None


def _rows(session: Session, organisation_id: bytes) -> Iterator[Any]:
    """Signed heads as they stand in the table, the highest place first, in pages."""
    query = (
        select(SignedHead.seq, SignedHead.head, SignedHead.signature)
        .where(SignedHead.organisation_id == organisation_id)
        .order_by(SignedHead.seq.desc(), SignedHead.head)
    )
    for start in count(0, _PAGE):
        rows = session.execute(query.limit(_PAGE).offset(start)).all()
        yield from rows
        if len(rows) < _PAGE:
            return


def _published(session: Session, organisation_id: bytes) -> bytes:
    """The identity key now; the object in the session's memory may hold an old one."""
    query = select(Organisation.identity_key).where(Organisation.id == organisation_id)
    return session.execute(query).scalar_one()


def _keys(session: Session, organisation_id: bytes) -> list[tuple[float, bytes]]:
    """Identity keys, newest first, each with the number of the link that replaced it.

    Back from the published one, as far as each key is signed by the one before. In a `snapshot`:
    the line of a key that is made new during the walk would look broken.
    """
    found: list[tuple[float, bytes]] = [(math.inf, _published(session, organisation_id))]
    steps = audit.since(session, organisation_id, 0, "new_identity_key")
    for seq, step in reversed(steps):
        if step.get("new") != b64(found[-1][1]) or not _is_step(organisation_id, step):
            break
        found.append((seq, unb64(step["old"])))
    return found


def _is_step(organisation_id: bytes, step: Mapping[str, str]) -> bool:
    """Whether the old identity key of an audited change signed the new one."""
    try:
        old, new, signature = (unb64(step.get(name)) for name in ("old", "new", "signature"))
        verify_bytes(old, "identity-key-signature", organisation_id + new, signature)
    except SealingRefused:
        return False
    return True


def _is_signed(key: bytes, organisation_id: bytes, head: bytes, signature: bytes) -> bool:
    try:
        verify_bytes(key, LABEL, message(organisation_id, head), signature)
    except SealingRefused:
        return False
    return True

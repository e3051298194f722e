"""The roster: who belongs to an organisation and which keys are its own, signed (sealing.md 4).

It decides who is granted what, and which granted keys a member takes. Each is made from the one
before it and a change, never from other tables: whoever can only write to the database can put a
member, key or grant there, and nobody is granted anything by it, or boxes anything under it.
Holds public keys and ids of keys, never a secret or a name.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from casework.models import RosterRow
from casework.policy import KEY_HOLDERS, Role
from reporting.sealing import (
    FORMAT,
    ID_SIZE,
    KEY_SIZE,
    SealingRefused,
    b64,
    label,
    public_of_signing,
    sign,
    unb64,
    verify,
)
from reporting.strict_json import parse_json

LABEL = "roster"
SUCCESSION = "identity-key-signature"
FIRST = bytes(32)
# Rows that are read at once; mostly there is one since somebody looked.
_PAGE = 20
_SHAPE = {"format", "organisation", "number", "before", "identity"}
_SHAPE |= {"succession", "recovery", "members", "intake", "casework"}
_ROW = cast(Table, RosterRow.__table__).c


class Holder(NamedTuple):
    """Whom a key is granted to. The recovery key's holder id is the organisation's."""

    id: bytes
    public_key: bytes
    identity: bool


class Entry(NamedTuple):
    """A member as the roster has them."""

    role: str
    public_key: bytes


class Pin(NamedTuple):
    """A roster that somebody has verified: the key that signed it, its number and its hash."""

    identity: bytes
    number: int
    hash: bytes

    def to_json(self) -> list[Any]:
        """For the boxes of sessions and members."""
        return [b64(self.identity), self.number, b64(self.hash)]

    @classmethod
    def from_json(cls, kept: list[Any]) -> "Pin":
        """Read what `to_json` gave."""
        identity, number, found = kept
        return cls(unb64(identity), int(number), unb64(found))


@dataclass
class Roster:
    """What one roster says. Whoever changes it writes the next one."""

    organisation_id: bytes
    identity: bytes
    # Public half of the recovery key.
    recovery: bytes
    number: int = 1
    before: bytes = FIRST
    # Signature of the identity key before over this one, where this roster is the first of a key.
    succession: bytes = b""
    members: dict[bytes, Entry] = field(default_factory=dict)
    # Ids of all intake keys, the one that reports are sealed to last. Retired ones whose secret is
    # gone stay: the job that deletes them cannot sign. So it names too many, never too few.
    intake: list[bytes] = field(default_factory=list)
    # Ids of the casework keys of epoch 1, 2, …
    casework: list[bytes] = field(default_factory=list)

    def holders(self) -> list[Holder]:
        """All who are granted new keys: the recovery key, caseworkers and supervisors."""
        return [
            Holder(self.organisation_id, self.recovery, identity=True),
            *(
                Holder(member_id, entry.public_key, identity=entry.role == Role.SUPERVISOR)
                for member_id, entry in self.members.items()
            ),
        ]

    def names(self, member_id: bytes, role: str, public_key: bytes | None) -> bool:
        """Whether this member stands in it, with this role and key."""
        return self.members.get(member_id) == (role, public_key)

    def replace_identity(self, old: bytes, new: bytes) -> bytes:
        """Take the public key of `new`, signed by the secret `old`; returns that signature."""
        self.identity = public_of_signing(new)
        self.succession = sign(old, SUCCESSION, self.organisation_id + self.identity)
        return self.succession


def draft(session: Session, organisation_id: bytes, pin: Pin | None, identity: bytes) -> Roster:
    """The next roster, as yet like the newest one, in a transaction that holds the chain's lock.

    Raises `SealingRefused` unless the newest is signed by this identity key and, where the session
    has a pin, goes on from there.
    """
    now, newest = read(session, organisation_id, pin, public_of_signing(identity))
    now.number, now.before, now.succession = newest.number + 1, newest.hash, b""
    return now


def write(session: Session, roster: Roster, identity: bytes) -> None:
    """Sign a roster and keep it, in the transaction that makes what it says true."""
    content = _content(roster)
    if public_of_signing(identity) != roster.identity or _parsed(content) != roster:
        raise SealingRefused(LABEL)
    session.add(
        RosterRow(
            organisation_id=roster.organisation_id,
            number=roster.number,
            content=content,
            signature=sign(identity, LABEL, content),
        )
    )
    session.flush()


def read(
    session: Session, organisation_id: bytes, pin: Pin | None, identity: bytes
) -> tuple[Roster, Pin]:
    """The newest roster, verified, and what to pin of it.

    It must be signed by `identity`, the published key or the one that this session holds; with a
    pin it must also be of the line of the one that was seen.
    """
    now, new = follow(session, organisation_id, pin)
    if (now.organisation_id, new.identity) != (organisation_id, identity):
        raise SealingRefused(LABEL)
    return now, new


def follow(session: Session, organisation_id: bytes, pin: Pin | None) -> tuple[Roster, Pin]:
    """The newest roster of the line of a pin.

    The one seen must still be there; each after it names the hash before, and is signed by the same
    identity key or by one that the key before has signed. Without a pin: the newest, whose key it
    is left to the caller to know.
    """
    found: tuple[Roster, Pin] | None = None
    for row in _rows(session, organisation_id, pin.number if pin else None):
        if found is not None:
            found = _next(found[1], row)
        elif pin is None or (row.number, _hash(row.content)) == (pin.number, pin.hash):
            found = _signed(row)
        else:
            break
    if found is None:
        raise SealingRefused(LABEL)
    return found


def recovery_key(session: Session, organisation_id: bytes) -> bytes:
    """The recovery key of the newest roster, not verified: the kit opens the key that does it."""
    for row in _rows(session, organisation_id, None):
        return _parsed(row.content).recovery
    raise SealingRefused(LABEL)


def line(session: Session, organisation_id: bytes) -> Iterator[tuple[Roster, Pin]]:
    """All rosters from the first on; raises `SealingRefused` at the first that is not good."""
    pin: Pin | None = None
    for row in _rows(session, organisation_id, 0):
        start = Pin(_parsed(row.content).identity, 0, FIRST) if pin is None else pin
        now, pin = _next(start, row)
        if now.organisation_id != organisation_id:
            raise SealingRefused(LABEL)
        yield now, pin


def roles_of(session: Session, organisation_id: bytes, member_id: bytes) -> frozenset[str]:
    """The roles in which a member ever stood in a roster, also before being invited again.

    Each names the hash before: where the newest is verified, so are all. Where one is missing,
    nobody knows, and any doubt makes all keys new: a supervisor's role.
    """
    try:
        stood = [now.members.get(member_id) for now, _pin in line(session, organisation_id)]
    except SealingRefused:
        return frozenset({Role.SUPERVISOR})
    return frozenset(entry.role for entry in stood if entry is not None)


def _next(pin: Pin, row: Any) -> tuple[Roster, Pin]:
    """The roster after a verified one."""
    now, new = _signed(row)
    if (now.number, now.before) != (pin.number + 1, pin.hash):
        raise SealingRefused(LABEL)
    if now.identity != pin.identity:
        verify(pin.identity, SUCCESSION, now.organisation_id + now.identity, now.succession)
    return now, new


def _signed(row: Any) -> tuple[Roster, Pin]:
    """A roster signed by the key it names; whose key that is, the caller must see."""
    now = _parsed(row.content)
    verify(now.identity, LABEL, row.content, row.signature)
    if now.number != row.number:
        raise SealingRefused(LABEL)
    return now, Pin(now.identity, now.number, _hash(row.content))


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(label(LABEL) + content).digest()


def _rows(session: Session, organisation_id: bytes, first: int | None) -> Iterator[Any]:
    """Rosters from a number on, in order; the newest alone where no number is given.

    Of columns, not of mapped objects: one in the session's memory would be an old one.
    """
    query = select(_ROW.number, _ROW.content, _ROW.signature)
    query = query.where(_ROW.organisation_id == organisation_id)
    if first is None:
        yield from session.execute(query.order_by(_ROW.number.desc()).limit(1))
        return
    query = query.order_by(_ROW.number).limit(_PAGE)
    while rows := session.execute(query.where(_ROW.number >= first)).all():
        yield from rows
        first = rows[-1].number + 1


def _content(roster: Roster) -> bytes:
    """The bytes that are signed, and kept."""
    said = {
        "format": FORMAT,
        "organisation": b64(roster.organisation_id),
        "number": roster.number,
        "before": b64(roster.before),
        "identity": b64(roster.identity),
        "succession": b64(roster.succession),
        "recovery": b64(roster.recovery),
        "members": [
            {"id": b64(member_id), "role": str(entry.role), "public_key": b64(entry.public_key)}
            for member_id, entry in roster.members.items()
        ],
        "intake": [b64(one) for one in roster.intake],
        "casework": [b64(one) for one in roster.casework],
    }
    return json.dumps(said, separators=(",", ":")).encode()


def _parsed(content: bytes) -> Roster:
    """Read a roster strictly: it may be anybody's until its signature is seen."""
    said = parse_json(content)
    try:
        shaped = set(said) == _SHAPE and said["format"] == FORMAT and type(said["number"]) is int
        entries = [
            (_bytes(one["id"], ID_SIZE), Entry(one["role"], unb64(one["public_key"])))
            for one in said["members"]
        ]
        shaped &= {entry.role for _id, entry in entries} <= KEY_HOLDERS
        found = Roster(
            organisation_id=_bytes(said["organisation"], ID_SIZE),
            identity=_bytes(said["identity"], KEY_SIZE),
            recovery=unb64(said["recovery"]),
            number=said["number"],
            before=_bytes(said["before"], KEY_SIZE),
            succession=unb64(said["succession"]),
            members=dict(entries),
            intake=[_bytes(one, ID_SIZE) for one in said["intake"]],
            casework=[_bytes(one, ID_SIZE) for one in said["casework"]],
        )
    except (KeyError, TypeError) as refused:
        raise SealingRefused(LABEL) from refused
    if not shaped or len(found.members) != len(entries):
        raise SealingRefused(LABEL)
    return found


def _bytes(text: Any, size: int) -> bytes:
    found = unb64(text)
    if len(found) != size:
        raise SealingRefused(LABEL)
    return found

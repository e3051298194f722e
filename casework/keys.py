"""An organisation's keys: making, granting, opening (sealing.md 4).

A secret exists here only between being made and being sealed to its holders, or while a signed-in
member's session works. It is never written, logged or given to a job.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from casework import audit, roster
from casework.models import Grant, Member
from casework.roster import Holder, Pin, Roster
from reporting import clock
from reporting.envelope import intake_signature_message
from reporting.models import IntakeKey, Organisation
from reporting.sealing import (
    SealingRefused,
    b64,
    key_id,
    open_sealed,
    public_of,
    public_of_signing,
    random_key,
    seal,
    sign,
    unb64,
    verify,
)

INTAKE, CASEWORK, IDENTITY = "intake", "casework", "identity"


@dataclass(repr=False)
class Keyring:
    """What a member has opened: intake seeds by key id, casework keys by epoch, identity key.

    And the roster by which these were taken, which what comes later must go on from.
    """

    intake: dict[bytes, bytes] = field(default_factory=dict)
    casework: dict[int, bytes] = field(default_factory=dict)
    identity: bytes | None = None
    roster: Pin | None = None

    def take(self, row: Grant, secret: bytes) -> None:
        """Add what a grant opened to; refuses a second key for one epoch."""
        if row.kind == INTAKE:
            self.intake[row.key_id] = secret
        elif row.kind == IDENTITY:
            self.identity = secret
        elif row.epoch is not None and row.epoch not in self.casework:
            self.casework[row.epoch] = secret
        else:
            raise SealingRefused("grant")

    def newest_epoch(self) -> int:
        """The epoch under which new things are boxed."""
        return max(self.casework)

    def key_ids(self) -> frozenset[bytes]:
        """Ids of all keys held, as in the grants."""
        ids = {*self.intake, *(key_id("casework-key", key) for key in self.casework.values())}
        if self.identity is not None:
            ids.add(key_id("identity-key", public_of_signing(self.identity)))
        return frozenset(ids)

    def to_json(self) -> dict[str, Any]:
        """For the session's box, nowhere else."""
        return {
            "intake": [b64(seed) for seed in self.intake.values()],
            "casework": {str(epoch): b64(key) for epoch, key in self.casework.items()},
            "identity": b64(self.identity) if self.identity is not None else None,
            "ids": [b64(held) for held in self.intake],
            "roster": self.roster.to_json() if self.roster is not None else None,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Keyring":
        """Read what `to_json` gave."""
        ids, seeds = map(unb64, kept["ids"]), map(unb64, kept["intake"])
        return cls(
            intake=dict(zip(ids, seeds, strict=True)),
            casework={int(epoch): unb64(key) for epoch, key in kept["casework"].items()},
            identity=unb64(kept["identity"]) if kept["identity"] is not None else None,
            roster=Pin.from_json(kept["roster"]) if kept["roster"] is not None else None,
        )

    def check(self, by: Roster) -> None:
        """Refuse keys that somebody granted who may not: anyone can seal to a member."""
        ids = {epoch: key_id("casework-key", key) for epoch, key in self.casework.items()}
        if not ids.items() <= dict(enumerate(by.casework, 1)).items():
            raise SealingRefused("grant")
        if not set(self.intake) <= set(by.intake):
            raise SealingRefused("grant")
        if self.identity is not None and public_of_signing(self.identity) != by.identity:
            raise SealingRefused("identity")


def grant(
    session: Session,
    organisation_id: bytes,
    kind: str,
    granted: bytes,
    epoch: int | None,
    secret: bytes,
    to: Iterable[Holder],
) -> int:
    """Seal one secret to each holder; returns how many grants were made."""
    made = [
        Grant(
            holder_id=holder.id,
            key_id=granted,
            organisation_id=organisation_id,
            kind=kind,
            epoch=epoch,
            sealed=seal(holder.public_key, "grant", granted + holder.id, secret),
        )
        for holder in to
    ]
    session.add_all(made)
    session.flush()
    return len(made)


def grant_all(session: Session, organisation_id: bytes, keyring: Keyring, to: Holder) -> int:
    """Grant everything the granting member holds: the new member opens what any member opens."""
    one = [to]
    count = 0
    for granted, seed in keyring.intake.items():
        count += grant(session, organisation_id, INTAKE, granted, None, seed, one)
    for epoch, key in keyring.casework.items():
        granted = key_id("casework-key", key)
        count += grant(session, organisation_id, CASEWORK, granted, epoch, key, one)
    if to.identity and keyring.identity is not None:
        granted = key_id("identity-key", public_of_signing(keyring.identity))
        count += grant(session, organisation_id, IDENTITY, granted, None, keyring.identity, one)
    return count


def open_grants(session: Session, member: Member, seed: bytes, pin: Pin | None = None) -> Keyring:
    """Open what is granted to a member, each secret checked against the id it is granted under.

    Raises `SealingRefused` when a grant does not open, opens to another secret than it says, or is
    not in the roster; when the roster is not the one of `pin` or of its line, lacks this member, or
    differs from what is published: someone changed the database.
    """
    ring = Keyring()
    for row in session.scalars(select(Grant).where(Grant.holder_id == member.id)):
        ring.take(row, open_grant(row, member.organisation_id, seed))
    if member.organisation_id is not None:
        published = _published(session, member.organisation_id)
        now, ring.roster = roster.read(session, member.organisation_id, pin, published)
        if not now.names(member.id, member.role, public_of(seed)):
            raise SealingRefused("roster")
        ring.check(now)
        # Without the newest epoch, new things would be boxed under one that somebody who left has.
        if len(now.casework) not in ring.casework:
            raise SealingRefused("grant")
        _check_intake(session, now, ring)
    return ring


def open_grant(row: Grant, organisation_id: bytes | None, seed: bytes) -> bytes:
    """Open one grant; refuses another organisation's, and another secret than its id says."""
    secret = open_sealed(seed, "grant", row.key_id + row.holder_id, row.sealed)
    if row.organisation_id != organisation_id or row.key_id != id_of(row.kind, secret):
        raise SealingRefused("grant")
    return secret


def granted_ids(session: Session, member_id: bytes) -> frozenset[bytes]:
    """Ids of the keys now granted to a member: differs from the keyring when keys have changed."""
    return frozenset(session.scalars(select(Grant.key_id).where(Grant.holder_id == member_id)))


def new_intake_key(
    session: Session,
    organisation: Organisation,
    to: Roster,
    identity: bytes,
    instance_id: bytes,
    actor: bytes | None,
) -> tuple[bytes, bytes]:
    """Make, sign, publish and grant an intake key; the others retire today. Returns id and seed.

    To those whom this roster names; this and the next two add to it, and the caller writes it.
    """
    seed, today = random_key(), clock.today()
    public_key = public_of(seed)
    made = key_id("intake-key", public_key)
    session.execute(
        update(IntakeKey)
        .where(IntakeKey.organisation_id == organisation.id, IntakeKey.retired.is_(None))
        .values(retired=today)
    )
    message = intake_signature_message(
        instance_id, today.isoformat(), public_key, organisation.slug
    )
    session.add(
        IntakeKey(
            key_id=made,
            organisation_id=organisation.id,
            public_key=public_key,
            created=today,
            signature=sign(identity, "intake-key-signature", message),
        )
    )
    to.intake.append(made)
    grant(session, organisation.id, INTAKE, made, None, seed, to.holders())
    audit.write(session, organisation.id, actor, "new_intake_key", None, {"key": b64(made)})
    return made, seed


def new_casework_key(session: Session, to: Roster, actor: bytes | None) -> tuple[int, bytes]:
    """Make and grant the casework key of the next epoch. Returns epoch and key."""
    key = random_key()
    made = key_id("casework-key", key)
    to.casework.append(made)
    epoch = len(to.casework)
    grant(session, to.organisation_id, CASEWORK, made, epoch, key, to.holders())
    detail = {"key": b64(made), "epoch": epoch}
    audit.write(session, to.organisation_id, actor, "new_casework_key", None, detail)
    return epoch, key


def new_identity_key(
    session: Session, organisation: Organisation, to: Roster, old: bytes, actor: bytes | None
) -> bytes:
    """Make and grant an identity key to supervisors and recovery; the old one signs the new.

    Members who pinned the old key follow that signature in the line of rosters.
    """
    secret = random_key()
    public_key = public_of_signing(secret)
    made = key_id("identity-key", public_key)
    detail = {"old": b64(to.identity), "new": b64(public_key)}
    detail["signature"] = b64(to.replace_identity(old, secret))
    audit.write(session, organisation.id, actor, "new_identity_key", None, detail)
    session.execute(
        delete(Grant).where(Grant.organisation_id == organisation.id, Grant.kind == IDENTITY)
    )
    organisation.identity_key = public_key
    supervisors = [holder for holder in to.holders() if holder.identity]
    grant(session, organisation.id, IDENTITY, made, None, secret, supervisors)
    return secret


def id_of(kind: str, secret: bytes) -> bytes:
    """The id under which a secret of this kind is granted."""
    if kind == INTAKE:
        return key_id("intake-key", public_of(secret))
    if kind == IDENTITY:
        return key_id("identity-key", public_of_signing(secret))
    return key_id("casework-key", secret)


def _published(session: Session, organisation_id: bytes) -> bytes:
    """The identity key now; the object in the session's memory may hold an old one."""
    query = select(Organisation.identity_key).where(Organisation.id == organisation_id)
    return session.execute(query).scalar_one()


def _check_intake(session: Session, now: Roster, ring: Keyring) -> None:
    """The key reporters seal to must be the roster's newest, and one this member holds.

    An old one put back into use could be that of somebody who left.
    """
    current = session.scalars(
        select(IntakeKey).where(
            IntakeKey.organisation_id == now.organisation_id, IntakeKey.retired.is_(None)
        )
    )
    for key in current:
        made = key_id("intake-key", key.public_key)
        if made != key.key_id or made not in ring.intake or made != now.intake[-1]:
            raise SealingRefused("intake-key")


def check_signatures(session: Session, organisation: Organisation, instance_id: bytes) -> None:
    """The current intake key must be signed by the identity key that is published with it."""
    current = session.scalars(
        select(IntakeKey).where(
            IntakeKey.organisation_id == organisation.id, IntakeKey.retired.is_(None)
        )
    )
    for key in current:
        message = intake_signature_message(
            instance_id, key.created.isoformat(), key.public_key, organisation.slug
        )
        verify(organisation.identity_key, "intake-key-signature", message, key.signature)

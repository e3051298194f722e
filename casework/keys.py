"""An organisation's keys: making, granting, opening (sealing.md 4).

A secret exists here only between being made and being sealed to its holders, or while a signed-in
member's session works. It is never written, logged or given to a job.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from casework import audit
from casework.models import Grant, Member
from casework.policy import KEY_HOLDERS, Role
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


class Holder(NamedTuple):
    """Whom a key is granted to. The recovery key's holder id is the organisation's."""

    id: bytes
    public_key: bytes
    identity: bool


@dataclass(repr=False)
class Keyring:
    """What a member has opened: intake seeds by key id, casework keys by epoch, identity key."""

    intake: dict[bytes, bytes] = field(default_factory=dict)
    casework: dict[int, bytes] = field(default_factory=dict)
    identity: bytes | None = None

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
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Keyring":
        """Read what `to_json` gave."""
        ids, seeds = map(unb64, kept["ids"]), map(unb64, kept["intake"])
        return cls(
            intake=dict(zip(ids, seeds, strict=True)),
            casework={int(epoch): unb64(key) for epoch, key in kept["casework"].items()},
            identity=unb64(kept["identity"]) if kept["identity"] is not None else None,
        )


def holders(session: Session, organisation: Organisation) -> list[Holder]:
    """All who are granted new keys: active caseworkers and supervisors, and the recovery key."""
    members = session.scalars(
        select(Member).where(
            Member.organisation_id == organisation.id,
            Member.state == "active",
            Member.role.in_(sorted(KEY_HOLDERS)),
        )
    )
    return [
        Holder(organisation.id, organisation.recovery_key, identity=True),
        *(
            Holder(member.id, member.public_key, identity=member.role == Role.SUPERVISOR)
            for member in members
            if member.public_key is not None
        ),
    ]


def grant(
    session: Session,
    organisation_id: bytes,
    kind: str,
    granted: bytes,
    epoch: int | None,
    secret: bytes,
    to: Iterable[tuple[bytes, bytes]],
) -> int:
    """Seal one secret to each holder `(id, public key)`; returns how many grants were made."""
    made = [
        Grant(
            holder_id=holder,
            key_id=granted,
            organisation_id=organisation_id,
            kind=kind,
            epoch=epoch,
            sealed=seal(public_key, "grant", granted + holder, secret),
        )
        for holder, public_key in to
    ]
    session.add_all(made)
    session.flush()
    return len(made)


def grant_all(session: Session, organisation_id: bytes, keyring: Keyring, to: Holder) -> int:
    """Grant everything the granting member holds: the new member opens what any member opens."""
    one = [(to.id, to.public_key)]
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


def open_grants(session: Session, member: Member, seed: bytes) -> Keyring:
    """Open what is granted to a member, each secret checked against the id it is granted under.

    Raises `SealingRefused` when a grant does not open, opens to another secret than it says, or
    when a published intake key is not signed by the identity key: someone changed the database.
    """
    ring = Keyring()
    for row in session.scalars(select(Grant).where(Grant.holder_id == member.id)):
        ring.take(row, open_grant(row, member.organisation_id, seed))
    if member.organisation_id is not None:
        _check_published(session, member.organisation_id, ring)
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
    identity: bytes,
    instance_id: bytes,
    actor: bytes | None,
) -> tuple[bytes, bytes]:
    """Make, sign, publish and grant an intake key; the others retire today. Returns id and seed."""
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
    to = [(holder.id, holder.public_key) for holder in holders(session, organisation)]
    grant(session, organisation.id, INTAKE, made, None, seed, to)
    audit.write(session, organisation.id, actor, "new_intake_key", None, {"key": b64(made)})
    return made, seed


def new_casework_key(
    session: Session, organisation: Organisation, actor: bytes | None
) -> tuple[int, bytes]:
    """Make and grant the casework key of the next epoch. Returns epoch and key."""
    key = random_key()
    last = session.scalar(
        select(func.max(Grant.epoch)).where(Grant.organisation_id == organisation.id)
    )
    epoch, made = (last or 0) + 1, key_id("casework-key", key)
    to = [(holder.id, holder.public_key) for holder in holders(session, organisation)]
    grant(session, organisation.id, CASEWORK, made, epoch, key, to)
    detail = {"key": b64(made), "epoch": epoch}
    audit.write(session, organisation.id, actor, "new_casework_key", None, detail)
    return epoch, key


def new_identity_key(
    session: Session, organisation: Organisation, old: bytes | None, actor: bytes | None
) -> bytes:
    """Make and grant an identity key to supervisors and recovery; the old one signs the new.

    Members who pinned the old key follow that signature in the audit chain (`member_state`).
    """
    secret = random_key()
    public_key = public_of_signing(secret)
    made = key_id("identity-key", public_key)
    if old is not None:
        before = public_of_signing(old)
        detail = {
            "old": b64(before),
            "new": b64(public_key),
            "signature": b64(sign(old, "identity-key-signature", organisation.id + public_key)),
        }
        audit.write(session, organisation.id, actor, "new_identity_key", None, detail)
        session.execute(
            delete(Grant).where(Grant.organisation_id == organisation.id, Grant.kind == IDENTITY)
        )
    organisation.identity_key = public_key
    to = [(one.id, one.public_key) for one in holders(session, organisation) if one.identity]
    grant(session, organisation.id, IDENTITY, made, None, secret, to)
    return secret


def id_of(kind: str, secret: bytes) -> bytes:
    """The id under which a secret of this kind is granted."""
    if kind == INTAKE:
        return key_id("intake-key", public_of(secret))
    if kind == IDENTITY:
        return key_id("identity-key", public_of_signing(secret))
    return key_id("casework-key", secret)


def _check_published(session: Session, organisation_id: bytes, ring: Keyring) -> None:
    """The key reporters seal to must be one this member holds."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise SealingRefused("organisation")
    if ring.identity is not None and public_of_signing(ring.identity) != organisation.identity_key:
        raise SealingRefused("identity")
    current = session.scalars(
        select(IntakeKey).where(
            IntakeKey.organisation_id == organisation_id, IntakeKey.retired.is_(None)
        )
    )
    for key in current:
        made = key_id("intake-key", key.public_key)
        if made != key.key_id or made not in ring.intake:
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

"""An organisation that nobody can sign in to any more: its recovery kit is used, and replaced.

The kit opens every key; they are granted to a supervisor who is made in the same run and to a new
kit, and the old one's grants go (sealing.md 4). What comes next is sealed to new keys. Members stay
as they are. The seeds live as long as the run; nothing here writes a secret anywhere but into a
grant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import delete, select, union
from sqlalchemy.orm import Session

from casework import audit, credentials, heads, invitations, keys, kits, members, roster
from casework.credentials import NewMember
from casework.keys import Keyring
from casework.kits import Kit, Split
from casework.models import Grant, Member
from casework.policy import ActionRefused, Role
from casework.roster import Entry, Holder, Pin, Roster
from reporting.database import db, transaction
from reporting.models import IntakeKey, Organisation
from reporting.sealing import (
    SealingRefused,
    b64,
    key_id,
    public_of,
    random_id,
    random_key,
)


class Named(NamedTuple):
    """A member of the roster. The name is the table's, or nothing; role and key are signed."""

    name: str
    role: str
    public_key: bytes


class Found(NamedTuple):
    """What people compare with what no database holds, and how many keys the kit does not open."""

    identity_key: bytes
    members: list[Named]
    missing: int


@dataclass(frozen=True, repr=False)
class Recovered:
    """What is shown once, to the person at the command line."""

    supervisor: NewMember
    kit: Kit
    identity_key: bytes
    missing: int


class _Opened(NamedTuple):
    """An organisation, its roster, the keys its kit opened, and how many it did not."""

    organisation: Organisation
    now: Roster
    pin: Pin
    ring: Keyring
    identity: bytes
    missing: int


def check(organisation_id: bytes, seed: bytes) -> Found:
    """What this kit opens.

    Raises `ActionRefused` for a kit that is not this organisation's, or not any more, and where
    the database was changed so that the new supervisor could not sign in.
    """
    return _found(_open(db.session(), organisation_id, seed, None))


def recover(
    organisation_id: bytes,
    seed: bytes,
    supervisor_name: str,
    split: Split | None = None,
    confirm: Callable[[NewMember], NewMember] | None = None,
    compare: Callable[[Found], None] | None = None,
) -> Recovered:
    """Make a supervisor who opens everything and a new kit, all or nothing.

    `compare` shows what the kit opened, and raises unless it is the organisation's: anyone can
    seal an identity key to the kit and sign a roster with it. `confirm` shows the new supervisor
    what to write down and asks for a code. Both come before the transaction, because a person
    takes minutes and SQLite has one writer.
    """
    seen = _open(db.session(), organisation_id, seed, None)
    if compare is not None:
        compare(_found(seen))
    name = " ".join(supervisor_name.split())
    supervisor = credentials.make(random_id(), name, members.stretch_cost())
    if confirm is not None:
        supervisor = confirm(supervisor)
    new_seed = random_key()
    # Before the transaction: a kit that cannot be written must not be one that holds.
    kit = kits.make(new_seed, split)
    with transaction() as session:
        audit.lock(session, organisation_id)
        # Opened again under the lock. Keys that were made while a person typed are among them,
        # and of two who use one kit at once the second finds it replaced. It goes on from what was
        # compared: another identity key put there since is refused.
        opened = _open(session, organisation_id, seed, seen.pin)
        member = invitations.enrol_prepared(session, organisation_id, Role.SUPERVISOR, supervisor)
        # Waits for nobody: whoever could compare may have lost their keys, and the kit is here.
        member.state = members.ACTIVE
        now = roster.draft(session, organisation_id, seen.pin, opened.identity)
        _replace_kit(session, opened, now, public_of(new_seed))
        _admit(session, opened, now, member, supervisor)
        heads.sign(session, organisation_id, opened.identity)
        identity_key = opened.now.identity
    return Recovered(supervisor, kit, identity_key, opened.missing)


def _found(opened: _Opened) -> Found:
    names = members.names(opened.organisation.id)
    there = [
        Named(names.get(member_id, ""), entry.role, entry.public_key)
        for member_id, entry in opened.now.members.items()
    ]
    return Found(opened.now.identity, there, opened.missing)


def _open(session: Session, organisation_id: bytes, seed: bytes, seen: Pin | None) -> _Opened:
    """Open what is granted to the kit. A grant that is damaged is a key that is missing.

    Without a roster that was `seen` all of it may be somebody's own, sealed to the kit: it only
    fits together. Whose it is, people must compare.
    """
    organisation = session.get_one(Organisation, organisation_id, populate_existing=True)
    try:
        recovery_key = roster.recovery_key(session, organisation_id)
    except SealingRefused as refused:
        raise ActionRefused("kit-changed") from refused
    if public_of(seed) != recovery_key:
        raise ActionRefused("kit-other")
    if not heads.stands(session, organisation_id):
        raise ActionRefused("kit-chain")
    ring = Keyring()
    for row in session.scalars(select(Grant).where(Grant.holder_id == organisation_id)):
        try:
            secret = keys.open_grant(row, organisation_id, seed)
        except SealingRefused:
            continue
        try:
            ring.take(row, secret)
        except SealingRefused as refused:
            # Two keys for one epoch: taking the wrong one would lose what the other opens.
            raise ActionRefused("kit-changed") from refused
    if ring.identity is None:
        raise ActionRefused("kit-changed")
    try:
        # Signing in would be refused with another identity key than the published one, or with keys
        # that are not in the roster: anyone can seal to the kit.
        now, pin = roster.read(session, organisation_id, seen, organisation.identity_key)
        ring.check(now)
    except SealingRefused as refused:
        raise ActionRefused("kit-changed") from refused
    known = union(
        select(Grant.key_id).where(Grant.organisation_id == organisation_id),
        select(IntakeKey.key_id).where(IntakeKey.organisation_id == organisation_id),
    )
    missing = set(session.scalars(known)) - ring.key_ids()
    return _Opened(organisation, now, pin, ring, ring.identity, len(missing))


def _replace_kit(session: Session, opened: _Opened, now: Roster, public_key: bytes) -> None:
    """Grant everything to a new recovery key; the old one's grants go, and with them its use."""
    organisation = opened.organisation
    detail = {
        "old": b64(key_id("recovery-key", now.recovery)),
        "new": b64(key_id("recovery-key", public_key)),
        "missing": opened.missing,
    }
    session.execute(delete(Grant).where(Grant.holder_id == organisation.id))
    now.recovery = public_key
    to = Holder(organisation.id, public_key, identity=True)
    keys.grant_all(session, organisation.id, opened.ring, to)
    audit.write(session, organisation.id, None, "use_kit", None, detail)


def _admit(session: Session, opened: _Opened, now: Roster, member: Member, new: NewMember) -> None:
    """Grant everything to the new supervisor, and see that it opens as at the next sign-in."""
    organisation, ring = opened.organisation, opened.ring
    now.members[new.member_id] = Entry(Role.SUPERVISOR, new.public_key)
    to = Holder(new.member_id, new.public_key, identity=True)
    keys.grant_all(session, organisation.id, ring, to)
    # What comes next is closed to the old kit: with a copy from before it opens every key until
    # now. And it is not sealed to a key that is missing.
    instance_id = members.instance().instance_id
    keys.new_casework_key(session, now, None)
    keys.new_intake_key(session, organisation, now, opened.identity, instance_id, None)
    roster.write(session, now, opened.identity)
    held = keys.open_grants(session, member, new.seed).key_ids()
    if not ring.key_ids() <= held or held != keys.granted_ids(session, organisation.id):
        raise RuntimeError("the new supervisor or the new kit was not granted every key")
    detail = {"key": b64(members.key_of(new.public_key)), "count": len(held)}
    audit.write(session, organisation.id, None, "admit_member", new.member_id, detail)

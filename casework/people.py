"""People as the table and the signed roster have them, side by side.

Keys are granted by the roster; the table is what whoever writes to the database can change. So a
page that shows the one must show where the other says something else. Nothing here changes either.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy.orm import Session as Transaction

from casework import audit, members, roster
from casework.models import Member
from casework.policy import KEY_HOLDERS, ActionRefused, Role
from casework.roster import Roster
from casework.sessions import Session
from reporting.database import snapshot
from reporting.sealing import SealingRefused


class Unrecorded(NamedTuple):
    """A member of the roster without an active record. Role and key are signed, the name is not."""

    id: bytes
    name: str
    role: str
    public_key: bytes


# What is wrong with a record: admitted by nobody so, without a key to admit, or what no page makes.
NOBODY, KEYLESS, ALTERED = "nobody", "no-key", "altered"
_OF_INSTANCE = frozenset(Role) - KEY_HOLDERS


class People(NamedTuple):
    """Whom a member looks after, and by id what is wrong with the records that were altered.

    And those who are granted keys although the table has no active record of them.
    """

    listed: list[Member]
    altered: dict[bytes, str]
    unrecorded: list[Unrecorded]


class Difference(NamedTuple):
    """Ids of active records that the roster does not name so, and of its members without one."""

    strangers: list[bytes]
    unrecorded: list[bytes]


def compare(now: Roster, active: Collection[tuple[bytes, str, bytes | None]]) -> Difference:
    """Hold id, role and key of an organisation's active members against its roster.

    A record under another state or organisation is as good as none: it may be as it was at the
    next sign-in.
    """
    there = {member_id for member_id, _role, _key in active}
    return Difference(
        [member_id for member_id, role, key in active if not now.names(member_id, role, key)],
        [member_id for member_id in now.members if member_id not in there],
    )


def shown(by: Session) -> People:
    """Everybody for the people page. Of one moment: a false alarm would have somebody removed."""
    if by.organisation_id is None:
        listed = members.people(by)
        return People(listed, {one.id: ALTERED for one in listed if not _of_instance(one)}, [])
    with snapshot() as session:
        try:
            now, _pin = roster.follow(session, by.organisation_id, by.keyring.roster)
        except SealingRefused as refused:
            raise ActionRefused("roster") from refused
        listed = members.people(by)
        # Kept as they are: what ends the snapshot would have each read again.
        for one in listed:
            session.expunge(one)
        active = [one for one in listed if one.state == members.ACTIVE]
        found = compare(now, [(one.id, one.role, one.public_key) for one in active])
        altered = dict.fromkeys(found.strangers, NOBODY)
        altered |= {one.id: wrong for one in listed if (wrong := _wrong(now, one))}
        unrecorded = [_unrecorded(session, now, one) for one in found.unrecorded]
    return People(listed, altered, unrecorded)


def _of_instance(one: Member) -> bool:
    """Whether a record of no organisation is one as an invitation makes it: nobody waits there."""
    return one.role in _OF_INSTANCE and one.state not in {members.WAITING, members.REMOVED}


def _wrong(now: Roster, one: Member) -> str:
    """What is wrong with a record that is not active; nothing where an invitation leads to it."""
    if one.state == members.ACTIVE:
        return ""
    if one.state == members.WAITING and one.public_key is None:
        return KEYLESS
    # Whom the roster names waits for nothing: whoever is invited again is taken off it.
    named = one.state == members.WAITING and one.id in now.members
    wrong = named or one.role not in KEY_HOLDERS or one.state == members.REMOVED
    return ALTERED if wrong else ""


def _unrecorded(session: Transaction, now: Roster, member_id: bytes) -> Unrecorded:
    """With the name that the audit chain has of the invitation, for no record is to be believed."""
    said = audit.of(session, now.organisation_id, member_id)
    names = [str(detail.get("name", "")) for action, detail in said if action == "invite"]
    entry = now.members[member_id]
    return Unrecorded(member_id, names[-1] if names else "", entry.role, entry.public_key)

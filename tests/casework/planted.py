"""What somebody plants who can only write to the database, and what there is to see of rosters."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from casework import (
    credentials,
    keys,
    members,
    roster,
    rotation,
    sessions,
)
from casework.credentials import NewMember
from casework.models import Member, RosterRow
from casework.policy import ActionRefused
from casework.roster import Holder, Pin, Roster
from reporting import sealing
from reporting.database import db, transaction
from reporting.sealing import random_id, random_key
from tests.casework.hands import Hands
from tests.casework.people import Organisation, enter


def newest(organisation: Organisation) -> tuple[Roster, Pin]:
    db.session.rollback()
    return roster.follow(db.session(), organisation.id, None)


def held(holder: bytes) -> frozenset[bytes]:
    db.session.rollback()
    return keys.granted_ids(db.session(), holder)


def renew(organisation: Organisation, hands: Hands) -> None:
    """The intake key is due, and the supervisor signs in and renews it."""
    hands.forward(days=31)
    member, seed = enter(organisation.supervisor)
    assert rotation.renew_if_due(sessions.make(member, seed))


def plant_member(organisation: Organisation, role: str = "caseworker") -> NewMember:
    """What somebody does who can only write: an active member with a key of their own."""
    made = credentials.make(random_id(), "Mallory", members.stretch_cost())
    with transaction() as session:
        session.add(
            Member(
                id=made.member_id,
                organisation_id=organisation.id,
                name="Mallory",
                sign_in_name="mallory",
                role=role,
                state="active",
                locale="en",
                failures=0,
                public_key=made.public_key,
            )
        )
    return made


def plant_grant(organisation: Organisation, to: NewMember, kind: str, epoch: int | None) -> bytes:
    """A key of one's own, sealed to a member as a supervisor would."""
    own = random_key()
    granted = keys.id_of(kind, own)
    with transaction() as session:
        holder = Holder(to.member_id, to.public_key, identity=False)
        keys.grant(session, organisation.id, kind, granted, epoch, own, [holder])
    return own


def forge(organisation: Organisation, change: Callable[[dict[str, Any]], None], key: bytes) -> None:
    """Put another content into the newest roster, signed by some key."""
    number = newest(organisation)[1].number
    with transaction() as session:
        row = session.get_one(RosterRow, (organisation.id, number))
        said = json.loads(row.content)
        change(said)
        row.content = json.dumps(said, separators=(",", ":")).encode()
        row.signature = sealing.sign(key, "roster", row.content)


def refused_at_sign_in(new: NewMember, seen: bytes | None = None, steps: int = 0) -> None:
    with pytest.raises(ActionRefused, match="member-state"):
        enter(new, steps, seen)

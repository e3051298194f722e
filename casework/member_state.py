"""What a member saw last: identity key, roster number, audit head (sealing.md 4).

Boxed under the member's own seed, in the database and in a cookie, so that whoever restores or
rewrites the database cannot also rewrite what its people remember. The newer of the two counts.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from casework import audit, roster
from casework.models import Member
from casework.policy import ActionRefused
from casework.roster import Pin
from reporting.sealing import SealingRefused, b64, box, derive, unb64, unbox


@dataclass(frozen=True)
class Seen:
    """Identity key, number and hash of the roster; place and hash of the audit head.

    As `b64`; without an organisation there is no key and no roster.
    """

    identity: str
    roster: int
    line: str
    seq: int
    head: str

    @property
    def pin(self) -> Pin | None:
        """The roster that was seen."""
        return Pin(unb64(self.identity), self.roster, unb64(self.line)) if self.roster else None


def chain_of(organisation_id: bytes | None) -> bytes:
    """The chain a member's doings are written to."""
    return organisation_id if organisation_id is not None else audit.CHAIN_INSTANCE


def present(session: Session, organisation_id: bytes | None, pin: Pin | None) -> Seen:
    """What there is to see now; identity key and roster are those that this session verified.

    Not the published ones: what was exchanged while somebody worked must not be what they remember.
    """
    seq, head = audit.tip(session, chain_of(organisation_id))
    if organisation_id is None or pin is None:
        return Seen(identity="", roster=0, line="", seq=seq, head=b64(head))
    with suppress(SealingRefused):
        # What was written meanwhile. Where it does not go on from there, the next sign-in says so.
        _roster, pin = roster.follow(session, organisation_id, pin)
    return Seen(b64(pin.identity), pin.number, b64(pin.hash), seq, b64(head))


def seal_seen(seed: bytes, seen: Seen) -> bytes:
    """The box for database and cookie."""
    return box(derive(seed, "member-state"), "member-state", b"", json.dumps(asdict(seen)).encode())


def open_seen(seed: bytes, boxed: bytes) -> Seen:
    """Read such a box; raises `SealingRefused` when it is not this member's."""
    kept: Any = json.loads(unbox(derive(seed, "member-state"), "member-state", b"", boxed))
    return Seen(**kept)


def pin_of(member: Member, seed: bytes) -> Pin | None:
    """The roster that a member's record names, if there is one."""
    if member.member_state is None:
        return None
    return open_seen(seed, member.member_state).pin


def check(session: Session, member: Member, seed: bytes, cookie: bytes | None) -> Pin | None:
    """Refuse the sign-in when what this member saw last is no longer so.

    Returns the roster seen last, which opening the keys goes on from. A cookie that does not open
    is no proof of anything (another member's, cut short) and is left out; a box in the database
    that does not open was changed there.
    """
    seen = []
    if member.member_state is not None:
        try:
            seen.append(open_seen(seed, member.member_state))
        except SealingRefused as refused:
            raise ActionRefused("member-state") from refused
    if cookie:
        with suppress(SealingRefused):
            seen.append(open_seen(seed, cookie))
    if not seen:
        return None
    last = max(seen, key=lambda one: (one.roster, one.seq))
    chain = chain_of(member.organisation_id)
    if not audit.contains(chain, unb64(last.head), last.seq):
        raise ActionRefused("member-state")
    return last.pin

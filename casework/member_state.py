"""What a member saw last: identity key, roster number, audit head (sealing.md 4).

Boxed under the member's own seed, in the database and in a cookie, so that whoever restores or
rewrites the database cannot also rewrite what its people remember. The newer of the two counts.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from casework import audit
from casework.models import Member
from casework.policy import ActionRefused
from reporting.models import Organisation
from reporting.sealing import SealingRefused, b64, box, derive, unb64, unbox, verify

# Rosters come with the casework that needs them; the number is kept from the first day.
ROSTER = 0


@dataclass(frozen=True)
class Seen:
    """Identity key (b64; empty without an organisation), roster number, audit head, its place."""

    identity: str
    roster: int
    seq: int
    head: str


def chain_of(organisation_id: bytes | None) -> bytes:
    """The chain a member's doings are written to."""
    return organisation_id if organisation_id is not None else audit.CHAIN_INSTANCE


def present(session: Session, organisation_id: bytes | None) -> Seen:
    """What there is to see now."""
    chain = chain_of(organisation_id)
    seq, head = audit.tip(session, chain)
    return Seen(
        identity=_identity(session, organisation_id), roster=ROSTER, seq=seq, head=b64(head)
    )


def seal_seen(seed: bytes, seen: Seen) -> bytes:
    """The box for database and cookie."""
    return box(derive(seed, "member-state"), "member-state", b"", json.dumps(asdict(seen)).encode())


def open_seen(seed: bytes, boxed: bytes) -> Seen:
    """Read such a box; raises `SealingRefused` when it is not this member's."""
    kept: Any = json.loads(unbox(derive(seed, "member-state"), "member-state", b"", boxed))
    return Seen(**kept)


def check(session: Session, member: Member, seed: bytes, cookie: bytes | None) -> None:
    """Refuse the sign-in when what this member saw last is no longer so.

    A cookie that does not open is no proof of anything (another member's, cut short) and is left
    out; a box in the database that does not open was changed there.
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
        return
    last = max(seen, key=lambda one: (one.roster, one.seq))
    chain = chain_of(member.organisation_id)
    if not audit.contains(chain, unb64(last.head), last.seq):
        raise ActionRefused("member-state")
    if last.identity != _identity(session, member.organisation_id):
        _follow_identity(session, member, last)


def _follow_identity(session: Session, member: Member, last: Seen) -> None:
    """Accept a new identity key only by an unbroken line of signatures from the one seen."""
    organisation_id = member.organisation_id
    if organisation_id is None:
        raise ActionRefused("member-state")
    known = last.identity
    for _seq, step in audit.since(session, organisation_id, last.seq, "new_identity_key"):
        if step.get("old") != known or not is_step(organisation_id, step):
            raise ActionRefused("member-state")
        known = step["new"]
    if known != _identity(session, organisation_id):
        raise ActionRefused("member-state")


def is_step(organisation_id: bytes, step: Mapping[str, str]) -> bool:
    """Whether the old identity key of an audited change signed the new one."""
    try:
        old, new, signature = (unb64(step.get(name)) for name in ("old", "new", "signature"))
        verify(old, "identity-key-signature", organisation_id + new, signature)
    except SealingRefused:
        return False
    return True


def _identity(session: Session, organisation_id: bytes | None) -> str:
    if organisation_id is None:
        return ""
    organisation = session.get(Organisation, organisation_id)
    return b64(organisation.identity_key) if organisation is not None else ""

"""Signing in: one question, one answer, the same words for every wrong one.

Unknown name, wrong passphrase, wrong or used code, and a name that is waiting out its tries all
cost the same work and say the same. No address is looked at or kept; the delay is the name's own.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from casework import audit, credentials, heads, member_state, sessions
from casework.credentials import Cost
from casework.keys import Keyring
from casework.member_state import chain_of
from casework.models import Member
from casework.policy import ActionRefused
from casework.roster import Pin
from reporting import clock
from reporting.database import db, transaction
from reporting.sealing import SealingRefused

# This many tries are free; then the wait doubles from one minute to fifteen.
FREE_TRIES = 5
LONGEST_WAIT = 15
MAY_SIGN_IN = ("active", "waiting")


def sign_in(
    name: str,
    passphrase: str,
    code: str,
    *,
    pepper: bytes,
    cost: Cost,
    seen: bytes | None = None,
) -> tuple[Member, bytes]:
    """The member and the seed of their key pair.

    Raises `ActionRefused`: `sign-in` for whatever was typed wrong, `waiting` for a member who is
    not yet admitted, `member-state` when the organisation is not as this member saw it last.
    """
    member = _find(name)
    locked = member is not None and _is_locked(member)
    boxed = member.sign_in if member is not None and not locked else None
    member_id = member.id if member is not None else bytes(16)
    record = credentials.open_record(boxed, member_id, pepper) if boxed is not None else None
    opened = credentials.check(record, member_id, passphrase, code, cost)
    if opened is None or member is None or boxed is None:
        _failed(member, locked=locked)
        raise ActionRefused("sign-in")
    seed, used = opened
    _use_up(member_id, boxed, credentials.seal_record(used, member_id, pepper))
    if member.state != "active":
        raise ActionRefused("waiting")
    ring = _check_keys(member, seed, _check_state(member, seed, seen))
    remember(member_id, seed, "sign_in", ring)
    db.session.refresh(member)
    return member, seed


def remember(member_id: bytes, seed: bytes, action: str, ring: Keyring) -> None:
    """Record signing in or out, and what the member saw last; a supervisor also signs that head."""
    with transaction() as session:
        member = session.get_one(Member, member_id)
        chain = chain_of(member.organisation_id)
        audit.write(session, chain, member_id, action, member_id)
        if member.organisation_id is not None:
            heads.sign(session, member.organisation_id, ring.identity)
        seen = member_state.present(session, member.organisation_id, ring.roster)
        member.member_state = member_state.seal_seen(seed, seen)


def plain_name(name: str) -> str:
    """The form of a name by which it is one of a kind."""
    return credentials.read_passphrase(name).casefold()


def can_be_name(name: str) -> bool:
    """Whether it could be anybody's.

    Joiners belong to names in some scripts; other invisible signs make two names look alike.
    """
    seen = " ".join(name.split()).replace("\u200c", "").replace("\u200d", "")
    return bool(seen) and seen.isprintable()


def _find(name: str) -> Member | None:
    if not can_be_name(name):
        # Nobody's; and PostgreSQL has no words for a NUL.
        return None
    session: Any = db.session
    found: Member | None = session.scalar(
        select(Member)
        .where(Member.sign_in_name == plain_name(name), Member.state.in_(MAY_SIGN_IN))
        .execution_options(populate_existing=True)
    )
    return found


def _is_locked(member: Member) -> bool:
    return member.locked_until is not None and clock.now() < member.locked_until


def _use_up(member_id: bytes, before: bytes, after: bytes) -> None:
    """Store the time step just used, if nobody else has used it in the meantime.

    Two sign-ins with one code race for this row; the second finds another box and is refused.
    """
    with transaction() as session:
        result: Any = session.execute(
            update(Member)
            .where(Member.id == member_id, Member.sign_in == before)
            .values(sign_in=after, failures=0, locked_until=None)
        )
        if result.rowcount != 1:
            raise ActionRefused("sign-in")


def _failed(member: Member | None, *, locked: bool) -> None:
    with transaction() as session:
        if member is None:
            audit.write_failure(session, audit.CHAIN_INSTANCE, None, "sign-in")
            return
        chain, member_id = chain_of(member.organisation_id), member.id
        audit.write_failure(session, chain, member_id, "locked" if locked else "sign-in")
        if locked:
            return
        session.execute(
            update(Member).where(Member.id == member_id).values(failures=Member.failures + 1)
        )
        failures = session.scalar(select(Member.failures).where(Member.id == member_id)) or 0
        if failures >= FREE_TRIES:
            minutes = min(2 ** (failures - FREE_TRIES), LONGEST_WAIT)
            until = clock.now() + timedelta(minutes=minutes)
            session.execute(update(Member).where(Member.id == member_id).values(locked_until=until))


def _check_state(member: Member, seed: bytes, seen: bytes | None) -> Pin | None:
    try:
        pin = member_state.check(db.session(), member, seed, seen)
        organisation_id = member.organisation_id
        if organisation_id is not None and not heads.stands(db.session(), organisation_id):
            raise ActionRefused("member-state")
    except ActionRefused as refused:
        _changed(member, refused.reason)
        raise
    return pin


def _check_keys(member: Member, seed: bytes, pin: Pin | None) -> Keyring:
    """What is granted, by a roster that goes on from the one seen last.

    Before anything is remembered: a changed key must not be audited as a sign-in, nor seen.
    """
    try:
        return sessions.open_keyring(member, seed, pin)
    except SealingRefused as refused:
        _changed(member, "member-state")
        raise ActionRefused("member-state") from refused


def _changed(member: Member, reason: str) -> None:
    chain, member_id = chain_of(member.organisation_id), member.id
    with transaction() as session:
        audit.write_failure(session, chain, member_id, reason)

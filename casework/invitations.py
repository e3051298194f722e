"""Invitations: a one-time link, valid 72 hours, and what its holder makes of it (sealing.md 4).

A link alone opens nothing: whoever follows it waits until a supervisor has compared the
fingerprint of their key by another channel. Only the hash of a link is kept, and no passphrase.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from flask import current_app
from sqlalchemy import delete, update
from sqlalchemy.orm import Session as Transaction

from casework import addresses, audit, credentials, members, roster
from casework.credentials import NewMember
from casework.member_state import chain_of
from casework.models import Invitation, Member
from casework.policy import KEY_HOLDERS, ActionRefused
from casework.sessions import Session
from reporting import clock
from reporting.database import db, transaction
from reporting.sealing import SealingRefused, b64, random_id, unb64
from reporting.settings import Settings

LINK_LIVES = timedelta(hours=72)


@dataclass(frozen=True, repr=False)
class Invited:
    """A member who has been invited, and the one-time link that is shown once."""

    member_id: bytes
    token: str

    @property
    def link(self) -> str:
        """The address to hand over."""
        settings = cast(Settings, current_app.extensions["settings"])
        return f"{settings.address}/staff/invitation/{self.token}"


def invite(
    by: Session | None, role: str, name: str, organisation_id: bytes | None, email: str = ""
) -> Invited:
    """Invite someone new; `by` nobody is the command line, which only the operator reaches."""
    members.check_may_manage(by, role, organisation_id)
    with transaction() as session:
        if by is not None:
            members.check_actor(session, by)
            if by.organisation_id is not None:
                # With a broken line the page that shows the link is refused, and it is shown once.
                members.next_roster(session, by)
        member = members.new_member(session, role, name, organisation_id)
        member.email = addresses.checked(email)
        token = _new_link(session, member.id)
        _audit_invitation(session, by, member)
        return Invited(member.id, token)


def invite_again(by: Session | None, member_id: bytes) -> Invited:
    """Answer a lost passphrase: the old pair and its grants go, a new link, and waiting again."""
    if by is not None and member_id == by.member_id:
        raise ActionRefused("yourself")
    with transaction() as session:
        if by is not None:
            members.check_actor(session, by)
        member = members.managed(session, by, member_id)
        if member.role in KEY_HOLDERS and by is None:
            # From the command line this would lock out a whole organisation in one word.
            raise ActionRefused("supervisor-only")
        if by is not None and by.organisation_id is not None:
            _leave_roster(session, by, member_id)
        members.forget_credentials(session, member, members.INVITED)
        token = _new_link(session, member.id)
        _audit_invitation(session, by, member)
        return Invited(member.id, token)


def invited(token: str) -> Member:
    """Whom a link is for. Raises `ActionRefused` for unknown, used and expired ones alike."""
    session: Any = db.session
    row = session.get(Invitation, _token_hash(token), populate_existing=True)
    if row is None or clock.now() >= row.expires:
        raise ActionRefused("invitation")
    member: Member = session.get(Member, row.member_id, populate_existing=True)
    if member.state != members.INVITED:
        raise ActionRefused("invitation")
    return member


def begin(token: str) -> NewMember:
    """Generate what the invited person is shown once. Doing it again makes all of it new."""
    member = invited(token)
    chain = chain_of(member.organisation_id)
    made = credentials.make(member.id, member.name, members.stretch_cost())
    with transaction() as session:
        # Asked again under the lock: the link may have been used while this was made, and what
        # was accepted must not be replaced by whoever else has the page.
        audit.lock(session, chain)
        _keep(invited(token), made)
    return made


def accept(token: str, passphrase: str, code: str) -> Member:
    """Finish an invitation with what was just shown: proof that it was written down."""
    member = invited(token)
    boxed, member_id, pepper = member.sign_in, member.id, members.instance().pepper
    chain = chain_of(member.organisation_id)
    record = credentials.open_record(boxed, member_id, pepper) if boxed is not None else None
    opened = credentials.check(record, member_id, passphrase, code, members.stretch_cost())
    if opened is None:
        raise ActionRefused("not-the-same")
    with transaction() as session:
        state = members.WAITING if member.role in KEY_HOLDERS else members.ACTIVE
        after = credentials.seal_record(opened[1], member_id, pepper)
        audit.lock(session, chain)
        result: Any = session.execute(
            update(Member)
            .where(Member.id == member_id, Member.state == members.INVITED, Member.sign_in == boxed)
            .values(state=state, sign_in=after, failures=0, locked_until=None)
        )
        if result.rowcount != 1:
            raise ActionRefused("invitation")
        session.execute(delete(Invitation).where(Invitation.member_id == member_id))
        _audit_acceptance(session, member)
    db.session.refresh(member)
    return member


def enrol(organisation_id: bytes | None, role: str, name: str) -> NewMember:
    """Invite and accept in one run, for whoever sits at the command line (demo, first people)."""
    made = credentials.make(random_id(), name, members.stretch_cost())
    with transaction() as session:
        enrol_prepared(session, organisation_id, role, made)
    return made


def enrol_prepared(
    session: Transaction, organisation_id: bytes | None, role: str, made: NewMember
) -> Member:
    """The same in the caller's transaction, for a member whose code was already asked."""
    member = members.new_member(session, role, made.name, organisation_id, made.member_id)
    _keep(member, made)
    member.state = members.WAITING if role in KEY_HOLDERS else members.ACTIVE
    session.flush()
    _audit_invitation(session, None, member)
    _audit_acceptance(session, member)
    return member


def delete_expired() -> int:
    """For the keyless job; returns how many links died."""
    with transaction() as session:
        result: Any = session.execute(delete(Invitation).where(Invitation.expires <= clock.now()))
        return int(result.rowcount)


def _keep(member: Member, made: NewMember) -> None:
    """Leads and administrators have a seed for what they saw last, and no key to grant to."""
    member.public_key = made.public_key if member.role in KEY_HOLDERS else None
    member.sign_in = credentials.seal_record(made.record, member.id, members.instance().pepper)
    member.member_state = None


def _leave_roster(session: Transaction, by: Session, member_id: bytes) -> None:
    """Nothing is granted any more to a key that may be lost, or somebody else's by now."""
    now = members.next_roster(session, by)
    if now.members.pop(member_id, None) is not None:
        roster.write(session, now, cast(bytes, by.keyring.identity))


def _new_link(session: Transaction, member_id: bytes) -> str:
    token = secrets.token_bytes(32)
    session.add(
        Invitation(
            token_sha256=hashlib.sha256(token).digest(),
            member_id=member_id,
            expires=clock.now() + LINK_LIVES,
        )
    )
    session.flush()
    return b64(token)


def _token_hash(token: str) -> bytes:
    try:
        return hashlib.sha256(unb64(token)).digest()
    except SealingRefused as refused:
        raise ActionRefused("invitation") from refused


def _audit_invitation(session: Transaction, by: Session | None, member: Member) -> None:
    actor = by.member_id if by is not None else None
    detail = {"role": member.role, "name": member.name}
    audit.write(session, chain_of(member.organisation_id), actor, "invite", member.id, detail)


def _audit_acceptance(session: Transaction, member: Member) -> None:
    key = members.key_of(member.public_key) if member.public_key is not None else member.id
    detail = {"key": b64(key)}
    chain = chain_of(member.organisation_id)
    audit.write(session, chain, member.id, "accept_invitation", member.id, detail)

"""Members: signed in, admitted, removed (sealing.md 4).

Whoever comes into the roster is admitted here, in a supervisor's session, with the public key whose
fingerprint that supervisor's page showed. Nothing here keeps a passphrase.
"""

from hmac import compare_digest
from typing import Any, cast

from flask import current_app
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session as Transaction

from casework import audit, credentials, heads, keys, roster, sessions, signing_in
from casework.credentials import Cost
from casework.member_state import chain_of
from casework.models import Grant, Invitation, Member
from casework.policy import KEY_HOLDERS, ActionRefused, Role
from casework.roster import Entry, Holder, Roster
from casework.sessions import Session
from casework.signing_in import can_be_name, plain_name
from reporting.database import db, transaction
from reporting.instance import Instance
from reporting.models import Organisation
from reporting.sealing import SealingRefused, b64, key_id, random_id
from reporting.settings import Settings

INVITED, WAITING, ACTIVE, REMOVED = "invited", "waiting", "active", "removed"
LONGEST_NAME = 80
# Supervisors in their organisation, administrators for whoever belongs to none.
LOOK_AFTER = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})


def sign_in(
    name: str, passphrase: str, code: str, seen: bytes | None = None
) -> tuple[Member, bytes]:
    """Sign in on this instance: see `signing_in.sign_in`."""
    return signing_in.sign_in(
        name, passphrase, code, pepper=instance().pepper, cost=stretch_cost(), seen=seen
    )


def admit(by: Session, member_id: bytes, role: str, fingerprint: str) -> None:
    """Grant everything to the very key whose fingerprint the page showed, in the role it showed."""
    with transaction() as session:
        check_actor(session, by)
        member = managed(session, by, member_id)
        public_key = member.public_key
        if member.state != WAITING or public_key is None:
            raise ActionRefused("not-waiting")
        shown = "".join(fingerprint.split()).encode()
        if not compare_digest(shown, credentials.fingerprint(public_key).replace(" ", "").encode()):
            # Whoever can write to the database may have put their own key there meanwhile.
            raise ActionRefused("fingerprint")
        if member.role != role:
            # The same for a role: a supervisor's is granted the identity key.
            raise ActionRefused("role-changed")
        now = next_roster(session, by)
        if member_id in now.members:
            # Whose state was altered holds the grants still.
            raise ActionRefused("listed")
        result: Any = session.execute(
            update(Member)
            .where(Member.id == member_id, Member.state == WAITING, Member.public_key == public_key)
            .values(state=ACTIVE)
        )
        if result.rowcount != 1:
            raise ActionRefused("not-waiting")
        now.members[member_id] = Entry(member.role, public_key)
        roster.write(session, now, cast(bytes, by.keyring.identity))
        holder = Holder(member_id, public_key, identity=member.role == Role.SUPERVISOR)
        count = keys.grant_all(session, now.organisation_id, by.keyring, holder)
        detail = {"key": b64(key_of(public_key)), "count": count}
        audit.write(session, now.organisation_id, by.member_id, "admit_member", member_id, detail)


def remove(by: Session, member_id: bytes) -> bool:
    """Take a member's grants away and make new keys, so that what comes next is closed to them.

    Returns whether new keys were made: not for whoever never held one.
    Also of whom only the roster names: keys are granted by it, whatever became of the record. A
    supervisor is always left: nobody removes themselves, and whoever acts is one under the lock.
    """
    if member_id == by.member_id:
        raise ActionRefused("yourself")
    with transaction() as session:
        check_actor(session, by)
        now = next_roster(session, by) if by.role == Role.SUPERVISOR else None
        member = _removable(session, by, member_id, now)
        roles = roles_held(session, by, member_id)
        if member is not None:
            forget_credentials(session, member, REMOVED)
            # Of chance: nobody can have taken it, and kept whom it is made for from being removed.
            member.sign_in_name, member.email = f"removed {b64(random_id())}", None
        if now is not None:
            now.members.pop(member_id, None)
            own = (Grant.holder_id == member_id) & (Grant.organisation_id == now.organisation_id)
            session.execute(delete(Grant).where(own))
        session.flush()
        audit.write(session, chain_of(by.organisation_id), by.member_id, "remove_member", member_id)
        if roles and now is not None:
            _renew_keys(session, by, now, was_supervisor=Role.SUPERVISOR in roles)
    if roles:
        sessions.refresh(by)
    return bool(roles)


def roles_held(session: Transaction, by: Session, member_id: bytes) -> frozenset[str]:
    """The roles in which somebody may know keys of the organisation of `by`; mostly one or none.

    By all rosters: whoever was invited again stands in the newest no more and kept the keys, and a
    state or role changed in the database must not leave them unrenewed. By the record, too.
    """
    if by.organisation_id is None:
        return frozenset()
    roles = roster.roles_of(session, by.organisation_id, member_id)
    member = session.get(Member, member_id)
    if member is None or member.organisation_id != by.organisation_id:
        return roles
    said = {member.role} & KEY_HOLDERS if roles or member.state == ACTIVE else set()
    return roles | said


def _removable(
    session: Transaction, by: Session, member_id: bytes, now: Roster | None
) -> Member | None:
    """The record of whom `by` may remove; nothing where only the roster names them."""
    if by.role not in LOOK_AFTER:
        raise ActionRefused("unknown")
    named = now is not None and member_id in now.members
    member = session.get(Member, member_id, populate_existing=True)
    if member is not None and member.organisation_id == by.organisation_id:
        # In any role and state: one that was altered must not be the one that cannot be removed.
        if named or member.state != REMOVED or unremoved(session, by.organisation_id, [member_id]):
            return member
    elif named:
        # There is none, or it is another organisation's now, whose supervisors look after it.
        return None
    raise ActionRefused("unknown")


def people(by: Session) -> list[Member]:
    """Those a supervisor (own organisation) or an administrator (the instance) looks after."""
    session: Any = db.session
    query = select(Member).where(Member.organisation_id == by.organisation_id)
    found = list(session.scalars(query.order_by(Member.name, Member.id)))
    gone = [one.id for one in found if one.state == REMOVED]
    still = unremoved(session, by.organisation_id, gone)
    return [one for one in found if one.state != REMOVED or one.id in still]


def unremoved(
    session: Transaction, organisation_id: bytes | None, ids: list[bytes]
) -> frozenset[bytes]:
    """Of members whose record says removed, those whom the audit chain has invited since.

    Whoever is invited again leaves the roster and may know the keys: a record that was set to
    removed after that is all there is to remove them, and to make new keys, by.
    """
    last = {
        subject: action
        for subject, action, _detail in audit.about(session, chain_of(organisation_id), ids)
        if action in {"invite", "remove_member"}
    }
    return frozenset(subject for subject, action in last.items() if action == "invite")


def names(organisation_id: bytes | None) -> dict[bytes, str]:
    """Names by member id as the table has them, removed ones too; nobody has signed them."""
    session: Any = db.session
    rows = session.execute(
        select(Member.id, Member.name).where(Member.organisation_id == organisation_id)
    )
    return dict(rows.all())


def next_roster(session: Transaction, by: Session) -> Roster:
    """The next roster, to be changed and signed in this member's session."""
    identity = by.keyring.identity
    if identity is None or by.organisation_id is None:
        raise ActionRefused("role")
    try:
        return roster.draft(session, by.organisation_id, by.keyring.roster, identity)
    except SealingRefused as refused:
        raise ActionRefused("roster") from refused


def _renew_keys(session: Transaction, by: Session, now: Roster, *, was_supervisor: bool) -> None:
    """Make new keys for those whom the roster names, and sign it."""
    organisation = session.get_one(Organisation, now.organisation_id)
    identity = cast(bytes, by.keyring.identity)
    if was_supervisor:
        identity = keys.new_identity_key(session, organisation, now, identity, by.member_id)
    keys.new_casework_key(session, now, by.member_id)
    instance_id = instance().instance_id
    keys.new_intake_key(session, organisation, now, identity, instance_id, by.member_id)
    roster.write(session, now, identity)
    # With the new key: whoever left with the old one could sign another past up to here.
    heads.sign(session, organisation.id, identity)


def check_may_manage(by: Session | None, role: str, organisation_id: bytes | None) -> None:
    """Supervisors look after their organisation, administrators after leads and their like."""
    if (role in KEY_HOLDERS) != (organisation_id is not None) or role not in list(Role):
        raise ActionRefused("role")
    if by is None:
        return
    if by.role == Role.SUPERVISOR and by.organisation_id == organisation_id is not None:
        return
    if by.role == Role.ADMINISTRATOR and organisation_id is None:
        return
    raise ActionRefused("role")


def check_actor(session: Transaction, by: Session) -> None:
    """Take the chain's lock, and see that `by` is still who they were and holds what is granted.

    Requests of two supervisors overlap: one of them may be removed, or the keys made new, after
    the other's request has begun. A stale keyring would sign or grant what counts no more.
    """
    audit.lock(session, chain_of(by.organisation_id))
    actor = session.get(Member, by.member_id, populate_existing=True)
    if actor is None or (actor.state, actor.role) != (ACTIVE, by.role):
        raise ActionRefused("role")
    if keys.granted_ids(session, by.member_id) != by.keyring.key_ids():
        raise ActionRefused("keys-changed")


def managed(session: Transaction, by: Session | None, member_id: bytes) -> Member:
    """A member `by` looks after; another organisation's is as unknown as nobody's."""
    member = session.get(Member, member_id, populate_existing=True)
    if member is None or member.state == REMOVED:
        raise ActionRefused("unknown")
    try:
        check_may_manage(by, member.role, member.organisation_id)
    except ActionRefused as refused:
        raise ActionRefused("unknown") from refused
    return member


def new_member(
    session: Transaction,
    role: str,
    name: str,
    organisation_id: bytes | None,
    member_id: bytes | None = None,
) -> Member:
    """A row for someone who is invited; names are one of a kind, for people sign in by them."""
    shown = new_name(session, name)
    member = Member(
        id=member_id or random_id(),
        organisation_id=organisation_id,
        name=shown,
        sign_in_name=plain_name(shown),
        role=str(role),
        state=INVITED,
        locale="en",
        failures=0,
    )
    session.add(member)
    session.flush()
    return member


def new_name(session: Transaction, name: str) -> str:
    """A name as it is shown; refuses one that cannot be used, or is somebody's."""
    shown = " ".join(name.split())
    if not can_be_name(shown) or len(shown) > LONGEST_NAME:
        raise ActionRefused("name")
    if session.scalar(select(Member.id).where(Member.sign_in_name == plain_name(shown))):
        raise ActionRefused("name-taken")
    return shown


def forget_credentials(session: Transaction, member: Member, state: str) -> None:
    """Delete grants, links and the sign-in record."""
    session.execute(delete(Grant).where(Grant.holder_id == member.id))
    session.execute(delete(Invitation).where(Invitation.member_id == member.id))
    member.state, member.public_key, member.sign_in, member.member_state = state, None, None, None
    member.failures, member.locked_until = 0, None


def key_of(public_key: bytes) -> bytes:
    """A member's key as the audit chain names it; its fingerprint in full."""
    return key_id("member-fingerprint", public_key)


def instance() -> Instance:
    """The instance of this application."""
    return cast(Instance, current_app.extensions["instance"])


def stretch_cost() -> Cost:
    """Argon2id's cost here: `Settings` never lowers it outside the test suite."""
    settings = cast(Settings, current_app.extensions["settings"])
    return Cost(memory_kib=settings.argon2_memory_kib, passes=settings.argon2_passes)

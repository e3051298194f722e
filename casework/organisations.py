"""Organisations: made, described, closed and opened, and whether they agreed to be recognisable.

Making one makes its keys and its first supervisor in one run (sealing.md 4). The secrets are
granted to that supervisor and to the recovery key, shown once where they must be, and forgotten
with the end of the run. Nothing here writes a secret anywhere but into a grant.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from casework import (
    addresses,
    audit,
    credentials,
    heads,
    invitations,
    keys,
    kits,
    members,
    roster,
)
from casework.credentials import NewMember
from casework.keys import Keyring
from casework.kits import Kit, Split
from casework.policy import ActionRefused, Role
from casework.roster import Entry, Roster
from reporting.database import db, transaction
from reporting.models import Organisation
from reporting.organisations import SLUG
from reporting.sealing import b64, public_of, public_of_signing, random_id, random_key

# Names of the well-known addresses beside which an organisation's own one stands.
_TAKEN = frozenset({"instance", "bundle"})

# What an organisation says of itself to everybody, each a JSON text keyed by language.
_SAID = {"about": Organisation.about, "contact": Organisation.contact}

Confirm = Callable[[NewMember], NewMember]


@dataclass(frozen=True, repr=False)
class Added:
    """What is shown once, to the person at the command line."""

    organisation_id: bytes
    supervisor: NewMember
    kit: Kit
    identity_key: bytes


def add(
    slug: str,
    name: str,
    supervisor_name: str,
    about: Mapping[str, str] | None = None,
    contact: Mapping[str, str] | None = None,
    confirm: Confirm | None = None,
    supervisor_email: str = "",
    split: Split | None = None,
) -> Added:
    """Make the organisation, its keys and its first supervisor, all or nothing.

    `confirm` shows the new supervisor what to write down and asks for a code; it comes before the
    transaction, because a person takes minutes and SQLite has one writer.
    """
    check_new(slug, name)
    email = addresses.checked(supervisor_email)
    organisation_id = random_id()
    supervisor = credentials.make(
        random_id(), " ".join(supervisor_name.split()), members.stretch_cost()
    )
    if confirm is not None:
        supervisor = confirm(supervisor)
    recovery_seed, identity = random_key(), random_key()
    # Before the transaction: a kit that cannot be written must not be one that holds.
    kit = kits.make(recovery_seed, split)
    with transaction() as session:
        organisation = Organisation(
            id=organisation_id,
            slug=slug,
            name=" ".join(name.split()),
            about=json.dumps(dict(about or {}), ensure_ascii=False),
            contact=json.dumps(dict(contact or {}), ensure_ascii=False),
            identity_key=public_of_signing(identity),
            closed=False,
            recognisable=False,
        )
        session.add(organisation)
        session.flush()
        audit.write(session, organisation_id, None, "add_organisation", None, {"slug": slug})
        member = invitations.enrol_prepared(session, organisation_id, Role.SUPERVISOR, supervisor)
        # The only member who waits for nobody: there is nobody yet who could compare.
        member.state, member.email = members.ACTIVE, email
        session.flush()
        _grant_first(session, organisation, public_of(recovery_seed), identity, supervisor)
        heads.sign(session, organisation_id, identity)
    return Added(organisation_id, supervisor, kit, public_of_signing(identity))


def check_new(slug: str, name: str) -> None:
    """Refuse a slug or name that cannot be used, before anyone writes a passphrase down."""
    if not SLUG.fullmatch(slug) or slug in _TAKEN:
        raise ActionRefused("slug")
    if not name.strip() or not name.isprintable():
        raise ActionRefused("name")
    if db.session.scalar(select(Organisation.id).where(Organisation.slug == slug)):
        raise ActionRefused("slug-taken")


def check_new_member(name: str) -> None:
    """The same for the name somebody will sign in by."""
    members.new_name(db.session(), name)


def describe(organisation_id: bytes, language: str, texts: Mapping[str, str]) -> list[str]:
    """Set its `about`, `contact` or both in one language; an empty text removes it.

    Returns what was changed. Other languages, and what `texts` leaves out, stay as they are.
    """
    changed = []
    with transaction() as session:
        # Before the row is read: of two operators at once, neither undoes what the other set.
        audit.lock(session, organisation_id)
        for field, text in texts.items():
            mine = Organisation.id == organisation_id
            given = json.loads(session.scalars(select(_SAID[field]).where(mine)).one())
            if given.get(language, "") == text:
                continue
            kept = {code: said for code, said in {**given, language: text}.items() if said}
            value = json.dumps(kept, ensure_ascii=False)
            session.execute(update(Organisation).where(mine).values({_SAID[field]: value}))
            detail = {"language": language, "field": field}
            audit.write(session, organisation_id, None, "describe_organisation", None, detail)
            changed.append(field)
    return changed


def close(organisation_id: bytes) -> bool:
    """Take no reports from now on. Says, as the next three do, whether that changed anything."""
    return _turn(organisation_id, Organisation.closed, "close_organisation", to=True)


def reopen(organisation_id: bytes) -> bool:
    """Take reports again."""
    return _turn(organisation_id, Organisation.closed, "open_organisation", to=False)


def agree(organisation_id: bytes) -> bool:
    """Agree to be recognisable in releases of the coalition that are proposed from now on."""
    return _turn(organisation_id, Organisation.recognisable, "agree_recognisable", to=True)


def disagree(organisation_id: bytes) -> bool:
    """Agree no longer. What is published stays; what was proposed with it is published no more."""
    return _turn(organisation_id, Organisation.recognisable, "disagree_recognisable", to=False)


def _turn(
    organisation_id: bytes, column: InstrumentedAttribute[bool], action: str, *, to: bool
) -> bool:
    with transaction() as session:
        # Before the row, as everybody does: the other order could wait for each other for ever.
        audit.lock(session, organisation_id)
        changed = session.scalar(
            update(Organisation)
            .where(Organisation.id == organisation_id, column.is_(not to))
            .values({column: to})
            .returning(Organisation.id)
        )
        if changed is None:
            return False
        audit.write(session, organisation_id, None, action)
    return True


def _grant_first(
    session: Session, organisation: Organisation, recovery: bytes, identity: bytes, new: NewMember
) -> None:
    """Identity to supervisor and recovery; the first intake and casework keys to the same two."""
    now = Roster(organisation.id, organisation.identity_key, recovery)
    now.members[new.member_id] = Entry(Role.SUPERVISOR, new.public_key)
    instance_id = members.instance().instance_id
    made = keys.id_of(keys.IDENTITY, identity)
    keys.grant(session, organisation.id, keys.IDENTITY, made, None, identity, now.holders())
    epoch, casework_key = keys.new_casework_key(session, now, None)
    intake_id, intake_seed = keys.new_intake_key(
        session, organisation, now, identity, instance_id, None
    )
    roster.write(session, now, identity)
    ring = Keyring({intake_id: intake_seed}, {epoch: casework_key}, identity)
    granted = keys.granted_ids(session, new.member_id)
    if granted != ring.key_ids():
        raise RuntimeError("the first supervisor was not granted every key")
    detail = {"key": b64(members.key_of(new.public_key)), "count": len(granted)}
    audit.write(session, organisation.id, None, "admit_member", new.member_id, detail)

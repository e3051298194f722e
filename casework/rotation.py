"""The intake key's renewal, in the session of the first supervisor after its 30 days.

No job can do it: the new key is signed by the identity key, which only a supervisor's session
opens. Retired keys go 7 days on, once no unopened report needs them (sealing.md 4).
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, exists, select

from casework import audit, keys, members, roster, sessions
from casework.models import Grant
from casework.policy import Role
from casework.sessions import Session
from reporting import clock
from reporting.database import db, transaction
from reporting.models import IntakeKey, Organisation, Report, Submission
from reporting.sealing import SealingRefused, b64

# An intake key is renewed at the first sign-in of a supervisor after this (sealing.md 4).
RENEWED_AFTER = timedelta(days=30)
KEPT_AFTER = timedelta(days=7)


def is_due(organisation_id: bytes) -> bool:
    """Whether the current intake key is 30 days old, or there is none that is signed.

    The signature covers the day: whoever writes to the database cannot keep a key in use by it.
    """
    session: Any = db.session
    created = session.scalar(
        select(IntakeKey.created)
        .where(IntakeKey.organisation_id == organisation_id, IntakeKey.retired.is_(None))
        .order_by(IntakeKey.created.desc())
        .limit(1)
    )
    if created is None or clock.today() - created >= RENEWED_AFTER:
        return True
    organisation = session.get(Organisation, organisation_id, populate_existing=True)
    try:
        keys.check_signatures(session, organisation, members.instance().instance_id)
    except SealingRefused:
        return True
    return False


def renew_if_due(by: Session) -> bool:
    """Make a new intake key if it is time and this is a supervisor's session."""
    organisation_id, identity = by.organisation_id, by.keyring.identity
    if by.role != Role.SUPERVISOR or organisation_id is None or identity is None:
        return False
    if not is_due(organisation_id):
        return False
    with transaction() as session:
        # Two supervisors sign in at once: the second finds it done.
        audit.lock(session, organisation_id)
        if not is_due(organisation_id):
            return False
        members.check_actor(session, by)
        organisation = session.get_one(Organisation, organisation_id, populate_existing=True)
        instance_id = members.instance().instance_id
        now = members.next_roster(session, by)
        keys.new_intake_key(session, organisation, now, identity, instance_id, by.member_id)
        roster.write(session, now, identity)
    sessions.refresh(by)
    return True


def delete_retired() -> int:
    """For the keyless job: delete secrets and grants of keys that nothing waits for any more.

    What was remembered of submissions to such a key goes with it: its envelopes open no more.
    """
    gone = 0
    session: Any = db.session
    before = clock.today() - KEPT_AFTER
    candidates = list(
        session.execute(
            select(IntakeKey.key_id, IntakeKey.organisation_id).where(
                IntakeKey.retired.is_not(None), IntakeKey.retired <= before
            )
        )
    )
    for key_id, organisation_id in candidates:
        with transaction() as one:
            # Taken first: an admission that is under way has its report out before we look.
            audit.lock(one, organisation_id)
            waiting = one.scalar(
                select(exists().where(Report.key_id == key_id, Report.sealed_key.is_not(None)))
            )
            if waiting:
                continue
            one.execute(delete(Grant).where(Grant.key_id == key_id))
            one.execute(delete(Submission).where(Submission.key_id == key_id))
            one.execute(delete(IntakeKey).where(IntakeKey.key_id == key_id))
            detail = {"key": b64(key_id)}
            audit.write(one, organisation_id, None, "delete_intake_key", None, detail)
            gone += 1
    return gone

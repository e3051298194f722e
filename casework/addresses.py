"""E-mail addresses of members: where the neutral notices go (see `jobs`).

Kept in the clear, for no key is at hand when a notice is sent; never in the audit chain, which
keeps whatever it is told for good. Nothing about a reporter ever stands here.
"""

import re

from casework import audit, members
from casework.member_state import chain_of
from casework.models import Member
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting.database import transaction

LONGEST = 254
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def checked(typed: str) -> str | None:
    """An e-mail address or nothing; what is not one would break the notices, or add headers."""
    email = typed.strip()
    if email and (len(email) > LONGEST or not _EMAIL.fullmatch(email)):
        raise ActionRefused("email")
    return email or None


def change(by: Session, typed: str) -> None:
    """Set, change or remove the address of who is signed in; nobody else's."""
    email = checked(typed)
    with transaction() as session:
        members.check_actor(session, by)
        member = session.get_one(Member, by.member_id)
        if member.email == email:
            return
        member.email = email
        chain = chain_of(by.organisation_id)
        audit.write(session, chain, by.member_id, "change_address", by.member_id)

"""What root can do to a chain and its signed heads, and how both are looked at after it."""

import hashlib
import json
from typing import Any

import sqlalchemy
from sqlalchemy import select

from casework import audit, heads
from casework.models import AuditEntry, SignedHead
from reporting.database import db, transaction
from reporting.models import Organisation as OrganisationRow
from reporting.sealing import label
from tests.casework.hands import Hands
from tests.casework.people import Organisation, enter

# The highest number a place can have.
LAST_PLACE = 2**31 - 1


def signed(organisation: Organisation) -> list[Any]:
    """Its signed heads, oldest first."""
    db.session.expire_all()
    query = select(SignedHead.seq, SignedHead.head, SignedHead.signature)
    mine = query.where(SignedHead.organisation_id == organisation.id)
    return list(db.session.execute(mine.order_by(SignedHead.seq)))


def checked(organisation: Organisation) -> heads.Checked:
    db.session.expire_all()
    return heads.verify(db.session.get_one(OrganisationRow, organisation.id))


def work(organisation: Organisation, hands: Hands, times: int = 3) -> None:
    """A supervisor comes and goes, and each time something is done."""
    for _ in range(times):
        hands.forward(minutes=1)
        enter(organisation.supervisor)
        with transaction() as session:
            audit.write(session, organisation.id, organisation.supervisor.member_id, "search")


def rewrite(organisation: Organisation, seq: int, action: str) -> None:
    """What root does: put another action into one link, and hash all after it anew."""
    with transaction() as session:
        before = bytes(32)
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.chain == organisation.id).order_by(AuditEntry.seq)
        )
        for row in rows:
            if row.seq == seq:
                parts = json.loads(row.entry)
                parts[3] = action
                row.entry = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
            row.hash = hashlib.sha256(label("audit") + before + row.entry).digest()
            before = row.hash
    db.session.expire_all()


def change(statement: str, organisation: Organisation, **values: Any) -> None:
    with transaction() as session:
        session.execute(sqlalchemy.text(statement), {"o": organisation.id, **values})
    db.session.expire_all()


def plant(organisation: Organisation, head: bytes, signature: bytes) -> None:
    text = "INSERT INTO signed_head (organisation_id, seq, head, signature) VALUES (:o, :n, :h, :s)"
    change(text, organisation, n=LAST_PLACE, h=head, s=signature)

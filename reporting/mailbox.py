"""The mailbox of a receipt: messages out, erasure in. The token alone is the authority for both.

Holds no receipt and opens nothing. An unknown mailbox and an empty one are the same to a caller:
each function asks and writes the same for both.
"""

from collections.abc import Iterable
from typing import Any, cast

from flask import current_app
from sqlalchemy import Table, delete, insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from reporting import attachments, clock
from reporting.database import db, forget, transaction
from reporting.models import Attachment, ErasureOrder, Message, Report
from reporting.receipt import mailbox_of
from reporting.sealing import random_id

# Built once: putting a statement together costs as much as asking it.
_PUT = insert(cast(Table, Message.__table__))


def read(token: bytes) -> list[Message]:
    """All messages of a mailbox, oldest day first; empty for one that is not there."""
    session: Any = db.session
    rows = session.scalars(
        select(Message)
        .where(Message.mailbox == _mailbox(token))
        .order_by(Message.day, Message.message_id)
    )
    return list(rows)


def lying(token: bytes) -> list[bytes]:
    """The ids of the reports and additions under a number; none for one that is not there."""
    session: Any = db.session
    return list(session.scalars(select(Report.report_id).where(Report.mailbox == _mailbox(token))))


def put_message(
    session: Session, mailbox: bytes, report_id: bytes, message_id: bytes, sealed: bytes
) -> None:
    """Leave a message in the caller's transaction; `message_id` is the one it was sealed with."""
    row = {
        "message_id": message_id,
        "mailbox": mailbox,
        "report_id": report_id,
        "day": clock.today(),
        "sealed": sealed,
    }
    session.connection().execute(_PUT, row)


def erase(token: bytes) -> None:
    """Delete all reports, files and messages of a mailbox and order what casework has to do.

    Everything in one transaction; the files go after it, and `attachments.sweep` finds those that
    a crash leaves. Raises `OperationalError` where the commit has no answer, for known and unknown:
    it may have gone through.
    """
    ids: list[bytes] = []
    try:
        with transaction() as session:
            _erase(session, _mailbox(token), ids)
    except OperationalError:
        # Asked again there are no ids any more by which files could be found.
        if not lying(token):
            _delete_files(ids)
        raise
    _delete_files(ids)
    forget()


def _delete_files(ids: Iterable[bytes]) -> None:
    for report_id in ids:
        attachments.delete(report_id)


def _erase(session: Session, mailbox: bytes, ids: list[bytes]) -> None:
    """Fills `ids` with those that go: what is known of them if the commit has no answer."""
    rows = session.execute(
        # Of two at once the second waits here, and finds nothing any more.
        select(Report.report_id, Report.organisation_id)
        .where(Report.mailbox == mailbox)
        .order_by(Report.report_id)
        .with_for_update()
    ).all()
    ids += [row.report_id for row in rows]
    # A row for nobody, gone before the commit: an unknown token waits for the disk as a known
    # one does, so that the time of the answer tells nothing.
    nobody = ErasureOrder(report_id=random_id(), organisation_id=random_id(), day=clock.today())
    session.add(nobody)
    for row in rows:
        session.merge(
            ErasureOrder(
                report_id=row.report_id, organisation_id=row.organisation_id, day=clock.today()
            )
        )
    session.flush()
    session.delete(nobody)
    session.execute(delete(Attachment).where(Attachment.report_id.in_(ids)))
    session.execute(delete(Report).where(Report.report_id.in_(ids)))
    session.execute(delete(Message).where(Message.mailbox == mailbox))


def _mailbox(token: bytes) -> bytes:
    return mailbox_of(current_app.extensions["instance"].pepper, token)

"""Answers: messages to reporters, sealed so that only the receipt opens them (sealing.md 5).

No status is kept in the clear: what a reporter was told last stands in the report's boxed digest,
and the text in the sealed incident. Nothing is sealed to a key that cannot be one.
"""

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session as DatabaseSession

from casework import audit, digests, policy
from casework.models import Work
from casework.reports import Thread
from casework.sessions import Session
from reporting import mailbox
from reporting.envelope import seal_to_reporter
from reporting.models import Message, Organisation
from reporting.sealing import b64, random_id

# Built once, and asked of the connection: see `audit`.
_BESIDE = select(
    func.count(Message.message_id),
    select(Organisation.slug).where(Organisation.id == bindparam("organisation")).scalar_subquery(),
).where(Message.mailbox == bindparam("mailbox"))


def tell(
    database: DatabaseSession,
    session: Session,
    work: Work,
    thread: Thread,
    status: str,
    text: str = "",
) -> bytes | None:
    """Leave a message in the caller's transaction; its id, or nothing when none can be left.

    A status alone is told once; a text always. "Being read" alone is the beginning, and the way
    back from "Finished": it takes back no question that waits.
    """
    policy.check_message(status, text)
    reply_key = thread.first.body.reply_key if thread.can_answer else None
    if reply_key is None:
        return None
    digest = digests.open_digest(session.keyring, work.report_id, work.digest, work.digest_epoch)
    begins = digest.told in {"", "finished"}
    if not text and (digest.told == status or (status == "being_read" and not begins)):
        return None
    # The number tells the reporter's page which came last: rows bear a day only. The organisation
    # is chosen there beforehand, so that what a reporter adds does not go to another one.
    places = {"mailbox": thread.mailbox, "organisation": work.organisation_id}
    before, slug = database.connection().execute(_BESIDE, places).one()
    content: dict[str, Any] = {"text": text, "number": before + 1, "organisation": slug}
    if status:
        content["status"] = status
        work.digest, work.digest_epoch = digests.box_digest(
            session.keyring, work.report_id, replace(digest, told=status)
        )
    message_id = random_id()
    plain = json.dumps(content, ensure_ascii=False).encode()
    sealed = seal_to_reporter(reply_key, work.report_id, message_id, plain)
    mailbox.put_message(database, thread.mailbox, work.report_id, message_id, sealed)
    detail = {"report": b64(work.report_id)}
    subject = work.incident_id or work.report_id
    audit.write(database, work.organisation_id, session.member_id, "message", subject, detail)
    return message_id

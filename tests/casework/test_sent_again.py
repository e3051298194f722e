"""What staff send again because its answer was lost is done once: the same form, the same rows."""

import json
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select, update

from casework import audit
from casework.models import Work
from casework.sessions import Session
from reporting.database import db, transaction
from reporting.mailbox import put_message
from reporting.models import Report
from tests import lost
from tests.casework import sent
from tests.casework.pages import hidden, post, text

CAUGHT_UP = {"digest", "digest_epoch", "waits"}


def rows() -> list[str]:
    """All rows of all tables: what was done, as the audit chain tells it too, and versions.

    Not what a repeat may do: read once more, which leaves links, and catch up on what comes after a
    commit, the digest and the record that waits.
    """
    db.session.rollback()
    found = []
    for table in db.metadata.sorted_tables:
        columns = [column for column in table.c if column.name not in CAUGHT_UP]
        for row in db.session.execute(select(*columns)):
            # Of a link: who did what to what.
            told = json.loads(row.entry)[2:] if table.name == "audit_entry" else list(row)
            if not str(told[1]).startswith("open_"):
                found.append(f"{table.name} {told}")
    return sorted(found)


def again(staff: FlaskClient, path: str, page: str, status: int = 303, **fields: Any) -> str:
    """Send a form whose answer is lost after the commit, and then once more; what that leads to."""
    before = rows()
    with lost.answers() as answers:
        post(staff, path, page, 500, **fields)
    assert answers, "nothing was committed"
    written = rows()
    assert written != before, "nothing was done"
    answer = post(staff, path, page, status, **fields)
    assert rows() == written
    return answer


def test_what_a_repeat_could_double_is_seen(desk: FlaskClient, sana: Session) -> None:
    """The twin: one more link, one more version, one more message."""
    one = sent.send()
    text(desk, "/staff/queue")
    text(desk, f"/staff/reports/{one.id}")
    there = rows()
    text(desk, f"/staff/reports/{one.id}")
    assert rows() == there
    chain = sana.organisation_id or b""
    work = update(Work).values(version=Work.version + 1)
    mailbox = db.session.scalars(select(Report.mailbox)).one()
    for double in (
        lambda session: audit.write(session, chain, sana.member_id, "claim", one.report_id),
        lambda session: session.execute(work),
        lambda session: put_message(session, mailbox, one.report_id, bytes(16), b"sealed"),
    ):
        with transaction() as session:
            double(session)
        assert rows() != there
        there = rows()


def test_a_decision_on_a_report_is_one(desk: FlaskClient) -> None:
    one, two = sent.send(), sent.send()
    at = f"/staff/reports/{one.id}"
    text(desk, "/staff/queue")
    for act, status in (("claim", 303), ("release", 409), ("set-aside", 409), ("take-back", 409)):
        page = text(desk, at)
        version, reason = hidden(page, "version", f"/{act}"), "set_aside_reason.other"
        again(desk, f"{at}/{act}", page, status, version=version, reason=reason)
    page = text(desk, at)
    place = again(desk, f"{at}/incident", page, version=hidden(page, "version", "/incident"))
    place = place.partition("?")[0]
    page = text(desk, f"/staff/reports/{two.id}")
    fields: dict[str, Any] = {
        "incident": place.rpartition("/")[2],
        "version": hidden(page, "version", "/link"),
    }
    linked = again(desk, f"/staff/reports/{two.id}/link", page, **fields)
    assert linked.startswith(place)
    page = text(desk, f"/staff/reports/{two.id}")
    version = hidden(page, "version", "/unlink")
    again(desk, f"/staff/reports/{two.id}/unlink", page, 409, version=version)
    assert [told["status"] for told in sent.messages(one)].count("finished") == 1


def test_what_is_written_in_an_incident_is_written_once(desk: FlaskClient) -> None:
    one = sent.send()
    page = text(desk, "/staff/queue")
    place = post(desk, f"/staff/reports/{one.id}/incident", page, version="1")
    page = text(desk, place)
    item = hidden(page, "item", "/notes")
    again(desk, f"{place}/notes", page, item=item, revision="0", text="Ask\r\nthe driver")
    again(desk, f"{place}/notes", page, item=item, revision="1", text="Ask the driver again")
    page = text(desk, place)
    assert page.count("Ask the driver again</p>") == 1
    item = hidden(page, "item", "/answers")
    fields: dict[str, Any] = {
        "item": item,
        "report": one.id,
        "text": "Which line?",
        "question": "yes",
    }
    again(desk, f"{place}/answers", page, **fields)
    assert [told["text"] for told in sent.messages(one)].count("Which line?") == 1
    # The twin: from the page that is shown then, the same words are new ones.
    page = text(desk, place)
    again(desk, f"{place}/answers", page, **{**fields, "item": hidden(page, "item", "/answers")})
    assert [told["text"] for told in sent.messages(one)].count("Which line?") == 2
    version = hidden(page, "version", "/coding")
    done = again(desk, f"{place}/coding", page, version=version, certainty="V2", country="DE")
    assert done.endswith("done=same")
    for act, form in (("close", f"{place}/close"), ("reopen", place)):
        page = text(desk, form)
        version = hidden(page, "version", f"/{act}")
        again(desk, f"{place}/{act}", page, 409, version=version)
    assert [told["status"] for told in sent.messages(one)].count("finished") == 1

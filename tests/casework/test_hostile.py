"""Hostile bodies on the pages: each is shown as such and stops no other."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from casework import admission, bodies, linking, reports
from casework.models import Work
from casework.sessions import Session
from casework.views import words
from reporting.database import db
from reporting.envelope import MAX_ATTACHMENT_SIZE
from reporting.sealing import b64
from tests.casework import people, sent
from tests.casework.hostile import BROKEN, STRANGE
from tests.casework.people import Organisation

EVERY: list[dict[str, Any]] = [*(changes for changes, _broken in BROKEN), *STRANGE]


def version_of(one: sent.Sent) -> int:
    db.session.expire_all()
    return db.session.get_one(Work, one.report_id).version


@pytest.fixture
def shows(client: FlaskClient, organisation: Organisation) -> Callable[[str], int]:
    """Opens a page as a signed-in supervisor; its status."""
    assert people.sign_in(client, organisation.supervisor).status_code == 303
    return lambda path: client.get(path).status_code


def test_every_hostile_body_has_its_pages(shows: Callable[[str], int], sana: Session) -> None:
    sends = [sent.send(**changes) for changes in EVERY]
    good = sent.send()
    assert admission.admit_new(sana).count == len(EVERY) + 1
    stopped = [n for n, one in enumerate(sends) if shows(f"/staff/reports/{one.id}") != 200]
    assert [EVERY[n] for n in stopped] == []
    assert shows("/staff/queue") == shows(f"/staff/reports/{good.id}") == 200
    incident = linking.new_incident(sana, good.report_id, version_of(good))
    for one in sends:
        linking.link(sana, one.report_id, incident, version_of(one))
    db.session.commit()
    assert shows("/staff/incidents") == shows(f"/staff/incidents/{b64(incident)}") == 200


def test_no_hostile_addition_stops_the_page_of_its_incident(
    shows: Callable[[str], int], sana: Session
) -> None:
    first, other = sent.send(), sent.send()
    admission.admit_new(sana)
    incident = linking.new_incident(sana, first.report_id, version_of(first))
    linking.link(sana, other.report_id, incident, version_of(other))
    db.session.commit()
    for changes in EVERY:
        sent.send(kind="addition", receipt=first.receipt, **changes)
    assert admission.admit_new(sana).count == len(EVERY)
    assert shows(f"/staff/reports/{first.id}") == 200
    assert shows(f"/staff/incidents/{b64(incident)}") == 200


@pytest.mark.parametrize(
    "size", [MAX_ATTACHMENT_SIZE + 1, 10**400, -1], ids=["over", "huge", "none"]
)
def test_a_size_that_no_file_has_is_not_given(size: int) -> None:
    raw = f'{{"attachments":[{{"size":{size}}},{{"size":{MAX_ATTACHMENT_SIZE}}}]}}'
    none, largest = bodies.read_body(raw.encode(), "report").files
    assert (none.size, largest.size) == (-1, MAX_ATTACHMENT_SIZE)
    assert words.size_words(largest.size) == "20.0\N{NO-BREAK SPACE}MB"


def test_a_body_of_another_kind_than_its_envelope_is_vouched_for_by_nobody(
    client: FlaskClient, organisation: Organisation, sana: Session
) -> None:
    """`kind` stands in clear on the envelope, for whoever can change it in transit."""
    yes, no = {"statistics": True, "reply": True}, {"statistics": False}
    first = sent.send(consent={})
    turned = sent.send(says="addition", answers={"what_happened": "Turned."}, consent=yes)
    other: dict[str, Any] = {"kind": "addition", "receipt": first.receipt, "says": "report"}
    sent.send(**other, answers={"what_happened": "Laid there."}, consent=yes)
    plain = sent.send(consent=yes)
    sent.send(kind="addition", receipt=plain.receipt, says="report", consent=no)
    admission.admit_new(sana)
    assert people.sign_in(client, organisation.supervisor).status_code == 303
    note = "This was sent as something else than it says it is."
    for one, words_of, agrees in ((first, "Laid there.", None), (turned, "Turned.", None)):
        page = client.get(f"/staff/reports/{one.id}").text
        assert (page.count(note), page.count(words_of)) == (1, 1)
        _work, thread = reports.open_report(sana, one.report_id)
        assert thread is not None
        assert (thread.consents("statistics"), thread.can_answer) == (False, False)
        assert thread.agrees("statistics") is agrees
    assert "Unconfirmed" in client.get(f"/staff/reports/{first.id}").text
    assert note in client.get("/staff/queue").text
    # What takes consent away needs no proof.
    _work, thread = reports.open_report(sana, plain.report_id)
    assert thread is not None
    assert (thread.consents("statistics"), thread.agrees("statistics")) == (False, False)
    whole = sent.send()
    admission.admit_new(sana)
    assert note not in client.get(f"/staff/reports/{whole.id}").text

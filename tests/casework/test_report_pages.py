"""The pages of a report, over HTTP: from the queue to the count, its files, its words as words."""

import re

from flask.testing import FlaskClient

from reporting.database import transaction
from tests.casework import sent
from tests.casework.pages import begun, hidden, post, text
from tests.casework.people import Organisation


def test_the_thin_journey(desk: FlaskClient) -> None:
    one = sent.send()
    queue = text(desk, "/staff/queue")
    assert "He shouted at us on the bus." in queue
    report = text(desk, f"/staff/reports/{one.id}")
    assert "Nobody helped." in report
    version = hidden(report, "version", "/incident")
    place = post(desk, f"/staff/reports/{one.id}/incident", report, version=version)
    incident = text(desk, place)
    assert "Proposed from" in incident
    for chosen in ("DE", "03", "loc.transport"):
        assert f'value="{chosen}" selected' in incident
    assert 'value="2025"' in incident
    assert '<option value="FR" selected>' in text(desk, "/staff/queue?country=FR")
    post(
        desk,
        f"{place}/coding",
        incident,
        version=hidden(incident, "version", "/coding"),
        acts=["act.threat", "act.verbal"],
        grounds=["b.race.black"],
        setting="loc.transport",
        country="DE",
        year="2025",
        month="03",
        certainty="V2",
        strength="bias_strength.some_indicators",
    )
    sure = text(desk, f"{place}/close")
    assert "It will be counted" in sure
    version = hidden(sure, "version", "/close")
    assert post(desk, f"{place}/close", sure, version=version).startswith("/staff/incidents")
    waiting = text(desk, "/staff/waiting")
    assert "1 closed incident waits" in waiting
    assert post(desk, "/staff/waiting", waiting) == "/staff/waiting?done=1"
    assert "Nothing waits" in text(desk, "/staff/waiting?done=1")
    assert "Closed" in text(desk, "/staff/incidents?state=closed")
    closed = text(desk, place)
    assert "the reporter who wanted an answer will read: Being read." in closed
    path = f"{place}/reopen"
    post(desk, path, closed, version=hidden(closed, "version", "/reopen"))
    assert sent.messages(one)[-1]["status"] == "being_read"
    assert "If you reopen it" not in text(desk, place)


def test_a_file_leaves_only_as_a_download(desk: FlaskClient) -> None:
    data = b"<script>alert(1)</script>"
    one = sent.send(files=[('../x".html\r\nSet-Cookie: a=b', data)])
    text(desk, "/staff/queue")
    page = text(desk, f"/staff/reports/{one.id}")
    assert "Set-Cookie: a=b" in page
    answer = desk.get(f"/staff/reports/{one.id}/files/0")
    assert answer.data == data
    headers = answer.headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert re.fullmatch(
        r'attachment; filename="report-[0-9a-f]{8}-file-1"', headers["Content-Disposition"]
    )
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers or "a=b" not in headers["Set-Cookie"]
    assert desk.get(f"/staff/reports/{one.id}/files/1").status_code == 404


def test_an_erased_report_says_so(desk: FlaskClient) -> None:
    from reporting import mailbox

    one = sent.send()
    place = begun(desk, one)
    mailbox.erase(one.receipt.mailbox_token)
    assert "deleted this report" in text(desk, f"/staff/reports/{one.id}", 410)
    assert "1 report of this incident was deleted" in text(desk, place)
    from casework import erasure

    erasure.finish_erasures()
    # The next request of any signed-in member settles what the erasure left.
    text(desk, "/staff/queue")
    text(desk, place, 404)
    text(desk, f"/staff/reports/{one.id}", 410)


def test_a_hostile_text_stays_text(desk: FlaskClient) -> None:
    said = '"><script>alert(1)</script>\u202e {{ 7*7 }} %s\x00'
    one = sent.send(answers={"what_happened": said, "area": said}, language='en"><b>')
    assert "<script>alert" not in text(desk, "/staff/queue")
    page = text(desk, f"/staff/reports/{one.id}")
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page
    place = post(desk, f"/staff/reports/{one.id}/incident", page, version="1")
    assert "<script>alert" not in text(desk, place)


def test_arabic_pages_are_right_to_left_and_keep_the_reports_direction(
    desk: FlaskClient, organisation: Organisation
) -> None:
    from casework.models import Member

    with transaction() as database:
        database.get_one(Member, organisation.supervisor.member_id).locale = "ar"
    one = sent.send()
    text(desk, "/staff/queue")
    page = text(desk, f"/staff/reports/{one.id}")
    assert 'dir="rtl"' in page
    # The form was English; what was typed into it may be in any language.
    assert '<div class="said-box" dir="auto">' in page

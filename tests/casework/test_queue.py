"""The pages of casework, over HTTP: queue, report, incident, waiting."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from casework import audit, coding
from casework.coding import Coding
from casework.digests import Digest, box_digest
from casework.models import Work
from reporting.database import db, transaction
from reporting.sealing import b64, random_id
from tests.casework import people, sent
from tests.casework.people import Organisation


@pytest.fixture
def desk(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """The browser of a signed-in supervisor."""
    assert people.sign_in(client, organisation.supervisor).status_code == 303
    return client


def text(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)[:3000]
    return answer.get_data(as_text=True)


def hidden(page: str, name: str, within: str = "") -> str:
    """Value of a hidden field, of the form whose action ends with `within`."""
    part = page
    if within:
        found = re.search(rf'action="[^"]*{within}".*?</form>', page, re.DOTALL)
        assert found is not None, f"no form to {within}"
        part = found.group(0)
    value = re.search(rf'name="{name}" value="([^"]*)"', part)
    assert value is not None, name
    return value.group(1)


def post(client: FlaskClient, path: str, page: str, status: int = 303, **data: Any) -> str:
    fields = {"csrf_token": people.token_in(page), **data}
    answer = client.post(path, data=fields)
    assert answer.status_code == status, answer.get_data(as_text=True)[:3000]
    return answer.headers.get("Location", "") or answer.get_data(as_text=True)


def begun(desk: FlaskClient, one: sent.Sent) -> str:
    """Where the incident is that a member has just made of a report."""
    page = text(desk, "/staff/queue")
    return post(desk, f"/staff/reports/{one.id}/incident", page, version="1")


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


@pytest.fixture
def ben(app: Flask, organisation: Organisation) -> FlaskClient:
    """The browser of a caseworker of the same organisation."""
    new = people.add_member(organisation, "caseworker", "Ben")
    browser = app.test_client()
    assert people.sign_in(browser, new).status_code == 303
    return browser


def test_an_empty_queue_says_so(desk: FlaskClient) -> None:
    assert "Nothing waits here" in text(desk, "/staff/queue")
    for view in ("unclaimed", "mine", "fresh", "aside", "all"):
        assert 'class="empty"' in text(desk, f"/staff/queue?view={view}")
    assert "No incident here" in text(desk, "/staff/incidents")


def test_the_second_claimer_sees_who_has_it_and_may_take_over(
    desk: FlaskClient, ben: FlaskClient, organisation: Organisation
) -> None:
    one = sent.send()
    first, second = text(desk, "/staff/queue"), text(ben, "/staff/queue")
    path = f"/staff/reports/{one.id}/claim"
    post(desk, path, first, version="1")
    held = post(ben, path, second, 409, version="1")
    assert f"<bdi>{organisation.supervisor.name}</bdi> has this report" in held
    assert post(ben, path, held, version=hidden(held, "version"), take_over="yes").endswith(one.id)
    assert "You hold no report" in text(desk, "/staff/queue?view=mine")
    assert "He shouted" in text(ben, "/staff/queue?view=mine")
    assert [m.get("status") for m in sent.messages(one)] == ["being_read"]
    page = text(ben, f"/staff/reports/{one.id}")
    version = hidden(page, "version", "/release")
    assert "done=released" in post(ben, f"/staff/reports/{one.id}/release", page, version=version)


@pytest.fixture
def dina(app: Flask, organisation: Organisation) -> FlaskClient:
    """The browser of one more."""
    browser = app.test_client()
    new = people.add_member(organisation, "caseworker", "Dina")
    assert people.sign_in(browser, new).status_code == 303
    return browser


def take_over(browser: FlaskClient, page: str, one: sent.Sent, status: int = 303) -> str:
    """Press the button of a page that offers it."""
    version = hidden(page, "version", "/claim")
    path = f"/staff/reports/{one.id}/claim"
    return post(browser, path, page, status, version=version, take_over="yes")


def test_taking_over_is_from_the_holder_the_page_showed(
    desk: FlaskClient, ben: FlaskClient, dina: FlaskClient, organisation: Organisation
) -> None:
    one = sent.send()
    post(desk, f"/staff/reports/{one.id}/claim", text(desk, "/staff/queue"), version="1")
    from_sana, seen = text(ben, f"/staff/reports/{one.id}"), text(dina, f"/staff/reports/{one.id}")
    assert f"Take over from <bdi>{organisation.supervisor.name}</bdi>" in from_sana
    take_over(dina, seen, one)
    # Pressed twice, it is held once, and nobody is told of a fault.
    assert take_over(dina, seen, one).endswith(one.id)
    held = take_over(ben, from_sana, one, 409)
    assert "<bdi>Dina</bdi> has this report" in held
    assert "He shouted" in text(dina, "/staff/queue?view=mine")
    take_over(ben, held, one)
    assert "He shouted" in text(ben, "/staff/queue?view=mine")
    # Once for each who took it over.
    chain = audit.of(db.session(), organisation.id, one.report_id)
    assert [action for action, _detail in chain].count("take_over") == 2


def test_who_was_too_late_to_take_over_sees_how_it_stands(
    desk: FlaskClient, ben: FlaskClient
) -> None:
    one = sent.send()
    place = f"/staff/reports/{one.id}"
    post(desk, f"{place}/claim", text(desk, "/staff/queue"), version="1")
    late = text(ben, place)
    mine = text(desk, place)
    post(desk, f"{place}/release", mine, version=hidden(mine, "version", "/release"))
    free = take_over(ben, late, one, 409)
    assert "This report has changed" in free
    assert "Nobody holds it now." in free
    # What is offered is to claim it, and that refuses again when somebody is quicker.
    assert 'name="take_over"' not in free
    version = hidden(free, "version", "/claim")
    page = text(desk, place)
    reason = "set_aside_reason.out_of_scope"
    post(desk, f"{place}/set-aside", page, version=version, reason=reason)
    aside = post(ben, f"{place}/claim", free, 409, version=version)
    assert '<span class="tag">Set aside</span>' in aside
    assert 'name="version"' not in aside
    assert f'href="{place}"' in aside
    assert "Set aside:" in text(ben, place)


def test_set_aside_is_undone_from_the_next_page(desk: FlaskClient) -> None:
    one = sent.send()
    text(desk, "/staff/queue")
    page = text(desk, f"/staff/reports/{one.id}")
    reason = "set_aside_reason.out_of_scope"
    place = post(
        desk,
        f"/staff/reports/{one.id}/set-aside",
        page,
        version=hidden(page, "version", "/set-aside"),
        reason=reason,
    )
    after = text(desk, place)
    assert "Undo" in after
    assert "He shouted" in text(desk, "/staff/queue?view=aside")
    assert "He shouted" not in text(desk, "/staff/queue")
    path = f"/staff/reports/{one.id}/take-back"
    assert [m.get("status") for m in sent.messages(one)] == ["finished"]
    post(desk, path, after, version=hidden(after, "version", "/take-back"))
    assert "He shouted" in text(desk, "/staff/queue")
    assert [m.get("status") for m in sent.messages(one)] == ["finished", "being_read"]
    text(desk, "/staff/queue?done=aside&undo=../../people/x", 404)


def test_setting_aside_needs_a_reason_of_the_list(desk: FlaskClient) -> None:
    one = sent.send()
    page = text(desk, "/staff/queue")
    refused = post(desk, f"/staff/reports/{one.id}/set-aside", page, 409, version="1", reason="x")
    assert "Choose a reason" in refused


def test_two_coders_see_both_codings(desk: FlaskClient, ben: FlaskClient) -> None:
    place = begun(desk, sent.send())
    first, second = text(desk, place), text(ben, place)
    version = hidden(first, "version", "/coding")
    post(desk, f"{place}/coding", first, version=version, certainty="V2", country="FR")
    both = post(ben, f"{place}/coding", second, 409, version=version, certainty="V3", country="ES")
    assert "France" in both
    assert "Spain" in both
    again = hidden(both, "version", "/coding")
    post(ben, f"{place}/coding", both, version=again, certainty="V3", country="ES")
    assert "Spain" in text(ben, place)
    # In each column: country and certainty.
    assert both.count("Different") == 4
    assert both.count("<dt>Kind of incident</dt>") == 2


def test_who_codes_the_same_has_nothing_to_decide(desk: FlaskClient, ben: FlaskClient) -> None:
    place = begun(desk, sent.send())
    first, second = text(desk, place), text(ben, place)
    version = hidden(first, "version", "/coding")
    fields: dict[str, Any] = {"version": version, "certainty": "V2", "country": "FR"}
    post(desk, f"{place}/coding", first, **fields)
    after = post(ben, f"{place}/coding", second, **fields)
    assert "nothing to decide" in text(ben, after)
    # What a report brings along is only proposed: the same coding is the first of a person.
    other = sent.send(answers={})
    place = begun(desk, other)
    after = post(ben, f"{place}/coding", text(ben, place), version="99", certainty="V0")
    assert after.endswith("done=coded")
    assert f"{place}/close" in text(ben, place)


def test_a_year_that_is_none_leaves_the_list_whole(
    desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coded before years were brought into one form, or by whoever writes to the database."""
    one = sent.send()
    monkeypatch.setattr(coding, "propose", lambda _body: Coding(year="٢٠٢٥"))
    place = begun(desk, one)
    assert "<bdi>٢٠٢٥</bdi>" in text(desk, "/staff/incidents")
    conflict = post(
        desk, f"{place}/coding", text(desk, place), 409, version="99", certainty="V4", year="2024"
    )
    assert "<bdi>٢٠٢٥</bdi>" in conflict


def test_a_wrong_field_is_marked_and_the_box_leads_to_it(desk: FlaskClient) -> None:
    place = begun(desk, sent.send())
    page = text(desk, place)
    version = hidden(page, "version", "/coding")
    wrong = post(desk, f"{place}/coding", page, 422, version=version, year="25", acts="act.none")
    assert 'href="#c-year"' in wrong
    assert 'href="#c-acts"' in wrong
    assert re.search(r'<input [^>]*id="c-year"[^>]*aria-invalid="true"', wrong)
    assert re.search(r'<fieldset class="field bad" id="c-acts"[^>]*="wrong-c-acts"', wrong)


def test_what_was_added_is_counted_apart(desk: FlaskClient) -> None:
    one = sent.send()
    assert "1 report has come in." in text(desk, "/staff/queue")
    sent.add(one)
    page = text(desk, "/staff/queue")
    assert "1 addition to a report has come in." in page
    assert "report has come in." not in page.replace("addition to a report has come in.", "")


def test_a_closed_incident_is_named_with_its_link(desk: FlaskClient) -> None:
    place = begun(desk, sent.send())
    page = text(desk, place)
    post(desk, f"{place}/coding", page, version=hidden(page, "version", "/coding"), certainty="V2")
    sure = text(desk, f"{place}/close")
    after = post(desk, f"{place}/close", sure, version=hidden(sure, "version", "/close"))
    assert re.search(rf'role="status">Incident <a href="{place}">', text(desk, after))
    text(desk, "/staff/incidents?closed=../people", 404)


def test_two_writers_of_a_note_see_both_texts(desk: FlaskClient, ben: FlaskClient) -> None:
    place = begun(desk, sent.send())
    page = text(desk, place)
    item = hidden(page, "item", "/notes")
    post(desk, f"{place}/notes", page, item=item, revision="0", text="Mine & <b>")
    both = post(
        ben, f"{place}/notes", text(ben, place), 409, item=item, revision="0", text="Ben's own"
    )
    assert "Mine &amp; &lt;b&gt;" in both
    assert "Ben&#39;s own" in both


def test_wrong_codes_come_back_with_what_was_typed(desk: FlaskClient) -> None:
    place = begun(desk, sent.send())
    page = text(desk, place)
    version = hidden(page, "version", "/coding")
    back = post(desk, f"{place}/coding", page, 422, version=version, year="3024", country="FR")
    assert 'value="3024"' in back
    assert "Error:" in back


def test_a_corrected_coding_does_not_overwrite_a_colleagues(desk: FlaskClient) -> None:
    place = begun(desk, sent.send())
    page = text(desk, place)
    version = hidden(page, "version", "/coding")
    post(desk, f"{place}/coding", page, version=version, country="DE")
    back = post(desk, f"{place}/coding", page, 422, version=version, year="3024", country="FR")
    kept = hidden(back, "version", "/coding")
    assert kept == version
    post(desk, f"{place}/coding", back, 409, version=kept, year="2024", country="FR")


def test_sent_twice_a_decision_leads_to_the_same_incident(desk: FlaskClient) -> None:
    one = sent.send()
    page = text(desk, "/staff/queue")
    place = post(desk, f"/staff/reports/{one.id}/incident", page, version="1")
    assert post(desk, f"/staff/reports/{one.id}/incident", page, version="1").startswith(place)


def test_new_from_the_reporter_comes_up_even_when_closed(desk: FlaskClient) -> None:
    one = sent.send()
    place = begun(desk, one)
    page = text(desk, place)
    version = hidden(page, "version", "/coding")
    post(desk, f"{place}/coding", page, version=version, certainty="V2")
    page = text(desk, f"{place}/close")
    post(desk, f"{place}/close", page, version=hidden(page, "version", "/close"))
    sent.add(one)
    assert "has come in" in text(desk, "/staff/queue")
    assert "He shouted" in text(desk, "/staff/queue?view=fresh")
    assert "One more thing." in text(desk, place)
    assert "He shouted" not in text(desk, "/staff/queue?view=fresh")


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


def test_what_is_not_ours_is_not_there(desk: FlaskClient, app: Flask) -> None:
    one = sent.send()
    place = begun(desk, one)
    stranger = stranger_of(app)
    for path in (
        f"/staff/reports/{one.id}",
        f"/staff/reports/{one.id}/files/0",
        place,
        f"{place}/close",
        "/staff/reports/AAAAAAAAAAAAAAAAAAAAAA",
        "/staff/reports/nonsense",
        "/staff/incidents/AAAAAAAAAAAAAAAAAAAAAA",
        "/staff/queue?after=nonsense",
    ):
        text(stranger, path, 404)
    page = text(stranger, "/staff/queue")
    for path in ("claim", "release", "set-aside", "take-back", "incident", "unlink"):
        post(
            stranger,
            f"/staff/reports/{one.id}/{path}",
            page,
            404,
            version="1",
            reason="set_aside_reason.other",
        )


def stranger_of(app: Flask) -> FlaskClient:
    """The browser of a supervisor of another organisation."""
    browser = app.test_client()
    other = people.add_organisation("other")
    assert people.sign_in(browser, other.supervisor).status_code == 303
    return browser


def tokenless(page: str) -> str:
    """A page without its form tokens: they tell the second."""
    return re.sub(r'name="csrf_token"[^>]*value="[^"]+"', "", page)


def test_a_file_of_others_is_as_unknown_as_any(desk: FlaskClient, app: Flask) -> None:
    one = sent.send(files=[("a.txt", b"kept")])
    stranger = stranger_of(app)
    # Before it is taken in, and after.
    for _ in range(2):
        refused = text(stranger, f"/staff/reports/{one.id}/files/0", 404)
        unknown = text(stranger, f"/staff/reports/{'A' * 22}/files/0", 404)
        assert tokenless(refused).replace(one.id, "A" * 22) == tokenless(unknown)
        text(desk, "/staff/queue")
        assert desk.get(f"/staff/reports/{one.id}/files/0").data == b"kept"


def test_nothing_is_written_into_an_incident_of_others(desk: FlaskClient, app: Flask) -> None:
    one = sent.send()
    place = begun(desk, one)
    page = text(desk, place)
    stranger = stranger_of(app)
    # Their own report and page: only the incident is not theirs.
    own = sent.send("other")
    queue = text(stranger, "/staff/queue")
    item = b64(random_id())
    tries: list[tuple[str, dict[str, Any]]] = [
        (f"{place}/notes", {"item": item, "revision": "0", "text": "Theirs"}),
        (f"{place}/answers", {"item": item, "report": one.id, "text": "Theirs"}),
        (f"{place}/coding", {"version": hidden(page, "version", "/coding"), "certainty": "V2"}),
        (f"/staff/reports/{own.id}/link", {"version": "1", "incident": place}),
        (f"/staff/reports/{one.id}/link", {"version": "2", "incident": place}),
    ]
    unknown = f"/staff/incidents/{'A' * 22}"
    for path, fields in tries:
        refused = post(stranger, path, queue, 404, **fields)
        made_up = {name: value.replace(place, unknown) for name, value in fields.items()}
        nothing = post(stranger, path.replace(place, unknown), queue, 404, **made_up)
        assert tokenless(refused).replace(place, unknown) == tokenless(nothing)
    after = text(desk, place)
    assert "Theirs" not in after
    assert hidden(after, "version", "/coding") == hidden(page, "version", "/coding")
    assert [m["text"] for m in sent.messages(one)] == [""]
    # Nothing is wrong with the fields: those whose incident it is write them.
    for path, fields in tries[:3]:
        given: dict[str, Any] = {**fields, "item": b64(random_id())}
        post(desk, path, page, **given)
    mine = begun(stranger, sent.send("other"))
    post(stranger, f"/staff/reports/{own.id}/link", queue, version="1", incident=mine)


def test_a_lead_and_an_administrator_open_nothing(app: Flask, desk: FlaskClient) -> None:
    one = sent.send()
    text(desk, "/staff/queue")
    for new in (people.add_lead(), people.add_administrator()):
        browser = app.test_client()
        assert people.sign_in(browser, new).status_code == 303
        for path in ("/staff/queue", f"/staff/reports/{one.id}", "/staff/incidents"):
            text(browser, path, 403)


def test_pages_are_cut_by_keyset_and_meet_without_gap_or_double(
    desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("casework.triage.PAGE", 3)
    ids = {sent.send().id for _ in range(8)}
    for order in ("", "&sort=newest"):
        seen: list[str] = []
        path = f"/staff/queue?view=new{order}"
        while path:
            page = text(desk, path)
            seen += re.findall(r'class="open" href="/staff/reports/([^"]+)"', page)
            following = re.search(r'rel="next" href="([^"]+)"', page)
            path = following.group(1).replace("&amp;", "&") if following else ""
        assert len(seen) == 8
        assert set(seen) == ids


def test_a_language_is_found_by_opening_a_bounded_number_of_digests(
    desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("casework.triage.LOOKED_AT", 4)
    for _ in range(5):
        sent.send()
    arabic = sent.send(language="ar")
    found, path, pages = "", "/staff/queue?language=ar", 0
    while path:
        page = text(desk, path)
        pages += 1
        found += page
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following.group(1).replace("&amp;", "&") if following else ""
    assert pages == 2
    assert arabic.id in found
    assert found.count('class="open"') == 1
    # It is among the first four or the last two: ids are random.
    assert re.search(r"\b[24] reports were looked through", found)
    # Of nothing that was found, nothing is said.
    assert "looked through" not in text(desk, "/staff/queue?language=fr")


def test_a_line_of_unknown_codes_stops_no_other(
    desk: FlaskClient, organisation: Organisation
) -> None:
    """As after a vocabulary that has dropped some, or in a row that somebody has altered."""
    odd, good = sent.send(), sent.send()
    text(desk, "/staff/queue")
    keyring = people.session_of(organisation.supervisor).keyring
    digest = Digest(words="Kept", grounds=("rb.gone", "rb.ethnic"), country="ZZ", reason="gone")
    with transaction() as database:
        row = database.get_one(Work, odd.report_id)
        row.state = "odd"
        row.digest, row.digest_epoch = box_digest(keyring, odd.report_id, digest)
    page = text(desk, "/staff/queue?view=all")
    assert good.id in page
    line = page[page.index(f'href="/staff/reports/{odd.id}"') :].split("</tr>")[0]
    assert "Kept" in line
    assert line.count('class="chip"') == 1
    assert "ZZ" not in line


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
    from reporting.database import transaction

    with transaction() as database:
        database.get_one(Member, organisation.supervisor.member_id).locale = "ar"
    one = sent.send()
    text(desk, "/staff/queue")
    page = text(desk, f"/staff/reports/{one.id}")
    assert 'dir="rtl"' in page
    # The form was English; what was typed into it may be in any language.
    assert '<div class="said-box" dir="auto">' in page

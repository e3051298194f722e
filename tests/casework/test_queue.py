"""The pages of the queue, over HTTP: what waits, is set aside, comes up again; cut and searched."""

import re

import pytest
from flask.testing import FlaskClient

from casework.digests import Digest, box_digest
from casework.models import Work
from reporting.database import transaction
from tests.casework import people, sent
from tests.casework.pages import begun, hidden, post, text
from tests.casework.people import Organisation


def test_an_empty_queue_says_so(desk: FlaskClient) -> None:
    assert "Nothing waits here" in text(desk, "/staff/queue")
    for view in ("unclaimed", "mine", "fresh", "aside", "all"):
        assert 'class="empty"' in text(desk, f"/staff/queue?view={view}")
    assert "No incident here" in text(desk, "/staff/incidents")


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


def test_what_was_added_is_counted_apart(desk: FlaskClient) -> None:
    one = sent.send()
    assert "1 report has come in." in text(desk, "/staff/queue")
    sent.add(one)
    page = text(desk, "/staff/queue")
    assert "1 addition to a report has come in." in page
    assert "report has come in." not in page.replace("addition to a report has come in.", "")


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

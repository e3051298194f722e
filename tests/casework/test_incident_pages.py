"""The pages of an incident, over HTTP: two who write at once, and fields that are wrong."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from casework import coding
from casework.coding import Coding
from tests.casework import sent
from tests.casework.pages import begun, hidden, post, text


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

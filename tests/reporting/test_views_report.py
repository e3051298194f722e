"""The form without script: shown, checked, changed, sent once, its receipt shown."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from reporting import clock, submission
from tests.factories_reporting import make_organisation, rotate, stored, stored_files
from tests.reporting.plain_form import FORM, check, number_on, post

MULTIPART = "multipart/form-data; boundary=x"


def test_report_is_stored_sealed_and_its_receipt_shown(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    draft = check(
        client,
        **{
            "when.precision": "other",
            "when.year": "2025",
            "when.month": "3",
            "country": "DE",
            "grounds": ["rb.ethnic", "rb.language"],
            "consent.statistics": "yes",
        },
    )
    page = post(client, {"draft": draft, "step": "send"})
    assert page.status_code == 200
    [report] = stored()
    body = north.open(report)
    assert body["answers"] == {
        "what_happened": "A man shouted at us",
        "when": {"value": "2025-03", "precision": "month"},
        "country": "DE",
        "grounds": ["rb.ethnic", "rb.language"],
    }
    assert body["consent"] == {"statistics": True}
    assert body["form"] == {"id": "first", "version": 1}
    assert len(number_on(page)) == 24
    assert report.kind == "report"
    assert report.day == clock.today()


def test_pages_set_no_cookie_and_are_not_kept(app: Flask, client: FlaskClient) -> None:
    make_organisation()
    pages = [
        client.get(FORM),
        client.get("/"),
        client.get("/en/"),
        client.get("/ar/return"),
        post(client, {"what_happened": "x"}),
        post(client, {"draft": check(client), "step": "send"}),
        client.get("/en/nowhere"),
    ]
    for page in pages:
        assert "Set-Cookie" not in page.headers
        assert page.headers["Cache-Control"] == "no-store"


def test_same_draft_twice_stores_once_and_shows_the_same_number(
    app: Flask, client: FlaskClient
) -> None:
    make_organisation()
    draft = check(client)
    first = post(client, {"draft": draft, "step": "send"})
    second = post(client, {"draft": draft, "step": "send", "file": [("a.txt", b"late")]})
    assert number_on(first) == number_on(second)
    assert "We already had this report" in second.text
    assert "files chosen this time were not added" in second.text
    assert len(stored()) == 1
    assert stored_files() == []


def test_a_report_that_was_sent_keeps_its_number_while_the_database_takes_nothing(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new one is told the truth: it was not sent."""
    make_organisation()
    sent, fresh = check(client), check(client)
    first = post(client, {"draft": sent, "step": "send"})

    def full(*_given: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(submission, "_store", full)
    assert number_on(post(client, {"draft": sent, "step": "send"})) == number_on(first)
    refused = post(client, {"draft": fresh, "step": "send"})
    assert refused.status_code == 503
    assert "It was not sent" in refused.text


def test_empty_answer_is_asked_for_again_with_everything_kept(
    app: Flask, client: FlaskClient
) -> None:
    make_organisation()
    page = post(
        client,
        {
            "what_happened": " \r\n ",
            "area": 'Old "Town" <b>',
            "acts": ["rg.hurt", "rg.words"],
            "when.precision": "other",
            "when.year": "25",
            "consent.reply": "no",
        },
    )
    assert page.status_code == 422
    assert "<title>Error:" in page.text
    assert "Write a few words about what happened." in page.text
    assert "Write the year with four digits" in page.text
    assert 'value="Old &#34;Town&#34; &lt;b&gt;"' in page.text
    assert page.text.count(" checked") == 4
    assert stored() == []


def test_change_gives_the_form_back_filled_in(app: Flask, client: FlaskClient) -> None:
    make_organisation()
    text = "\r\nFirst line is empty\r\nلغة أخرى 👩🏽‍🚀"
    draft = check(client, what_happened=text, setting="loc.street", grounds=["rb.religion"])
    page = post(client, {"draft": draft, "step": "change"})
    assert page.status_code == 200
    # The first line break after the tag is the parser's, the second the person's.
    assert ">\n\nFirst line is empty\nلغة أخرى 👩🏽‍🚀</textarea>" in page.text.replace("\r\n", "\n")
    assert '<option value="loc.street" selected>' in page.text
    assert stored() == []


@pytest.mark.parametrize(
    "text",
    [
        "emoji 👩🏽‍🚀 and\nlines",
        "مرحبا بالعالم \u200f\u202e abc",
        "\u0000 null, \ufeff mark, \u2028 separator",
        "  spaces kept  \n\n",
        "x" * 200_000,
        "𝒳" * 40_000,
        "<script>alert(1)</script>{{ 7*7 }}%(x)s",
    ],
    ids=["emoji", "arabic", "odd", "spaces", "200kB", "astral", "markup"],
)
def test_text_comes_back_exactly(app: Flask, client: FlaskClient, text: str) -> None:
    north = make_organisation()
    draft = check(client, what_happened=text.replace("\n", "\r\n"))
    assert post(client, {"draft": draft, "step": "send"}).status_code == 200
    assert north.open(stored()[0])["answers"]["what_happened"] == text


def test_too_long_text_is_given_back(app: Flask, client: FlaskClient) -> None:
    make_organisation()
    text = "long " * 60_000
    page = post(client, {"what_happened": text})
    assert page.status_code == 413
    assert text in page.text
    assert "This is too long to send at once" in page.text


def test_draft_opens_for_three_hours_and_no_longer(
    app: Flask, client: FlaskClient, clock_at: Callable[[datetime], None]
) -> None:
    start = datetime(2026, 3, 1, 22, 59, 59, tzinfo=UTC)
    clock_at(start)
    north = make_organisation()
    kept, lost = check(client, **{"when.precision": "today"}), check(client)
    clock_at(start + timedelta(hours=3))
    assert post(client, {"draft": kept, "step": "send"}).status_code == 200
    clock_at(start + timedelta(hours=3, seconds=2))
    page = post(client, {"draft": lost, "step": "send"})
    assert page.status_code == 422
    assert "too old" in page.text
    [report] = stored()
    # "Today" is the day the answer was given, though it was sent after midnight.
    assert north.open(report)["answers"]["when"]["value"] == "2026-03-01"
    assert report.day.isoformat() == "2026-03-02"


def test_draft_is_of_its_organisation_only_and_not_forgeable(
    app: Flask, client: FlaskClient
) -> None:
    make_organisation()
    make_organisation("south", "South")
    draft = check(client)
    for text in (draft[:-2] + "AA", "", "x" * 5000, "é"):
        assert post(client, {"draft": text, "step": "send"}).status_code == 422
    assert post(client, {"draft": draft, "step": "send"}, "/en/report/south").status_code == 422
    assert stored() == []


def test_key_changed_between_check_and_send(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    draft = check(client)
    rotate(north)
    assert post(client, {"draft": draft, "step": "send"}).status_code == 200
    assert north.open(stored()[0])["answers"]["what_happened"] == "A man shouted at us"


def test_closed_organisation_says_how_else(app: Flask, client: FlaskClient) -> None:
    make_organisation(closed=True)
    page = client.get(FORM)
    assert page.status_code == 503
    assert "Call 0100 200." in page.text
    landing = client.get("/en/").text
    assert "cannot take reports here at the moment" in landing
    assert "Call 0100 200." in landing


def test_acknowledgement_is_behind_a_choice_and_verifies(app: Flask, client: FlaskClient) -> None:
    make_organisation()
    page = post(client, {"draft": check(client), "step": "send"})
    found = re.search(r'name="acknowledgement" value="([^"]+)"', page.text)
    assert found
    word = found[1].replace("&#34;", '"')
    given = post(client, {"acknowledgement": word}, "/en/acknowledgement")
    assert given.status_code == 200
    assert given.headers["Content-Disposition"].startswith("attachment")
    assert given.text == word
    changed = word.replace("north", "south")
    assert post(client, {"acknowledgement": changed}, "/en/acknowledgement").status_code == 422


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "text/plain", 400),
        (b"{}", "application/json", 400),
        (b"--x\r\nnonsense", MULTIPART, 400),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--", MULTIPART, 400),
        (b"x", "multipart/form-data", 400),
        (b"what_happened=" + b"y" * 1_100_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_bodies_that_cannot_be_read(
    app: Flask, client: FlaskClient, body: bytes, content_type: str, status: int
) -> None:
    make_organisation()
    page = client.post(FORM, data=body, content_type=content_type)
    assert page.status_code == status
    assert "Leave this page" in page.text
    assert "nonsense" not in page.text


def test_error_pages_echo_nothing(app: Flask, client: FlaskClient) -> None:
    page = client.get("/ar/report/unique-word-in-address")
    assert page.status_code == 404
    assert "unique-word" not in re.sub(r'<a href="/\w+/report/[^"]*"', "", page.text)
    assert 'dir="rtl"' in page.text
    api = client.get("/.well-known/upstander/nobody.json")
    assert api.status_code == 404
    assert api.content_type == "application/problem+json"


def test_page_without_script_is_light(app: Flask, client: FlaskClient) -> None:
    """12 KiB without script, all of it gzip: the page and the style sheet."""
    make_organisation()
    zipped = {"Accept-Encoding": "gzip"}
    for locale in ("en", "ar"):
        page = client.get(f"/{locale}/report/north", headers=zipped)
        assert page.headers["Content-Encoding"] == "gzip"
        style = client.get(app.extensions["assets"]["u.css"].address, headers=zipped)
        assert len(page.data) + len(style.data) <= 12 * 1024


def test_form_page_names_its_scripts_once_with_integrity(app: Flask, client: FlaskClient) -> None:
    make_organisation()
    page = client.get(FORM).text
    scripts = re.findall(r"<script [^>]*>", page)
    assert len(scripts) == 4
    assert all("integrity=" in script for script in scripts)
    assert "upstanderSeal" not in page

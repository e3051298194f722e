"""Start, explanations, well-known addresses and errors: light, in the reader's language."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reporting.sealing import b64, unb64, verify
from tests.factories_reporting import make_organisation, rotate

PAGES = ("", "return", "safety", "privacy", "verify", "help", "done", "report/north", "report/shut")


@pytest.fixture
def organisations(app: Flask) -> None:
    make_organisation()
    make_organisation("shut", "Shut House", closed=True)


@pytest.mark.usefixtures("organisations")
@pytest.mark.parametrize("locale", ["en", "ar"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_can_be_left_and_says_its_language(
    client: FlaskClient, locale: str, path: str
) -> None:
    page = client.get(f"/{locale}/{path}")
    assert page.status_code in {200, 503}
    assert f'<html lang="{locale}"' in page.text
    assert 'id="leave" href="about:blank"' in page.text
    assert page.text.count("<h1") == 1 + page.text.count('id="thanks"')
    assert " – Upstander</title>" in page.text
    assert "Set-Cookie" not in page.headers
    assert len(page.data) < 60_000


@pytest.mark.usefixtures("organisations")
@pytest.mark.parametrize("path", ["report/north", "return"])
def test_an_encrypted_connection_is_promised_where_there_is_one(
    app: Flask, client: FlaskClient, path: str
) -> None:
    plain = client.get(f"/en/{path}").text
    assert "This connection is not encrypted" in plain
    assert "over an encrypted connection" not in plain
    settings = app.extensions["settings"]
    app.extensions["settings"] = replace(settings, public_url="https://reports.example")
    app.extensions.pop("pages")
    safe = client.get(f"/en/{path}").text
    assert "over an encrypted connection" in safe
    assert "This connection is not encrypted" not in safe


@pytest.mark.usefixtures("organisations")
def test_start_page_is_light(client: FlaskClient) -> None:
    page = client.get("/en/", headers={"Accept-Encoding": "gzip"})
    assert len(page.data) < 5000
    assert 'href="/en/report/north"' in client.get("/en/").text
    assert 'href="/en/report/shut"' not in client.get("/en/").text


def test_organisations_that_take_reports_come_first(app: Flask, client: FlaskClient) -> None:
    make_organisation("shut", "A Closed House", closed=True)
    make_organisation("north", "North Open Door")
    page = client.get("/en/").text
    assert page.index("North Open Door") < page.index("A Closed House")


@pytest.mark.usefixtures("organisations")
def test_help_and_numbers_are_reached_from_every_page(client: FlaskClient) -> None:
    page = client.get("/en/safety").text
    footer = page[page.index("<footer") :]
    assert 'href="/en/help"' in footer
    assert 'href="/en/statistics"' in footer
    assert "Shut House" in client.get("/en/help").text


def test_number_and_exit_are_the_operators(app: Flask, client: FlaskClient) -> None:
    assert "your local emergency number" in client.get("/en/done").text
    app.extensions["pages"].clear()
    app.extensions["settings"] = replace(
        app.extensions["settings"],
        emergency_number="112",
        exit_address="https://example.org/weather",
        help_lines=("Night line | 0800 1 | en, ar, day and night",),
    )
    page = client.get("/en/done").text
    assert "call 112." in page
    assert 'href="https://example.org/weather"' in page
    assert "0800 1" in client.get("/en/help").text


def test_one_organisation_needs_no_choice(app: Flask, client: FlaskClient) -> None:
    assert client.get("/en/report").status_code == 404
    make_organisation()
    assert client.get("/en/report").headers["Location"] == "/en/report/north"
    make_organisation("south", "South")
    assert client.get("/ar/report").headers["Location"] == "/ar/#organisations"


def got(client: FlaskClient, name: str) -> dict[str, Any]:
    answer = client.get(f"/.well-known/upstander/{name}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = json.loads(answer.data)
    return found


@pytest.mark.usefixtures("organisations")
def test_well_known_addresses(app: Flask, client: FlaskClient) -> None:
    instance = got(client, "instance.json")
    assert instance["format"] == "upstander/1"
    assert set(instance) == {"format", "instance_id", "acknowledgement_key", "organisations"}
    assert instance["organisations"] == ["north", "shut"]
    north = got(client, "north.json")
    assert set(north) == {"organisation", "name", "identity_key", "intake_key"}
    key = north["intake_key"]
    message = (
        unb64(instance["instance_id"])
        + key["created"].encode()
        + unb64(key["public_key"])
        + b"north"
    )
    verify(unb64(north["identity_key"]), "intake-key-signature", message, unb64(key["signature"]))
    assert got(client, "shut.json")["intake_key"] is None


def test_rotated_key_is_published_at_once(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    retired = rotate(north)
    assert got(client, "north.json")["intake_key"]["key_id"] != b64(retired)


@pytest.mark.usefixtures("organisations")
def test_form_is_described_for_other_clients(client: FlaskClient) -> None:
    form = got(client, "north/form.json")
    assert form["form"] == {"id": "first", "version": 1}
    by_id = {q["id"]: q for q in form["questions"]}
    assert [q for q in by_id if by_id[q]["required"]] == ["what_happened"]
    assert by_id["what_happened"]["wording"]["en"] == "What happened?"
    assert re.search("[ا-ي]", by_id["what_happened"]["wording"]["ar"])
    assert {"id": "DE", "wording": {"en": "Germany", "ar": "ألمانيا"}} in by_id["country"][
        "options"
    ]
    assert {o["id"] for o in by_id["grounds"]["options"]} >= {"rb.ethnic", "rb.not_sure"}
    assert [c["id"] for c in form["consents"]] == ["statistics", "reply"]


@pytest.mark.parametrize("path", ["/sealed/none", "/mailbox", "/mailbox/erase"])
def test_errors_for_clients_are_problems(app: Flask, client: FlaskClient, path: str) -> None:
    answer = client.post(path, data=b"x")
    assert answer.content_type == "application/problem+json"
    assert {"type", "title", "status", "code"} <= set(answer.json or {})
    wrong = client.get(path)
    assert wrong.status_code == 405
    assert "POST" in wrong.headers["Allow"]


def test_fault_shows_a_page_without_its_cause(app: Flask, client: FlaskClient) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def broken(**_values: Any) -> str:
        raise RuntimeError("unique-cause")

    broken.audience = frozenset({"public"})  # type: ignore[attr-defined]  # as the decorator does
    app.view_functions["reporting.done"] = broken
    page = client.get("/ar/done")
    assert page.status_code == 500
    assert "unique-cause" not in page.text
    assert "Traceback" not in page.text
    assert 'id="leave"' in page.text
    assert 'lang="ar"' in page.text

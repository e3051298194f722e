"""The door of the staff side, over HTTP: each page of it, where it leads, and the ways past it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from casework import audit, invitations, members, sessions
from casework.models import Grant
from casework.views import local_path
from reporting import clock, queue
from reporting.database import db
from tests.casework.pages import cookies, page
from tests.casework.people import (
    add_administrator,
    add_lead,
    add_member,
    add_organisation,
    code_of,
    post,
    session_of,
    sign_in,
    token_in,
)


def test_supervisor_signs_in_and_out(client: FlaskClient) -> None:
    new = add_organisation().supervisor
    answer = sign_in(client, new)
    assert (answer.status_code, answer.location) == (303, "/staff/queue")
    people = client.get("/staff/people")
    assert people.status_code == 200
    text = people.get_data(as_text=True)
    assert new.name in text
    out = client.post("/staff/sign-out", data={"csrf_token": token_in(text)})
    assert out.location == "/staff/sign-in?left=signed-out"
    assert client.get("/staff/people").status_code == 303


@pytest.mark.parametrize(
    ("role", "home"), [("lead", "/staff/releases"), ("administrator", "/staff/people")]
)
def test_leads_and_administrators_start_where_their_work_is(
    client: FlaskClient, role: str, home: str
) -> None:
    new = add_lead() if role == "lead" else add_administrator()
    assert sign_in(client, new).location == home


def test_every_wrong_sign_in_shows_the_same_page(client: FlaskClient) -> None:
    new = add_organisation().supervisor
    form = page(client, "/staff/sign-in")
    seen = set()
    for fields in (
        {"name": new.name, "passphrase": "wrong", "code": code_of(new)},
        {"name": new.name, "passphrase": new.passphrase, "code": "000000"},
        {"name": "Nobody Here", "passphrase": new.passphrase, "code": code_of(new)},
        {},
    ):
        answer = post(client, "/staff/sign-in", fields, form)
        text = answer.get_data(as_text=True)
        assert new.passphrase not in text
        named = f'name="name" value="{fields.get("name", "")}"'
        assert named in text
        body = text.replace(named, "").replace(token_in(text), "")
        seen.add((answer.status_code, body, tuple(cookies(answer))))
    assert len(seen) == 1


def test_unknown_visitor_is_sent_to_sign_in_and_back(client: FlaskClient) -> None:
    new = add_organisation().supervisor
    answer = client.get("/staff/people?done=admitted")
    assert answer.location == "/staff/sign-in?next=%2Fstaff%2Fpeople%3Fdone%3Dadmitted"
    form = page(client, answer.location)
    fields = {"name": new.name, "passphrase": new.passphrase, "code": code_of(new)}
    fields["next"] = "/staff/people?done=admitted"
    assert post(client, "/staff/sign-in", fields, form).location == fields["next"]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/staff/",
        "//evil.example/staff/",
        "/\\evil.example",
        "/staff/\\evil",
        "/en/statistics",
        "javascript:alert(1)",
        "/staff/a\nb",
        "/staff/sign-in?next=/staff/sign-in",
        "staff/queue",
        "",
    ],
)
def test_sign_in_leads_nowhere_else(wanted: str) -> None:
    assert local_path(wanted) == ""


def test_form_without_token_changes_nothing(client: FlaskClient) -> None:
    organisation = add_organisation()
    sign_in(client, organisation.supervisor)
    before = len(members.people(session_of(organisation.supervisor)))
    for data in ({}, {"csrf_token": "wrong"}):
        answer = client.post("/staff/people/invite", data={"name": "X", "role": "lead", **data})
        assert answer.status_code == 400
        assert client.post("/staff/sign-in", data=data).status_code == 400
    assert len(members.people(session_of(organisation.supervisor))) == before


def test_wrong_role_sees_the_refusal_and_nothing_else(client: FlaskClient) -> None:
    organisation = add_organisation()
    sign_in(client, add_member(organisation, "caseworker", "Karim"))
    answer = client.get("/staff/people")
    assert answer.status_code == 403
    assert organisation.supervisor.name not in answer.get_data(as_text=True)


def test_member_who_waits_is_told_to_wait(client: FlaskClient) -> None:
    organisation = add_organisation()
    new = invitations.enrol(organisation.id, "caseworker", "Karim")
    answer = sign_in(client, new)
    assert answer.status_code == 401
    assert "not admitted yet" in answer.get_data(as_text=True)


def test_changed_keys_are_said_in_words(client: FlaskClient) -> None:
    organisation = add_organisation()
    for grant in db.session.query(Grant).filter_by(holder_id=organisation.supervisor.member_id):
        if grant.kind == "casework":
            grant.sealed = grant.sealed[:-1] + bytes([grant.sealed[-1] ^ 1])
    db.session.commit()
    answer = sign_in(client, organisation.supervisor)
    assert answer.status_code == 401
    assert "Nothing was opened" in answer.get_data(as_text=True)
    assert client.get("/staff/people").status_code == 303


@pytest.fixture
def without_redis(app: Flask) -> Iterator[Flask]:
    """The application after its Valkey has gone."""
    before = app.extensions["redis"]
    app.extensions["redis"] = queue.connect("redis://127.0.0.1:1/0")
    yield app
    app.extensions["redis"] = before


def test_redis_away_is_said_and_uses_no_code_up(
    client: FlaskClient, app: Flask, without_redis: Flask
) -> None:
    organisation = add_organisation()
    answer = sign_in(client, organisation.supervisor)
    assert answer.status_code == 503
    assert "Reports still come in" in answer.get_data(as_text=True)
    assert answer.headers["Retry-After"]
    actions = audit.of(db.session(), organisation.id, organisation.supervisor.member_id)
    assert "sign_in" not in [action for action, _ in actions]
    client.set_cookie("upstander", "A" * 43)
    assert client.get("/staff/people").status_code == 503


def test_language_of_the_profile_is_the_language_of_the_pages(client: FlaskClient) -> None:
    sign_in(client, add_organisation().supervisor)
    form = page(client, "/staff/profile")
    saved = client.post("/staff/profile", data={"csrf_token": token_in(form), "locale": "ar"})
    assert saved.status_code == 303
    assert '<html lang="ar" dir="rtl">' in page(client, "/staff/profile")
    refused = client.post("/staff/profile", data={"csrf_token": token_in(form), "locale": "xx"})
    assert refused.status_code == 409


def test_old_intake_key_is_renewed_when_a_supervisor_signs_in(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = add_organisation()
    later = clock.now() + timedelta(days=30)
    monkeypatch.setattr(clock, "now", lambda: later)
    sign_in(client, organisation.supervisor)
    assert len(session_of(organisation.supervisor).keyring.intake) == 2
    token = client.get_cookie("upstander")
    assert token is not None
    loaded = sessions.load(token.value)
    assert loaded is not None
    assert len(loaded.keyring.intake) == 2

"""The door of the staff side, over HTTP: pages, cookies, redirects, lock, refusals."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import wsgi
from casework import audit, invitations, members, sessions
from casework.credentials import NewMember
from casework.models import Grant
from casework.views import cookie_name, is_plain_loopback, local_path
from reporting import clock, queue
from reporting.database import db
from reporting.sealing import b64
from reporting.settings import Settings
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


def cookies(answer: TestResponse) -> dict[str, str]:
    return {c.split("=", 1)[0]: c for c in answer.headers.getlist("Set-Cookie")}


def page(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)


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


def test_session_cookie_on_plain_loopback(client: FlaskClient) -> None:
    set_to = cookies(sign_in(client, add_organisation().supervisor))["upstander"]
    attributes = {part.strip() for part in set_to.split(";")[1:]}
    assert attributes == {"HttpOnly", "Path=/", "SameSite=Strict"}


def test_session_cookie_behind_tls(settings: Settings) -> None:
    app = wsgi.create_app(replace(settings, public_url="https://reports.example"))
    with app.app_context():
        new = add_organisation().supervisor
        client = app.test_client()
        base = "https://reports.example"
        form = client.get("/staff/sign-in", base_url=base).get_data(as_text=True)
        fields = {"name": new.name, "passphrase": new.passphrase, "code": code_of(new)}
        answer = client.post(
            "/staff/sign-in", base_url=base, data={"csrf_token": token_in(form), **fields}
        )
        set_to = cookies(answer)
        main = {part.strip() for part in set_to["__Host-upstander"].split(";")[1:]}
        assert main == {"HttpOnly", "Path=/", "SameSite=Strict", "Secure"}
        for name, cookie in set_to.items():
            assert {"Secure", "HttpOnly"} <= {part.strip() for part in cookie.split(";")}, name
        assert client.get("/staff/people", base_url=base).status_code == 200
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("https://localhost", False),
        ("http://reports.example", False),
        ("http://127.0.0.1.example", False),
        ("http://abcdef.onion", False),
    ],
)
def test_only_loopback_goes_without_secure(settings: Settings, address: str, plain: bool) -> None:
    changed = replace(settings, public_url=address)
    assert is_plain_loopback(changed) is plain
    assert cookie_name(changed).startswith("__Host-") is not plain


def test_no_staff_cookie_is_set_outside_staff(client: FlaskClient) -> None:
    for path in ("/healthz", "/en/", "/en/statistics", "/.well-known/upstander/instance.json"):
        assert client.get(path).headers.getlist("Set-Cookie") == []


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


def test_words_typed_into_an_ended_session_are_given_back(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, add_organisation().supervisor)
    form = page(client, "/staff/people")
    later = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr(clock, "now", lambda: later)
    typed = "A long <note> that took an hour"
    answer = client.post(
        "/staff/profile", data={"csrf_token": token_in(form), "note": typed, "passphrase": "a b c"}
    )
    assert answer.status_code == 401
    text = answer.get_data(as_text=True)
    assert "A long &lt;note&gt; that took an hour" in text
    assert "a b c" not in text
    forged = client.post("/staff/profile", data={"note": typed})
    assert forged.status_code == 400
    assert "took an hour" not in forged.get_data(as_text=True)


@pytest.mark.parametrize("name", ["text", "note"])
def test_words_without_spaces_are_given_back_too(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    sign_in(client, add_organisation().supervisor)
    form = page(client, "/staff/people")
    later = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr(clock, "now", lambda: later)
    fields = {"csrf_token": token_in(form), name: "他们在公交车上骂我们", "version": "17"}
    text = client.post("/staff/profile", data=fields).get_data(as_text=True)
    assert "他们在公交车上骂我们" in text
    assert ">17<" not in text


def test_lock_drops_the_keyring_and_unlock_is_for_the_same_member(client: FlaskClient) -> None:
    organisation = add_organisation()
    karim = add_member(organisation, "caseworker", "Karim")
    supervisor = organisation.supervisor
    sign_in(client, supervisor)
    form = page(client, "/staff/people")
    locked = client.post(
        "/staff/lock", data={"csrf_token": token_in(form), "next": "/staff/people"}
    )
    assert locked.location == "/staff/sign-in?left=locked&next=/staff/people"
    assert client.get("/staff/people").status_code == 303

    def unlock(new: NewMember, member: bytes) -> TestResponse:
        fields = {"name": new.name, "passphrase": new.passphrase}
        fields |= {"code": code_of(new, steps=1), "member": b64(member)}
        return client.post("/staff/unlock", data={"csrf_token": token_in(form), **fields})

    other = unlock(karim, supervisor.member_id)
    assert other.status_code == 401
    assert other.get_json()["message"]
    assert client.get("/staff/people").status_code == 303
    assert unlock(supervisor, supervisor.member_id).status_code == 204
    assert client.get("/staff/people").status_code == 200
    token = {"csrf_token": token_in(form)}
    assert client.post("/staff/stay", data=token).status_code == 204


@pytest.mark.parametrize("other", [True, False])
def test_a_page_of_the_member_before_is_not_sent_in_the_name_of_another(
    client: FlaskClient, *, other: bool
) -> None:
    """All tabs share one cookie, so a form left open would act for whoever signed in last."""
    organisation = add_organisation()
    sana = organisation.supervisor
    sign_in(client, sana)
    form = page(client, "/staff/people")
    first = client.get_cookie("upstander")
    assert first is not None
    sign_in(client, add_member(organisation, "supervisor", "Ruth") if other else sana, steps=1)
    before = len(members.people(session_of(sana)))
    token = {"csrf_token": token_in(form)}
    asked = {"name": "Noor", "role": "caseworker", **token}
    answer = client.post("/staff/people/invite", data=asked)
    assert answer.status_code == (400 if other else 200)
    assert len(members.people(session_of(sana))) == before + (not other)
    assert client.post("/staff/stay", data=token).status_code == (400 if other else 204)
    # Not the other one's session either, by a lock of the page that was left.
    client.post("/staff/lock", data=token)
    assert client.get("/staff/people").status_code == (200 if other else 303)
    assert sessions.load(first.value) is None, "a session that no browser has is still open"


def test_a_slow_answer_of_the_member_before_gives_their_page_no_other_name(
    client: FlaskClient,
) -> None:
    """Pau's first page was under way while Ruth signed in: its cookie of tokens arrives last."""
    ruth, pau = add_organisation("demo", "Ruth"), add_organisation("demo-two", "Pau")
    sign_in(client, pau.supervisor)
    late = page(client, "/staff/people")
    tokens = client.get_cookie("upstander-forms", path="/staff")
    assert tokens is not None
    sign_in(client, ruth.supervisor)
    client.set_cookie("upstander-forms", tokens.value, path="/staff")
    stale = {"csrf_token": token_in(late)}
    asked = {"name": "Noor", "role": "caseworker", **stale}
    assert client.post("/staff/stay", data=stale).status_code == 400
    assert client.post("/staff/people/invite", data=asked).status_code == 400
    # Ruth's next page bears tokens that are hers, and Pau's are worth nothing any more.
    own = {"csrf_token": token_in(page(client, "/staff/people"))}
    assert client.post("/staff/stay", data=own).status_code == 204
    assert client.post("/staff/stay", data=stale).status_code == 400


def test_a_fresh_token_says_whose_session_it_is_for(client: FlaskClient) -> None:
    ruth, pau = add_organisation("demo", "Ruth"), add_organisation("demo-two", "Pau")
    nobody = client.get("/staff/token").get_json()
    assert nobody["member"] == ""
    sign_in(client, pau.supervisor)
    page(client, "/staff/people")
    tokens = client.get_cookie("upstander-forms", path="/staff")
    assert tokens is not None
    sign_in(client, ruth.supervisor)
    client.set_cookie("upstander-forms", tokens.value, path="/staff")
    fresh = client.get("/staff/token").get_json()
    assert fresh["member"] == b64(ruth.supervisor.member_id)
    own = {"csrf_token": fresh["token"]}
    assert client.post("/staff/stay", data=own).status_code == 204


@pytest.mark.parametrize("cookie", ["x", "é", "A" * 43])
def test_a_cookie_that_is_none_does_not_keep_anybody_out(client: FlaskClient, cookie: str) -> None:
    new = add_organisation().supervisor
    client.set_cookie("upstander", cookie)
    assert sign_in(client, new).location == "/staff/queue"


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


def test_device_remembers_what_was_seen(client: FlaskClient) -> None:
    new = add_organisation().supervisor
    set_to = cookies(sign_in(client, new))
    (name,) = [name for name in set_to if name.startswith("upstander-seen-")]
    assert "Path=/staff" in set_to[name]
    assert "Max-Age=" in set_to[name]
    assert new.name.split()[0].lower() not in name.lower()


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


def test_keyring_is_gone_after_the_request(app: Flask, client: FlaskClient) -> None:
    sign_in(client, add_organisation().supervisor)
    assert client.get("/staff/people").status_code == 200
    assert "staff" not in g


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

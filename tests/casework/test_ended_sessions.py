"""A session that ended or is another's: words come back, nothing goes in a wrong name."""

from datetime import timedelta

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from casework import members, sessions
from casework.credentials import NewMember
from reporting import clock
from reporting.sealing import b64
from tests.casework.pages import page
from tests.casework.people import (
    add_member,
    add_organisation,
    code_of,
    session_of,
    sign_in,
    token_in,
)


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


def test_keyring_is_gone_after_the_request(app: Flask, client: FlaskClient) -> None:
    sign_in(client, add_organisation().supervisor)
    assert client.get("/staff/people").status_code == 200
    assert "staff" not in g

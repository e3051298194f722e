"""A page locks the session of its own member: none of who signed in since, and that one surely."""

import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from playwright.sync_api import Browser, expect

from tests.browser.reporter_pages import served
from tests.casework import locking
from tests.casework.people import add_organisation, sign_in, token_in


def page(client: FlaskClient) -> str:
    return client.get("/staff/people").get_data(as_text=True)


def test_a_lock_that_comes_late_leaves_the_session_of_another(client: FlaskClient) -> None:
    """Pau's answer was under way while Ruth signed in, and brings his tokens back beside hers."""
    ruth, pau = add_organisation("demo", "Ruth"), add_organisation("demo-two", "Pau")
    sign_in(client, pau.supervisor)
    late = {"csrf_token": token_in(page(client))}
    tokens = client.get_cookie("upstander-forms", path="/staff")
    assert tokens is not None
    sign_in(client, ruth.supervisor)
    client.set_cookie("upstander-forms", tokens.value, path="/staff")
    assert client.post("/staff/lock", data=late).status_code == 400
    assert client.get("/staff/people").status_code == 200
    # The twin: her own page ends it, and a second lock finds nothing to end.
    own = {"csrf_token": token_in(page(client))}
    for _twice in range(2):
        assert client.post("/staff/lock", data=own).status_code == 303
        assert client.get("/staff/people").status_code == 303


def test_a_token_that_was_given_to_nobody_is_nobodys_who_signs_in_then(
    client: FlaskClient,
) -> None:
    """Pau's locked page fetched one after his cookies were gone, and then Ruth signed in."""
    ruth = add_organisation("demo", "Ruth")
    given = client.get("/staff/token").get_json()
    assert given["member"] == ""
    token = {"csrf_token": given["token"]}
    # The twin: until then it is good for what nobody has to be signed in for.
    assert client.post("/staff/lock", data=token).status_code == 303
    sign_in(client, ruth.supervisor)
    assert client.post("/staff/stay", data=token).status_code == 400
    assert client.post("/staff/lock", data=token).status_code == 400
    assert client.get("/staff/people").status_code == 200


@pytest.mark.browser
def test_a_page_whose_token_is_too_old_still_locks(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys would stay open behind a page that says that it is locked."""
    new = add_organisation().supervisor
    with served(app) as site, browser.new_context(base_url=site.base) as context:
        page = context.new_page()
        locking.sign_in(page, new, "/staff/people")
        late = int(time.time()) + 13 * 3600
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _signer: late)
        with page.expect_response(
            lambda answer: answer.url.endswith("/staff/lock") and answer.status == 303
        ):
            page.click("text=Lock screen")
        expect(page.locator("#lock")).to_be_visible()
        assert context.request.get("/staff/people", max_redirects=0).status == 303

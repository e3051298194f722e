"""The cookies of the staff side, over HTTP: what each may do, where it is set, and broken ones."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

import wsgi
from casework.views import cookie_name, is_plain_loopback
from reporting.database import db
from reporting.settings import Settings
from tests.casework.pages import cookies
from tests.casework.people import add_organisation, code_of, sign_in, token_in


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


@pytest.mark.parametrize("cookie", ["x", "é", "A" * 43])
def test_a_cookie_that_is_none_does_not_keep_anybody_out(client: FlaskClient, cookie: str) -> None:
    new = add_organisation().supervisor
    client.set_cookie("upstander", cookie)
    assert sign_in(client, new).location == "/staff/queue"


def test_device_remembers_what_was_seen(client: FlaskClient) -> None:
    new = add_organisation().supervisor
    set_to = cookies(sign_in(client, new))
    (name,) = [name for name in set_to if name.startswith("upstander-seen-")]
    assert "Path=/staff" in set_to[name]
    assert "Max-Age=" in set_to[name]
    assert new.name.split()[0].lower() not in name.lower()

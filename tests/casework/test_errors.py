"""Addresses nobody has, faults, and hosts of one part: in the right frame, with no dead link."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

import wsgi
from casework import sessions
from casework.models import Member
from reporting.access import SUPERVISOR
from reporting.database import db, transaction
from reporting.settings import PARTS, Settings
from tests.casework.people import add_organisation, sign_in

STAFF, PUBLIC = '<body class="staff"', 'id="leave"'


@pytest.fixture
def desk(client: FlaskClient) -> FlaskClient:
    """A signed-in supervisor who chose Arabic."""
    new = add_organisation().supervisor
    with transaction() as database:
        database.get_one(Member, new.member_id).locale = "ar"
    assert sign_in(client, new).status_code == 303
    return client


def is_staffs(page: str) -> bool:
    return STAFF in page and PUBLIC not in page


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/staff/nothing", 404),
        ("POST", "/staff/no/thing", 404),
        ("POST", "/staff/queue", 405),
    ],
)
def test_an_unknown_address_stays_in_the_members_frame_and_language(
    desk: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = desk.open(path, method=method)
    page = answer.text
    assert answer.status_code == status
    assert is_staffs(page)
    assert '<html lang="ar" dir="rtl">' in page
    assert "Sana of demo" in page
    assert ("Allow" in answer.headers) is (status == 405)
    # Nothing of who asked is left for the next request.
    assert 'lang="en"' in desk.get("/staff/sign-in", headers={"Accept-Language": "en"}).text[:60]


def test_a_fault_stays_in_the_members_frame(
    desk: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault() -> str:
        raise ZeroDivisionError

    fault.audience = frozenset({SUPERVISOR})  # type: ignore[attr-defined]  # as the decorator does
    endpoint = next(r.endpoint for r in app.url_map.iter_rules() if r.rule == "/staff/people")
    monkeypatch.setitem(app.view_functions, endpoint, fault)
    answer = desk.get("/staff/people")
    assert answer.status_code == 500
    assert is_staffs(answer.text)
    assert 'dir="rtl"' in answer.text


def test_who_is_not_signed_in_learns_nothing_more(client: FlaskClient) -> None:
    answer = client.get("/staff/nothing", headers={"Accept-Language": "ar"})
    assert answer.status_code == 404
    assert is_staffs(answer.text)
    assert '<html lang="ar" dir="rtl">' in answer.text


@pytest.mark.parametrize("away", [redis.ConnectionError, redis.TimeoutError])
def test_an_unknown_address_is_answered_without_redis(
    desk: FlaskClient, monkeypatch: pytest.MonkeyPatch, away: type[Exception]
) -> None:
    def load(_token: str) -> None:
        raise away

    monkeypatch.setattr(sessions, "load", load)
    assert desk.get("/staff/nothing").status_code == 404


def test_an_unknown_public_address_is_not_staffs(desk: FlaskClient) -> None:
    for path in ("/en/nothing", "/staffing"):
        page = desk.get(path, headers={"Accept-Language": "en"}).text
        assert PUBLIC in page
        assert STAFF not in page
        assert "Sana" not in page


def served(settings: Settings, parts: frozenset[str]) -> Iterator[FlaskClient]:
    app = wsgi.create_app(replace(settings, parts=parts))
    with app.app_context():
        yield app.test_client()
        db.session.remove()
        db.engine.dispose()


def dead_links(client: FlaskClient, *starts: str) -> set[str]:
    """Addresses that pages link to and nobody answers, found from the first pages on."""
    seen, dead, ahead = set(starts), set(), list(starts)
    while ahead:
        answer = client.get(ahead.pop())
        if answer.mimetype != "text/html":
            continue
        for found in re.findall(r'(?:href|src)="(/[^"#?]*)', answer.text):
            link = unescape(found)
            if link not in seen:
                seen.add(link)
                ahead.append(link)
                dead |= {link} if client.get(link).status_code >= 400 else set()
    return dead


def test_a_staff_host_links_to_nothing_it_does_not_serve(settings: Settings) -> None:
    for client in served(settings, frozenset({"casework"})):
        assert dead_links(client, "/", "/en/", "/staff/sign-in", "/staff/nothing") == set()
        assert sign_in(client, add_organisation().supervisor).status_code == 303
        assert dead_links(client, "/staff/queue", "/staff/nothing") == set()


def test_a_public_host_links_to_nothing_it_does_not_serve(settings: Settings) -> None:
    for client in served(settings, frozenset({"reporting", "analytics"})):
        add_organisation()
        assert dead_links(client, "/en/", "/en/nothing", "/ar/nothing") == set()


def test_a_dead_link_is_found(settings: Settings) -> None:
    """The twin: such a set of parts is refused where settings are read."""
    for client in served(settings, PARTS - {"analytics"}):
        assert "/en/statistics" in dead_links(client, "/en/")

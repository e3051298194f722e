"""Fixtures of the casework tests."""

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from casework import commands
from casework.sessions import Session
from reporting import clock
from tests.casework import lost, people
from tests.casework.hands import Hands
from tests.casework.lost import Place
from tests.casework.people import Organisation
from tests.factories_statistics import make_world, store

Run = Callable[..., Result]


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    """The clock, held still until a test moves it."""
    held = Hands()
    monkeypatch.setattr(clock, "now", lambda: held.now)
    return held


@pytest.fixture
def organisation(app: Flask) -> Organisation:
    """An organisation with its first supervisor."""
    return people.add_organisation()


@pytest.fixture
def sana(organisation: Organisation) -> Session:
    """The session of that supervisor."""
    return people.session_of(organisation.supervisor)


@pytest.fixture
def run(app: Flask) -> Run:
    """Run one command of the group in the application's context."""

    def call(*arguments: str, answer: str | None = None) -> Result:
        runner = app.test_cli_runner()
        return runner.invoke(
            commands.organisation, list(arguments), input=answer, catch_exceptions=False
        )

    return call


@pytest.fixture
def desk(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """The browser of a signed-in supervisor."""
    assert people.sign_in(client, organisation.supervisor).status_code == 303
    return client


@pytest.fixture
def ben(app: Flask, organisation: Organisation) -> FlaskClient:
    """The browser of a caseworker of the same organisation."""
    new = people.add_member(organisation, "caseworker", "Ben")
    browser = app.test_client()
    assert people.sign_in(browser, new).status_code == 303
    return browser


@pytest.fixture
def dina(app: Flask, organisation: Organisation) -> FlaskClient:
    """The browser of one more."""
    browser = app.test_client()
    new = people.add_member(organisation, "caseworker", "Dina")
    assert people.sign_in(browser, new).status_code == 303
    return browser


@pytest.fixture
def place(app: Flask) -> Place:
    """An organisation whose kit is at hand."""
    return lost.made()


@pytest.fixture
def leads(app: Flask) -> tuple[FlaskClient, FlaskClient]:
    """Two leads, signed in, and three organisations with records."""
    ids = [people.add_organisation(slug).id for slug in ("demo", "demo-two", "demo-three")]
    store(make_world(1, dict(zip(ids, (270, 198, 132), strict=True))))
    clients = []
    for name in ("Lea One", "Lou Two"):
        client = app.test_client()
        assert people.sign_in(client, people.add_lead(name)).status_code == 303
        clients.append(client)
    return clients[0], clients[1]

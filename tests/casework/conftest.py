"""Fixtures of the casework tests."""

import pytest
from flask import Flask

from casework.sessions import Session
from reporting import clock
from tests.casework import people
from tests.casework.hands import Hands
from tests.casework.people import Organisation


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

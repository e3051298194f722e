"""Fixtures of the foundation's tests."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

import wsgi
from reporting.database import db
from reporting.settings import Settings


@pytest.fixture
def make_app() -> Iterator[Callable[[Settings], Flask]]:
    """Further applications beside `app`, their connections closed in the end."""
    made: list[Flask] = []

    def make(settings: Settings) -> Flask:
        made.append(wsgi.create_app(settings))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()

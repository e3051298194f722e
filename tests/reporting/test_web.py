"""The web server reads before it is asked: no file's access time tells of a reporter."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reporting import web
from tests.factories_reporting import make_organisation
from tests.reporting.plain_form import check, post

ROOT = Path(__file__).parents[2]
PACKAGES = tuple(str(ROOT / name) for name in ("reporting", "analytics", "casework"))
_opened: list[str] = []
_noting: list[bool] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _noting and event == "open" and str(arguments[0]).startswith(PACKAGES):
        _opened.append(str(arguments[0]))


sys.addaudithook(_note)


@contextmanager
def noted() -> Iterator[list[str]]:
    """Which files of the packages are opened meanwhile."""
    _opened.clear()
    _noting.append(True)
    try:
        yield _opened
    finally:
        _noting.clear()


def walk(client: FlaskClient) -> None:
    """Everything a reporter may be shown without script."""
    for locale in ("en", "ar"):
        form = f"/{locale}/report/north"
        for path in ("", "safety", "privacy", "verify", "help", "done", "nowhere", "statistics"):
            client.get(f"/{locale}/{path}")
        assert client.get(form).status_code == 200
        post(client, {"what_happened": " ", "step": "check"}, form)
        sent = post(client, {"draft": check(client), "step": "send"}, form)
        assert 'id="number"' in sent.text
        client.get(f"/{locale}/return")
        post(client, {"receipt": "1", "step": "open"}, f"/{locale}/return")


@pytest.mark.parametrize("ahead", [True, False])
def test_no_file_is_read_for_a_reporter(app: Flask, client: FlaskClient, ahead: bool) -> None:
    make_organisation()
    if ahead:
        web.when_ready(SimpleNamespace(app=SimpleNamespace(wsgi=lambda: app)))
    with noted() as opened:
        walk(client)
    read = {Path(name).name for name in opened}
    # The twin: without it, the receipt's template bears the second of a sending.
    assert (read == set()) if ahead else ({"receipt.html", "public.mo"} <= read), read

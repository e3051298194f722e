"""Logs carry what was declared, and no value of a library or an exception."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from flask import Flask, abort

from reporting import logs

SECRET = "unique-secret-Zwiebelfisch"


Lines = pytest.CaptureFixture[str]


@pytest.fixture
def lines(capsys: Lines) -> Iterator[Lines]:
    logs.configure("DEBUG")
    yield capsys
    logs.configure("INFO")


def read(lines: Lines) -> list[dict[str, object]]:
    """The lines so far; none may hold the secret."""
    text = lines.readouterr().err
    assert SECRET not in text
    return [json.loads(line) for line in text.splitlines()]


def failure() -> ValueError:
    try:
        int(SECRET)
    except ValueError as error:
        return error
    raise AssertionError


def test_an_undeclared_value_is_dropped_and_counted(lines: Lines) -> None:
    structlog.get_logger().info("came in", count=1, text=SECRET, address="192.0.2.7")
    assert read(lines) == [{"event": "came in", "level": "info", "count": 1, "undeclared": 2}]


def test_an_exception_is_type_and_place(lines: Lines) -> None:
    structlog.get_logger().error("failed", exc_info=failure())
    (line,) = read(lines)
    assert line["error"] == "ValueError"
    assert str(line["where"]).startswith("test_logs.py:")


def test_a_library_says_what_but_not_with_what(lines: Lines) -> None:
    logging.getLogger("some.library").warning("value %s refused", SECRET)
    (line,) = read(lines)
    assert line["event"] == "value %s refused"


def test_a_failed_request_names_its_endpoint_only(lines: Lines) -> None:
    app = Flask("bare")
    logs.init_app(app, "DEBUG")

    def fails(word: str) -> str:
        raise RuntimeError(word)

    app.add_url_rule("/x/<word>", "fails", fails)
    app.add_url_rule("/y", "missing", lambda: abort(404))
    assert app.test_client().get(f"/x/{SECRET}").status_code == 500
    app.test_client().get("/y", headers={"User-Agent": SECRET})
    (line,) = read(lines)
    assert line["endpoint"] == "fails"
    assert line["error"] == "RuntimeError"


def test_no_line_bears_a_time(lines: Lines) -> None:
    structlog.get_logger().warning("something", error="OSError")
    assert not {"time", "timestamp", "date"} & set(read(lines)[0])

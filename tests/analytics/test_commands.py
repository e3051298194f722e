"""`upstander release`: the list, and the proof that files are unchanged."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask

from analytics import deployment
from analytics.commands import command
from reporting.sealing import b64
from tests.factories_statistics import YEAR, make_release, make_world, organisation, store


@pytest.fixture
def released(app: Flask, clock_at: Callable[[datetime], None]) -> bytes:
    clock_at(datetime(YEAR + 1, 11, 22, 12, tzinfo=UTC))
    store(make_world(1, {organisation(1): 60}))
    return make_release()


def test_the_list_names_each_release(app: Flask, released: bytes) -> None:
    done = app.test_cli_runner().invoke(command, ["list"])
    assert done.exit_code == 0
    assert done.output.split()[:4] == [b64(released), "world", str(YEAR), "published"]


def test_a_changed_or_lost_file_is_named(app: Flask, released: bytes) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(command, ["verify"]).exit_code == 0
    folder = deployment.releases_dir() / b64(released)
    (folder / "total.csv").write_text("period\n")
    (folder / "type.csv").unlink()
    done = runner.invoke(command, ["verify"])
    assert done.exit_code == 1
    assert "total.csv" in done.output
    assert "type.csv" in done.output
    assert "months.csv" not in done.output

"""What a kill left beside the releases goes at night, and nothing else does."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete

from analytics import deployment, files, leftovers, release
from analytics.models import Release, Statement
from casework import jobs
from reporting.database import db, transaction
from reporting.sealing import b64
from tests.factories_statistics import (
    CHECKER,
    PROPOSER,
    YEAR,
    make_coded,
    make_release,
    organisation,
    scope_of,
    store,
)

pytestmark = pytest.mark.usefixtures("in_november")


class Killed(BaseException):
    """The end of a process, at this point."""


def kill(*_args: object) -> None:
    raise Killed


def names() -> set[str]:
    return {path.name for path in deployment.releases_dir().iterdir()}


def test_a_half_written_folder_goes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    store([make_coded()] * 20)
    release_id = release.propose(scope_of(organisation(1)), YEAR, PROPOSER)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", kill)
        with pytest.raises(Killed):
            release.build(release_id)
    (left,) = names()
    assert left.startswith(f".{b64(release_id)}.")
    jobs.nightly_rewrite()
    assert names() == set()
    release.build(release_id)
    assert names() == {b64(release_id)}


def test_files_of_a_draft_rejected_just_before_a_kill_go(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    store([make_coded()] * 20)
    rejected = make_release(publish=False)
    with monkeypatch.context() as patch:
        patch.setattr(files, "discard", kill)
        with pytest.raises(Killed):
            release.refuse(rejected, CHECKER)
    assert names() == {b64(rejected)}
    jobs.nightly_rewrite()
    assert names() == set()


def test_releases_that_stand_and_folders_nobody_knows_stay(app: Flask) -> None:
    store([make_coded()] * 20)
    public = make_release(scope_of(organisation(1)))
    built = make_release(publish=False)
    unknown = deployment.releases_dir() / b64(b"?" * 16)
    unknown.mkdir()
    before = {path: path.read_bytes() for path in unknown.parent.glob("*/*")}
    assert leftovers.sweep() == 0
    assert names() == {b64(public), b64(built), unknown.name}
    assert {path: path.read_bytes() for path in unknown.parent.glob("*/*")} == before


def restore_older(release_id: bytes, *, built: bool) -> None:
    """As a database says it that was copied before the release was published, or even built."""
    with transaction() as session:
        row = session.get_one(Release, release_id)
        row.state = release.BUILT if built else release.PROPOSED
        row.published_once = row.checked_by = None
        if not built:
            row.files, row.parameters = "{}", json.dumps({"scope_name": "", "recognisable": []})
            session.execute(delete(Statement))


@pytest.mark.parametrize("then", ["built", "rejected", "swept"])
def test_what_was_published_outlives_an_older_database(
    app: Flask, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """A release never changes: people cite it, and checked it by its sums."""
    store([make_coded()] * 20)
    release_id = make_release(scope_of(organisation(1)))
    folder = deployment.releases_dir() / b64(release_id)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    restore_older(release_id, built=then != "built")
    if then == "built":
        store([make_coded()] * 20)
        release.build(release_id)
    elif then == "rejected":
        release.refuse(release_id, CHECKER)
    else:
        with monkeypatch.context() as patch:
            patch.setattr(files, "discard", kill)
            with pytest.raises(Killed):
                release.refuse(release_id, CHECKER)
    leftovers.sweep()
    (aside,) = (path for path in folder.parent.iterdir() if path.name != folder.name)
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == before
    assert folder.exists() == (then == "built")
    assert leftovers.sweep() == 0


def test_without_a_folder_of_releases_there_is_nothing_to_do(app: Flask) -> None:
    assert not deployment.releases_dir().exists()
    assert leftovers.sweep() == 0


def test_what_is_being_written_is_left_alone(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    store([make_coded()] * 20)
    release_id = release.propose(scope_of(organisation(1)), YEAR, PROPOSER)
    writing, go_on, swept = threading.Event(), threading.Event(), threading.Event()
    plain = files._sync

    def slow(folder: Path) -> None:
        writing.set()
        assert go_on.wait(20)
        plain(folder)

    monkeypatch.setattr(files, "_sync", slow)

    def run(act: Callable[..., Any], *args: object) -> threading.Thread:
        def inside() -> None:
            with app.app_context():
                act(*args)
                db.session.remove()

        thread = threading.Thread(target=inside)
        thread.start()
        return thread

    def sweep() -> None:
        leftovers.sweep()
        swept.set()

    threads = [run(release.build, release_id)]
    assert writing.wait(20)
    threads.append(run(sweep))
    assert not swept.wait(0.3)
    go_on.set()
    for thread in threads:
        thread.join()
    assert swept.is_set()
    session: Any = db.session
    session.rollback()
    listed = json.loads(session.get(Release, release_id).files)
    assert {path.name for path in (deployment.releases_dir() / b64(release_id)).iterdir()} == set(
        listed
    )

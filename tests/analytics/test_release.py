"""A release: two persons, once per period, audited, and one outcome of those who act at once."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select

from analytics import deployment, files, release
from analytics.models import Statement
from analytics.release import ReleaseRefused
from analytics.tables import WORLD
from reporting.database import db
from reporting.sealing import b64
from tests.analytics.released import get, get_only, read_csv, refusal
from tests.factories_statistics import (
    CHECKER,
    PROPOSER,
    SIZES,
    YEAR,
    make_release,
    make_world,
    organisation,
    scope_of,
    store,
)

pytestmark = pytest.mark.usefixtures("in_november")


def test_the_proposer_cannot_publish(app: Flask) -> None:
    store(make_world(1, SIZES))
    release_id = make_release(publish=False)
    assert refusal(release.publish, release_id, PROPOSER) == "same-person"
    release.publish(release_id, CHECKER)
    assert get(release_id).state == "published"
    assert get(release_id).checked_by == CHECKER


def test_who_agrees_no_longer_is_not_published(app: Flask) -> None:
    """Built while two agreed to be recognised: nothing of it is to be read as theirs any more."""
    store(make_world(1, SIZES))
    first, second, third = organisation(1), organisation(2), organisation(3)
    proposed = partial(release.propose, by=PROPOSER, recognisable=[first, second])
    own, world = proposed(scope_of(first), YEAR), proposed(WORLD, YEAR)
    for one in (own, world):
        release.build(one)
    # Tables of one organisation say whose they are, agreed or not.
    release.publish(own, CHECKER, recognisable=lambda _session: [])
    release.refuse(world, CHECKER)
    world = proposed(WORLD, YEAR)
    release.build(world)
    agreeing: list[bytes] = []
    publish = partial(release.publish, recognisable=lambda _session: agreeing)
    for agreeing in ([second], [second, third], []):
        assert refusal(publish, world, CHECKER) == "agreement-withdrawn"
        assert release.is_withdrawn(get(world), agreeing)
    # Nobody told who agrees now: then nobody does.
    assert refusal(release.publish, world, CHECKER) == "agreement-withdrawn"
    assert get(world).state == "built"
    # One more who agrees harms nobody.
    agreeing = [third, second, first]
    publish(world, CHECKER)
    assert get(world).state == "published"


def test_a_period_is_published_once(app: Flask) -> None:
    store(make_world(1, SIZES))
    release_id = make_release()
    assert refusal(release.propose, WORLD, YEAR, PROPOSER) == "already-published"
    assert refusal(release.publish, release_id, CHECKER) == "already-published"
    assert refusal(release.refuse, release_id, CHECKER) == "state-published"


def test_one_proposal_at_a_time(app: Flask) -> None:
    store(make_world(1, SIZES))
    first = release.propose(WORLD, YEAR, PROPOSER)
    assert refusal(release.propose, WORLD, YEAR, CHECKER) == "already-proposed"
    assert refusal(release.publish, first, CHECKER) == "state-proposed"
    release.refuse(first, CHECKER)
    release.build(first)
    assert get(first).state == "rejected"
    assert make_release()


def test_rejecting_takes_the_files_along_and_publishing_the_other_drafts(app: Flask) -> None:
    store(make_world(1, SIZES))
    release_id = make_release(publish=False)
    release.refuse(release_id, CHECKER)
    assert list(deployment.releases_dir().iterdir()) == []
    assert get(release_id).files == "{}"
    assert refusal(release.publish, release_id, CHECKER) == "state-rejected"
    # Leads have seen what it stated: that is kept, until the period is published.
    assert db.session.scalars(select(Statement)).first() is not None
    public_id = make_release()
    assert {row.release_id for row in db.session.scalars(select(Statement))} == {public_id}


@pytest.mark.parametrize(
    ("today", "year"),
    [(date(2026, 1, 30), 2024), (date(2026, 1, 31), 2025), (date(2026, 12, 31), 2025)],
)
def test_a_year_waits_thirty_days(
    app: Flask, clock_at: Callable[[datetime], None], today: date, year: int
) -> None:
    assert release.last_year(today) == year
    clock_at(datetime(today.year, today.month, today.day, tzinfo=UTC))
    assert refusal(release.propose, WORLD, year + 1, PROPOSER) == "year-not-over"


@pytest.mark.parametrize(
    "scope", ["", "group:x", "org:", "org:AAAA", "World", "org:" + "A" * 22 + "="]
)
def test_an_unknown_scope_is_refused(app: Flask, scope: str) -> None:
    assert refusal(release.propose, scope, YEAR, PROPOSER) == "scope-unknown"


def test_what_was_published_meanwhile_makes_the_audit_stale(app: Flask) -> None:
    store(make_world(1, SIZES))
    world = make_release(publish=False)
    make_release(scope_of(organisation(1)))
    assert refusal(release.publish, world, CHECKER) == "stale-audit"
    release.refuse(world, CHECKER)
    assert get(make_release()).state == "published"


def test_another_years_release_makes_no_audit_stale(app: Flask) -> None:
    store(make_world(1, SIZES))
    store(make_world(2, SIZES, YEAR - 1))
    world = make_release(publish=False)
    make_release(WORLD, YEAR - 1)
    release.publish(world, CHECKER)


def test_of_two_that_publish_at_once_one_does(app: Flask) -> None:
    """T23."""
    store(make_world(1, SIZES))
    release_id = make_release(publish=False)
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def publish() -> None:
        with app.app_context():
            start.wait()
            try:
                release.publish(release_id, CHECKER)
                outcomes.append("published")
            except ReleaseRefused as refused:
                outcomes.append(refused.reason)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already-published", "published"]


def test_of_two_builds_at_once_one_counts(app: Flask) -> None:
    store(make_world(1, SIZES))
    release_id = release.propose(WORLD, YEAR, PROPOSER)
    start = threading.Barrier(2)

    def build() -> None:
        with app.app_context():
            start.wait()
            release.build(release_id)
            db.session.remove()

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = deployment.releases_dir() / b64(release_id)
    listed = json.loads(get(release_id).files)
    assert {p.name: files.sha256(p.read_bytes()) for p in folder.iterdir()} == listed
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_what_a_cut_build_left_does_not_count(app: Flask) -> None:
    store(make_world(1, SIZES))
    release_id = release.propose(WORLD, YEAR, PROPOSER)
    orphan = deployment.releases_dir() / b64(release_id)
    orphan.mkdir(parents=True)
    (orphan / "statistics.csv").write_text("half")
    release.build(release_id)
    release.publish(release_id, CHECKER)
    assert read_csv(release_id)[0]["period"] == f"{YEAR}"


def test_the_witness_is_of_the_same_transaction(app: Flask) -> None:
    seen: list[bytes] = []
    release_id = release.propose(WORLD, YEAR, PROPOSER, witness=lambda _s, i: seen.append(i))
    assert seen == [release_id]

    def fail(_session: object, _release_id: bytes) -> None:
        raise OSError

    with pytest.raises(OSError):
        release.propose(scope_of(organisation(1)), YEAR, PROPOSER, witness=fail)
    assert get_only().id == release_id

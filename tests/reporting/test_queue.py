"""Jobs: ordered with the change, handed over after it, run though Valkey was away or wiped."""

import dataclasses
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from flask import Flask
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

import wsgi
from reporting import clock, queue, scheduler
from reporting.database import db, transaction
from reporting.sealing import b64, random_id
from reporting.settings import Settings


@pytest.fixture
def ran(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, ...]]:
    """A job `note` that remembers what it was called with; run by this process's worker."""
    found: list[tuple[bytes, ...]] = []
    queue.job(app, "note", lambda *ids: found.append(ids))
    monkeypatch.setattr(wsgi, "_worker_app", lambda: app)
    return found


def work(settings: Settings) -> None:
    """Run everything that waits, with the worker of `upstander worker`."""
    worker = scheduler.worker(redis.Redis.from_url(settings.redis_url))
    worker.work(burst=True, logging_level="WARNING")


def waiting() -> int:
    session: Any = db.session
    session.rollback()
    return session.query(queue.Outbox).count()  # type: ignore[no-any-return]


def test_a_job_runs_once_and_leaves_nothing(settings: Settings, ran: list[Any]) -> None:
    one = random_id()
    with transaction():
        queue.enqueue("note", one)
    work(settings)
    work(settings)
    assert ran == [(one,)]
    assert waiting() == 0


def test_a_job_of_a_change_that_failed_is_never_run(settings: Settings, ran: list[Any]) -> None:
    def fail() -> None:
        with transaction():
            queue.enqueue("note")
            raise ValueError("the change failed")

    with pytest.raises(ValueError, match="the change failed"):
        fail()
    work(settings)
    assert ran == []
    assert waiting() == 0


def test_an_unknown_job_cannot_be_ordered(app: Flask) -> None:
    with pytest.raises(KeyError):
        queue.enqueue("format_the_disk")


def test_a_payload_is_the_orders_id_and_nothing_else(settings: Settings, ran: list[Any]) -> None:
    one = random_id()
    with transaction():
        order = queue.enqueue("note", one)
    connection: Any = redis.Redis.from_url(settings.redis_url)
    everything = b"".join(
        json.dumps({k.decode(): v.hex() for k, v in connection.hgetall(key).items()}).encode()
        for key in connection.keys("rq:job:*")
    )
    data = connection.hget(f"rq:job:{b64(order)}", "data")
    assert one.hex().encode() not in everything
    assert b64(one).encode().hex().encode() not in everything
    assert not (data or b"").startswith(b"\x80"), "pickle"


def test_with_redis_away_a_job_waits_and_runs_later(
    settings: Settings, ran: list[Any], make_app: Any
) -> None:
    away = dataclasses.replace(settings, redis_url="unix:///nowhere/at/all.sock")
    other = make_app(away)
    queue.job(other, "note", lambda *_ids: None)
    one = random_id()
    with other.app_context(), transaction():
        queue.enqueue("note", one)
    work(settings)
    assert ran == []
    assert queue.sweep() == 1
    work(settings)
    assert ran == [(one,)]


def test_a_wiped_redis_loses_no_job(settings: Settings, ran: list[Any], clock_at: Any) -> None:
    with transaction():
        queue.enqueue("note")
    queue.sweep()
    redis.Redis.from_url(settings.redis_url).flushall()
    work(settings)
    assert ran == []
    clock_at(datetime.now(UTC) + timedelta(minutes=5))
    queue.sweep()
    work(settings)
    assert ran == [()]
    assert waiting() == 0


def test_handing_over_twice_runs_once(settings: Settings, ran: list[Any]) -> None:
    with transaction():
        order = queue.enqueue("note")
    queue.hand_over(order, "note")
    queue.hand_over(order, "note")
    work(settings)
    assert len(ran) == 1


def test_a_job_that_fails_is_tried_again(
    settings: Settings, app: Flask, ran: list[Any], clock_at: Any
) -> None:
    tries: list[int] = []

    def fails_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("the disk was full")

    queue.job(app, "fails_once", fails_once)
    with transaction():
        queue.enqueue("fails_once")
    work(settings)
    assert waiting() == 1
    clock_at(clock.now() + timedelta(minutes=5))
    queue.sweep()
    clock_at(clock.now() + timedelta(minutes=5))
    queue.sweep()
    work(settings)
    assert len(tries) == 2
    assert waiting() == 0


def test_it_is_remembered_how_often_a_job_has_failed(
    settings: Settings, app: Flask, ran: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """So that who waits for it can be told; and the log says where it fails, without a value."""
    one, other, broken = random_id(), random_id(), [True]

    def fails(*_ids: bytes) -> None:
        if broken:
            raise OSError("a value")

    queue.job(app, "fails", fails)
    with transaction():
        queue.enqueue("fails", one)
    assert queue.failures("fails", one) == 0
    for times in (1, 2, 3):
        work(settings)
        assert queue.failures("fails", one) == times
        queue.sweep()
        assert queue.failures("fails", one) == times, "it waits to be tried again"
        assert queue.failures("fails", other) == queue.failures("note", one) == 0
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "{" in line]
    told = [line for line in said if line["event"] == "job failed"]
    assert [(line["job"], line["error"]) for line in told] == [("fails", "OSError")] * 3
    assert "fails" in told[0]["where"]
    assert "a value" not in str(said)
    # Forgotten with Valkey: it is counted anew.
    redis.Redis.from_url(settings.redis_url).flushall()
    assert queue.failures("fails", one) == 0
    queue.sweep()
    broken.clear()
    work(settings)
    assert queue.failures("fails", one) == waiting() == 0


def test_a_job_may_end_while_somebody_asks_about_it(
    settings: Settings, ran: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read of it a moment ago is the answer: who waits for a release sees no error."""
    fetch, asked = Job.fetch, list[str]()

    def ends(name: str, *arguments: Any, **options: Any) -> Job:
        known = fetch(name, *arguments, **options)
        if name not in asked:
            asked.append(name)
            work(settings)
        return known

    monkeypatch.setattr(Job, "fetch", ends)
    one = random_id()
    with transaction():
        queue.enqueue("note", one)
    assert queue.failures("note", one) == 0
    assert ran == [(one,)]
    with transaction():
        queue.enqueue("note", one)
    queue.sweep()
    assert len(asked) == 2
    assert ran == [(one,), (one,)]


@pytest.fixture
def slow(app: Flask, ran: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A job that takes longer than RQ lets one run that asks for no time of its own."""
    monkeypatch.setattr(Queue, "DEFAULT_TIMEOUT", 1)

    def build() -> None:
        time.sleep(1.2)
        ran.append(())

    queue.job(app, "slow", build)
    return ran


def test_a_long_job_is_not_ended_by_rq(settings: Settings, slow: list[Any]) -> None:
    """A build that is ended is begun again from its start, and ended again, for ever."""
    with transaction():
        queue.enqueue("slow")
    work(settings)
    assert slow == [()]


def test_a_long_job_of_the_clock_is_not_ended_by_rq(settings: Settings, slow: list[Any]) -> None:
    connection = redis.Redis.from_url(settings.redis_url)
    scheduler._NamedJob(
        queue.QUEUE_NAME, func_name="wsgi.run_cron", args=("slow",), cron="* * * * *"
    ).enqueue(connection)
    work(settings)
    assert slow == [()]


@pytest.mark.parametrize("by", ["order", "clock"])
@pytest.mark.parametrize("name", ["build_release", "nightly_rewrite", "finish_erasures"])
def test_a_job_that_hangs_is_ended(
    app: Flask,
    settings: Settings,
    slow: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    by: str,
) -> None:
    """There is one worker: what hangs for hours holds up erasures, unless it may take as long."""
    monkeypatch.setattr(queue, "LIMIT_SECONDS", 1)
    queue.job(app, name, app.extensions["jobs"]["slow"])
    if by == "order":
        with transaction():
            queue.enqueue(name)
    else:
        connection = redis.Redis.from_url(settings.redis_url)
        scheduler._NamedJob(
            queue.QUEUE_NAME, func_name="wsgi.run_cron", args=(name,), cron="* * * * *"
        ).enqueue(connection)
    work(settings)
    ended = name == "finish_erasures"
    assert slow == ([] if ended else [()])
    assert waiting() == (ended and by == "order")


def test_what_is_quick_is_ended_within_minutes_by_the_sweeper_too(
    settings: Settings, ran: list[Any]
) -> None:
    connection = redis.Redis.from_url(settings.redis_url)
    with transaction():
        order = queue.enqueue("note")
        late = queue.enqueue("build_release")
    connection.flushdb()
    queue.sweep()
    given = [
        Job.fetch(b64(one), connection=connection, serializer=JSONSerializer).timeout
        for one in (order, late)
    ]
    assert given == [600, 6 * 3600]


def test_every_line_of_the_schedule_is_a_job(app: Flask) -> None:
    known = {*app.extensions["jobs"], "sweep"}
    assert {name for name, _ in app.extensions["schedule"]} <= known

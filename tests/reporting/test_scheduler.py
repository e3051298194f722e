"""The clock's orders: by name, in JSON, once; also when a job ends while it is asked about."""

from typing import Any

import pytest
import redis
from flask import Flask
from rq.job import Job, JobStatus

import wsgi
from reporting import queue, scheduler
from reporting.database import transaction
from reporting.sealing import b64
from reporting.settings import Settings
from tests.reporting.test_queue import work


@pytest.fixture
def ran(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A job `note` that says that it ran; run by this process's worker."""
    found: list[str] = []
    queue.job(app, "note", lambda: found.append("ran"))
    monkeypatch.setattr(wsgi, "_worker_app", lambda: app)
    return found


@pytest.fixture
def connection(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(settings.redis_url)


@pytest.fixture
def note() -> scheduler._NamedJob:
    return scheduler._NamedJob(
        queue.QUEUE_NAME, func_name="wsgi.run_cron", args=("note",), cron="* * * * *"
    )


def test_cron_orders_by_name_in_json_once(
    settings: Settings, ran: list[str], connection: redis.Redis, note: scheduler._NamedJob
) -> None:
    note.enqueue(connection)
    note.enqueue(connection)
    assert connection.llen(f"rq:queue:{queue.QUEUE_NAME}") == 1
    work(settings)
    note.enqueue(connection)
    work(settings)
    assert ran == ["ran", "ran"]


def forget_while_deleted(connection: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is gone from its queue, and from Valkey in the moment in which it is deleted."""
    delete = Job.delete

    def forgotten(job: Job, *arguments: Any, **options: Any) -> None:
        connection.delete(job.key)
        delete(job, *arguments, **options)

    monkeypatch.setattr(Job, "delete", forgotten)
    connection.delete(f"rq:queue:{queue.QUEUE_NAME}")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_job_may_end_while_the_clock_asks_about_it(
    settings: Settings,
    ran: list[str],
    connection: redis.Redis,
    note: scheduler._NamedJob,
    monkeypatch: pytest.MonkeyPatch,
    before: bool,
) -> None:
    """Before or after it was read. An error would end the clock, and with it every other job."""
    note.enqueue(connection)
    fetch = Job.fetch

    def ends(name: str, *arguments: Any, **options: Any) -> Job:
        monkeypatch.setattr(Job, "fetch", fetch)
        if before:
            work(settings)
        known = fetch(name, *arguments, **options)
        work(settings)
        return known

    monkeypatch.setattr(Job, "fetch", ends)
    note.enqueue(connection)
    assert ran == ["ran"]
    # Read before it ended it was still to come; gone by then, it is ordered anew.
    assert connection.llen(f"rq:queue:{queue.QUEUE_NAME}") == before
    note.enqueue(connection)
    work(settings)
    assert ran == ["ran", "ran"]


def test_a_failed_job_may_be_forgotten_while_the_clock_takes_it_away(
    connection: redis.Redis,
    ran: list[str],
    note: scheduler._NamedJob,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An hour after it has failed: just when a job of every hour is ordered again."""
    note.enqueue(connection).set_status(JobStatus.FAILED)
    forget_while_deleted(connection, monkeypatch)
    note.enqueue(connection)
    assert connection.llen(f"rq:queue:{queue.QUEUE_NAME}") == 1


def test_a_failed_job_may_be_forgotten_while_it_is_handed_over_again(
    connection: redis.Redis, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        order = queue.enqueue("note")
    Job.fetch(b64(order), connection=connection).set_status(JobStatus.FAILED)
    forget_while_deleted(connection, monkeypatch)
    queue.hand_over(order, "note")
    assert connection.llen(f"rq:queue:{queue.QUEUE_NAME}") == 1

"""The clock's orders: by name, in JSON, once; also when a job ends while it is asked about."""

from typing import Any

import pytest
import redis
from flask import Flask
from rq.job import Job

import wsgi
from reporting import queue, scheduler
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

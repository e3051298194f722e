"""What a failed job leaves: its name and class of failure in the log, of its text nothing."""

import json
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from flask import Flask
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

import wsgi
from reporting import queue, scheduler
from reporting.database import transaction
from reporting.settings import Settings

WORD = "quinquireme"
Order = Callable[[redis.Redis], str]


class Unread(Exception):
    """What a library may say: with a value in it."""


@pytest.fixture
def connection(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """Where a job waits that fails with a word in its text, and in what caused it."""

    def fails() -> None:
        try:
            raise KeyError(WORD)
        except KeyError as cause:
            raise Unread(f"cannot read {WORD}") from cause

    queue.job(app, "fails", fails)
    monkeypatch.setattr(wsgi, "_worker_app", lambda: app)
    return redis.Redis.from_url(settings.redis_url)


def by_order(_connection: redis.Redis) -> str:
    with transaction():
        queue.enqueue("fails")
    return "fails"


def by_clock(connection: redis.Redis) -> str:
    scheduler._NamedJob(
        queue.QUEUE_NAME, func_name="wsgi.run_cron", args=("fails",), cron="* * * * *"
    ).enqueue(connection)
    return "fails"


def kept(connection: Any) -> Iterator[bytes]:
    """Every name and value in Valkey, of every type, as it lies there."""
    ask: dict[bytes, Callable[[bytes], Any]] = {
        b"string": connection.get,
        b"hash": connection.hgetall,
        b"list": lambda key: connection.lrange(key, 0, -1),
        b"set": connection.smembers,
        b"zset": lambda key: connection.zrange(key, 0, -1),
        b"stream": connection.xrange,
    }
    for key in connection.keys("*"):
        yield key
        yield from flat(ask[connection.type(key)](key))


def flat(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from flat(list(value.items()))
    elif isinstance(value, (list, tuple, set)):
        for one in value:
            yield from flat(one)


def opened(value: bytes) -> Iterator[bytes]:
    """A value and what is packed into it: RQ keeps texts as zlib, in streams as base64 of it."""
    yield value
    for unpack in (zlib.decompress, lambda packed: zlib.decompress(b64decode(packed))):
        with suppress(zlib.error, ValueError):
            yield unpack(value)


def places(connection: redis.Redis, word: str) -> int:
    return sum(word.encode() in text for value in kept(connection) for text in opened(value))


@pytest.mark.parametrize("order", [by_order, by_clock])
def test_the_text_of_a_failure_is_nowhere_in_valkey(
    connection: redis.Redis, order: Order, capsys: pytest.CaptureFixture[str]
) -> None:
    name = order(connection)
    scheduler.worker(connection).work(burst=True, logging_level="WARNING")
    failed = [key for key in connection.keys("rq:failed:*") if connection.zcard(key)]
    assert len(failed) == 1, "it has not failed"
    assert places(connection, WORD) == places(connection, "Traceback") == 0
    said = capsys.readouterr().err
    assert WORD not in said
    lines = [json.loads(line) for line in said.splitlines() if "{" in line]
    told = [(line["job"], line["error"]) for line in lines if line["event"] == "job failed"]
    assert told == [(name, "Unread")]
    assert {line["event"] for line in lines} == {"job failed", "job not finished"}


@pytest.mark.parametrize("order", [by_order, by_clock])
def test_what_rq_keeps_by_itself_is_found(connection: redis.Redis, order: Order) -> None:
    """The twin: what this looks for is there when RQ's own worker has run the same job."""
    order(connection)
    worker = SimpleWorker([queue.QUEUE_NAME], connection=connection, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="WARNING")
    assert places(connection, WORD) >= 1
    assert places(connection, "Traceback") >= 1


def test_a_word_is_found_wherever_it_is_planted(connection: Any) -> None:
    packed = zlib.compress(WORD.encode())
    connection.set("a", WORD)
    connection.hset("b", "field", packed)
    connection.rpush("c", f"<{WORD}>")
    connection.sadd("d", WORD)
    connection.zadd("e", {WORD: 1})
    connection.xadd("f", {"text": packed})
    connection.set(WORD, "")
    assert places(connection, WORD) == 7


def test_a_job_that_cannot_even_be_read_is_named_by_its_id(
    connection: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    by_clock(connection)
    (key,) = connection.keys("rq:job:cron-*")
    connection.hset(key, "data", zlib.compress(WORD.encode()))
    scheduler.worker(connection).work(burst=True, logging_level="WARNING")
    said = capsys.readouterr().err
    assert WORD not in said
    assert '"job not finished"' in said
    assert '"order": "cron-fails"' in said
    assert "DeserializationError" in said
    # Its payload is what whoever may write to Valkey put there; nothing is added to that.
    assert places(connection, "Traceback") == 0
    assert Job.fetch("cron-fails", connection=connection).get_status() == "failed"

"""Jobs: an outbox in the database, handed to RQ after the commit (architecture.md 4).

A job's payload is its name and ids, as JSON; nothing else fits. Valkey lost or empty loses no job:
the row stays until the job has run, and the sweeper hands it over again. Every job can run twice.
Reporters' requests make no job: Redis keeps times (sealing.md 10).
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis
import structlog
from flask import Flask, current_app
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from sqlalchemy import String, Text, event, select
from sqlalchemy.orm import Mapped, mapped_column

from reporting.database import Base, Id, db, transaction
from reporting.sealing import b64, random_id, unb64

log = structlog.get_logger()
QUEUE_NAME = "upstander"
# There is one worker: while a job hangs, erased reports keep their rows.
LIMIT_SECONDS = 600
# This little would end the build or the nightly rewrite of a large instance, which would begin
# again from the start, for ever.
LONG_SECONDS = 6 * 3600
_LONG = frozenset({"build_release", "nightly_rewrite"})
_FAILED = "failed"


class Outbox(Base):
    """A job that was ordered and has not yet run."""

    __tablename__ = "outbox"

    id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    name: Mapped[str] = mapped_column(String(40), info={"holds": "code"})
    # JSON list of ids (b64).
    ids: Mapped[str] = mapped_column(Text, info={"holds": "opaque"})


def job(app: Flask, name: str, function: Callable[..., None]) -> None:
    """Register a job by name (called by `wsgi.py` only, so that nothing here looks up)."""
    app.extensions.setdefault("jobs", {})[name] = function


def limit(name: str) -> int:
    """After how many seconds a job of this name is ended, for it hangs."""
    return LONG_SECONDS if name in _LONG else LIMIT_SECONDS


def connect(url: str) -> "redis.Redis":
    """A Redis client that fails within seconds instead of holding a request."""
    return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)


def enqueue(name: str, *ids: bytes) -> bytes:
    """Order a job in the caller's transaction; RQ gets it after the commit. Returns its id."""
    if name not in current_app.extensions["jobs"]:
        raise KeyError(name)
    session: Any = db.session
    row = Outbox(id=random_id(), name=name, ids=_as_json(ids))
    session.add(row)
    order = row.id
    event.listen(session(), "after_commit", lambda _s: _hand_over_quietly(order, name), once=True)
    return order


def _hand_over_quietly(order: bytes, name: str) -> None:
    """Hand over now; when Redis is away the sweeper does it later."""
    try:
        hand_over(order, name)
    except redis.RedisError as error:
        log.warning("job waits for redis", error=type(error).__name__)


def hand_over(order: bytes, name: str) -> None:
    """Put the job of this name into RQ under the outbox row's id, so that twice is once."""
    connection: redis.Redis = current_app.extensions["redis"]
    queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
    job_id = b64(order)
    meta = {}
    if known := _known(job_id):
        if _status(known) in {JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED}:
            return
        meta[_FAILED] = _failures(known)
        # One that ends by itself meanwhile is as gone.
        with suppress(InvalidJobOperation):
            known.delete()
    queue.enqueue(
        "wsgi.run_job",
        job_id,
        job_id=job_id,
        job_timeout=limit(name),
        result_ttl=0,
        failure_ttl=3600,
        meta=meta,
    )


def failures(name: str, *ids: bytes) -> int:
    """How often in a row an ordered job has failed, as far as Redis remembers."""
    query = select(Outbox.id).where(Outbox.name == name, Outbox.ids == _as_json(ids))
    order = db.session.scalar(query)
    known = _known(b64(order)) if order else None
    return _failures(known) if known else 0


def _known(name: str) -> Job | None:
    connection: redis.Redis = current_app.extensions["redis"]
    try:
        return Job.fetch(name, connection=connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return None


def _failures(known: Job) -> int:
    """Those before this attempt, and this one if it failed."""
    return int(known.meta.get(_FAILED, 0)) + (_status(known) == JobStatus.FAILED)


def _status(known: Job) -> JobStatus:
    """As it was read: asked for once more, a job that has ended since would be an error."""
    return known.get_status(refresh=False)


def _as_json(ids: Iterable[bytes]) -> str:
    return json.dumps([b64(i) for i in ids])


def run(order: str) -> None:
    """Run one ordered job inside the app; called by the worker. Runs again are harmless."""
    with transaction() as session:
        row = session.get(Outbox, unb64(order))
        if row is None:
            return
        name, ids = row.name, [unb64(i) for i in json.loads(row.ids)]
    with named(name):
        current_app.extensions["jobs"][name](*ids)
    with transaction() as session:
        row = session.get(Outbox, unb64(order))
        if row is not None:
            session.delete(row)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Let the log say which job fails: the worker knows ids only."""
    try:
        yield
    except Exception:
        log.exception("job failed", job=name)
        raise


def sweep() -> int:
    """Hand over every job that has not run: one that Redis still knows is left as it is.

    Nothing remembers what was handed over, for Redis may have lost it since. Returns how many jobs
    wait.
    """
    session: Any = db.session
    orders = session.execute(select(Outbox.id, Outbox.name)).all()
    for order, name in orders:
        hand_over(order, name)
    return len(orders)

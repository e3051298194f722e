"""What runs jobs: one RQ worker that keeps no text of a failure, and a cron that speaks JSON.

Neither holds a key that opens a report. Payloads are a job's name or an order's id; pickle, RQ's
default, would let whoever writes to Redis run code here.
"""

from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any

import redis
import structlog
from rq import Queue, SimpleWorker
from rq.cron import CronJob, CronScheduler
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from reporting.queue import QUEUE_NAME, limit

log = structlog.get_logger()
WAITING = {JobStatus.QUEUED, JobStatus.STARTED}
# Then it ends and is started afresh: memory does not grow, and old pages are not kept.
JOBS_PER_WORKER = 1000


def work(connection: redis.Redis) -> None:
    """Run jobs until told to stop. Each runs in this process: a fork would outlive a kill -9."""
    worker(connection).work(with_scheduler=False, logging_level="WARNING", max_jobs=JOBS_PER_WORKER)


def worker(connection: redis.Redis) -> SimpleWorker:
    """The worker that `work` runs."""
    return _Worker([QUEUE_NAME], connection=connection, serializer=JSONSerializer)


class _Worker(SimpleWorker):
    """Keeps of a failure that it was one, where RQ keeps traceback and message for an hour.

    An exception's text may hold any value, a word of a report too, and what expires in Valkey stays
    in its append-only file on the disk.
    """

    def handle_exception(
        self,
        job: Job,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say which and where. RQ would make the whole text of it, and name neither in our log."""
        log.error("job not finished", order=job.id, exc_info=error)

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Any = None,
    ) -> None:
        """Mark it failed, so that it is counted and tried again, without a text."""
        super().handle_job_failure(job, queue, started_job_registry, execution=execution)


class _NamedJob(CronJob):
    """A cron line that orders a job of ours by name, once, however long the worker is away."""

    def enqueue(self, connection: redis.Redis) -> Job:
        """Put the name into the queue, unless it still waits there from before."""
        (name,) = self.args
        known = f"cron-{name}"
        # It may end between any two questions: one that is gone was done, one read stands as read.
        with suppress(NoSuchJobError, InvalidJobOperation):
            waiting = Job.fetch(known, connection=connection, serializer=JSONSerializer)
            if waiting.get_status(refresh=False) in WAITING:
                return waiting
            waiting.delete()
        queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        return queue.enqueue(
            self.func_name,
            name,
            job_id=known,
            job_timeout=limit(name),
            result_ttl=0,
            failure_ttl=3600,
        )


def keep_time(connection: redis.Redis, schedule: Iterable[tuple[str, str]]) -> None:
    """Order each job when its crontab line says so (UTC: the process runs with TZ=UTC)."""
    scheduler = CronScheduler(connection, logging_level="WARNING")
    for name, crontab in schedule:
        job = _NamedJob(QUEUE_NAME, func_name="wsgi.run_cron", args=(name,), cron=crontab)
        scheduler.get_jobs().append(job)
    scheduler.start()  # type: ignore[no-untyped-call]  # RQ types all but this

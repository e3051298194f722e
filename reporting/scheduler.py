"""What runs jobs: one RQ worker, and RQ's cron scheduler made to speak JSON.

Neither holds a key that opens a report. Payloads are a job's name or an order's id; pickle, RQ's
default, would let whoever writes to Redis run code here.
"""

from collections.abc import Iterable

import redis
from rq import Queue, SimpleWorker
from rq.cron import CronJob, CronScheduler
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from reporting.queue import QUEUE_NAME, limit

WAITING = {JobStatus.QUEUED, JobStatus.STARTED}
# Then it ends and is started afresh: memory does not grow, and old pages are not kept.
JOBS_PER_WORKER = 1000


def work(connection: redis.Redis) -> None:
    """Run jobs until told to stop. Each runs in this process: a fork would outlive a kill -9."""
    worker = SimpleWorker([QUEUE_NAME], connection=connection, serializer=JSONSerializer)
    worker.work(with_scheduler=False, logging_level="WARNING", max_jobs=JOBS_PER_WORKER)


class _NamedJob(CronJob):
    """A cron line that orders a job of ours by name, once, however long the worker is away."""

    def enqueue(self, connection: redis.Redis) -> Job:
        """Put the name into the queue, unless it still waits there from before."""
        (name,) = self.args
        known = f"cron-{name}"
        if Job.exists(known, connection=connection):
            waiting = Job.fetch(known, connection=connection, serializer=JSONSerializer)
            if waiting.get_status() in WAITING:
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

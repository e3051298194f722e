"""Whether this instance lives and is ready, and a few counts for those who run it.

Counts nothing that reporters do: a number of reports, asked for every few seconds, would tell to
the second when one came in.
"""

import shutil
import socket
from typing import Any

import redis
from flask import Blueprint, Response, abort, current_app, jsonify, request
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from reporting.access import PUBLIC, audience
from reporting.database import db
from reporting.queue import QUEUE_NAME, Outbox

blueprint = Blueprint("health", __name__)
# Below this a report with five files could not be kept.
DISK_BYTES = 200 * 1024 * 1024


@blueprint.get("/healthz")
@audience(PUBLIC)
def healthz() -> Response:
    """Liveness: the process answers."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/readyz")
@audience(PUBLIC)
def readyz() -> tuple[Response, int]:
    """Readiness: everything a report, a job or a sign-in needs is there."""
    found = checks()
    return jsonify(found), 200 if all(found.values()) else 503


@blueprint.get("/metrics")
@audience(PUBLIC)
def metrics() -> Response:
    """Counts, served on a Unix socket of its own and nowhere else."""
    own = str(current_app.extensions["settings"].metrics_socket)
    came_by: Any = request.environ.get("gunicorn.socket")
    if came_by is None or came_by.family != socket.AF_UNIX or came_by.getsockname() != own:
        abort(404)
    lines = [f"# TYPE upstander_{k} gauge\nupstander_{k} {v}" for k, v in counts().items()]
    return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4")


def checks() -> dict[str, bool]:
    """Database, Redis, disk and worker, each yes or no."""
    return {
        "database": _database_answers(),
        "redis": _redis_answers(),
        "disk": _free_bytes() >= DISK_BYTES,
        "worker": _workers() > 0,
    }


def counts() -> dict[str, int]:
    """What `/metrics` tells."""
    session: Any = db.session
    connection: redis.Redis = current_app.extensions["redis"]
    found = {name: int(yes) for name, yes in checks().items()}
    found |= {"disk_free_bytes": _free_bytes(), "workers": _workers()}
    if found["database"]:
        found["jobs_ordered"] = session.scalar(select(func.count()).select_from(Outbox)) or 0
    if found["redis"]:
        queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        found["jobs_queued"] = queue.count
    return found


def _database_answers() -> bool:
    session: Any = db.session
    try:
        session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        session.rollback()
        return False
    return True


def _redis_answers() -> bool:
    try:
        return bool(current_app.extensions["redis"].ping())
    except redis.RedisError:
        return False


def _workers() -> int:
    """Workers that have given a sign of life lately: RQ forgets the others."""
    try:
        return Worker.count(connection=current_app.extensions["redis"])
    except redis.RedisError:
        return 0


def _free_bytes() -> int:
    return shutil.disk_usage(current_app.extensions["settings"].data_dir).free

"""gunicorn's settings: `gunicorn -c python:reporting.web "wsgi:create_app()"`, as `run` starts it.

No access log, no address in any line, no server header, no control socket. Bodies stream: nothing
of a request is written to a temporary file here.
"""

from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http.wsgi import Response

worker_class = "gthread"
workers = 2
# A slow upload holds a thread, not the worker; a worker with a full pool still accepts.
threads = 16
# Heartbeat of a worker's main loop. A request may take as long as 100 MiB over Tor takes.
timeout = 300
# A recycled worker lets running uploads finish for this long.
graceful_timeout = 300
keepalive = 5
backlog = 512
# Python cannot wipe memory: a worker that has read reports without script goes after a while. The
# jitter keeps two from going at once.
max_requests = 10_000
max_requests_jitter = 5_000
# The application is loaded once and forked: half the time and memory of a start. What holds it, the
# arbiter, answers no request and opens no connection; a worker that goes takes along what it read.
preload_app = True
accesslog = None
loglevel = "warning"
control_socket_disable = True
proc_name = "upstander"
# Sockets made by path (metrics) are the owner's only.
umask = 0o077


class QuietLogger(Logger):
    """gunicorn's lines without the values in them: addresses and paths are what they would name."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers to `reporting.logs`."""
        self.error_log.propagate = True
        self.error_log.setLevel("WARNING")

    def access(self, *_args: Any, **_kwargs: Any) -> None:
        """No access log."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Without the address gunicorn formats into this one."""
        if msg.startswith("Invalid request from"):
            msg = "invalid request"
        super().warning(msg, *args, **kwargs)


logger_class = QuietLogger


def post_fork(_server: Any, _worker: Any) -> None:
    """Answer without saying what answers."""
    original = Response.default_headers

    def without_server(self: Any) -> list[str]:
        return [line for line in original(self) if not line.startswith("Server:")]

    Response.default_headers = without_server

"""gunicorn's settings: `gunicorn -c python:reporting.web "wsgi:create_app()"`, as `run` starts it.

No access log, no address in any line, no server header, no control socket. Bodies stream: nothing
of a request is written to a temporary file here.
"""

import gc
from datetime import date
from typing import Any

# Loaded by the first signature otherwise; see `when_ready`.
import cryptography.hazmat.backends.openssl.backend  # noqa: F401
from flask import Flask
from flask_babel import force_locale, get_translations
from gunicorn.glogging import Logger
from gunicorn.http.wsgi import Response
from jinja2 import DictLoader

from reporting.i18n import LOCALES, direction, long_date, month_names, own_name

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


def when_ready(server: Any) -> None:
    """Once, before the workers are forked: read what answers are made of."""
    read_ahead(server.app.wsgi())
    # As in `processes`: it stays, and no worker looks through it.
    gc.freeze()


def read_ahead(app: Flask) -> None:
    """Have every template and catalogue in memory.

    The system notes when a file was read. Read when a page first needs it, the receipt's template
    would bear the second in which a report was sent.
    """
    pages = app.jinja_env
    if pages.loader is not None:
        sources = {n: pages.loader.get_source(pages, n)[0] for n in pages.list_templates()}
        pages.loader = DictLoader(sources)
    for locale in LOCALES:
        with app.test_request_context(f"/{locale}/"), force_locale(locale):
            get_translations()
            # The data of Babel's languages lie in files too.
            _ = direction(locale), own_name(locale), month_names(locale), long_date(date.min)


def post_fork(_server: Any, _worker: Any) -> None:
    """Answer without saying what answers."""
    original = Response.default_headers

    def without_server(self: Any) -> list[str]:
        return [line for line in original(self) if not line.startswith("Server:")]

    Response.default_headers = without_server

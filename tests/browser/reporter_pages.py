"""A served instance that writes down every request, and a reporter in Chromium."""

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import leaks

VIOLATIONS = """window.violations = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));"""


@dataclass
class Seen:
    """One request as the server got it; `head` is its address with the query, and its headers."""

    method: str
    path: str
    head: bytes
    body: bytes
    cookie: str


@dataclass
class Served:
    """Address of the instance and all requests so far."""

    base: str
    seen: list[Seen] = field(default_factory=list)

    def betrayed(self, words: Iterable[str]) -> list[leaks.Found]:
        """Words that stand in a request, however they are written."""
        places = {
            f"{number} {one.method} {one.path}": one.head + b"\n" + one.body
            for number, one in enumerate(self.seen)
        }
        return list(leaks.search_bytes(places, words))


class _Quiet(WSGIRequestHandler):
    def log(self, *_line: Any) -> None:
        """No line for a request."""


@contextmanager
def served(app: Flask) -> Iterator[Served]:
    """Serve the application on a port of the loopback, which browsers take for secure."""
    inner = app.wsgi_app
    found = Served("")

    def recorded(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        cookie = environ.get("HTTP_COOKIE", "")
        path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
        headers = [f"{k}: {v}" for k, v in environ.items() if k.startswith(("HTTP_", "CONTENT_"))]
        head = "\n".join([f"{path}?{query}", *headers]).encode("latin-1", "replace")
        found.seen.append(Seen(environ["REQUEST_METHOD"], path, head, body, cookie))
        return inner(environ, start)

    app.wsgi_app = recorded  # type: ignore[assignment,method-assign]  # around all
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    found.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.wsgi_app = inner  # type: ignore[method-assign]  # as it was


def context_of(browser: Browser, **options: Any) -> BrowserContext:
    """A phone of a new visitor that notes what the content policy refuses."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, **options)
    context.add_init_script(VIOLATIONS)
    return context


def traces(page: Page) -> dict[str, Any]:
    """What the visit left in the browser; all of it must be empty."""
    stored: dict[str, Any] = page.evaluate(
        """async () => ({
          local: localStorage.length, session: sessionStorage.length,
          databases: (await indexedDB.databases()).length, violations: window.violations,
          caches: (await caches.keys()).length,
        })"""
    )
    return {**stored, "cookies": page.context.cookies()}


CLEAN = {"local": 0, "session": 0, "databases": 0, "violations": [], "caches": 0, "cookies": []}

"""How pages and JSON leave: never stored, in one language, the unchanging ones rendered once."""

import gzip
import json
from collections.abc import Callable, Hashable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, render_template, request

from reporting.database import db

# Entries of the cache of rendered pages; it only ever holds what anybody may see.
MAX_PAGES = 500
_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page made for this request."""
    return _html(render_template(template, **values).encode(), status)


def cached_page(key: Hashable, render: Callable[[], str]) -> Response:
    """A page that is the same for everybody, rendered once per process and compressed once.

    It holds no secret and nothing anyone typed, so compressing it tells nothing (BREACH).
    """
    pages: dict[Hashable, tuple[bytes, bytes]] = current_app.extensions.setdefault("pages", {})
    made = pages.get(key)
    if made is None:
        html = render().encode()
        made = (html, gzip.compress(html, 9, mtime=0))
        if len(pages) >= MAX_PAGES:
            pages.clear()
        pages[key] = made
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = _html(made[zipped], 200)
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def let_go() -> None:
    """Give the database connection back before a body is read, which may take an hour.

    What was loaded stays readable; an open read would hold up SQLite's log and PostgreSQL's vacuum.
    """
    db.session.close()


def answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """JSON for a client, for this request only."""
    response = Response(json.dumps(content), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def phrase(status: int) -> str:
    """What RFC 9110 calls a status: Python before 3.13 has older words for some."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def problem(status: int, code: str, extra: Mapping[str, Any] | None = None) -> Response:
    """An error as RFC 9457 wants it. Never any of the request's content."""
    content = {"type": "about:blank", "title": phrase(status), "status": status, "code": code}
    response = answer({**content, **(extra or {})}, status)
    response.content_type = "application/problem+json"
    return response


def _html(html: bytes, status: int) -> Response:
    response = Response(html, status, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response

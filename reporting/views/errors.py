"""Error pages: in the reader's language, with *Leave this page*, never echoing what came in.

The staff side has a frame of its own and puts its own page in (`PAGE`).
"""

from typing import Any

from flask import Flask, Response, current_app, request
from flask_babel import lazy_gettext
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from reporting.views.pages import page, phrase, problem

# Name in the application's extensions of what makes the page of a status.
PAGE = "error_page"
# Addresses for clients; they get RFC 9457.
CLIENT_PATHS = ("/sealed/", "/mailbox", "/.well-known/")
TITLES = {
    400: lazy_gettext("We could not read that"),
    404: lazy_gettext("There is no such page"),
    405: lazy_gettext("There is no such page"),
    413: lazy_gettext("That was too large"),
    422: lazy_gettext("We could not use that"),
    429: lazy_gettext("Too many people at once"),
    500: lazy_gettext("Something went wrong here"),
    503: lazy_gettext("Not available just now"),
}
WORDS = {
    400: lazy_gettext(
        "Nothing was stored. Use your browser’s Back button; your words may still be there."
    ),
    404: lazy_gettext("The address may be old, or a letter may be missing."),
    405: lazy_gettext("The address may be old, or a letter may be missing."),
    413: lazy_gettext("Nothing was stored. You can send 5 files, 20 MB each."),
    422: lazy_gettext(
        "Nothing was stored. Use your browser’s Back button; your words may still be there."
    ),
    429: lazy_gettext("Please wait one minute and try again. Nothing was stored."),
    500: lazy_gettext("It is not your fault. Nothing more was stored. Please try again later."),
    503: lazy_gettext("Please try again later. In danger, use the phone."),
}


def init_app(app: Flask) -> None:
    """Answer every refused request, and every fault, with a page or a problem of ours."""
    # A fault arrives here as a 500 after Flask has told the logs where it was.
    app.register_error_handler(HTTPException, refused)
    app.extensions[PAGE] = error_page


def refused(error: HTTPException) -> AnyResponse:
    """The page of an HTTP error."""
    if isinstance(error.response, AnyResponse):
        return error.response
    status = error.code or 500
    if status < 400:
        return Response(status=status, headers=list(error.get_headers()))
    if request.path.startswith(CLIENT_PATHS):
        response = problem(status, phrase(status).lower().replace(" ", "-"))
    else:
        response = current_app.extensions[PAGE](status)
    if status == 429:
        response.headers["Retry-After"] = "60"
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def error_page(status: int) -> Response:
    """A page that says what happened in two short sentences."""
    heading, words = words_of(status)
    return page("reporting/error.html", status, heading=heading, words=words)


def words_of(status: int) -> tuple[Any, Any]:
    """Heading and words of a status."""
    known = status if status in TITLES else (500 if status >= 500 else 400)
    return TITLES[known], WORDS[known]

"""Error pages of the staff side: in its frame, and in the language of whoever is signed in.

An address that no view has never passes `enforce`: who is signed in is found here, and nothing of
theirs but the name in the frame is shown. Never echoes what came in.
"""

import redis
from flask import Response, current_app, g, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from casework import sessions
from casework.sessions import Session
from casework.views import blueprint, cookie_token
from reporting.views import errors


def error_page(status: int) -> Response:
    """The page of an error: the staff side's below /staff, and everywhere on a host of its own."""
    if not _is_staffs():
        # On a host without public pages theirs would lead nowhere.
        if "reporting" in current_app.extensions["settings"].parts:
            return errors.error_page(status)
    elif request.endpoint is None:
        g.staff = _signed_in()
        if g.staff is not None:
            g.locale = g.staff.locale
    heading, sentence = errors.words_of(status)
    page = render_template("casework/refused.html", heading=heading, sentence=sentence)
    return make_response(page, status)


def _is_staffs() -> bool:
    return f"{request.path}/".startswith(f"{blueprint.url_prefix}/")


def _signed_in() -> Session | None:
    token = cookie_token()
    try:
        return sessions.load(token) if token else None
    except (redis.RedisError, SQLAlchemyError):
        # The address is wrong all the same.
        return None

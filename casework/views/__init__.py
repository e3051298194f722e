"""The staff side's door: who is signed in, whether the page is for them, and its forms' tokens.

Every page below /staff passes `enforce` before its view. A view cannot forget to: what it is for
stands in its declared audience, and a route without one keeps the application from starting.
"""

from urllib.parse import urlencode, urlsplit

import redis
from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
)
from flask import session as forms
from flask_babel import gettext
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from werkzeug.wrappers import Response as BaseResponse

from casework import sessions
from casework.policy import ActionRefused
from casework.sessions import Session
from casework.views.frame import frame
from casework.views.refusals import page_of, status_of
from reporting.access import PUBLIC
from reporting.sealing import b64
from reporting.settings import Settings
from reporting.views.errors import PAGE

blueprint = Blueprint("casework", __name__, url_prefix="/staff", template_folder="../templates")
csrf = CSRFProtect()

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Fields of a form whose words are given back when its session had ended.
_SECRET_FIELDS = frozenset({"csrf_token", "passphrase", "code"})
# Always words, even in a script that writes without spaces.
_TEXT_FIELDS = frozenset({"text", "note"})


def init_app(app: Flask) -> None:
    """CSRF tokens for staff forms only: the public side sets no cookie at all."""
    secure = not is_plain_loopback(app.extensions["settings"])
    app.config.update(
        SESSION_COOKIE_NAME="upstander-forms",
        SESSION_COOKIE_PATH="/staff",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=secure,
        WTF_CSRF_CHECK_DEFAULT=False,
        # Referrer-Policy is no-referrer: there is none to compare. SameSite=Strict stands instead.
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_TIME_LIMIT=int(sessions.LONGEST.total_seconds()),
    )
    csrf.init_app(app)
    app.context_processor(frame)
    app.extensions[PAGE] = errors.error_page
    app.jinja_env.filters["b64"] = b64


def is_plain_loopback(settings: Settings) -> bool:
    """Whether people reach this instance without TLS on their own machine only."""
    address = urlsplit(settings.address)
    return address.scheme == "http" and address.hostname in _LOOPBACK


def cookie_name(settings: Settings) -> str:
    """`__Host-` binds the cookie to this very host; browsers refuse it without TLS."""
    return "upstander" if is_plain_loopback(settings) else "__Host-upstander"


def set_cookie(response: BaseResponse, session: Session) -> None:
    """Give the browser its half of the session. It ends with the browser at the latest.

    All tabs share it. What stands in a page of the member before would be sent in this one's name:
    the tokens of those pages are worth nothing from now on, and the session they had ends; nor are
    those that a page of theirs fetched while nobody was signed in. Pages of the same member keep
    theirs, so that what was typed before the lock can be sent after it.
    """
    if cookie_token():
        sessions.end(cookie_token())
    member = b64(session.member_id)
    if forms.get("member") != member:
        forms.clear()
    forms["member"] = member
    settings = current_app.extensions["settings"]
    response.set_cookie(
        cookie_name(settings),
        session.token,
        path="/",
        secure=not is_plain_loopback(settings),
        httponly=True,
        samesite="Strict",
    )


def drop_cookie(response: BaseResponse) -> None:
    """Take the browser's half away."""
    settings = current_app.extensions["settings"]
    response.delete_cookie(
        cookie_name(settings),
        path="/",
        secure=not is_plain_loopback(settings),
        httponly=True,
        samesite="Strict",
    )


def cookie_token() -> str:
    """The session cookie of this request, or nothing."""
    return request.cookies.get(cookie_name(current_app.extensions["settings"]), "")


def local_path(wanted: str) -> str:
    """`wanted` if it is a path of the staff side, else nothing: no sign-in leads elsewhere."""
    fits = (
        # Neither another machine's address nor one that no parser reads begins so.
        wanted.startswith("/staff/")
        and "\\" not in wanted
        and wanted.isprintable()
        and not wanted.startswith("/staff/sign-in")
    )
    return wanted if fits else ""


@blueprint.before_request
def enforce() -> BaseResponse | tuple[str, int] | None:
    """Nobody passes without the role the view declares; no form without its token."""
    g.pop("locale", None)
    g.staff = None
    # `wsgi` starts no application with a view that declares nothing.
    allowed = getattr(current_app.view_functions[str(request.endpoint)], "audience")  # noqa: B009
    if PUBLIC in allowed:
        csrf.protect()
        return None
    token = cookie_token()
    session = sessions.load(token) if token else None
    if session is None:
        return _signed_out()
    g.staff = session
    g.locale = session.locale
    own_forms(session.member_id)
    if session.role not in allowed:
        return render_template("casework/refused.html", reason="role", **page_of("role")), 403
    csrf.protect()
    return None


def own_forms(member_id: bytes) -> None:
    """Take no form by the tokens of another member. Raises `CSRFError`.

    An answer to the member before that was slow brings back the cookie of their tokens, beside the
    session of who signed in since: their page would act in this one's name. The next page this
    member asks for gives them tokens of their own.
    """
    member = b64(member_id)
    if forms.get("member") == member:
        return
    if request.method not in {"GET", "HEAD"}:
        raise CSRFError("another member's")
    forms.clear()
    forms["member"] = member


def new_token() -> str:
    """A token for the forms of this browser."""
    return str(generate_csrf())


def _signed_out() -> BaseResponse | tuple[str, int]:
    """Ask to sign in; words typed into a form are given back, for nothing else keeps them."""
    if request.method in {"GET", "HEAD"}:
        wanted = local_path(request.full_path.rstrip("?"))
        query = f"?{urlencode({'next': wanted})}" if wanted else ""
        return redirect(f"/staff/sign-in{query}", 303)
    # Only a form of ours gets its words shown again.
    csrf.protect()
    typed = [
        (_title(name), value)
        for name, value in request.form.items(multi=True)
        if name not in _SECRET_FIELDS
        and value.strip()
        and (name in _TEXT_FIELDS or any(letter.isspace() for letter in value.strip()))
    ]
    return render_template("casework/signed_out.html", typed=typed), 401


def _title(name: str) -> str:
    """What a field was called on the page that was lost."""
    if name == "text":
        return gettext("Answer") if request.path.endswith("/answers") else gettext("Note")
    titles = {
        "name": gettext("Name"),
        "incident": gettext("Incident"),
        "other": gettext("Or its address"),
        "email": gettext("E-mail"),
    }
    return titles.get(name, name)


@blueprint.teardown_app_request
def forget(_error: BaseException | None) -> None:
    """The opened keyring does not outlive its request, that of an unknown address neither."""
    for name in ("staff", "locale", "csrf_token"):
        g.pop(name, None)


@blueprint.errorhandler(ActionRefused)
def refused(refusal: ActionRefused) -> tuple[str, int]:
    """One page for every refusal, in words."""
    reason = refusal.reason
    page = render_template("casework/refused.html", reason=reason, **page_of(reason))
    return page, status_of(reason)


@blueprint.errorhandler(CSRFError)
def form_too_old(_error: CSRFError) -> tuple[str, int]:
    """A form without a valid token: too old, or not ours."""
    return render_template("casework/refused.html", reason="form", **page_of("form")), 400


@blueprint.errorhandler(redis.RedisError)
def without_redis(_error: redis.RedisError) -> tuple[str, int, dict[str, str]]:
    """Sessions are out of reach. Reports still come in; they wait."""
    g.staff = None
    page = render_template("casework/refused.html", reason="sessions", **page_of("sessions"))
    return page, 503, {"Retry-After": "60"}


def plain(status: int) -> Response:
    """An answer for the page's own script."""
    return Response(status=status)


from casework.views import (  # noqa: E402  # their routes
    errors,
    incidents,  # noqa: F401
    invitation,  # noqa: F401
    people,  # noqa: F401
    profile,  # noqa: F401
    queue,  # noqa: F401
    releases,  # noqa: F401
    reports,  # noqa: F401
    sign_in,  # noqa: F401
)

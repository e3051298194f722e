"""Signing in and out, and the idle lock. The passphrase passes through and stays nowhere."""

import hashlib

from flask import Response, current_app, jsonify, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from casework import members, rotation, sessions, signing_in
from casework.models import Member
from casework.policy import ActionRefused
from casework.sessions import Session
from casework.views import (
    blueprint,
    cookie_token,
    drop_cookie,
    is_plain_loopback,
    local_path,
    new_token,
    own_forms,
    plain,
    set_cookie,
)
from casework.views.frame import home
from reporting.access import ADMINISTRATOR, CASEWORKER, LEAD, PUBLIC, SUPERVISOR, audience
from reporting.database import db
from reporting.sealing import SealingRefused, b64, unb64

# What a member saw last is kept on their device as long as browsers keep anything.
_SEEN_LIVES = 400 * 24 * 3600


@blueprint.get("/")
@audience(CASEWORKER, SUPERVISOR, LEAD, ADMINISTRATOR)
def start() -> BaseResponse:
    """Where this member's work starts."""
    return redirect(home(sessions.current().role), 303)


@blueprint.get("/sign-in")
@audience(PUBLIC)
def sign_in() -> str:
    """The form."""
    left = request.args.get("left", "")
    return _form(next_path=request.args.get("next", ""), left=left)


@blueprint.post("/sign-in")
@audience(PUBLIC)
def signed_in() -> BaseResponse | tuple[str, int]:
    """Check name, passphrase and code; start the session."""
    wanted = request.form.get("next", "")
    try:
        member, session = _open(request.form.get("name", ""), "")
    except ActionRefused as refused:
        return _form(next_path=wanted, problem=refused.reason), 401
    answer = redirect(local_path(wanted) or home(member.role), 303)
    set_cookie(answer, session)
    _set_seen(answer, member)
    return answer


@blueprint.post("/unlock")
@audience(PUBLIC)
def unlock() -> Response:
    """Sign in again from the lock, for the same member only: the page behind it is theirs."""
    expected = request.form.get("member", "")
    try:
        member, session = _open(request.form.get("name", ""), expected)
    except ActionRefused as refused:
        answer = jsonify({"message": str(_problem(refused.reason))})
        answer.status_code = 401
        return answer
    answer = plain(204)
    set_cookie(answer, session)
    _set_seen(answer, member)
    return answer


@blueprint.post("/stay")
@audience(CASEWORKER, SUPERVISOR, LEAD, ADMINISTRATOR)
def stay() -> Response:
    """Someone is at work on the page: the session was rolled on the way here."""
    return plain(204)


@blueprint.get("/token")
@audience(PUBLIC)
def fresh_token() -> Response:
    """A fresh token for a page that is too old, and whose session this browser has, if any.

    Only for pages of that member, and for the lock when nobody is signed in.
    """
    session = sessions.load(cookie_token()) if cookie_token() else None
    if session is not None:
        own_forms(session.member_id)
    member = b64(session.member_id) if session else ""
    return jsonify({"member": member, "token": new_token()})


@blueprint.post("/lock")
@audience(PUBLIC)
def lock() -> BaseResponse:
    """Drop the keyring; also when the session had ended already.

    Not for a page of the member before: it would end the session of who signed in since.
    """
    token = cookie_token()
    if owner := sessions.owner(token):
        own_forms(owner)
    sessions.end(token)
    path = local_path(request.form.get("next", ""))
    answer = redirect(f"/staff/sign-in?left=locked&next={path}", 303)
    drop_cookie(answer)
    return answer


@blueprint.post("/sign-out")
@audience(CASEWORKER, SUPERVISOR, LEAD, ADMINISTRATOR)
def sign_out() -> BaseResponse:
    """Drop the keyring and remember what was seen last."""
    session = sessions.current()
    sessions.end(session.token)
    signing_in.remember(session.member_id, session.seed, "sign_out", session.keyring)
    answer = redirect("/staff/sign-in?left=signed-out", 303)
    drop_cookie(answer)
    member = db.session.get(Member, session.member_id, populate_existing=True)
    if member is not None:
        _set_seen(answer, member)
    return answer


def _open(name: str, expected: str) -> tuple[Member, Session]:
    """Sign in with the form of this request, renewing the intake key if it is time.

    Redis is asked first: a code works once, and should not be used up for nothing.
    """
    current_app.extensions["redis"].ping()
    member, seed = members.sign_in(
        name, request.form.get("passphrase", ""), request.form.get("code", ""), _seen(name)
    )
    if expected and b64(member.id) != expected:
        raise ActionRefused("sign-in")
    try:
        session = sessions.start(member, seed)
    except SealingRefused as refused:
        raise ActionRefused("member-state") from refused
    rotation.renew_if_due(session)
    return member, session


def _form(*, next_path: str, problem: str = "", left: str = "") -> str:
    return render_template(
        "casework/sign_in.html",
        next_path=local_path(next_path),
        problems={_field(problem): _problem(problem)} if problem else {},
        left=left if left in {"signed-out", "locked", "other"} else "",
        name=request.form.get("name", ""),
    )


def _field(reason: str) -> str:
    """Where the link of the problem leads; nowhere when what was typed is right."""
    return "" if reason in {"waiting", "member-state", "roster"} else "name"


def _problem(reason: str) -> str:
    if reason == "waiting":
        return str(
            _(
                "Your sign-in works, but you are not admitted yet. A supervisor of your "
                "organisation compares the fingerprint of your key with you and then admits you."
            )
        )
    if reason in {"member-state", "roster"}:
        return str(
            _(
                "Nothing was opened. The keys or the record of your organisation are not as you "
                "last saw them: someone may have changed the system. Tell your supervisor and "
                "whoever runs this system by phone or in person, not by a message through it."
            )
        )
    return str(
        _(
            "That did not work. Check the name, the six words and the code. A code works once: "
            "if you have just used it, wait for the next one. After five tries you have to wait "
            "some minutes."
        )
    )


def _seen_name(name: str) -> str:
    """One cookie for each name used on this device; the name itself is not in it."""
    digest = hashlib.sha256(signing_in.plain_name(name).encode()).hexdigest()[:16]
    prefix = "" if is_plain_loopback(current_app.extensions["settings"]) else "__Secure-"
    return f"{prefix}upstander-seen-{digest}"


def _seen(name: str) -> bytes | None:
    try:
        return unb64(request.cookies.get(_seen_name(name), "")) or None
    except SealingRefused:
        return None


def _set_seen(answer: BaseResponse, member: Member) -> None:
    if member.member_state is None:
        return
    answer.set_cookie(
        _seen_name(member.name),
        b64(member.member_state),
        max_age=_SEEN_LIVES,
        path="/staff",
        secure=not is_plain_loopback(current_app.extensions["settings"]),
        httponly=True,
        samesite="Strict",
    )

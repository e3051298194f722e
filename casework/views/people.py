"""People: whom a supervisor (own organisation) or an administrator (the instance) looks after."""

from flask import redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from casework import addresses, credentials, invitations, members, sessions
from casework.invitations import Invited
from casework.models import Member
from casework.people import Unrecorded, shown
from casework.policy import ActionRefused, Role
from casework.sessions import Session
from casework.views import blueprint
from casework.views.refusals import WORDS
from reporting.access import ADMINISTRATOR, SUPERVISOR, audience
from reporting.database import db
from reporting.sealing import SealingRefused, b64, unb64


@blueprint.get("/people")
@audience(SUPERVISOR, ADMINISTRATOR)
def people() -> str:
    """Everybody, those who wait first."""
    return _page(done=request.args.get("done", ""))


@blueprint.post("/people/invite")
@audience(SUPERVISOR, ADMINISTRATOR)
def invite() -> str | tuple[str, int]:
    """Make a one-time link. It is shown on this page and never again."""
    by = sessions.current()
    name, role = request.form.get("name", ""), request.form.get("role", "")
    try:
        invited = invitations.invite(
            by, role, name, by.organisation_id, request.form.get("email", "")
        )
    except ActionRefused as refused:
        if refused.reason not in {"name", "name-taken", "email"}:
            raise
        field = refused.reason.partition("-")[0]
        return _page(problems={field: _problem(refused.reason)}), 422
    return _page(invited=invited)


@blueprint.post("/people/<member_id>/invite-again")
@audience(SUPERVISOR, ADMINISTRATOR)
def invite_again(member_id: str) -> str:
    """Answer a lost passphrase or an expired link."""
    return _page(invited=invitations.invite_again(sessions.current(), _id(member_id)))


@blueprint.post("/people/<member_id>/admit")
@audience(SUPERVISOR)
def admit(member_id: str) -> BaseResponse | tuple[str, int]:
    """Grant the keys to the key whose fingerprint stood beside the button."""
    if request.form.get("compared") != "yes":
        words = str(_("Compare the fingerprint first, then tick the box."))
        return _page(problems={f"compared-{member_id}": words}), 422
    role, shown = (request.form.get(name, "") for name in ("role", "fingerprint"))
    members.admit(sessions.current(), _id(member_id), role, shown)
    return redirect("/staff/people?done=admitted", 303)


@blueprint.get("/people/<member_id>/remove")
@audience(SUPERVISOR, ADMINISTRATOR)
def ask_remove(member_id: str) -> str:
    """Say what removing does, and ask."""
    member = _one(member_id)
    return render_template(
        "casework/remove.html",
        member=member,
        unrecorded=isinstance(member, Unrecorded),
        new_keys=bool(members.roles_held(db.session(), sessions.current(), member.id)),
        fingerprint=credentials.fingerprint,
        b64=b64,
    )


@blueprint.post("/people/<member_id>/remove")
@audience(SUPERVISOR, ADMINISTRATOR)
def remove(member_id: str) -> BaseResponse:
    """Remove, and make new keys if they held any."""
    renewed = members.remove(sessions.current(), _id(member_id))
    return redirect(f"/staff/people?done={'removed' if renewed else 'gone'}", 303)


def _page(
    *, invited: Invited | None = None, problems: dict[str, str] | None = None, done: str = ""
) -> str:
    """`problems` are by the id of the field."""
    by = sessions.current()
    found = shown(by)
    # Whose record was altered is admitted by nobody.
    waits = [one for one in found.listed if one.state == members.WAITING]
    waiting = [one for one in waits if one.id not in found.altered]
    return render_template(
        "casework/people.html",
        waiting=waiting,
        others=[one for one in found.listed if one not in waiting],
        altered=found.altered,
        unrecorded=found.unrecorded,
        invited=invited,
        problems=problems or {},
        done=done if done in {"admitted", "removed", "gone"} else "",
        roles=_roles(by),
        fingerprint=credentials.fingerprint,
        b64=b64,
        longest=addresses.LONGEST,
        typed=request.form,
    )


def _roles(by: Session) -> tuple[Role, ...]:
    if by.role == Role.ADMINISTRATOR:
        return (Role.LEAD, Role.ADMINISTRATOR)
    return (Role.CASEWORKER, Role.SUPERVISOR)


def _one(member_id: str) -> Member | Unrecorded:
    wanted, found = _id(member_id), shown(sessions.current())
    several: list[Member | Unrecorded] = [*found.unrecorded, *found.listed]
    for one in several:
        if one.id == wanted:
            return one
    raise ActionRefused("unknown")


def _id(text: str) -> bytes:
    try:
        return unb64(text)
    except SealingRefused as refused:
        raise ActionRefused("unknown") from refused


def _problem(reason: str) -> str:
    if reason == "email":
        return str(WORDS["email"][1])
    if reason == "name-taken":
        return str(
            _("Someone is already called that. Add a letter, so that each name is one person's.")
        )
    return str(_("Write the name, at most 80 characters."))

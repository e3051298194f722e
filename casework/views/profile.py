"""The signed-in member's own page: language, address for notices, fingerprint of their key."""

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from casework import addresses, credentials, sessions
from casework.models import Member
from casework.policy import ActionRefused
from casework.views import blueprint
from casework.views.refusals import WORDS
from reporting.access import ADMINISTRATOR, CASEWORKER, LEAD, SUPERVISOR, audience
from reporting.database import db, transaction
from reporting.i18n import LOCALES
from reporting.models import Organisation
from reporting.sealing import b64


@blueprint.get("/profile")
@audience(CASEWORKER, SUPERVISOR, LEAD, ADMINISTRATOR)
def profile() -> str:
    """Who I am here."""
    return _page()


@blueprint.post("/profile")
@audience(CASEWORKER, SUPERVISOR, LEAD, ADMINISTRATOR)
def save_profile() -> BaseResponse:
    """Keep the chosen language."""
    locale = request.form.get("locale", "")
    if locale not in LOCALES:
        raise ActionRefused("locale")
    with transaction() as session:
        session.get_one(Member, sessions.current().member_id).locale = locale
    return redirect("/staff/profile?saved=yes", 303)


@blueprint.post("/profile/address")
@audience(CASEWORKER, SUPERVISOR)
def save_address() -> BaseResponse | tuple[str, int]:
    """Set, change or remove the address for notices; only who has a queue is ever written to."""
    try:
        addresses.change(sessions.current(), request.form.get("email", ""))
    except ActionRefused as refused:
        if refused.reason != "email":
            raise
        return _page(problems={"email": str(WORDS["email"][1])}), 422
    return redirect("/staff/profile?saved=yes", 303)


def _page(problems: dict[str, str] | None = None) -> str:
    """`problems` are by the id of the field."""
    session = sessions.current()
    member = db.session.get_one(Member, session.member_id)
    organisation = (
        db.session.get(Organisation, session.organisation_id) if session.organisation_id else None
    )
    return render_template(
        "casework/profile.html",
        member=member,
        organisation=organisation,
        fingerprint=credentials.fingerprint(member.public_key) if member.public_key else "",
        identity=b64(organisation.identity_key) if organisation is not None else "",
        saved=request.args.get("saved") == "yes",
        longest=addresses.LONGEST,
        email=request.form.get("email", "") if problems else member.email or "",
        problems=problems or {},
    )

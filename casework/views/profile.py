"""The signed-in member's own page: language, role, and the fingerprint of their key."""

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from casework import credentials, sessions
from casework.models import Member
from casework.policy import ActionRefused
from casework.views import blueprint
from reporting.access import ADMINISTRATOR, CASEWORKER, LEAD, SUPERVISOR, audience
from reporting.database import db, transaction
from reporting.i18n import LOCALES
from reporting.models import Organisation
from reporting.sealing import b64


@blueprint.get("/profile")
@audience(CASEWORKER, SUPERVISOR, LEAD, ADMINISTRATOR)
def profile() -> str:
    """Who I am here."""
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
    )


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

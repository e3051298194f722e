"""The release desk: coalition leads propose, check and publish.

Leads hold no key and see no report, incident or record: only statements after disclosure control,
and the figures of the audit. Who proposed a release cannot publish it.
"""

import json
from typing import Any

from flask import make_response, redirect, render_template, request
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from analytics import release
from analytics.audit import INSIDER, OUTSIDER
from analytics.menu import load
from analytics.models import Release
from analytics.pages import title
from analytics.release import ReleaseRefused
from analytics.tables import WORLD
from analytics.views import tables
from casework import audit, heads, sessions
from casework.models import Member
from casework.policy import ActionRefused
from casework.views import blueprint
from casework.views.releases_words import REFUSALS, STATES, by_field, ended, rejections, status
from casework.views.words import when_words
from reporting import clock, queue
from reporting.access import LEAD, audience
from reporting.database import db
from reporting.models import Organisation
from reporting.sealing import SealingRefused, b64, unb64

# Seconds between two looks at a release that is being built.
_LOOK_AGAIN = "2"
# The same once it has failed as often as this: the sweeper tries again each minute.
_LOOK_LATER, _OFTEN = "60", 3
_AGREED = select(Organisation.id).where(Organisation.recognisable)


@blueprint.get("/releases")
@audience(LEAD)
def releases() -> str:
    """All releases, newest period first, and the form that proposes one."""
    return _list()


@blueprint.post("/releases")
@audience(LEAD)
def propose() -> BaseResponse | tuple[str, int]:
    """Order a release of one scope and year."""
    scope, names = request.form.get("scope", ""), _scopes()
    try:
        year = _year(request.form.get("year", "").strip())
        release_id = release.propose(
            scope if scope in names else "",
            year,
            sessions.current().member_id,
            scope_name=names.get(scope, ""),
            recognisable=_recognisable(),
            heads=heads.newest(db.session()),
            witness=_witness("propose_release", scope=scope, year=year),
        )
    except ReleaseRefused as refused:
        again = _own_proposal(scope, year) if refused.reason == "already-proposed" else None
        if again is None:
            return _list(problem=refused.reason), status(refused.reason)
        release_id = again
    return redirect(f"/staff/releases/{b64(release_id)}", 303)


@blueprint.get("/releases/<release_id>")
@audience(LEAD)
def one_release(release_id: str) -> BaseResponse:
    """One release: being built, to be checked, refused or published."""
    found = _one(release_id)
    answer = make_response(_detail(found))
    if found.state == release.PROPOSED:
        answer.headers["Refresh"] = _LOOK_LATER if _fails(found) else _LOOK_AGAIN
    return answer


@blueprint.post("/releases/<release_id>/publish")
@audience(LEAD)
def publish(release_id: str) -> BaseResponse | tuple[str, int]:
    """Publish for good, after the check by another lead."""
    found = _one(release_id)
    if request.form.get("confirm") != "yes":
        return _detail(found, problem="unconfirmed"), 422
    checked, published = _witness("check_release"), _witness("publish_release")

    def both(session: Session, subject: bytes) -> None:
        checked(session, subject)
        published(session, subject)

    try:
        me = sessions.current().member_id
        release.publish(found.id, me, recognisable=_agreeing, witness=both)
    except ReleaseRefused as refused:
        return _refused(release_id, refused.reason, release.PUBLISHED)
    return redirect(f"/staff/releases/{release_id}", 303)


@blueprint.post("/releases/<release_id>/reject")
@audience(LEAD)
def reject(release_id: str) -> BaseResponse | tuple[str, int]:
    """Reject, or take back one's own proposal. A new one may follow."""
    found = _one(release_id)
    reason = request.form.get("reason", "")
    if reason not in dict(rejections()):
        return _detail(found, problem="no-reason"), 422
    try:
        release.refuse(
            found.id,
            sessions.current().member_id,
            witness=_witness("refuse_release", reason=reason),
        )
    except ReleaseRefused as refused:
        return _refused(release_id, refused.reason, release.REJECTED)
    return redirect(f"/staff/releases/{release_id}", 303)


def _refused(release_id: str, reason: str, wanted: str) -> BaseResponse | tuple[str, int]:
    """The answer to a refused step: who did it before, as by a double click, sees it done."""
    found = _one(release_id)
    if found.state == wanted and found.checked_by == sessions.current().member_id:
        return redirect(f"/staff/releases/{release_id}", 303)
    return _detail(found, problem=reason), 409


def _fails(found: Release) -> bool:
    """Whether the job that counts has failed again and again, as with a noise root exchanged."""
    is_waiting = found.state == release.PROPOSED
    return is_waiting and queue.failures(release.JOB, found.id) >= _OFTEN


def _own_proposal(scope: str, year: int) -> bytes | None:
    """The open release that this member has proposed already, if it is that one."""
    query = select(Release.id).where(
        Release.scope == scope,
        Release.ref_year == year,
        Release.state.in_(release.OPEN),
        Release.proposed_by == sessions.current().member_id,
    )
    return db.session().scalar(query)


def _year(typed: str) -> int:
    """A year as typed, in any script's digits."""
    if not (typed.isdecimal() and len(typed) == 4):
        raise ReleaseRefused("year-unknown")
    return int(typed)


def _witness(action: str, **detail: Any) -> release.Witness:
    """A link of the instance's audit chain, in the transaction of the step itself."""
    by = sessions.current().member_id

    def write(session: Session, subject: bytes) -> None:
        audit.write(session, audit.CHAIN_INSTANCE, by, action, subject, detail)

    return write


def _one(release_id: str) -> Release:
    session: Any = db.session
    try:
        found = session.get(Release, unb64(release_id), populate_existing=True)
    except SealingRefused:
        found = None
    if found is None:
        raise ActionRefused("unknown")
    known: Release = found
    return known


def _organisations() -> list[Organisation]:
    session: Any = db.session
    return list(session.scalars(select(Organisation).order_by(Organisation.name)))


def _scopes() -> dict[str, str]:
    """Scopes a release can have, by name; the coalition's name is the page's."""
    return {WORLD: "", **{f"org:{b64(one.id)}": one.name for one in _organisations()}}


def _recognisable() -> list[bytes]:
    """Organisations that agreed to be recognised in coalition tables (disclosure.md 4.7, 4)."""
    return list(db.session().scalars(_AGREED))


def _agreeing(session: Session) -> list[bytes]:
    """The same, and none of them disagrees before the transaction ends."""
    return list(session.scalars(_AGREED.with_for_update(read=True)))


def _list(problem: str = "") -> str:
    session: Any = db.session
    query = select(Release).order_by(Release.ref_year.desc(), Release.created.desc(), Release.id)
    names = _scopes()
    year = release.last_year(clock.today())
    return render_template(
        "casework/releases.html",
        rows=[
            {
                "id": b64(row.id),
                "scope": row.scope,
                "name": names.get(row.scope, row.scope),
                "year": row.ref_year,
                "created": row.created,
                "state": row.state,
                "said": STATES[row.state],
            }
            for row in session.scalars(query)
        ],
        scopes=names,
        chosen=request.form.get("scope", WORLD),
        year=request.form.get("year", str(year)),
        last=year,
        ended=ended(year),
        problems=by_field(problem),
    )


def _detail(found: Release, problem: str = "") -> str:
    session: Any = db.session
    proposer = session.get(Member, found.proposed_by)
    is_withdrawn = found.state == release.BUILT and release.is_withdrawn(found, _recognisable())
    # Nobody looks any more at what an organisation no longer agrees to.
    is_shown = found.state in {release.BUILT, release.PUBLISHED} and not is_withdrawn
    names = _scopes()
    return render_template(
        "casework/release.html",
        id=b64(found.id),
        scope=found.scope,
        name=names.get(found.scope, found.scope),
        year=found.ref_year,
        state=found.state,
        state_words=STATES[found.state],
        reason=REFUSALS.get(found.reason or "", ""),
        rejection=_rejection(found) if found.state == release.REJECTED else None,
        proposer=proposer.name if proposer else "",
        own=found.proposed_by == sessions.current().member_id,
        withdrawn=REFUSALS["agreement-withdrawn"] if is_withdrawn else "",
        fails=_fails(found),
        lost=REFUSALS["files-missing"] if release.lacks_files(found) else "",
        shown=tables(found) if is_shown else None,
        checks=_checks(found) if is_shown else None,
        names=sorted(json.loads(found.files)) if found.state == release.PUBLISHED else [],
        rejections=rejections(),
        problems=by_field(problem),
    )


def _rejection(found: Release) -> dict[str, Any]:
    """Who rejected it, when and why: the chain says so, and the other lead has to know."""
    by = db.session().get(Member, found.checked_by) if found.checked_by else None
    links = dict(audit.of(db.session(), audit.CHAIN_INSTANCE, found.id))
    reason = links.get("refuse_release", {}).get("reason", "")
    return {
        "name": by.name if by else "–",
        "own": found.checked_by == found.proposed_by,
        "day": when_words(audit.last_day(db.session(), audit.CHAIN_INSTANCE, found.id) or "–"),
        "why": dict(rejections()).get(reason, "–"),
    }


def _checks(found: Release) -> dict[str, Any]:
    """Figures of the audit report: anybody's view, and the worst of all organisations'.

    From the release's row, not its file: the page must stand when the files are gone.
    """
    report = json.loads(found.parameters)["audit"]
    menu = load(found.ref_year)
    return {
        "rounds": report["rounds"],
        "withheld": len(report["withheld"]),
        "refused": [title(menu.table(name).name) for name in report["refused_tables"]],
        "views": [
            {"name": name, **report["views"][view]}
            for view, name in ((OUTSIDER, ""), (INSIDER, gettext("Organisation")))
        ],
    }

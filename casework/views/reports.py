"""A report: its own words, its files, what was added, and the decision about it."""

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from casework import linking, reports, sessions
from casework.models import Work
from casework.policy import ActionRefused, IncidentState, ReportState
from casework.reports import Thread
from casework.sessions import Session
from casework.views import blueprint, words
from casework.views.incidents import some_incidents
from casework.views.queue import held
from reporting import vocabulary
from reporting.access import CASEWORKER, SUPERVISOR, audience
from reporting.database import db
from reporting.sealing import b64

# A downloaded file never runs in this origin, whatever it is and whatever it is called.
DOWNLOAD_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@blueprint.get("/reports/<report_id>")
@audience(CASEWORKER, SUPERVISOR)
def report(report_id: str) -> str | tuple[str, int]:
    """One report, opened. The audit entry is committed before this page exists."""
    session = sessions.current()
    work, thread = reports.open_report(session, words.thing_id(report_id))
    return _page(session, work, thread)


@blueprint.post("/reports/<report_id>/incident")
@audience(CASEWORKER, SUPERVISOR)
def new_incident(report_id: str) -> BaseResponse | tuple[str, int]:
    """Make an incident of a report. Sent twice, it leads to the one that was made."""
    session, wanted = sessions.current(), words.thing_id(report_id)
    try:
        made = linking.new_incident(session, wanted, words.number("version"))
    except ActionRefused as refused:
        return _undecided(session, wanted, refused)
    return redirect(f"/staff/incidents/{b64(made)}", 303)


@blueprint.post("/reports/<report_id>/link")
@audience(CASEWORKER, SUPERVISOR)
def link(report_id: str) -> BaseResponse | tuple[str, int]:
    """Add a report to an incident there is."""
    session, wanted = sessions.current(), words.thing_id(report_id)
    chosen = _incident_id()
    try:
        linking.link(session, wanted, chosen, words.number("version"))
    except ActionRefused as refused:
        return _undecided(session, wanted, refused)
    return redirect(f"/staff/incidents/{b64(chosen)}", 303)


@blueprint.post("/reports/<report_id>/unlink")
@audience(CASEWORKER, SUPERVISOR)
def unlink(report_id: str) -> BaseResponse:
    """Take a report out of its incident, into the queue or into another."""
    session, wanted = sessions.current(), words.thing_id(report_id)
    to = _incident_id() if request.form.get("incident", "").strip() else None
    linking.unlink(session, wanted, words.number("version"), to)
    return redirect(f"/staff/reports/{report_id}", 303)


@blueprint.get("/reports/<report_id>/files/<int:index>")
@audience(CASEWORKER, SUPERVISOR)
def download(report_id: str, index: int) -> Response:
    """A file, as bytes to keep. What the reporter called it is never part of a header."""
    wanted = words.thing_id(report_id)
    opened = reports.open_file(sessions.current(), wanted, index)
    response = Response(opened.chunks, mimetype="application/octet-stream")
    response.headers.update(DOWNLOAD_HEADERS)
    response.headers["Content-Length"] = str(opened.size)
    name = f"report-{wanted.hex()[:8]}-file-{index + 1}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(session: Session, work: Work, thread: Thread | None) -> str | tuple[str, int]:
    if thread is None:
        page = render_template("casework/erased.html", work=work, **words.common(session))
        return page, 410
    return render_template(
        "casework/report.html",
        work=work,
        id=b64(work.report_id),
        incident_id=b64(work.incident_id) if work.incident_id else "",
        thread=thread,
        mine=work.holder_id == session.member_id,
        decidable=work.state == ReportState.ADMITTED,
        reasons=vocabulary.ids("set_aside_reason"),
        digest=reports.digest_of(session, work),
        incidents=some_incidents(session, IncidentState.OPEN, IncidentState.CODED),
        **words.common(session),
    )


def _undecided(
    session: Session, report_id: bytes, refused: ActionRefused
) -> BaseResponse | tuple[str, int]:
    """Somebody was quicker: lead to what they decided, or say who holds the report."""
    if refused.reason == "held":
        return held(report_id)
    db.session().rollback()
    work = reports.find(db.session(), session, report_id)
    if refused.reason in {"report-is-linked", "version"} and work.incident_id is not None:
        return redirect(f"/staff/incidents/{b64(work.incident_id)}?done=was-linked", 303)
    raise refused


def _incident_id() -> bytes:
    """The chosen incident: of the list, or its number as another page shows it."""
    given = request.form.get("incident", "").strip() or request.form.get("other", "").strip()
    return words.thing_id(given.rpartition("/")[2])

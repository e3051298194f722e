"""The queue: what has come in, who holds it, what is set aside. Opening it admits what is new."""

from typing import Any

from flask import g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from casework import admission, erasure, handover, reports, sessions, triage
from casework.policy import ActionRefused
from casework.triage import Filters
from casework.views import blueprint, lines, words
from reporting import vocabulary
from reporting.access import CASEWORKER, SUPERVISOR, audience
from reporting.database import db
from reporting.i18n import LOCALES
from reporting.sealing import b64

# Somebody else was quicker: the present state is shown, with what may be done about it.
_OVERTAKEN = frozenset({"held", "version", "report-is-linked", "report-is-set_aside"})


@blueprint.before_request
def settle() -> None:
    """What an erasure left for a signed-in member is done at the next request of any."""
    session = g.get("staff")
    if session is not None:
        erasure.settle(session)


@blueprint.get("/queue")
@audience(CASEWORKER, SUPERVISOR)
def queue() -> str:
    """One page of the queue. Filters stand in the address."""
    session = sessions.current()
    admitted = admission.admit_new(session)
    if admitted.incidents:
        handover.correct(session, list(admitted.incidents))
    filters = _filters()
    page = triage.page(session, filters)
    return render_template(
        "casework/queue.html",
        filters=filters,
        page=page,
        lines=lines.shown(session, page.lines),
        counts=triage.counts(session),
        counted=triage.COUNTED,
        views={name: str(title) for name, title in words.VIEW_NAMES.items()},
        admitted=admitted,
        looked_at=triage.LOOKED_AT,
        languages=_languages(),
        done=request.args.get("done", ""),
        undo=_undo(),
        address=_address(filters),
        **words.common(session),
    )


@blueprint.post("/reports/<report_id>/claim")
@audience(CASEWORKER, SUPERVISOR)
def claim(report_id: str) -> BaseResponse | tuple[str, int]:
    """Hold a report; who comes second sees how it stands now. Sent twice, it is held once."""
    session, wanted = sessions.current(), words.thing_id(report_id)
    take_over = request.form.get("take_over") == "yes"
    try:
        triage.claim(session, wanted, words.number("version"), take_over=take_over)
    except ActionRefused as refused:
        if refused.reason in _OVERTAKEN:
            return held(wanted)
        if refused.reason != "yours-already":
            raise
    return redirect(f"/staff/reports/{report_id}", 303)


@blueprint.post("/reports/<report_id>/release")
@audience(CASEWORKER, SUPERVISOR)
def release(report_id: str) -> BaseResponse:
    """Give a report back."""
    triage.release(sessions.current(), words.thing_id(report_id), words.number("version"))
    return redirect("/staff/queue?done=released", 303)


@blueprint.post("/reports/<report_id>/set-aside")
@audience(CASEWORKER, SUPERVISOR)
def set_aside(report_id: str) -> BaseResponse | tuple[str, int]:
    """Lay a report aside, with the way back offered at once."""
    session, wanted = sessions.current(), words.thing_id(report_id)
    version, reason = words.number("version"), request.form.get("reason", "")
    try:
        triage.set_aside(session, wanted, version, reason)
    except ActionRefused as refused:
        if refused.reason == "held":
            return held(wanted)
        raise
    return redirect(f"/staff/queue?done=aside&undo={report_id}&version={version + 1}", 303)


@blueprint.post("/reports/<report_id>/take-back")
@audience(CASEWORKER, SUPERVISOR)
def take_back(report_id: str) -> BaseResponse:
    """Undo setting aside."""
    triage.take_back(sessions.current(), words.thing_id(report_id), words.number("version"))
    return redirect(f"/staff/reports/{report_id}", 303)


def held(report_id: bytes) -> tuple[str, int]:
    """How a report stands now: who has it, since when, and the way to claim or take it over."""
    session = sessions.current()
    db.session().rollback()
    work = reports.find(db.session(), session, report_id)
    page = render_template(
        "casework/held.html", work=work, id=b64(report_id), **words.common(session)
    )
    return page, 409


def _filters() -> Filters:
    given = request.args
    view, kind = given.get("view", "new"), given.get("kind", "")
    language, country = given.get("language", ""), given.get("country", "")
    return Filters(
        view=view if view in triage.VIEWS else "new",
        kind=kind if kind in triage.KINDS else "",
        language=language if language.isalpha() and len(language) <= 8 else "",
        country=country if country in vocabulary.countries() else "",
        newest=given.get("sort") == "newest",
        after=given.get("after", ""),
    )


def _undo() -> tuple[str, str]:
    """Which report the page offers to take back, at which version; an address may say anything."""
    report_id, version = request.args.get("undo", ""), request.args.get("version", "")
    return b64(words.thing_id(report_id)) if report_id else "", version


def _languages() -> list[tuple[str, str]]:
    """The languages the form is offered in; others are found by reading on."""
    return [(code, words.language_name(code)) for code in LOCALES]


def _address(filters: Filters) -> dict[str, Any]:
    """Fields of the address that the next page keeps."""
    kept = {
        "view": filters.view,
        "kind": filters.kind,
        "language": filters.language,
        "country": filters.country,
        "sort": "newest" if filters.newest else "",
    }
    return {name: value for name, value in kept.items() if value}

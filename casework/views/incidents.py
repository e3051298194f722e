"""Incidents: list, coding, notes, answers, closing; and what waits to be counted."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from flask import redirect, render_template, request
from sqlalchemy import and_, or_, select
from werkzeug.wrappers import Response as BaseResponse

from casework import coding, digests, handover, incidents, policy, sessions
from casework.coding import Coding
from casework.digests import Digest
from casework.incidents import OpenedIncident
from casework.models import Incident
from casework.policy import ActionRefused, IncidentState
from casework.sessions import Session
from casework.views import blueprint, words
from reporting import vocabulary
from reporting.access import CASEWORKER, SUPERVISOR, audience
from reporting.database import db
from reporting.sealing import SealingRefused, b64, random_id, unb64

PAGE = 50
# As many incidents as the list beside a report offers; others by their address.
OFFERED = 20


@blueprint.get("/incidents")
@audience(CASEWORKER, SUPERVISOR)
def incident_list() -> str:
    """One page of incidents, newest first."""
    session = sessions.current()
    state = request.args.get("state", "")
    if state not in words.INCIDENT_STATES:
        state = ""
    rows, after = _list_page(session, state, request.args.get("after", ""))
    return render_template(
        "casework/incidents.html",
        state=state,
        states={name: str(title) for name, title in words.INCIDENT_STATES.items()},
        months=words.Once(words.when_words),
        rows=rows,
        after=after,
        closed=_closed(),
        **words.common(session),
    )


def _closed() -> str:
    """Which incident was just closed; an address may say anything."""
    name = request.args.get("closed", "")
    return b64(words.thing_id(name)) if name else ""


@blueprint.get("/incidents/<incident_id>")
@audience(CASEWORKER, SUPERVISOR)
def incident(incident_id: str) -> str:
    """One incident, opened; the audit entries are committed before this page exists."""
    session = sessions.current()
    opened = incidents.open_incident(session, words.thing_id(incident_id))
    return _page(session, opened, opened.coding)


@blueprint.post("/incidents/<incident_id>/coding")
@audience(CASEWORKER, SUPERVISOR)
def save_coding(incident_id: str) -> BaseResponse | tuple[str, int]:
    """Store the coding; the second of two writers sees both and loses nothing."""
    session, wanted = sessions.current(), words.thing_id(incident_id)
    chosen, problems = coding.from_form(request.form.to_dict(flat=False))
    if problems:
        opened = incidents.open_incident(session, wanted)
        return _page(session, opened, chosen, problems, words.number("version")), 422
    try:
        incidents.save_coding(session, wanted, words.number("version"), chosen)
    except ActionRefused as refused:
        if refused.reason != "version":
            raise
        return _conflict(session, wanted, chosen)
    return redirect(f"/staff/incidents/{incident_id}?done=coded", 303)


@blueprint.post("/incidents/<incident_id>/notes")
@audience(CASEWORKER, SUPERVISOR)
def save_note(incident_id: str) -> BaseResponse | tuple[str, int]:
    """Write a note, or a new revision of one."""
    session, wanted = sessions.current(), words.thing_id(incident_id)
    text = request.form.get("text", "").replace("\r\n", "\n")
    item_id = words.thing_id(request.form.get("item", ""))
    try:
        incidents.save_note(session, wanted, item_id, words.number("revision"), text)
    except ActionRefused as refused:
        if refused.reason != "version":
            raise
        return _note_conflict(session, wanted, item_id, text)
    return redirect(f"/staff/incidents/{incident_id}?done=note#notes", 303)


@blueprint.post("/incidents/<incident_id>/answers")
@audience(CASEWORKER, SUPERVISOR)
def answer(incident_id: str) -> BaseResponse:
    """Answer a reporter; only their receipt opens it."""
    wanted = words.thing_id(incident_id)
    text = request.form.get("text", "").replace("\r\n", "\n")
    status = "question" if request.form.get("question") == "yes" else ""
    incidents.answer(
        sessions.current(),
        wanted,
        words.thing_id(request.form.get("report", "")),
        words.thing_id(request.form.get("item", "")),
        text,
        status,
    )
    return redirect(f"/staff/incidents/{incident_id}?done=answer#answers", 303)


@blueprint.get("/incidents/<incident_id>/close")
@audience(CASEWORKER, SUPERVISOR)
def ask_close(incident_id: str) -> str:
    """Say what closing does, and whether the incident will count."""
    session = sessions.current()
    opened = incidents.open_incident(session, words.thing_id(incident_id))
    return render_template(
        "casework/close.html",
        opened=opened,
        id=incident_id,
        **words.common(session),
    )


@blueprint.post("/incidents/<incident_id>/close")
@audience(CASEWORKER, SUPERVISOR)
def close(incident_id: str) -> BaseResponse:
    """Close; hand over when ten wait."""
    session, wanted = sessions.current(), words.thing_id(incident_id)
    incidents.close(session, wanted, words.number("version"))
    handover.hand_over_if_due(session)
    return redirect(f"/staff/incidents?closed={incident_id}", 303)


@blueprint.post("/incidents/<incident_id>/reopen")
@audience(CASEWORKER, SUPERVISOR)
def reopen(incident_id: str) -> BaseResponse:
    """Take up a closed incident again."""
    incidents.reopen(sessions.current(), words.thing_id(incident_id), words.number("version"))
    return redirect(f"/staff/incidents/{incident_id}", 303)


@blueprint.get("/waiting")
@audience(SUPERVISOR)
def waiting() -> str:
    """How many incidents wait to be counted, and the word that hands them over."""
    session = sessions.current()
    done = request.args.get("done", "")
    return render_template(
        "casework/waiting.html",
        count=handover.waiting(session),
        batch=policy.BATCH,
        done=int(done) if done.isascii() and done.isdigit() else None,
        **words.common(session),
    )


@blueprint.post("/waiting")
@audience(SUPERVISOR)
def hand_over() -> BaseResponse:
    """A supervisor's word: hand over what waits."""
    count = handover.hand_over(sessions.current())
    return redirect(f"/staff/waiting?done={count}", 303)


def some_incidents(session: Session, *states: IncidentState) -> list[tuple[str, Digest, date]]:
    """The newest incidents in these states, for the list beside a report."""
    rows = db.session().scalars(
        select(Incident)
        .where(Incident.organisation_id == session.organisation_id, Incident.state.in_(states))
        .order_by(Incident.day.desc(), Incident.id)
        .limit(OFFERED)
    )
    return [(b64(row.id), _digest(session, row), row.day) for row in rows]


def _digest(session: Session, row: Incident) -> Digest:
    return digests.open_digest(session.keyring, row.id, row.digest, row.digest_epoch)


def _list_page(
    session: Session, state: str, after: str
) -> tuple[list[tuple[Incident, str, Digest]], str]:
    states = [state] if state else list(words.INCIDENT_STATES)
    query = select(Incident).where(
        Incident.organisation_id == session.organisation_id, Incident.state.in_(states)
    )
    if after:
        text, _, name = after.partition("_")
        try:
            day, last = date.fromisoformat(text), unb64(name)
        except (ValueError, SealingRefused) as refused:
            raise ActionRefused("unknown") from refused
        query = query.where(Incident.day <= day, or_(Incident.day < day, and_(Incident.id < last)))
    ordered = query.order_by(Incident.day.desc(), Incident.id.desc())
    found = list(db.session().scalars(ordered.limit(PAGE + 1)))
    rows = [(row, b64(row.id), _digest(session, row)) for row in found[:PAGE]]
    last_row = found[PAGE - 1] if len(found) > PAGE else None
    cursor = f"{last_row.day.isoformat()}_{b64(last_row.id)}" if last_row else ""
    return rows, cursor


def _page(
    session: Session,
    opened: OpenedIncident,
    shown: Coding,
    problems: dict[str, str] | None = None,
    version: int | None = None,
) -> str:
    return render_template(
        "casework/incident.html",
        opened=opened,
        id=b64(opened.incident.id),
        shown=shown,
        # A form that comes back names the version its writer saw, not what a colleague saved since.
        version=opened.incident.version if version is None else version,
        # By the id of the field, for the links of the box.
        problems={
            f"c-{name}": words.CODING_PROBLEMS[why] for name, why in (problems or {}).items()
        },
        done=request.args.get("done", ""),
        fresh_id=lambda: b64(random_id()),
        **_choices(),
        **words.common(session),
    )


def _choices() -> dict[str, Any]:
    """Lists of the coding form, acts and grounds by family."""
    return {
        "act_families": _by_family(vocabulary.ids("act"), vocabulary.family),
        "ground_families": _by_family(vocabulary.ids("bias"), vocabulary.ground_family),
        "settings": vocabulary.ids("loc"),
        "certainties": vocabulary.ids("event_certainty"),
        "strengths": vocabulary.ids("bias_strength"),
        "classes": vocabulary.ids("class"),
        "months": words.months(),
    }


def _by_family(ids: Sequence[str], family: Callable[[str], str]) -> dict[str, list[str]]:
    """Ids below their families; those without one stand last."""
    found: dict[str, list[str]] = {}
    for one in sorted(ids, key=lambda one: family(one) == vocabulary.UNKNOWN):
        found.setdefault(family(one), []).append(one)
    return found


def _conflict(session: Session, incident_id: bytes, mine: Coding) -> BaseResponse | tuple[str, int]:
    """Both codings side by side: the one that was saved meanwhile and this member's own.

    Where they are equal there is nothing to decide.
    """
    opened = incidents.open_incident(session, incident_id)
    if opened.coding == mine:
        if opened.incident.state == IncidentState.OPEN:
            # Only a proposal so far, and now a person confirms it.
            incidents.save_coding(session, incident_id, opened.incident.version, mine)
            return redirect(f"/staff/incidents/{b64(incident_id)}?done=coded", 303)
        return redirect(f"/staff/incidents/{b64(incident_id)}?done=same", 303)
    page = render_template(
        "casework/conflict.html",
        opened=opened,
        id=b64(incident_id),
        mine=mine,
        **words.common(session),
    )
    return page, 409


def _note_conflict(
    session: Session, incident_id: bytes, item_id: bytes, text: str
) -> tuple[str, int]:
    opened = incidents.open_incident(session, incident_id)
    theirs = next((one for one in opened.notes if one.item_id == item_id), None)
    page = render_template(
        "casework/note_conflict.html",
        id=b64(incident_id),
        item=b64(item_id),
        theirs=theirs,
        text=text,
        **words.common(session),
    )
    return page, 409

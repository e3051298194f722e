"""Triage: the queue, who holds what, and what is set aside.

The queue pages by indexed plain columns and opens only the digests it shows. Language and country
stand in the digests alone, so a filter on them opens a bounded number of digests and says how far
it has looked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session as DatabaseSession

from casework import answers, audit, digests, policy, reports
from casework.digests import Digest
from casework.models import Work
from casework.policy import ActionRefused, ReportState
from casework.sessions import Session
from reporting import clock, vocabulary
from reporting.database import db, transaction
from reporting.sealing import SealingRefused, b64, unb64

PAGE = 50
# How many digests one request opens at most when it looks for a language or country.
LOOKED_AT = 1000
# Counts beside the views stop here: they say that there is work, not how much there ever was.
COUNTED = 99

VIEWS = ("new", "unclaimed", "mine", "fresh", "aside", "all")
KINDS = ("", "report", "addition")


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the address of a queue page says."""

    view: str = "new"
    kind: str = ""
    language: str = ""
    country: str = ""
    newest: bool = False
    after: str = ""

    @property
    def scans(self) -> bool:
        """Whether digests have to be opened to know what is shown."""
        return bool(self.language or self.country)


# What a line is made of. Columns, not objects: a page reads fifty rows and changes none.
_COLUMNS: tuple[Any, ...] = (
    Work.report_id,
    Work.state,
    Work.kind,
    Work.day,
    Work.holder_id,
    Work.version,
    Work.fresh,
    Work.digest,
    Work.digest_epoch,
)


class Line(NamedTuple):
    """One line of the queue: plain columns, the opened digest, and days since it came in."""

    id: bytes
    state: str
    kind: str
    age: int
    holder_id: bytes | None
    version: int
    fresh: bool
    digest: Digest


@dataclass(frozen=True)
class Page:
    """One page of the queue. `after` leads on; `looked_at` digests were opened to find it."""

    lines: tuple[Line, ...]
    after: str
    looked_at: int


def page(session: Session, filters: Filters) -> Page:
    """The lines of one page, by keyset: the thousandth page costs what the first does."""
    shown = _view(Filters(view=filters.view, kind=filters.kind))
    query = _ordered(shown, newest=filters.newest)
    if filters.after:
        query = query.where(_beyond(filters.after, newest=filters.newest))
    limit = LOOKED_AT if filters.scans else PAGE
    # One more than shown tells whether there is a next page.
    values = {"organisation": session.organisation_id, "member": session.member_id}
    rows = db.session().execute(query.limit(limit + 1), values).all()
    today = clock.today()
    lines: list[Line] = []
    for place, row in enumerate(rows[:limit]):
        name, state, kind, day, holder, version, fresh, boxed, epoch = row
        digest = digests.open_digest(session.keyring, name, boxed, epoch)
        if _matches(digest, filters):
            age = max(0, (today - day).days)
            lines.append(Line(name, state, kind, age, holder, version, fresh, digest))
        if len(lines) == PAGE:
            more = place + 1 < len(rows)
            return Page(tuple(lines), _cursor(day, name) if more else "", place + 1)
    more = len(rows) > limit
    after = _cursor(rows[limit - 1].day, rows[limit - 1].report_id) if more else ""
    return Page(tuple(lines), after, min(len(rows), limit))


def counts(session: Session) -> dict[str, int]:
    """How many lines each view has, up to `COUNTED` and one; in one question to the database."""
    values = {"organisation": session.organisation_id, "member": session.member_id}
    found = db.session().execute(_counts(), values).one()
    return dict(zip(VIEWS, found, strict=True))


@cache
def _counts() -> Select[Any]:
    some = [
        _view(Filters(view=view)).with_only_columns(Work.report_id).limit(COUNTED + 1).subquery()
        for view in VIEWS
    ]
    return select(*(select(func.count()).select_from(one).scalar_subquery() for one in some))


def claim(session: Session, report_id: bytes, version: int, *, take_over: bool = False) -> None:
    """Hold a report. Who comes second is told who has it, and may take it over by saying so.

    Of the holder they saw: somebody else may have it by now, whom nobody has talked to.
    """
    with transaction() as database:
        work = _locked(database, session, report_id)
        policy.check_claim(reports.actor(session), work.holder_id, take_over)
        if work.state != ReportState.ADMITTED:
            raise ActionRefused(f"report-is-{work.state}")
        if work.version != version:
            raise ActionRefused("version")
        taken_from = work.holder_id
        work.holder_id, work.claimed = (
            session.member_id,
            clock.now().replace(second=0, microsecond=0),
        )
        work.version += 1
        if taken_from is None:
            audit.write(database, work.organisation_id, session.member_id, "claim", report_id)
        else:
            detail = {"from": b64(taken_from)}
            audit.write(
                database, work.organisation_id, session.member_id, "take_over", report_id, detail
            )
        _tell(database, session, work, "being_read")


def release(session: Session, report_id: bytes, version: int) -> None:
    """Give a report back to everyone."""
    with transaction() as database:
        work = _locked(database, session, report_id)
        policy.check_release(reports.actor(session), work.holder_id)
        if work.version != version:
            raise ActionRefused("version")
        work.holder_id = work.claimed = None
        work.version += 1
        audit.write(database, work.organisation_id, session.member_id, "release", report_id)


def set_aside(session: Session, report_id: bytes, version: int, reason: str) -> None:
    """Lay a report aside; its reporter reads "Finished", who would else wait for nothing.

    The reason is kept in the boxed digest, and the report can be taken back.
    """
    if reason not in vocabulary.ids("set_aside_reason"):
        raise ActionRefused("reason")
    with transaction() as database:
        work = _locked(database, session, report_id)
        policy.check_decide(reports.actor(session), work.holder_id)
        if work.version != version:
            raise ActionRefused("version")
        work.state = policy.move_report(ReportState(work.state), "set_aside")
        _mark(session, work, reason=reason)
        _tell(database, session, work, "finished")
        work.fresh = False
        work.version += 1
        audit.write(database, work.organisation_id, session.member_id, "set_aside", report_id)


def take_back(session: Session, report_id: bytes, version: int) -> None:
    """Undo setting aside."""
    with transaction() as database:
        work = _locked(database, session, report_id)
        if work.version != version:
            raise ActionRefused("version")
        work.state = policy.move_report(ReportState(work.state), "take_back")
        told = reports.digest_of(session, work).told
        _mark(session, work, reason="")
        if told:
            # What was finished is being read again.
            _tell(database, session, work, "being_read")
        work.holder_id = work.claimed = None
        work.version += 1
        audit.write(database, work.organisation_id, session.member_id, "take_back", report_id)


def _locked(database: DatabaseSession, session: Session, report_id: bytes) -> Work:
    audit.lock(database, session.organisation_id or b"")
    work = reports.find(database, session, report_id)
    if work.parent_id is not None:
        raise ActionRefused("unknown")
    return work


def _tell(database: DatabaseSession, session: Session, work: Work, status: str) -> None:
    thread = reports.gather(database, session, work)
    if thread is not None:
        answers.tell(database, session, work, thread, status)


def _mark(session: Session, work: Work, **changes: str) -> None:
    """Change words inside the boxed digest of a report."""
    digest = replace(reports.digest_of(session, work), **changes)  # type: ignore[arg-type]  # all are strings
    work.digest, work.digest_epoch = digests.box_digest(session.keyring, work.report_id, digest)


@cache
def _view(filters: Filters) -> Select[Any]:
    """The rows of a view: plain columns only, each view with an index of its own."""
    query = select(*_COLUMNS).where(Work.organisation_id == bindparam("organisation"))
    if filters.view != "fresh":
        # Additions have no line of their own, and none is ever fresh: said here it would lead the
        # planner past the index of what is.
        query = query.where(Work.parent_id.is_(None))
    wanted: dict[str, Sequence[ColumnElement[bool]]] = {
        "new": (Work.state == ReportState.ADMITTED,),
        "unclaimed": (Work.state == ReportState.ADMITTED, Work.holder_id.is_(None)),
        "mine": (Work.state == ReportState.ADMITTED, Work.holder_id == bindparam("member")),
        # As the partial index says it: `fresh IS 1` would not be seen to mean the same.
        "fresh": (literal_column("work.fresh"),),
        "aside": (Work.state == ReportState.SET_ASIDE,),
        "all": (Work.state != ReportState.ERASED,),
    }
    query = query.where(*wanted[filters.view])
    return query.where(Work.kind == filters.kind) if filters.kind else query


def _ordered(query: Select[Any], *, newest: bool) -> Select[Any]:
    if newest:
        return query.order_by(Work.day.desc(), Work.report_id.desc())
    return query.order_by(Work.day, Work.report_id)


def _beyond(after: str, *, newest: bool) -> Any:
    """Rows behind the cursor. One that cannot be read is refused like an unknown address."""
    text, _, name = after.partition("_")
    try:
        day, last = date.fromisoformat(text), unb64(name)
    except (ValueError, SealingRefused) as refused:
        raise ActionRefused("unknown") from refused
    if newest:
        return and_(Work.day <= day, or_(Work.day < day, Work.report_id < last))
    return and_(Work.day >= day, or_(Work.day > day, Work.report_id > last))


def _cursor(day: date, report_id: bytes) -> str:
    return f"{day.isoformat()}_{b64(report_id)}"


def _matches(digest: Digest, filters: Filters) -> bool:
    if filters.language and digest.language.split("-")[0] != filters.language:
        return False
    return not filters.country or digest.country == filters.country

"""Releases: one lead proposes, a job builds and audits, another lead checks and publishes.

A period of a scope is published once. Members are opaque ids here. Files are written once and never
made again from the database; true counts leave memory only boxed (`n_ref`).
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from analytics import building, deployment, drafts, files
from analytics.heads import Head, told
from analytics.menu import load
from analytics.models import Release
from analytics.tables import WORLD
from reporting import clock, queue, vocabulary
from reporting.database import db, transaction
from reporting.sealing import SealingRefused, b64, random_id, unb64

PROPOSED, BUILT, REFUSED = "proposed", "built", "refused"
PUBLISHED, REJECTED = "published", "rejected"
OPEN = (PROPOSED, BUILT)
# A year is published when it has been over for so long.
WAIT = timedelta(days=30)
EARLIEST_YEAR = 1990
JOB = "build_release"

# Something else that belongs into the same transaction, such as a link of the audit chain.
Witness = Callable[[Session, bytes], object]
# Which organisations agree to be recognised, asked in the transaction that depends on it.
Agreeing = Callable[[Session], Iterable[bytes]]


class ReleaseRefused(Exception):
    """A step that is not allowed; `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def last_year(today: date) -> int:
    """The latest calendar year that may be published: it ended at least 30 days ago."""
    year = today.year - 1
    return year if today >= date(today.year, 1, 1) + WAIT else year - 1


def organisation_of(scope: str) -> bytes | None:
    """The organisation of a scope, nothing for the coalition. Raises `ReleaseRefused`."""
    if scope == WORLD:
        return None
    try:
        found = unb64(scope.removeprefix("org:"))
    except SealingRefused:
        found = b""
    if not re.match("org:", scope) or len(found) != 16:
        raise ReleaseRefused("scope-unknown")
    return found


def propose(
    scope: str,
    year: int,
    by: bytes,
    *,
    scope_name: str = "",
    recognisable: Iterable[bytes] = (),
    heads: Iterable[Head] = (),
    witness: Witness | None = None,
) -> bytes:
    """Ask for the first release of a scope and year; its build is ordered in the same transaction.

    `recognisable` are the organisations that agreed to be recognised in coalition tables, `heads`
    the audit heads that all organisations signed last; `told` says which of them are carried.
    """
    agreed = frozenset(recognisable)
    asked = {
        "scope_name": scope_name,
        "recognisable": sorted(b64(o) for o in agreed),
        "heads": told(heads, organisation_of(scope), agreed),
    }
    if year > last_year(clock.today()):
        raise ReleaseRefused("year-not-over")
    if year < EARLIEST_YEAR:
        raise ReleaseRefused("year-too-early")
    with transaction() as session:
        lock(session)
        _check_free(session, scope, year)
        release_id = random_id()
        release = Release(
            id=release_id,
            scope=scope,
            ref_year=year,
            vintage=1,
            state=PROPOSED,
            menu_version=load(year).version,
            vocabulary=vocabulary.VERSION,
            parameters=json.dumps(asked),
            created=clock.today(),
            proposed_by=by,
        )
        session.add(release)
        session.flush()
        queue.enqueue(JOB, release_id)
        if witness:
            witness(session, release_id)
    return release_id


def _check_free(session: Session, scope: str, year: int) -> None:
    """One proposal at a time, until a scope and year is published."""
    states = session.scalars(
        select(Release.state).where(Release.scope == scope, Release.ref_year == year)
    ).all()
    if PUBLISHED in states:
        raise ReleaseRefused("already-published")
    if set(states) & set(OPEN):
        raise ReleaseRefused("already-proposed")


def build(release_id: bytes) -> None:
    """Job: count, protect, audit, write the files. Runs again are harmless."""
    session: Any = db.session
    release = session.get(Release, release_id)
    if release is None or release.state != PROPOSED:
        session.rollback()
        return
    asked = json.loads(release.parameters)
    published = published_ids(session, release.ref_year)
    built = building.build(
        session,
        scope=release.scope,
        organisation_id=organisation_of(release.scope),
        year=release.ref_year,
        published=published,
        recognisable=frozenset(unb64(o) for o in asked["recognisable"]),
        root=deployment.noise_root(),
    )
    about = files.About(
        release=b64(release_id),
        scope=release.scope,
        scope_name=asked["scope_name"],
        vintage=release.vintage,
        as_of=clock.today(),
        contact=deployment.address(),
        heads=asked.get("heads", []),
    )
    session.rollback()
    _finish(release_id, built, about, published)


def _finish(
    release_id: bytes, built: building.Built, about: files.About, published: tuple[bytes, ...]
) -> None:
    """Write down what was built, if no other run of this job has done so."""
    with transaction() as session:
        lock(session)
        release = session.get(Release, release_id, populate_existing=True)
        if release is None or release.state != PROPOSED:
            return
        release.created = about.as_of
        rows = building.rows(release, built, deployment.noise_root())
        asked = json.loads(release.parameters)
        known: dict[str, Any] = {
            "draft": built.draft,
            "agreed": building.agreement(unb64(o) for o in asked["recognisable"]),
            "recognisable": asked["recognisable"],
        }
        drafts.forget_superseded(session, release, [row.coord for row in rows])
        session.add_all(rows)
        if built.reason:
            release.state, release.reason = REFUSED, built.reason
            release.parameters = json.dumps(known)
            return
        older = {
            cell: built.days[stated.vintage]
            for cell, stated in built.stated.items()
            if stated.vintage in built.days
        }
        made = files.compose(built.menu, built.protected, replace(about, older=older), built.report)
        release.state = BUILT
        release.audited_with = drafts.fingerprint(published)
        known |= files.parameters(built.protected)
        known |= {"scope_name": about.scope_name, "audit": built.report}
        release.parameters = json.dumps(known)
        release.files = json.dumps({name: files.sha256(data) for name, data in made.items()})
        session.flush()
        files.keep(deployment.releases_dir() / about.release, made)


def is_withdrawn(release: Release, recognisable: Iterable[bytes]) -> bool:
    """Whether somebody whom a built coalition release may point at agrees to that no longer.

    A release of one organisation names it and asks nobody.
    """
    asked = json.loads(release.parameters)["recognisable"]
    return release.scope == WORLD and not set(asked) <= {b64(one) for one in recognisable}


def check(
    release: Release | None, by: bytes, published: tuple[bytes, ...], recognisable: Iterable[bytes]
) -> Release:
    """Whether this member may publish this release now. Raises `ReleaseRefused`."""
    if release is None:
        raise ReleaseRefused("release-unknown")
    if release.state == PUBLISHED:
        raise ReleaseRefused("already-published")
    if release.state != BUILT:
        raise ReleaseRefused(f"state-{release.state}")
    if release.proposed_by == by:
        raise ReleaseRefused("same-person")
    if release.audited_with != drafts.fingerprint(published):
        # Something was published since the audit: together they might say more.
        raise ReleaseRefused("stale-audit")
    if is_withdrawn(release, recognisable):
        raise ReleaseRefused("agreement-withdrawn")
    if lacks_files(release):
        raise ReleaseRefused("files-missing")
    return release


def lacks_files(release: Release) -> bool:
    """Whether a file is not where it was written, as after a restore without the folder."""
    folder = deployment.releases_dir() / b64(release.id)
    return not all((folder / name).is_file() for name in json.loads(release.files))


def publish(
    release_id: bytes,
    by: bytes,
    *,
    recognisable: Agreeing = lambda _session: (),
    witness: Witness | None = None,
) -> None:
    """Publish for good. Of two that publish at once, one does and the other is refused.

    What `recognisable` says must hold until the transaction ends.
    """
    try:
        with transaction() as session:
            lock(session)
            found = session.get(Release, release_id, populate_existing=True)
            known = published_ids(session, found.ref_year) if found else ()
            release = check(found, by, known, recognisable(session))
            release.state, release.published_once, release.checked_by = PUBLISHED, True, by
            drafts.forget_others(session, release)
            session.flush()
            if witness:
                witness(session, release_id)
            files.mark_published(deployment.releases_dir() / b64(release_id))
    except IntegrityError:
        raise ReleaseRefused("already-published") from None


def refuse(release_id: bytes, by: bytes, *, witness: Witness | None = None) -> None:
    """Reject a release that was built, or take back one's own.

    Its files go. Its statements stay: leads have seen them, so the next draft must repeat them.
    """
    with transaction() as session:
        lock(session)
        release = session.get(Release, release_id, populate_existing=True)
        if release is None:
            raise ReleaseRefused("release-unknown")
        if release.state not in OPEN:
            raise ReleaseRefused(f"state-{release.state}")
        release.state, release.checked_by, release.files = REJECTED, by, "{}"
        if witness:
            witness(session, release_id)
    files.discard(deployment.releases_dir() / b64(release_id))


def published_ids(session: Session, year: int) -> tuple[bytes, ...]:
    """Published releases that share records with any scope of that year."""
    query = select(Release.id).where(Release.ref_year == year, Release.state == PUBLISHED)
    return tuple(sorted(session.scalars(query).all()))


def lock(session: Session) -> None:
    """One change of releases at a time, until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE release IN SHARE ROW EXCLUSIVE MODE"))
        return
    # SQLite has one write lock for the whole file; an UPDATE takes it even if it changes no row.
    session.execute(
        update(Release)
        .where(Release.id == b"")
        .values(vintage=1)
        .execution_options(synchronize_session=False)
    )

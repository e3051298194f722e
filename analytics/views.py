"""Public pages of published statistics, and their files at stable addresses.

Reads published releases only; knows no record and no true count. No script, no SVG, no cookie.
"""

import json
from typing import Any

import structlog
from flask import Blueprint, Response, abort, redirect, render_template, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from analytics import building, deployment, files, pages
from analytics.disclosure import BAND, SHOWN, WITHHELD
from analytics.menu import Menu, load
from analytics.models import Release
from analytics.release import PUBLISHED
from analytics.tables import WORLD
from reporting.access import PUBLIC, audience
from reporting.database import db
from reporting.i18n import PATH
from reporting.sealing import SealingRefused, b64, unb64

blueprint = Blueprint("analytics", __name__, template_folder="templates")
log = structlog.get_logger()
_KINDS = {".csv": "text/csv", ".json": "application/json", ".md": "text/markdown"}
# Files never change: a browser may keep them for good.
_FOREVER = "public, max-age=31536000, immutable"


@blueprint.get(f"{PATH}/statistics")
@audience(PUBLIC)
def newest(locale: str) -> str:
    """The latest release of the coalition, or of the scope that is asked for."""
    found = _published()
    scope = request.args.get("scope", WORLD)
    release = next((r for r in found if r.scope == scope), None)
    if release is None and scope != WORLD:
        abort(404)
    return _page(release or (found[0] if found else None), found, locale)


@blueprint.get(f"{PATH}/statistics/<release_id>")
@audience(PUBLIC)
def one(locale: str, release_id: str) -> str:
    """One published release."""
    found = _published()
    release = next((r for r in found if b64(r.id) == release_id), None)
    if release is None:
        abort(404)
    return _page(release, found, locale)


@blueprint.get("/statistics/latest/<name>")
@audience(PUBLIC)
def latest_file(name: str) -> BaseResponse:
    """Where this file of the coalition's newest release lies."""
    release = next((r for r in _published() if r.scope == WORLD), None)
    if release is None or name not in public_files(release):
        abort(404)
    answer = redirect(f"/statistics/{b64(release.id)}/{name}", 302)
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@blueprint.get("/statistics/<release_id>/<name>")
@audience(PUBLIC)
def file(release_id: str, name: str) -> BaseResponse:
    """One file of a published release, as it was written."""
    session: Any = db.session
    try:
        release = session.get(Release, unb64(release_id))
    except SealingRefused:
        release = None
    if release is None or release.state != PUBLISHED or name not in public_files(release):
        abort(404)
    kind = next((k for end, k in _KINDS.items() if name.endswith(end)), "text/plain")
    data = _as_written(release, name)
    answer = Response(data, content_type=f"{kind}; charset=utf-8")
    answer.headers["Cache-Control"] = _FOREVER
    answer.set_etag(public_files(release)[name])
    return answer.make_conditional(request)


def _as_written(release: Release, name: str) -> bytes:
    """A file, if it is the one that was published: else nobody gets it, and the log says so."""
    path = deployment.releases_dir() / b64(release.id) / name
    try:
        data = path.read_bytes()
    except OSError:
        log.exception("published file cannot be read")
        abort(503)
    if files.sha256(data) != public_files(release)[name]:
        log.error("published file is not as it was written")
        abort(503)
    return data


def public_files(release: Release) -> dict[str, str]:
    """Names and checksums of what readers may have: all but the audit report."""
    known: dict[str, str] = json.loads(release.files)
    return {name: checksum for name, checksum in known.items() if name != files.AUDIT}


def _downloads(release: Release) -> list[tuple[str, str]]:
    """Files and what they are, as a reader looks for them: all tables, then each, then the rest."""
    known = public_files(release)
    order = sorted(known, key=lambda n: (n != files.ALL_TABLES, not n.endswith(".csv"), n))
    return [(name, pages.file_title(name)) for name in order]


def _published() -> list[Release]:
    """Published releases, the newest period first."""
    session: Any = db.session
    query = select(Release).where(Release.state == PUBLISHED)
    found = session.scalars(
        query.order_by(Release.ref_year.desc(), Release.vintage.desc(), Release.scope.desc())
    )
    return list(found)


def _page(release: Release | None, found: list[Release], locale: str) -> str:
    """Unknown parameters are left alone: nothing that is asked for narrows a table down."""
    shown = None if release is None else tables(release)
    return render_template(
        "analytics/statistics.html",
        release=release,
        others=[_name(r) for r in found],
        current=b64(release.id) if release else "",
        paragraph=files.paragraph(locale),
        shown=shown,
        downloads=_downloads(release) if release else [],
    )


def _name(release: Release) -> dict[str, Any]:
    return {
        "id": b64(release.id),
        "scope": release.scope,
        "name": json.loads(release.parameters).get("scope_name", ""),
        "year": release.ref_year,
    }


def tables(release: Release) -> dict[str, Any]:
    """What a page shows of a built or published release; the release desk shows the same."""
    menu: Menu = load(release.ref_year)
    session: Any = db.session
    said = building.statements_of(session, release.id)
    protected = building.tables_of(menu, release)
    single = [t for t in protected.tables if len(t.dims) == 1]
    double = [t for t in protected.tables if len(t.dims) == 2]
    return {
        **_name(release),
        "world": release.scope == WORLD,
        "as_of": release.created,
        "total": said[menu.total],
        "figures": [pages.figures(menu, t, said) for t in single],
        "crosses": [pages.cross(menu, t, said) for t in double],
        "left_out": [(pages.title(name), pages.reason(why)) for name, why in protected.left_out],
        "has_band": any(s.status == BAND for s in said.values()),
        "has_withheld": any(s.status == WITHHELD for s in said.values()),
        "is_number": lambda statement: statement.status == SHOWN,
        "says": pages.says,
    }

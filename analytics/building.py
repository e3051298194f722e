"""Building a release: count, protect, audit. The one place where true counts and statements meet.

What leaves here are statements, an audit report without true values, and boxed counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from analytics import disclosure, noise
from analytics.audit import Case, Report, audit
from analytics.counting import count
from analytics.disclosure import SHOWN, Protected
from analytics.menu import Cell, Menu, load
from analytics.models import Release, Statement
from analytics.tables import EMPTY, WORLD, Count, Counts
from reporting.sealing import b64, box, u32, unbox

LABEL = "n-ref"


@dataclass(frozen=True, repr=False)
class Built:
    """What a build came to: a release to check, or the reason why there is none."""

    menu: Menu
    protected: Protected
    counts: Mapping[Cell, Count]
    report: Report
    reason: str | None = None


def build(
    session: Session,
    *,
    scope: str,
    organisation_id: bytes | None,
    year: int,
    vintage: int,
    published: tuple[bytes, ...],
    recognisable: frozenset[bytes],
    root: bytes,
) -> Built:
    """Count, protect and audit one scope and year."""
    menu = load(year)
    counts = count(session, menu)
    own = counts.of(organisation_id)
    key = noise.noise_key(root, scope, year)

    def draw(cell: Cell, found: Count) -> int:
        return noise.draw(key, noise.coord(cell.definition), found.skey, found.n, vintage)

    total = disclosure.protected_total(menu, own, draw)
    if total < disclosure.FLOOR_TOTAL:
        return Built(menu, Protected((), {}), own, Report(), "floor")
    before = _published_total(session, scope, year - 1)
    tables, left_out = disclosure.choose_tables(menu, total, total if before is None else before)
    statements = disclosure.protect(
        menu,
        tables,
        own,
        draw,
        coalition=organisation_id is None,
        consents=lambda cell: counts.contributors(cell) <= recognisable,
    )
    case = _case(session, menu, counts, scope, published, root)
    protected, report = audit(case, Protected(tables, statements, left_out))
    return Built(menu, protected, own, report, None if report.passed else "audit")


def rows(release: Release, built: Built, root: bytes) -> list[Statement]:
    """Statements as they are kept: the number that is said, and the boxed count behind it."""
    key = noise.reference_key(root)
    made: list[Statement] = []
    for cell, said in built.protected.statements.items():
        coord = noise.coord(cell.definition)
        made.append(
            Statement(
                release_id=release.id,
                coord=coord,
                scope=release.scope,
                ref_year=release.ref_year,
                definition=cell.definition,
                vintage=release.vintage,
                n_ref=box(key, LABEL, coord, u32(built.counts.get(cell, EMPTY).n)),
                status=said.status,
                value=said.value,
                low=said.low,
                high=said.high,
            )
        )
    return made


def statements_of(session: Session, release_id: bytes) -> dict[Cell, disclosure.Statement]:
    """What a release says, by cell."""
    found = session.scalars(select(Statement).where(Statement.release_id == release_id))
    return {
        Cell.read(row.definition): disclosure.Statement(row.status, row.value, row.low, row.high)
        for row in found
    }


def tables_of(menu: Menu, release: Release) -> Protected:
    """A built release as it was protected, for a page."""
    known = json.loads(release.parameters)
    left_out = tuple((entry["table"], entry["reason"]) for entry in known["left_out"])
    return Protected(tuple(menu.table(name) for name in known["tables"]), {}, left_out)


def _published_total(session: Session, scope: str, year: int) -> int | None:
    """The total published for a year, nothing when there is none (disclosure.md 4.7, 2)."""
    query = (
        select(Statement.value)
        .join(Release, Release.id == Statement.release_id)
        .where(
            Release.scope == scope,
            Release.ref_year == year,
            Release.published_once.is_(True),
            Statement.coord == noise.coord(Cell.of(period=f"{year:04d}").definition),
            Statement.status == SHOWN,
        )
    )
    return session.scalar(query)


def _case(
    session: Session,
    menu: Menu,
    counts: Counts,
    scope: str,
    published: tuple[bytes, ...],
    root: bytes,
) -> Case:
    """All published statements of the year, and the truth for the judge.

    A published number is judged by the count it was made from, not by today's.
    """
    own = {f"org:{b64(o)}": _plain(cells) for o, cells in counts.organisations.items()}
    truth = {WORLD: _plain(counts.world), **{name: dict(cells) for name, cells in own.items()}}
    said: dict[str, dict[Cell, disclosure.Statement]] = {}
    key = noise.reference_key(root)
    for row in session.scalars(select(Statement).where(Statement.release_id.in_(published))):
        cell = Cell.read(row.definition)
        made = disclosure.Statement(row.status, row.value, row.low, row.high)
        said.setdefault(row.scope, {})[cell] = made
        n = int.from_bytes(unbox(key, LABEL, row.coord, row.n_ref), "big")
        truth.setdefault(row.scope, {})[cell] = n
    return Case(menu=menu, scope=scope, published=said, truth=truth, own=own)


def _plain(cells: Mapping[Cell, Count]) -> dict[Cell, int]:
    return {cell: found.n for cell, found in cells.items()}

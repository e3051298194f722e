"""Earlier drafts of a scope and year: what was stated before, and which of it is repeated.

A draft is shown to leads, so it is a vintage of its own (disclosure.md 4.8). Drawn anew at each
proposal, exactly the cells of an erased record would change, and two drafts by one lead would give
that record away. Counts stay in here and in `building`; they are kept boxed only.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from analytics import disclosure, noise
from analytics.menu import Cell
from analytics.models import Release, Statement
from analytics.tables import EMPTY, Count
from reporting.sealing import box, u32, unbox

LABEL = "n-ref"


@dataclass(frozen=True, repr=False)
class Stated:
    """A cell as it was stated: the words, the count behind them, the number of that draft."""

    said: disclosure.Statement
    n: int
    vintage: int


@dataclass(repr=False)
class Drafts:
    """All drafts of a scope and year so far; `report` is the last audit that passed."""

    last: dict[Cell, Stated] = field(default_factory=dict)
    days: dict[int, date] = field(default_factory=dict)
    agreed: str | None = None
    tables: tuple[str, ...] = ()
    report: dict[str, Any] | None = None
    audited_with: bytes | None = None

    @property
    def number(self) -> int:
        """Number of the draft that is to be built: its vintage in noise and threshold."""
        return 1 + max(self.days, default=0)

    @property
    def refused_tables(self) -> tuple[str, ...]:
        """Tables the audit left out; they stay out, as withheld cells stay withheld."""
        return tuple(self.report["refused_tables"]) if self.report else ()


def read(session: Session, scope: str, year: int, root: bytes) -> Drafts:
    """What was stated of a scope and year, by cell the latest."""
    found = Drafts()
    query = select(Release).where(Release.scope == scope, Release.ref_year == year)
    known = [(json.loads(release.parameters), release) for release in session.scalars(query)]
    built = [(parameters, release) for parameters, release in known if "draft" in parameters]
    key = noise.reference_key(root)
    for parameters, release in sorted(built, key=lambda one: int(one[0]["draft"])):
        found.days[parameters["draft"]] = release.created
        found.agreed = parameters["agreed"]
        if "audit" in parameters:
            found.tables, found.report = tuple(parameters["tables"]), parameters["audit"]
            found.audited_with = release.audited_with
        rows = session.scalars(select(Statement).where(Statement.release_id == release.id))
        found.last.update({Cell.read(row.definition): _stated(row, key) for row in rows})
    return found


def _stated(row: Statement, key: bytes) -> Stated:
    said = disclosure.Statement(row.status, row.value, row.low, row.high)
    return Stated(said, unboxed(key, row), row.vintage)


def unboxed(key: bytes, row: Statement) -> int:
    """The count a statement was made from."""
    return int.from_bytes(unbox(key, LABEL, row.coord, row.n_ref), "big")


def boxed(key: bytes, coord: bytes, n: int) -> bytes:
    """A count as it is kept beside its statement."""
    return box(key, LABEL, coord, u32(n))


def carried(drafts: Drafts, counts: Mapping[Cell, Count], key: bytes) -> dict[Cell, Stated]:
    """Cells whose count has moved by less than their secret threshold: repeated word for word."""
    return {
        cell: stated
        for cell, stated in drafts.last.items()
        if abs(counts.get(cell, EMPTY).n - stated.n)
        < noise.threshold(key, noise.coord(cell.definition), stated.vintage)
    }


def forget_superseded(session: Session, release: Release, coords: Iterable[bytes]) -> None:
    """Earlier statements of these cells go: each count is kept once, and drafts do not pile up."""
    session.execute(_of_others(release).where(Statement.coord.in_(list(coords))))


def forget_others(session: Session, release: Release) -> None:
    """The period is published: nothing of its other drafts is needed again."""
    session.execute(_of_others(release))


def _of_others(release: Release) -> Any:
    return delete(Statement).where(
        Statement.scope == release.scope,
        Statement.ref_year == release.ref_year,
        Statement.release_id != release.id,
    )


def fingerprint(ids: Iterable[bytes]) -> bytes:
    """Which ids these are, in any order, without saying them."""
    return hashlib.sha256(b"".join(sorted(ids))).digest()

"""Building a release: count, protect, audit. The one place where true counts and statements meet.

What leaves here are statements, an audit report without true values, and boxed counts.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from analytics import disclosure, drafts, noise
from analytics.audit import Case, audit
from analytics.counting import count
from analytics.disclosure import SHOWN, Protected
from analytics.drafts import Drafts, Stated
from analytics.menu import Cell, Menu, Table, load
from analytics.models import Release, Statement
from analytics.tables import EMPTY, WORLD, Count, Counts
from reporting.sealing import b64


@dataclass(frozen=True, repr=False)
class Built:
    """What a build came to: a release to check, or the reason why there is none.

    `stated` is kept in either case: the next draft repeats it.
    """

    menu: Menu
    protected: Protected
    stated: Mapping[Cell, Stated]
    days: Mapping[int, date]
    draft: int
    report: dict[str, Any]
    reason: str | None = None


def build(
    session: Session,
    *,
    scope: str,
    organisation_id: bytes | None,
    year: int,
    published: tuple[bytes, ...],
    recognisable: frozenset[bytes],
    root: bytes,
) -> Built:
    """Count, protect and audit one scope and year; repeat what earlier drafts have stated."""
    menu = load(year)
    counts = count(session, menu)
    own = counts.of(organisation_id)
    earlier = drafts.read(session, scope, year, root)
    key = noise.noise_key(root, scope, year)
    kept = drafts.carried(earlier, own, key)

    def consents(cell: Cell) -> bool:
        return counts.contributors(cell) <= recognisable

    if organisation_id is None and earlier.agreed not in {None, agreement(recognisable)}:
        kept = _reconsidered(menu, own, kept, consents)
    draft = _Draft(menu, own, key, earlier, kept, consents, organisation_id is None)
    said, total = draft.total()
    if total < disclosure.FLOOR_TOTAL:
        return draft.built(Protected((), {menu.total: said}), {}, "floor")
    before = _published_total(session, scope, year - 1)
    drawn = draft.protected(total, total if before is None else before)
    if _repeats(earlier, drawn, draft.repeated, published) and earlier.report:
        return draft.built(drawn, earlier.report)
    case = _case(session, menu, counts, scope, published, root)
    case.truth.setdefault(scope, {}).update({cell: one.n for cell, one in kept.items()})
    mended, report = audit(case, drawn, draft.spare(drawn))
    if report.passed:
        return draft.built(mended, report.as_json())
    return draft.built(drawn, {}, "audit")


@dataclass(frozen=True, repr=False)
class _Draft:
    """One draft while it is made: what is counted, what is repeated, and the key of its noise."""

    menu: Menu
    own: Mapping[Cell, Count]
    key: bytes
    earlier: Drafts
    kept: Mapping[Cell, Stated]
    consents: Callable[[Cell], bool]
    coalition: bool

    @property
    def repeated(self) -> dict[Cell, disclosure.Statement]:
        return {cell: stated.said for cell, stated in self.kept.items()}

    def draw(self, cell: Cell, found: Count) -> int:
        number = self.earlier.number
        return noise.draw(self.key, noise.coord(cell.definition), found.skey, found.n, number)

    def total(self) -> tuple[disclosure.Statement, int]:
        """What is said of the year, and the number of it that decides about tables."""
        said = disclosure.protected_total(self.menu, self.own, self.draw, self.repeated)
        return said, said.value or 0

    def protected(self, total: int, gate_total: int) -> Protected:
        """Statements of all tables that may be, without those an earlier audit left out."""
        tables, left_out = disclosure.choose_tables(self.menu, total, gate_total)
        made = Protected(tables, self._say(tables), left_out)
        for name in self.earlier.refused_tables:
            if name in {table.name for table in made.tables}:
                made = disclosure.without_table(self.menu, made, name, self.spare(made))
        return made

    def spare(self, made: Protected) -> dict[Cell, disclosure.Statement]:
        """Statements of the coarser forms of these tables, should the audit refuse one."""
        coarser = [table.coarser for table in made.tables if table.coarser]
        return self._say(tuple(self.menu.table(name) for name in coarser))

    def _say(self, tables: tuple[Table, ...]) -> dict[Cell, disclosure.Statement]:
        return disclosure.protect(
            self.menu,
            tables,
            self.own,
            self.draw,
            coalition=self.coalition,
            consents=self.consents,
            carried=self.repeated,
        )

    def built(self, made: Protected, report: dict[str, Any], reason: str | None = None) -> Built:
        """The outcome, with the count and the draft behind each statement."""
        number, kept = self.earlier.number, self.kept
        stated = {
            cell: replace(kept[cell], said=said)
            if cell in kept
            else Stated(said, self.own.get(cell, EMPTY).n, number)
            for cell, said in made.statements.items()
        }
        return Built(self.menu, made, stated, self.earlier.days, number, report, reason)


def _repeats(
    earlier: Drafts,
    drawn: Protected,
    repeated: Mapping[Cell, disclosure.Statement],
    published: tuple[bytes, ...],
) -> bool:
    """Whether a draft says word for word what was audited before, beside the same releases.

    Then the audit is not made again: judged by today's counts it might withhold another cell, and
    so tell of a single record that went.
    """
    return (
        drawn.statements.items() <= repeated.items()
        and tuple(table.name for table in drawn.tables) == earlier.tables
        and earlier.audited_with == drafts.fingerprint(published)
    )


def _reconsidered(
    menu: Menu,
    own: Mapping[Cell, Count],
    kept: Mapping[Cell, Stated],
    consents: Callable[[Cell], bool],
) -> dict[Cell, Stated]:
    """The same after organisations agreed to be recognised, or no longer do.

    Only then: whether a cell points at an organisation depends on its records, so asking at every
    draft would show when one of them goes.
    """
    found = dict(kept)
    for table in menu.tables:
        for cell in set(menu.cells(table)) & set(kept):
            before = kept[cell]
            if not disclosure.is_recognisable(table, own.get(cell, EMPTY), consents=False):
                continue
            if before.said == disclosure.WITHHOLD and consents(cell):
                del found[cell]
            elif before.said.status == SHOWN and not consents(cell):
                found[cell] = replace(before, said=disclosure.WITHHOLD)
    return found


def agreement(recognisable: Iterable[bytes]) -> str:
    """Which organisations agreed to be recognised, without naming them."""
    return drafts.fingerprint(recognisable).hex()


def rows(release: Release, built: Built, root: bytes) -> list[Statement]:
    """Statements as they are kept: the number that is said, and the boxed count behind it."""
    key = noise.reference_key(root)
    made: list[Statement] = []
    for cell, stated in built.stated.items():
        coord = noise.coord(cell.definition)
        made.append(
            Statement(
                release_id=release.id,
                coord=coord,
                scope=release.scope,
                ref_year=release.ref_year,
                definition=cell.definition,
                vintage=stated.vintage,
                n_ref=drafts.boxed(key, coord, stated.n),
                status=stated.said.status,
                value=stated.said.value,
                low=stated.said.low,
                high=stated.said.high,
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
        truth.setdefault(row.scope, {})[cell] = drafts.unboxed(key, row)
    return Case(menu=menu, scope=scope, published=said, truth=truth, own=own)


def _plain(cells: Mapping[Cell, Count]) -> dict[Cell, int]:
    return {cell: found.n for cell, found in cells.items()}

"""True counts to publishable statements: noise, bands, gate, floor, organisations.

Pure (disclosure.md 4.6, 4.7). What decides whether a table is published are published numbers only,
so that the decision itself tells nothing. True zeros are bands: nobody learns that a category is
empty.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from analytics import noise
from analytics.menu import TABLE_OF_TOTAL, Cell, Menu, Table
from analytics.tables import EMPTY, Count

# Noise of a cell with that count.
Draw = Callable[[Cell, Count], int]
SHOWN, BAND, WITHHELD, NA = "shown", "band", "withheld", "na"
STATUSES = (SHOWN, BAND, WITHHELD, NA)
# A shown number is usually no further from the truth than this.
USUAL = 3
# Mean size of a table's structural cells below which most of it would be bands.
GATE = 2
# A scope under this total publishes its year total only; under the lower one, nothing.
FLOOR_TABLES = 30
FLOOR_TOTAL = 10
# A coalition cell that would be shown needs so many organisations, and none larger than this part.
LEAST_ORGANISATIONS = 3
LARGEST_PART = 0.85


@dataclass(frozen=True)
class Statement:
    """What is said of one cell, for good."""

    status: str
    value: int | None = None
    low: int | None = None
    high: int | None = None


WITHHOLD = Statement(WITHHELD, None, 0, None)
NOTHING_CARRIED: Mapping[Cell, Statement] = {}


@dataclass(frozen=True)
class Protected:
    """Tables that may be published, with their statements; and those that may not, with reasons."""

    tables: tuple[Table, ...]
    statements: dict[Cell, Statement]
    left_out: tuple[tuple[str, str], ...] = ()


def state(n: int, drawn: int) -> Statement:
    """Statement of a count and its noise: a number from 6, otherwise one band for all, zero too."""
    value = n + drawn
    if n < noise.LEAST_SHOWN or value < noise.LEAST_SHOWN:
        return Statement(BAND, None, 0, noise.BAND_HIGH)
    return Statement(SHOWN, value, max(noise.LEAST_SHOWN, value - USUAL), value + USUAL)


def hard_bounds(statement: Statement) -> tuple[int, int | None]:
    """What a reader may conclude for certain; `None` is no limit.

    A withheld cell is one that would have been shown, so a reader who knows the rule knows that it
    holds at least 6.
    """
    if statement.status == SHOWN and statement.value is not None:
        low = max(noise.LEAST_SHOWN, statement.value - noise.MOST)
        return low, statement.value + noise.MOST
    if statement.status == BAND:
        return 0, noise.BAND_HIGH
    if statement.status == WITHHELD:
        return noise.LEAST_SHOWN, None
    return 0, 0


def gate(protected_total: int, structural_cells: int) -> bool:
    """Whether a table may be published: by a published total, never by what is in its cells."""
    return protected_total >= GATE * structural_cells


def is_recognisable(table: Table, count: Count, consents: bool) -> bool:
    """Whether a shown coalition cell would point at an organisation that has not agreed to it."""
    fine_enough = len([dim for dim in table.dims if dim not in {"month", "quarter", "geo"}]) < 2
    if fine_enough or consents:
        return False
    return count.norg < LEAST_ORGANISATIONS or count.top > LARGEST_PART * count.n


def choose_tables(
    menu: Menu, protected_total: int, gate_total: int
) -> tuple[tuple[Table, ...], tuple[tuple[str, str], ...]]:
    """Tables of the menu that floor and gate let through, and the reason for each other one."""
    chosen: list[Table] = []
    left_out: list[tuple[str, str]] = []
    for table in menu.tables:
        if table.only_instead:
            continue
        if table.name == TABLE_OF_TOTAL:
            chosen.append(table)
        elif protected_total < FLOOR_TABLES:
            left_out.append((table.name, "floor"))
        elif gate(gate_total, menu.size(table)):
            chosen.append(table)
        else:
            left_out.append((table.name, "gate"))
            coarser = menu.table(table.coarser) if table.coarser else None
            if coarser and gate(gate_total, menu.size(coarser)):
                chosen.append(coarser)
    return tuple(chosen), tuple(left_out)


def protect(
    menu: Menu,
    tables: tuple[Table, ...],
    counts: Mapping[Cell, Count],
    draw: Draw,
    *,
    coalition: bool,
    consents: Callable[[Cell], bool] = lambda _cell: False,
    carried: Mapping[Cell, Statement] = NOTHING_CARRIED,
) -> dict[Cell, Statement]:
    """Statements of all structural cells of these tables. A cell in two tables is one statement.

    What is `carried` from an earlier draft is repeated: nothing of it is drawn or judged again.
    """
    statements: dict[Cell, Statement] = {}
    for table in tables:
        for cell in menu.cells(table):
            if cell in carried:
                statements[cell] = carried[cell]
                continue
            count = counts.get(cell, EMPTY)
            made = state(count.n, draw(cell, count))
            shown = coalition and made.status == SHOWN
            if shown and is_recognisable(table, count, consents(cell)):
                made = WITHHOLD
            statements[cell] = made
    return statements


def protected_total(
    menu: Menu,
    counts: Mapping[Cell, Count],
    draw: Draw,
    carried: Mapping[Cell, Statement] = NOTHING_CARRIED,
) -> Statement:
    """What is said of the year: a number, or a band."""
    count = counts.get(menu.total, EMPTY)
    return carried.get(menu.total) or state(count.n, draw(menu.total, count))


def without_cells(protected: Protected, cells: Collection[Cell]) -> Protected:
    """The same with these cells withheld, as the audit asks."""
    statements = {
        cell: WITHHOLD if cell in cells else made for cell, made in protected.statements.items()
    }
    return replace(protected, statements=statements)


def without_table(
    menu: Menu,
    protected: Protected,
    name: str,
    spare: Mapping[Cell, Statement] = NOTHING_CARRIED,
) -> Protected:
    """The same with a table left out that the audit refuses.

    Its coarser form takes its place if `spare` has the statements for it.
    """
    place = [table.name for table in protected.tables].index(name)
    tables = [table for table in protected.tables if table.name != name]
    coarser = menu.table(name).coarser
    if coarser and set(menu.cells(menu.table(coarser))) <= set(spare):
        tables.insert(place, menu.table(coarser))
    kept = {cell for table in tables for cell in menu.cells(table)}
    statements = {**spare, **protected.statements}
    return Protected(
        tuple(tables),
        {cell: made for cell, made in statements.items() if cell in kept},
        (*protected.left_out, (name, "audit")),
    )

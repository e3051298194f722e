"""How the cells of all tables hang together: what an attacker may put into one system.

Pure, and blind to every count: relations follow from the menu and from who published.
"""

from collections.abc import Iterable, Sequence
from functools import cache

from analytics.menu import MULTIVALUED, Cell, Menu, quarter_of
from analytics.propagation import Relation
from analytics.tables import WORLD

# Scope of all contributing organisations together that have no release of their own.
OTHERS = "others"
# A cell of a scope.
Place = tuple[str, Cell]


@cache
def cells(menu: Menu) -> tuple[Cell, ...]:
    """All cells of the menu, published or not: an attacker knows that they exist."""
    found = {cell: None for table in menu.tables for cell in menu.cells(table)}
    return tuple(found)


@cache
def within(menu: Menu, scope: str) -> tuple[Relation, ...]:
    """Relations between the cells of one scope: dimensions, month to quarter to year, motives."""
    year = menu.total.code("period")
    relations: list[Relation] = []
    # One object for each place: equal ones would be compared again and again.
    places = {cell: (scope, cell) for cell in cells(menu)}

    def add(parent: Cell, children: Iterable[Cell], *, disjoint: bool = True) -> None:
        below = tuple(places[child] for child in children)
        relations.append(Relation(places[parent], below, disjoint=disjoint))

    for table in menu.tables:
        if len(table.dims) == 1:
            add(menu.total, menu.cells(table), disjoint=table.dims[0] not in MULTIVALUED)
    months = [code for code in menu.codes("month") if quarter_of(code) != code]
    for quarter in menu.codes("quarter"):
        inside = [Cell.of(period=month) for month in months if quarter_of(month) == quarter]
        if inside:
            add(Cell.of(period=quarter), inside)
    for table in menu.tables:
        if len(table.dims) == 2:
            for fixed, free in (table.dims, table.dims[::-1]):
                for code in menu.codes(fixed):
                    finer = [
                        Cell.of(period=year, **{fixed: code, free: other})
                        for other in menu.codes(free)
                    ]
                    parent = Cell.of(period=year, **{fixed: code})
                    add(parent, finer, disjoint=free not in MULTIVALUED)
    return tuple(relations)


def across(menu: Menu, parts: Sequence[str]) -> list[Relation]:
    """The coalition is the sum of its organisations, cell by cell."""
    if not parts:
        return []
    return [
        Relation((WORLD, cell), tuple((scope, cell) for scope in parts)) for cell in cells(menu)
    ]

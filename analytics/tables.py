"""True counts, and what is computed of them: pure.

A count is never shown, logged or written to a file; only `disclosure` makes a number of it that
may be.
"""

from dataclasses import dataclass, field

from analytics.menu import Cell

WORLD = "world"


@dataclass(frozen=True, repr=False)
class Count:
    """One cell of one scope: incidents, sum of their keys, organisations, the largest one's."""

    n: int
    skey: int
    norg: int
    top: int


EMPTY = Count(0, 0, 0, 0)


@dataclass(repr=False)
class Counts:
    """All cells of a year that are not empty, of the coalition and of each organisation."""

    world: dict[Cell, Count] = field(default_factory=dict)
    organisations: dict[bytes, dict[Cell, Count]] = field(default_factory=dict)

    def of(self, organisation_id: bytes | None) -> dict[Cell, Count]:
        """Counts of an organisation's own scope, or of the coalition."""
        if organisation_id is None:
            return self.world
        return self.organisations.get(organisation_id, {})

    def contributors(self, cell: Cell) -> frozenset[bytes]:
        """Organisations that have an incident in a cell."""
        return frozenset(o for o, cells in self.organisations.items() if cell in cells)

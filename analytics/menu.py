"""The menu: which tables a scope and year may publish, and the cells each is made of.

Fixed and versioned. A list of codes never follows the data: whether a table is published may not
depend on who was counted. Pure; holds no count.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from itertools import product

from reporting import vocabulary

UNKNOWN = "unknown"
OTHER = "other"
# Where a dimension is not told apart.
TOTAL = "total"
# One incident may be in several cells of these: rows add to more than the total.
MULTIVALUED = frozenset({"motive_group"})
# Both are the period of a cell, in finer steps than the year.
PERIODS = frozenset({"month", "quarter"})
TABLE_OF_TOTAL = "total"


@dataclass(frozen=True, order=True)
class Cell:
    """One publishable count: fixed dimensions, those at "total" left out, the period always in."""

    codes: tuple[tuple[str, str], ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Kept: the audit looks cells up by the million.
        return hash(self.codes)

    @classmethod
    def of(cls, **codes: str) -> "Cell":
        """A cell from its dimensions, in the order the definition wants."""
        return cls(tuple(sorted(codes.items())))

    @property
    def definition(self) -> str:
        """The string of disclosure.md 4.6; the same cell in two tables has the same one."""
        return "|".join(["c1", *(f"{name}={code}" for name, code in self.codes)])

    @classmethod
    def read(cls, definition: str) -> "Cell":
        """The cell that a definition string stands for."""
        version, *codes = definition.split("|")
        if version != "c1":
            raise ValueError("not a definition of a cell")
        return cls(tuple((name, code) for name, _, code in (c.partition("=") for c in codes)))

    def code(self, name: str) -> str:
        """Code of a dimension, `total` where it is not told apart."""
        return next((code for key, code in self.codes if key == name), TOTAL)


@dataclass(frozen=True)
class Table:
    """One table of the menu. `coarser` names what is published instead when the gate is shut."""

    name: str
    dims: tuple[str, ...]
    coarser: str | None = None
    only_instead: bool = False


@dataclass(frozen=True)
class Menu:
    """Tables of one scope and year, for every scope alike."""

    version: int
    countries: tuple[str, ...]
    tables: tuple[Table, ...]
    year: int

    def table(self, name: str) -> Table:
        """The table of that name. Raises `KeyError` when there is none."""
        return {table.name: table for table in self.tables}[name]

    def codes(self, dim: str) -> tuple[str, ...]:
        """Codes of a dimension, `unknown` last."""
        return self._codes[dim]

    @cached_property
    def _codes(self) -> dict[str, tuple[str, ...]]:
        year = f"{self.year:04d}"
        known = {
            "month": tuple(f"{year}-{month:02d}" for month in range(1, 13)),
            "quarter": tuple(f"{year}-Q{quarter}" for quarter in range(1, 5)),
            "type": vocabulary.ids("act_family"),
            "motive_group": vocabulary.ids("ground_family"),
            "setting": vocabulary.ids("loc"),
            "geo": (*self.countries, OTHER),
        }
        return {
            dim: (*codes, f"{year}-{UNKNOWN}" if dim in PERIODS else UNKNOWN)
            for dim, codes in known.items()
        }

    def cell(self, table: Table, codes: tuple[str, ...]) -> Cell:
        """The cell of a table at these codes, one for each of its dimensions."""
        fixed = {"period": f"{self.year:04d}"}
        for dim, code in zip(table.dims, codes, strict=True):
            fixed["period" if dim in PERIODS else dim] = code
        return Cell.of(**fixed)

    def cells(self, table: Table) -> Iterator[Cell]:
        """Structural cells of a table, in the order they are shown."""
        for codes in product(*(self.codes(dim) for dim in table.dims)):
            yield self.cell(table, codes)

    def size(self, table: Table) -> int:
        """How many structural cells: the product of the code counts."""
        return sum(1 for _ in self.cells(table))

    @property
    def total(self) -> Cell:
        """The grand total of the year."""
        return Cell.of(period=f"{self.year:04d}")


def quarter_of(month: str) -> str:
    """`2025-03` -> `2025-Q1`; an unknown month stays unknown."""
    year, _, number = month.partition("-")
    return month if number == UNKNOWN else f"{year}-Q{(int(number) + 2) // 3}"


def load(year: int) -> Menu:
    """The current menu for a year."""
    data = json.loads(files("analytics").joinpath("data/menu-1.json").read_text(encoding="utf-8"))
    tables = tuple(
        Table(
            name=table["name"],
            dims=tuple(table["dims"]),
            coarser=table.get("coarser"),
            only_instead=table.get("only_instead", False),
        )
        for table in data["tables"]
    )
    return Menu(data["version"], tuple(data["countries"]), tables, year)

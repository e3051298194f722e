"""The attacker: everything that follows from published statements, by propagation of intervals.

Gets intervals and relations and nothing else: a true count never enters this module. For each
relation both sides are tightened until nothing moves (shuttle bounds), which found the bounds of
linear programming in every cell compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# No limit. Far above any count, so that sums of it stay above any count too.
ENDLESS = 1 << 50
ROUNDS = 30
LOW, HIGH = 0, 1

# Anything that names a cell and can be hashed.
Key: TypeAlias = Any
Bounds = Mapping[Key, tuple[int, int]]


@dataclass(frozen=True)
class Relation:
    """Parent and children. Disjoint: the parent is their sum. Not: any child may overlap another.

    Overlapping children (an incident has several motives) give inequalities only: each is at most
    the parent, and the parent at most their sum.
    """

    parent: Key
    children: tuple[Key, ...]
    disjoint: bool = True


@dataclass
class Learned:
    """Bounds at the fixed point, and which relation gave each bound that a statement did not."""

    low: dict[Key, int]
    high: dict[Key, int]
    because: dict[tuple[Key, int], Relation] = field(default_factory=dict)

    def width(self, key: Key) -> int:
        """Distance of the bounds: one less than the number of candidates."""
        return self.high[key] - self.low[key]

    @property
    def contradictions(self) -> list[Key]:
        """Cells for which nothing is left: the statements are not of the same data."""
        return [key for key, low in self.low.items() if low > self.high[key]]


def propagate(known: Bounds, relations: Sequence[Relation], rounds: int = ROUNDS) -> Learned:
    """Tighten all bounds to the fixed point, at most so many rounds."""
    keys = list(known)
    number = {key: i for i, key in enumerate(keys)}
    # Numbers instead of cells: the rounds touch each of them many times.
    system = [(number[r.parent], [number[c] for c in r.children], r.disjoint) for r in relations]
    state = _Bounds(
        [max(0, known[key][0]) for key in keys], [min(known[key][1], ENDLESS) for key in keys]
    )
    for _ in range(rounds):
        moved = False
        for i, (parent, children, disjoint) in enumerate(system):
            state.relation = i
            tighten = state.disjoint if disjoint else state.cover
            moved |= tighten(parent, children)
        if not moved:
            break
    return Learned(
        dict(zip(keys, state.low, strict=True)),
        dict(zip(keys, state.high, strict=True)),
        {(keys[i], side): relations[r] for (i, side), r in state.because.items()},
    )


class _Bounds:
    """Bounds of numbered cells while they are tightened."""

    def __init__(self, low: list[int], high: list[int]) -> None:
        self.low, self.high = low, high
        self.because: dict[tuple[int, int], int] = {}
        # The relation that is looked at.
        self.relation = 0

    def _raise(self, cell: int, low: int) -> bool:
        if low <= self.low[cell]:
            return False
        self.low[cell] = low
        self.because[cell, LOW] = self.relation
        return True

    def _lower(self, cell: int, high: int) -> bool:
        # Half of it is still no limit: it is what an unlimited parent leaves its children.
        if high >= self.high[cell] or high > ENDLESS // 2:
            return False
        self.high[cell] = high
        self.because[cell, HIGH] = self.relation
        return True

    def disjoint(self, parent: int, children: list[int]) -> bool:
        """Parent = sum of children."""
        low, high = self.low, self.high
        least = sum([low[child] for child in children])
        most = sum([high[child] for child in children])
        moved = self._raise(parent, least)
        moved |= self._lower(parent, most)
        for child in children:
            least -= low[child]
            most -= high[child]
            # All others at their least leave the child at most this; at their most, at least this.
            moved |= self._lower(child, high[parent] - least)
            moved |= self._raise(child, low[parent] - most)
            least += low[child]
            most += high[child]
        return moved

    def cover(self, parent: int, children: list[int]) -> bool:
        """Largest child <= parent <= sum of children."""
        low, high = self.low, self.high
        most = sum([high[child] for child in children])
        moved = self._lower(parent, most)
        for child in children:
            most -= high[child]
            moved |= self._raise(parent, low[child])
            moved |= self._lower(child, high[parent])
            moved |= self._raise(child, low[parent] - most)
            most += high[child]
        return moved

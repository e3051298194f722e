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
    learned = Learned(
        {key: max(0, low) for key, (low, _) in known.items()},
        {key: min(high, ENDLESS) for key, (_, high) in known.items()},
    )
    for _ in range(rounds):
        moved = False
        for relation in relations:
            moved |= (
                _disjoint(learned, relation) if relation.disjoint else _cover(learned, relation)
            )
        if not moved:
            break
    return learned


def _raise(learned: Learned, key: Key, low: int, relation: Relation) -> bool:
    if low <= learned.low[key]:
        return False
    learned.low[key] = low
    learned.because[key, LOW] = relation
    return True


def _lower(learned: Learned, key: Key, high: int, relation: Relation) -> bool:
    # Half of it is still no limit: it is what an unlimited parent leaves its children.
    if high >= learned.high[key] or high > ENDLESS // 2:
        return False
    learned.high[key] = high
    learned.because[key, HIGH] = relation
    return True


def _disjoint(learned: Learned, relation: Relation) -> bool:
    """Parent = sum of children."""
    low, high, parent = learned.low, learned.high, relation.parent
    least = sum(low[child] for child in relation.children)
    most = sum(high[child] for child in relation.children)
    moved = _raise(learned, parent, least, relation)
    moved |= _lower(learned, parent, most, relation)
    for child in relation.children:
        least -= low[child]
        most -= high[child]
        # All others at their least leave the child at most this; at their most, at least this.
        moved |= _lower(learned, child, high[parent] - least, relation)
        moved |= _raise(learned, child, low[parent] - most, relation)
        least += low[child]
        most += high[child]
    return moved


def _cover(learned: Learned, relation: Relation) -> bool:
    """Largest child <= parent <= sum of children."""
    low, high, parent = learned.low, learned.high, relation.parent
    most = sum(high[child] for child in relation.children)
    moved = _lower(learned, parent, most, relation)
    for child in relation.children:
        most -= high[child]
        moved |= _raise(learned, parent, low[child], relation)
        moved |= _lower(learned, child, high[parent], relation)
        moved |= _raise(learned, child, low[parent] - most, relation)
        most += high[child]
    return moved

"""The judge: compares what an attacker learned with the truth, and chooses what to withhold.

The only place where bounds and true counts meet. Nothing it returns holds a true count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.disclosure import BAND, SHOWN, Statement
from analytics.lattice import Place
from analytics.menu import Cell
from analytics.noise import LEAST_SHOWN
from analytics.propagation import HIGH, LOW, Learned, Relation

# A true count of 1 to 5 must leave at least this distance between its bounds: four candidates.
WIDTH = 3


@dataclass(frozen=True)
class Verdict:
    """One view: the cells that fail, and the smallest width among those that must be wide."""

    failing: tuple[Place, ...]
    smallest: int | None


def judge(learned: Learned, truth: Mapping[Place, int], *, outsider: bool) -> Verdict:
    """Find the small counts a view pins down; and empty cells which an outsider proves empty."""
    failing: list[Place] = []
    smallest: int | None = None
    for place, n in truth.items():
        width = learned.width(place)
        if 0 < n < LEAST_SHOWN:
            smallest = width if smallest is None else min(smallest, width)
            if width < WIDTH:
                failing.append(place)
        elif n == 0 and outsider and learned.high[place] < WIDTH:
            failing.append(place)
    return Verdict(tuple(sorted(failing)), smallest)


def culprit(
    learned: Learned,
    failing: Place,
    scope: str,
    statements: Mapping[Cell, Statement],
    total: Cell,
) -> Cell | None:
    """The smallest shown cell of this release that binds a failing bound, never the grand total.

    A band that fails by its own upper limit is withheld itself: nothing else would help. It holds
    8 or more, nearly all of it the viewer's own, so what "withheld" says of it is true.
    Looks at the cell itself when its own statement is the bound, then at the relations that gave
    the bounds, then at the relations that gave theirs. `None` when nothing can be withheld.
    """
    own_scope, own_cell = failing
    banded = own_cell in statements and statements[own_cell].status == BAND
    if own_scope == scope and own_cell != total and banded and _stated_high(learned, failing):
        return own_cell
    seen: set[Place] = set()
    frontier: list[Place] = [failing] if not _all_derived(learned, failing) else []
    upcoming = _binding(learned, [failing])
    while frontier or upcoming:
        shown = [
            (statements[cell].value or 0, cell)
            for place_scope, cell in frontier
            if place_scope == scope
            and cell != total
            and cell in statements
            and statements[cell].status == SHOWN
        ]
        if shown:
            return min(shown)[1]
        seen.update(frontier)
        frontier = [place for place in upcoming if place not in seen]
        upcoming = _binding(learned, frontier)
    return None


def _stated_high(learned: Learned, place: Place) -> bool:
    return (place, HIGH) not in learned.because


def _all_derived(learned: Learned, place: Place) -> bool:
    return (place, LOW) in learned.because and (place, HIGH) in learned.because


def _binding(learned: Learned, places: Sequence[Place]) -> list[Place]:
    """All cells of the relations that gave these cells' bounds."""
    found: dict[Place, None] = {}
    for place in places:
        for side in (LOW, HIGH):
            relation: Relation | None = learned.because.get((place, side))
            if relation is not None:
                found.update(dict.fromkeys((relation.parent, *relation.children)))
    return list(found)

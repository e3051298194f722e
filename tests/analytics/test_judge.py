"""The judge: measures what is small or empty only, and never blames the grand total."""

from analytics.disclosure import SHOWN, Statement
from analytics.judge import culprit, judge
from analytics.lattice import cells
from analytics.menu import load
from analytics.propagation import Relation, propagate
from analytics.tables import WORLD
from tests.factories_statistics import YEAR

MENU = load(YEAR)


def test_the_judge_measures_small_counts_and_empty_cells_only() -> None:
    place, other, empty = (WORLD, cells(MENU)[0]), (WORLD, cells(MENU)[1]), (WORLD, cells(MENU)[2])
    learned = propagate({place: (2, 4), other: (7, 7), empty: (0, 2)}, [])
    truth = {place: 3, other: 7, empty: 0}
    assert judge(learned, truth, outsider=True).failing == tuple(sorted((place, empty)))
    assert judge(learned, truth, outsider=False).failing == (place,)
    assert judge(learned, truth, outsider=False).smallest == 2


def test_the_grand_total_is_never_withheld() -> None:
    total, a, b = MENU.total, *list(MENU.cells(MENU.table("type")))[:2]
    relation = Relation((WORLD, total), ((WORLD, a), (WORLD, b)))
    learned = propagate(
        {(WORLD, total): (20, 22), (WORLD, a): (18, 25), (WORLD, b): (0, 10)}, [relation]
    )
    said = {total: Statement(SHOWN, 21, 18, 24), a: Statement(SHOWN, 20, 17, 23)}
    assert culprit(learned, (WORLD, b), WORLD, said, total) == a
    assert culprit(learned, (WORLD, b), WORLD, {total: said[total]}, total) is None

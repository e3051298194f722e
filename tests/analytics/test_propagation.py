"""The attacker finds what follows from the statements, and never more than is true."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.propagation import ENDLESS, Bounds, Key, Learned, Relation, propagate

TWO_BY_TWO = [
    Relation("total", ("a", "b")),
    Relation("total", ("x", "y")),
    Relation("a", ("ax", "ay")),
    Relation("b", ("bx", "by")),
    Relation("x", ("ax", "bx")),
    Relation("y", ("ay", "by")),
]


def brute_force(known: Bounds, relations: list[Relation]) -> dict[Key, tuple[int, int]]:
    """Least and most of each cell over every whole table that agrees: tiny tables only."""
    keys = list(known)
    seen: dict[Key, list[int]] = {key: [] for key in keys}
    for values in product(*(range(known[key][0], known[key][1] + 1) for key in keys)):
        at = dict(zip(keys, values, strict=True))
        if all(_holds(at, relation) for relation in relations):
            for key in keys:
                seen[key].append(at[key])
    return {key: (min(found), max(found)) for key, found in seen.items()}


def _holds(at: dict[Key, int], relation: Relation) -> bool:
    children = [at[child] for child in relation.children]
    if relation.disjoint:
        return at[relation.parent] == sum(children)
    return max(children) <= at[relation.parent] <= sum(children)


def pairs(learned: Learned) -> dict[Key, tuple[int, int]]:
    return {key: (learned.low[key], learned.high[key]) for key in learned.low}


counts = st.integers(min_value=0, max_value=4)
slack = st.integers(min_value=0, max_value=2)


@given(st.lists(counts, min_size=3, max_size=3), st.lists(slack, min_size=8, max_size=8))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("disjoint", [True, False])
def test_one_relation_is_bounded_exactly(disjoint: bool, leaf: list[int], loose: list[int]) -> None:
    total = sum(leaf) if disjoint else max(leaf)
    truth = dict(zip("tabc", [total, *leaf], strict=True))
    known = {
        key: (max(0, n - loose[i]), n + loose[i + 4]) for i, (key, n) in enumerate(truth.items())
    }
    relations = [Relation("t", ("a", "b", "c"), disjoint=disjoint)]
    assert pairs(propagate(known, relations)) == brute_force(known, relations)


@given(
    st.lists(st.integers(0, 2), min_size=4, max_size=4), st.lists(slack, min_size=18, max_size=18)
)
@settings(max_examples=30, deadline=None)
def test_a_two_way_table_is_bounded_soundly(leaf: list[int], loose: list[int]) -> None:
    """Never tighter than what is possible, and the truth always inside."""
    ax, ay, bx, by = leaf
    truth = {"ax": ax, "ay": ay, "bx": bx, "by": by}
    truth |= {"a": ax + ay, "b": bx + by, "x": ax + bx, "y": ay + by, "total": sum(leaf)}
    known: dict[Key, tuple[int, int]] = {
        key: (max(0, n - loose[i] % 2), n + loose[i + 9] % 2)
        for i, (key, n) in enumerate(truth.items())
    }
    found = pairs(propagate(known, TWO_BY_TWO))
    possible = brute_force(known, TWO_BY_TWO)
    for key, n in truth.items():
        assert found[key][0] <= possible[key][0] <= n <= possible[key][1] <= found[key][1]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_the_truth_stays_inside_with_overlapping_children(data: st.DataObject) -> None:
    """Sets of motives, as in the real lattice: each incident in one type and some groups."""
    incidents = data.draw(
        st.lists(
            st.tuples(st.sampled_from("tuv"), st.frozensets(st.sampled_from("mno"), min_size=1)),
            max_size=60,
        )
    )
    truth: dict[Key, int] = {"total": len(incidents)}
    relations = [Relation("total", tuple("tuv")), Relation("total", tuple("mno"), disjoint=False)]
    for kind in "tuv":
        truth[kind] = sum(k == kind for k, _ in incidents)
        relations.append(Relation(kind, tuple(kind + m for m in "mno"), disjoint=False))
    for motive in "mno":
        truth[motive] = sum(motive in ms for _, ms in incidents)
        relations.append(Relation(motive, tuple(kind + motive for kind in "tuv")))
    for kind, motive in product("tuv", "mno"):
        truth[kind + motive] = sum(k == kind and motive in ms for k, ms in incidents)
    known: dict[Key, tuple[int, int]] = {}
    for key, n in truth.items():
        drawn = data.draw(st.integers(-5, 5))
        shown = n >= 6 and n + drawn >= 6
        known[key] = (max(6, n + drawn - 5), n + drawn + 5) if shown else (0, 10)
    learned = propagate(known, relations)
    for key, n in truth.items():
        assert learned.low[key] <= n <= learned.high[key]


def test_unlimited_cells_stay_unlimited_and_limit_nobody() -> None:
    known = {"t": (0, ENDLESS), "a": (6, ENDLESS), "b": (0, 10)}
    learned = propagate(known, [Relation("t", ("a", "b"))])
    assert pairs(learned) == {"t": (6, ENDLESS), "a": (6, ENDLESS), "b": (0, 10)}


def test_a_contradiction_is_named() -> None:
    learned = propagate({"t": (20, 22), "a": (0, 5), "b": (0, 5)}, [Relation("t", ("a", "b"))])
    assert "t" in learned.contradictions


def test_each_bound_remembers_its_relation() -> None:
    relation = Relation("t", ("a", "b"))
    learned = propagate({"t": (10, 12), "a": (9, 11), "b": (0, 10)}, [relation])
    assert learned.high["b"] == 3
    assert learned.because["b", 1] is relation

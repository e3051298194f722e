"""Statements: bands, bounds, gate, floor, organisations. Properties over generated counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import disclosure
from analytics.disclosure import BAND, NA, SHOWN, WITHHELD, WITHHOLD, Statement
from analytics.menu import load
from analytics.tables import Count
from tests.factories_statistics import (
    YEAR,
    counts_of,
    make_world,
    organisation,
    protect,
    true_count,
)

drawn = st.integers(-5, 5)


@given(st.integers(0, 10_000), drawn)
def test_a_statement_is_true_and_hides_what_is_small(n: int, noise: int) -> None:
    made = disclosure.state(n, noise)
    low, high = disclosure.hard_bounds(made)
    assert low <= n
    assert high is None or n <= high
    if n < 6:
        assert made == Statement(BAND, None, 0, 10)
    if made.status == SHOWN:
        assert made.value == n + noise
        assert made.value >= 6
        assert made.low is not None
        assert made.high is not None
        assert 6 <= made.low <= made.value <= made.high


def test_small_counts_and_zero_cannot_be_told_apart() -> None:
    """T16: no noise makes a number of them, and all are the same words."""
    made = {disclosure.state(n, noise) for n in range(6) for noise in range(-5, 6)}
    assert made == {Statement(BAND, None, 0, 10)}


def test_the_bounds_of_each_status() -> None:
    assert disclosure.hard_bounds(Statement(SHOWN, 9, 6, 12)) == (6, 14)
    assert disclosure.hard_bounds(Statement(SHOWN, 40, 37, 43)) == (35, 45)
    assert disclosure.hard_bounds(Statement(BAND, None, 0, 10)) == (0, 10)
    assert disclosure.hard_bounds(WITHHOLD) == (6, None)
    assert disclosure.hard_bounds(Statement(NA)) == (0, 0)
    assert (WITHHOLD.value, WITHHOLD.low, WITHHOLD.high) == (None, 0, None)


@pytest.mark.parametrize(
    ("total", "names"),
    [
        (29, ["total"]),
        (30, ["total", "months", "type", "motive_group", "country"]),
        (57, ["total", "months", "type", "motive_group", "country"]),
        (58, ["total", "months", "type", "motive_group", "setting", "country"]),
        (89, ["total", "months", "type", "motive_group", "setting", "country"]),
        (
            90,
            ["total", "months", "type", "motive_group", "setting", "country", "type-motive_group"],
        ),
    ],
)
def test_floor_and_gate_choose_the_tables(total: int, names: list[str]) -> None:
    tables, left_out = disclosure.choose_tables(load(YEAR), total, total)
    assert [table.name for table in tables] == names
    assert {reason for _, reason in left_out} == (
        {"floor"} if total < 30 else {"gate"} - set()
    ) or (not left_out)


def test_months_become_quarters_where_last_years_total_was_small() -> None:
    """The gate looks at the year before, where there is one; so months may fail alone."""
    tables, left_out = disclosure.choose_tables(load(YEAR), 40, 20)
    assert [table.name for table in tables] == [
        "total",
        "quarters",
        "type",
        "motive_group",
        "country",
    ]
    assert ("months", "gate") in left_out


@pytest.mark.parametrize(
    ("norg", "top", "n", "withheld"),
    [(3, 85, 100, False), (3, 86, 100, True), (2, 50, 100, True), (1, 100, 100, True)],
)
def test_a_coalition_cell_of_two_dimensions_needs_three_organisations(
    norg: int, top: int, n: int, withheld: bool
) -> None:
    """T22."""
    menu, count = load(YEAR), Count(n, 0, norg, top)
    fine = menu.table("type-motive_group")
    assert disclosure.is_recognisable(fine, count, consents=False) is withheld
    assert not disclosure.is_recognisable(fine, count, consents=True)
    assert not disclosure.is_recognisable(menu.table("country"), count, consents=False)


def test_a_band_stays_a_band_whatever_organisations_it_has() -> None:
    menu = load(YEAR)
    world = make_world(5, {organisation(1): 300, organisation(2): 4})
    counts = counts_of(menu, world)
    made = protect(menu, counts, None)
    for cell in menu.cells(menu.table("type-motive_group")):
        said, n = made.statements[cell], true_count(counts, None, cell)
        assert said.status in ({BAND} if n < 6 else {BAND, WITHHELD, SHOWN})
        if n == 0:
            assert said.status == BAND


@pytest.mark.parametrize("seed", range(3))
def test_a_cell_in_two_tables_is_stated_once(seed: int) -> None:
    menu = load(YEAR)
    counts = counts_of(menu, make_world(seed, {organisation(1): 200, organisation(2): 150}), seed)
    made = protect(menu, counts, organisation(1))
    structural = {cell for table in made.tables for cell in menu.cells(table)}
    assert set(made.statements) == structural

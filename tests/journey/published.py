"""The reader's side: compares published figures with the input. Imports nothing of the project.

A reader has a CSV address and pandas; here also the files the reports were made from.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from math import prod
from typing import Any

import pandas as pd

from tests.data.narratives import GRAVITY, Narrative

NOISE = 5
BAND = 11
DIMENSIONS = ("period", "geo", "type", "motive_group", "setting")
COUNTRIES = ("DE", "ES", "FR", "GB", "US")
# The menu of issue 5: which codes a table has, beside "unknown".
CODES = {
    "geo": (*COUNTRIES, "other"),
    "type": GRAVITY,
    "motive_group": ("bf.race", "bf.origin", "bf.religion", "bf.other"),
    "setting": tuple(
        f"loc.{place}"
        for place in (
            "home neigh street park transport work domestic_work school university health shop "
            "food_leisure bank_agency worship community sports public_office police immig_office "
            "border detention reception online_public online_private phone media parliament other"
        ).split()
    ),
}
TABLES = (("period",), ("type",), ("motive_group",), ("setting",), ("geo",))
TABLES_OF_TWO = (("type", "motive_group"),)
# disclosure.md 4.7: tables need a published total of 30, and of twice as many as they have cells.
FLOOR, GATE = 30, 2


def menu(year: str, total: int) -> set[str]:
    """Every cell that a release of the year has a row for, if it says `total` of the whole year."""
    codes = {name: (*found, "unknown") for name, found in CODES.items()}
    months = [f"{month:02}" for month in range(1, 13)]
    codes["period"] = tuple(f"{year}-{month}" for month in (*months, "unknown"))
    everything = dict.fromkeys(DIMENSIONS, "total") | {"period": year}
    cells = {"|".join(everything.values())}
    for table in (*TABLES, *TABLES_OF_TWO):
        size = prod(len(codes[name]) for name in table)
        if total >= max(FLOOR, GATE * size):
            for found in product(*(codes[name] for name in table)):
                told = everything | dict(zip(table, found, strict=True))
                cells.add("|".join(told.values()))
    return cells


def complete(frame: pd.DataFrame, year: str) -> None:
    """Fail where a row of the menu is not there, is there twice, or is none of the menu's."""
    statements = list(_by_cell(frame))
    whole = menu(year, 0).pop()
    total = next(
        (int(row.value) for cell, row in statements if (cell, row.status) == (whole, "shown")), 0
    )
    found = Counter(cell for cell, _row in statements)
    assert found == Counter(menu(year, total)), found - Counter(menu(year, total))
    assert {row.status for _cell, row in statements} <= {"shown", "band", "withheld"}


def true_counts(
    narratives: Iterable[Narrative], countries: Iterable[str] = COUNTRIES
) -> Counter[str]:
    """Incidents per cell, a cell written as its codes: period, country, type, ground, setting."""
    listed = set(countries)
    counts: Counter[str] = Counter()
    for one in narratives:
        geo = one.country if one.country in listed else "other"
        year = one.month[:4]
        families = set(one.ground_families)
        cells = {
            (year, "total", "total", "total", "total"),
            (one.period, "total", "total", "total", "total"),
            (year, geo, "total", "total", "total"),
            (year, "total", one.type, "total", "total"),
            (year, "total", "total", "total", one.setting),
        }
        for family in families:
            cells.add((year, "total", "total", family, "total"))
            cells.add((year, "total", one.type, family, "total"))
        counts.update("|".join(cell) for cell in cells)
    return counts


def compare(frame: pd.DataFrame, truth: Counter[str]) -> dict[str, int]:
    """Fail where a shown figure is off by more than the noise, or a band hides 11 or more.

    Returns how many cells had each status.
    """
    wrong = []
    for cell, row in _by_cell(frame):
        true = truth[cell]
        if row.status == "shown" and abs(int(row.value) - true) > NOISE:
            wrong.append((cell, row.value, true))
        if row.status == "band" and true >= BAND:
            wrong.append((cell, "band", true))
        assert row.status == "shown" or pd.isna(row.value)
    assert not wrong, wrong
    return dict(Counter(frame.status))


def _by_cell(frame: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """Rows with their cell; a release of the total alone has no column for the other tables."""
    for row in frame.itertuples():
        yield "|".join(str(getattr(row, name, "total")) for name in DIMENSIONS), row


def read(url: str, reader: Callable[[str], pd.DataFrame] = pd.read_csv) -> pd.DataFrame:
    """One line, as the method note promises."""
    return reader(url)

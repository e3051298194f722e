"""The reader's side: compares published figures with the input. Imports nothing of the project.

A reader has a CSV address and pandas; here also the files the reports were made from.
"""

from collections import Counter
from collections.abc import Callable, Iterable

import pandas as pd

from tests.data.narratives import Narrative

NOISE = 5
BAND = 11
DIMENSIONS = ("type", "motive_group", "setting")


def true_counts(narratives: Iterable[Narrative], countries: Iterable[str]) -> Counter[str]:
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
    for row in frame.itertuples():
        codes = [str(row.period), str(row.geo)]
        codes += [str(getattr(row, name, "total")) for name in DIMENSIONS]
        true = truth["|".join(codes)]
        if row.status == "shown" and abs(int(row.value) - true) > NOISE:
            wrong.append((codes, row.value, true))
        if row.status == "band" and true >= BAND:
            wrong.append((codes, "band", true))
        assert row.status == "shown" or pd.isna(row.value)
    assert not wrong, wrong
    return dict(Counter(frame.status))


def countries_of(frame: pd.DataFrame) -> list[str]:
    """The countries the release tells apart."""
    return [str(x) for x in frame.geo.unique() if x not in {"total", "other", "unknown"}]


def read(url: str, reader: Callable[[str], pd.DataFrame] = pd.read_csv) -> pd.DataFrame:
    """One line, as the method note promises."""
    return reader(url)

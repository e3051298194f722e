"""The 300 narratives of 2016 and what each category means in vocabulary ids.

Standard library only: the journey test compares published numbers with these files without
importing anything of the project, so a wrong rule in the project cannot repeat itself here.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
GRAVITY = (
    "af.violence",
    "af.threat",
    "af.institution",
    "af.discrimination",
    "af.property",
    "af.verbal",
    "af.online",
    "af.discourse",
)


@dataclass(frozen=True, kw_only=True)
class Narrative:
    """One report to send and the coding its category asks for."""

    id: str
    text: str
    language: str
    # "2016-03", or "2016" where the month is not known.
    month: str
    country: str
    area: str
    acts: tuple[str, ...]
    reporter_groups: tuple[str, ...]
    grounds: tuple[str, ...]
    reporter_grounds: tuple[str, ...]
    setting: str
    # Family of the gravest act, and families of the grounds: what is counted.
    type: str
    ground_families: tuple[str, ...]

    @property
    def period(self) -> str:
        """The period code under which it is counted."""
        return self.month if len(self.month) == 7 else f"{self.month}-unknown"


def rows(name: str) -> Iterator[dict[str, str]]:
    """Rows of a CSV file beside this module."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def load() -> list[Narrative]:
    """All 300, the sample of ARVIG first."""
    return [*_arvig(), *_own()]


def _arvig() -> Iterator[Narrative]:
    for number, row in enumerate(rows("arvig/arvig-2016-sample.csv"), start=1):
        yield _narrative(
            [("arvig", "category_en", value) for value in row["category_en"].split(" & ")],
            id=f"arvig-{number:03}",
            text=row["description"],
            language="de",
            month=row["date"][:7],
            country="DE",
            area=row["state"],
        )


def _own() -> Iterator[Narrative]:
    for row in rows("narratives/own-2016.csv"):
        keys = [("own", "type", row["type"]), ("own", "place", row["place"])]
        keys += [("own", "bias", value) for value in row["bias"].split(", ")]
        yield _narrative(
            keys,
            id=row["id"],
            text=row["description"],
            language=row["language"],
            month=row["date"],
            country=row["country"],
            area="",
        )


def _narrative(keys: list[tuple[str, str, str]], **facts: str) -> Narrative:
    meant = [_CATEGORIES[key] for key in keys]

    def united(column: str) -> tuple[str, ...]:
        found = [code for row in meant for code in row[column].split()]
        return tuple(dict.fromkeys(found))

    acts, grounds = united("acts"), united("grounds")
    families = {_FAMILIES[act] for act in acts}
    return Narrative(
        **facts,
        acts=acts,
        reporter_groups=united("reporter_groups"),
        grounds=grounds,
        reporter_grounds=united("reporter_grounds"),
        setting=united("setting")[0],
        type=next(name for name in GRAVITY if name in families),
        ground_families=tuple(dict.fromkeys(_FAMILIES[ground] for ground in grounds)),
    )


_CATEGORIES = {(row["source"], row["column"], row["value"]): row for row in rows("categories.csv")}
_FAMILIES = {row["id"]: row["family"] for row in rows("families.csv")}

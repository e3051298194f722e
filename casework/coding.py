"""Coding: the facts of an incident in words of the vocabulary, chosen by a person.

What the reporter answered is a proposal. No free text, no day: only what a record may hold leaves
here (`coded`), and only codes the vocabulary has come in (`from_form`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from analytics.records import Coded
from casework.bodies import Body
from casework.digests import Digest, known
from reporting import clock, vocabulary

UNKNOWN = vocabulary.UNKNOWN
_WHEN = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?(?:-[0-9]{2})?")
_MONTH = re.compile(r"0[1-9]|1[0-2]")

# The nearest act and ground to each plain choice of the form: proposed, then confirmed by a person.
_ACTS = {
    "rg.hurt": "act.assault_minor",
    "rg.sexual": "act.sexual",
    "rg.threat": "act.threat",
    "rg.words": "act.verbal",
    "rg.property": "act.damage",
    "rg.online": "act.onl_abuse",
    "rg.unfair": "act.refusal_service",
    "rg.official": "act.profiling",
    "rg.public": "act.political_speech",
}
_GROUNDS = {
    "rb.ethnic": "b.race.other",
    "rb.origin": "b.nationality",
    "rb.language": "b.language",
    "rb.religion": "b.rel.other",
    "rb.migrant": "b.migrant",
    "rb.gender": "b.gender.woman",
    "rb.sexuality": "b.orientation",
    "rb.disability": "b.disability",
    "rb.not_sure": "b.unknown",
}


@dataclass(frozen=True, kw_only=True)
class Coding:
    """One coding. Unknown is a code of its own, never an empty guess."""

    acts: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    setting: str = UNKNOWN
    country: str = UNKNOWN
    # Empty: not known; then the year of receipt is counted (disclosure.md 4.1).
    year: str = ""
    month: str = UNKNOWN
    certainty: str = "V0"
    strength: str = ""
    vocabulary: int = vocabulary.VERSION

    def to_json(self) -> dict[str, Any]:
        """As the boxed item holds it."""
        return dict(vars(self))

    def digest(self, reports: int) -> Digest:
        """What a list shows: codes only."""
        return Digest(
            kind="incident",
            acts=self.acts,
            grounds=self.grounds,
            country="" if self.country == UNKNOWN else self.country,
            when=f"{self.year}-{self.month}" if self.year else "",
            files=reports,
        )

    def coded(self, organisation_id: bytes, received: date) -> Coded:
        """The coarse facts that become a record."""
        year = int(self.year) if self.year else received.year
        return Coded(
            organisation_id=organisation_id,
            year=year,
            month=f"{year:04d}-{self.month if self.year else UNKNOWN}",
            country=self.country,
            acts=frozenset(self.acts),
            grounds=frozenset(self.grounds),
            setting=self.setting,
            vocabulary=self.vocabulary,
        )


def from_json(given: Mapping[str, Any]) -> Coding:
    """Read what `to_json` gave."""
    values = dict(given)
    for name in ("acts", "grounds", "classes"):
        values[name] = tuple(values.get(name, ()))
    return Coding(**values)


def from_form(
    fields: Mapping[str, Sequence[str]],
) -> tuple[Coding, dict[str, str]]:
    """The coding of a form, and by field the code of what is wrong with it."""
    problems: dict[str, str] = {}
    year, month = _last(fields, "year"), _last(fields, "month") or UNKNOWN
    today = clock.today()
    if year and not (re.fullmatch(r"\d{4}", year) and 1900 <= int(year) <= today.year):
        problems["year"] = "year"
    elif year:
        # Typed on an Arabic keyboard it means the same, and is kept and counted as one year.
        year = f"{int(year):04d}"
    if month != UNKNOWN and not _MONTH.fullmatch(month):
        problems["month"], month = "month", UNKNOWN
    if month != UNKNOWN and not year:
        problems["year"] = "year-of-month"
    if not problems and year and month != UNKNOWN and f"{year}-{month}" > today.strftime("%Y-%m"):
        problems["month"] = "future"
    chosen = {
        "setting": (_last(fields, "setting") or UNKNOWN, (*vocabulary.ids("loc"), UNKNOWN)),
        "country": (_last(fields, "country") or UNKNOWN, (*vocabulary.countries(), UNKNOWN)),
        "certainty": (_last(fields, "certainty") or "V0", vocabulary.ids("event_certainty")),
        "strength": (_last(fields, "strength"), ("", *vocabulary.ids("bias_strength"))),
    }
    for name, (value, allowed) in chosen.items():
        if value not in allowed:
            problems[name] = "choice"
    lists = {"acts": "act", "grounds": "bias", "classes": "class"}
    several = {name: known(of, list(fields.get(name, ()))) for name, of in lists.items()}
    for name, values in several.items():
        if len(values) != len(set(fields.get(name, ()))):
            problems[name] = "choice"
    single = {n: v for n, (v, _allowed) in chosen.items() if n not in problems}
    return from_json({**several, **single, "year": year, "month": month}), problems


def propose(body: Body) -> Coding:
    """A first coding from the reporter's own answers; nothing is read out of their text."""
    found = _WHEN.fullmatch(body.when) if body.precision != UNKNOWN else None
    year, month = (found[1], found[2] or UNKNOWN) if found else ("", UNKNOWN)
    if year and not 1900 <= int(year) <= clock.today().year:
        year, month = "", UNKNOWN
    return Coding(
        acts=known("act", [_ACTS[one] for one in body.acts if one in _ACTS]),
        grounds=known("bias", [_GROUNDS[one] for one in body.grounds if one in _GROUNDS]),
        setting=body.setting or UNKNOWN,
        country=body.country or UNKNOWN,
        year=year,
        month=month,
    )


def coded_json(coded: Coded | None) -> dict[str, Any] | None:
    """Coarse facts as the sealed incident keeps them, to see whether they changed."""
    if coded is None:
        return None
    return {
        "year": coded.year,
        "month": coded.month,
        "country": coded.country,
        "acts": sorted(coded.acts),
        "grounds": sorted(coded.grounds),
        "setting": coded.setting,
        "vocabulary": coded.vocabulary,
    }


def _last(fields: Mapping[str, Sequence[str]], name: str) -> str:
    values = fields.get(name) or [""]
    return values[-1].strip()

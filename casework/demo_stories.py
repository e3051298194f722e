"""Invented reports of the demo: 600 of last year to be counted, and 25 that wait to be read.

Put together from texts of the project's own with a seeded generator, so that every demo is alike.
Nobody's words are in it, and nothing here knows a key.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from casework.coding import Coding
from reporting import vocabulary

SIZES = {"demo": 270, "demo-two": 198, "demo-three": 132}
_COUNTRIES = {
    "demo": {"GB": 60, "FR": 12, "ES": 8, "DE": 10, "US": 10},
    "demo-two": {"FR": 44, "ES": 34, "GB": 8, "DE": 8, "US": 6},
    "demo-three": {"DE": 50, "US": 26, "GB": 10, "FR": 8, "ES": 6},
}
# How often a family is the gravest act, in percent; a report of each comes to every organisation.
_FAMILIES = {
    "af.violence": 16,
    "af.threat": 13,
    "af.institution": 12,
    "af.discrimination": 17,
    "af.property": 9,
    "af.verbal": 19,
    "af.online": 9,
    "af.discourse": 5,
}
_GROUND_FAMILIES = {"bf.race": 42, "bf.origin": 28, "bf.religion": 22, "bf.other": 8}
_PLACES = {
    "af.violence": "street transport food_leisure neigh sports reception park",
    "af.threat": "home neigh street work online_private transport",
    "af.institution": "police border immig_office public_office detention health",
    "af.discrimination": "work shop bank_agency food_leisure health school university",
    "af.property": "home worship community shop reception",
    "af.verbal": "street transport shop school work sports neigh",
    "af.online": "online_public online_private",
    "af.discourse": "media parliament online_public",
}
_GROUPS = {
    "af.violence": "rg.hurt",
    "af.threat": "rg.threat",
    "af.institution": "rg.official",
    "af.discrimination": "rg.unfair",
    "af.property": "rg.property",
    "af.verbal": "rg.words",
    "af.online": "rg.online",
    "af.discourse": "rg.public",
}
_PLAIN_GROUNDS = {
    "b.nationality": "rb.origin",
    "b.language": "rb.language",
    "b.migrant": "rb.migrant",
    "b.status": "rb.migrant",
    "b.gender.woman": "rb.gender",
    "b.gender.man": "rb.gender",
    "b.gender.trans": "rb.sexuality",
    "b.orientation": "rb.sexuality",
    "b.disability": "rb.disability",
    "b.unknown": "rb.not_sure",
}
_ROLES = ("rr.self", "rr.self", "rr.self", "rr.witness", "rr.family", "rr.parent", "rr.org")
_CERTAINTIES = {"V1": 42, "V2": 34, "V3": 18, "V4": 6}
_STRENGTHS = ("perceived_only", "some_indicators", "strong_indicators")
_MONTHS = (7, 7, 8, 7, 8, 9, 9, 8, 9, 9, 10, 9)


@dataclass(frozen=True, kw_only=True)
class Story:
    """One invented report, and for those of last year how a caseworker codes it."""

    number: int
    organisation: str
    language: str
    answers: dict[str, Any]
    consent: dict[str, bool]
    coding: Coding | None = None


def last_year(year: int) -> Iterator[Story]:
    """The 600, organisation by organisation."""
    acts, frames = _load("acts"), _load("frames")
    number = 0
    for slug, size in SIZES.items():
        draw = random.Random(f"upstander demo {slug}")
        for place in range(size):
            yield _compose(draw, number, slug, place, year, acts, frames)
            number += 1


def waiting() -> Iterator[Story]:
    """Those that nobody has read yet, hostile strings among them."""
    for number, entry in enumerate(_load("queue"), start=sum(SIZES.values())):
        names = ("country", "setting", "acts", "grounds", "role")
        answers = {"what_happened": entry["text"]} | {n: entry[n] for n in names if entry[n]}
        yield Story(
            number=number,
            organisation=entry["organisation"],
            language=entry["language"],
            answers=answers,
            consent={"statistics": number % 5 != 0, "reply": number % 3 != 0},
        )


def _compose(
    draw: random.Random, number: int, slug: str, place: int, year: int, acts: Any, frames: Any
) -> Story:
    # The first of each organisation go round, so that no family is missing anywhere.
    families, ground_families = list(_FAMILIES), list(_GROUND_FAMILIES)
    family = families[place] if place < len(families) else _pick(draw, _FAMILIES)
    ground_family = (
        ground_families[place] if place < len(ground_families) else _pick(draw, _GROUND_FAMILIES)
    )
    chosen_acts = _acts(draw, family)
    grounds = _grounds(draw, ground_family)
    setting = "loc." + draw.choice(_PLACES[family].split())
    country = _pick(draw, _COUNTRIES[slug])
    month = f"{_pick(draw, dict(enumerate(_MONTHS, start=1))):02}"
    if draw.random() < 0.03:
        month = vocabulary.UNKNOWN
    language = "ar" if draw.random() < 0.28 else "en"
    plain_grounds = list(dict.fromkeys(_plain_ground(ground) for ground in grounds))
    answers: dict[str, Any] = {
        "what_happened": _tell(draw, language, chosen_acts, plain_grounds, acts, frames),
        "when": _when(draw, year, month),
        "country": country,
        "setting": setting,
        "acts": list(dict.fromkeys(_plain_act(act) for act in chosen_acts)),
        "grounds": plain_grounds,
        "role": draw.choice(_ROLES),
    }
    if area := draw.choice(frames["areas"][country]):
        answers["area"] = area
    strength = "bias_strength." + draw.choice(_STRENGTHS)
    coding = Coding(
        acts=chosen_acts,
        grounds=grounds,
        setting=setting,
        country=country,
        year=str(year),
        month=month,
        certainty=_pick(draw, _CERTAINTIES),
        strength=strength,
    )
    consent = {"statistics": True, "reply": draw.random() < 0.4}
    return Story(
        number=number,
        organisation=slug,
        language=language,
        answers=answers,
        consent=consent,
        coding=coding,
    )


def _acts(draw: random.Random, family: str) -> tuple[str, ...]:
    """One act of the family, sometimes with another that is less grave."""
    gravity, own = list(_FAMILIES), _of(family)
    # Killings are rare: those of the list that come first are drawn less often.
    first = own[min(len(own) - 1, int(draw.triangular(0, len(own), len(own) * 0.6)))]
    chosen = [first]
    lesser = gravity[gravity.index(family) + 1 :]
    if lesser and draw.random() < 0.3:
        more = draw.choice(lesser)
        chosen.append(draw.choice(_of(more)))
    elif draw.random() < 0.03:
        chosen.append("act.defender")
    return tuple(chosen)


def _of(family: str) -> Sequence[str]:
    return [i for i in vocabulary.ids("act") if vocabulary.family(i) == family]


def _grounds(draw: random.Random, family: str) -> tuple[str, ...]:
    """One ground of the family; every third report has a second one of another family."""
    every = vocabulary.ids("bias")
    chosen = [draw.choice([i for i in every if vocabulary.ground_family(i) == family])]
    if draw.random() < 0.35:
        other = draw.choice([i for i in every if vocabulary.ground_family(i) != family])
        # "Not clear yet" beside a ground would say nothing.
        chosen += [other] if other != "b.unknown" else []
    return tuple(chosen)


def _plain_act(act: str) -> str:
    if act == "act.sexual":
        return "rg.sexual"
    return _GROUPS.get(vocabulary.family(act), "rg.other")


def _plain_ground(ground: str) -> str:
    kind = vocabulary.ground_family(ground)
    by_family = {"bf.race": "rb.ethnic", "bf.religion": "rb.religion"}
    return by_family.get(kind) or _PLAIN_GROUNDS.get(ground, "rb.other")


def _when(draw: random.Random, year: int, month: str) -> dict[str, str]:
    if month == vocabulary.UNKNOWN:
        return {"value": str(year), "precision": "year"}
    if draw.random() < 0.3:
        return {"value": f"{year}-{month}-{draw.randint(1, 28):02}", "precision": "day"}
    return {"value": f"{year}-{month}", "precision": "month"}


def _tell(
    draw: random.Random, language: str, acts: Any, grounds: Sequence[str], told: Any, frames: Any
) -> str:
    """A short text: how it began, what was done, what was said, how it ended."""
    parts = [draw.choice(frames["openings"][language])]
    parts += [draw.choice(told[act][language]) for act in acts]
    parts.append(draw.choice(frames["reasons"][draw.choice(list(grounds))][language]))
    parts.append(draw.choice(frames["endings"][language]))
    return " ".join(part for part in parts if part)


def _pick(draw: random.Random, weights: dict[Any, int]) -> Any:
    return draw.choices(list(weights), list(weights.values()))[0]


def _load(name: str) -> Any:
    text = files("casework").joinpath(f"demo_texts/{name}.json").read_text(encoding="utf-8")
    return json.loads(text)

"""The controlled vocabulary: ids, English labels, definitions, families and crosswalks.

Pure: reads its versioned data file once and knows no request, database or language of a person.
An id never changes its meaning and is never used again; a new meaning is a new id, a new version.
Labels are source strings of the `public` catalogue, so that `i18n` translates what `label` gives.
Holds nothing anybody reported.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from babel import Locale

UNKNOWN = "unknown"
"""Code of a family or attribute that is not known; counted like any other (disclosure.md 4.1)."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """One entry of a list; `crosswalk` maps a foreign scheme (odihr, iccs, fbi) to its codes."""

    id: str
    label: str
    definition: str = ""
    note: str = ""
    # The list a person other than the reporter fills in, where it differs from the list's own.
    asked: str = ""
    family: str = UNKNOWN
    crosswalk: MappingProxyType[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def _term(entry: dict[str, Any]) -> Term:
    known = dict(entry)
    known["crosswalk"] = MappingProxyType(known.get("crosswalk", {}))
    return Term(**known)


_DATA: dict[str, Any] = json.loads(
    files("reporting").joinpath("data/vocabulary-1.json").read_text(encoding="utf-8")
)
VERSION: int = _DATA["version"]
_LISTS: dict[str, tuple[Term, ...]] = {
    name: tuple(_term(entry) for entry in entries) for name, entries in _DATA["lists"].items()
}
_COUNTRIES: tuple[str, ...] = tuple(_DATA["countries"])
# Asked for with every report that is read and every record that is put.
_IDS: dict[str, tuple[str, ...]] = {
    name: tuple(term.id for term in terms) for name, terms in _LISTS.items()
} | {"country": _COUNTRIES}
_TERMS: dict[str, Term] = {term.id: term for terms in _LISTS.values() for term in terms}
_GRAVITY: tuple[str, ...] = tuple(_DATA["gravity"])
_COUNTRY_NAMES: dict[str, dict[str, str]] = _DATA["country_names"]


def lists() -> tuple[str, ...]:
    """Names of the lists of terms; countries stand apart, their codes are ISO's."""
    return tuple(_LISTS)


def ids(list_name: str) -> tuple[str, ...]:
    """Ids of a list in the order they are shown. Raises `KeyError` for a list there is not."""
    return _IDS[list_name]


def term(term_id: str) -> Term:
    """The whole entry of an id, with definition and crosswalk. Raises `KeyError` if unknown."""
    return _TERMS[term_id]


def label(term_id: str) -> str:
    """English label of an id or of `unknown`: the source string to translate.

    Raises `KeyError` for an id that is in no list: codes come from these lists or from nowhere.
    Countries have `country_name`: the certainty `VI` is not the Virgin Islands.
    """
    if term_id == UNKNOWN:
        return str(_DATA["unknown"])
    return _TERMS[term_id].label


def definition(term_id: str) -> str:
    """One English sentence for the coder, empty where the label says it all."""
    return _TERMS[term_id].definition


def family(act_id: str) -> str:
    """Family of an act; `unknown` for `act.defender`, whose family is that of its other acts."""
    if not act_id.startswith("act."):
        raise KeyError(act_id)
    return _TERMS[act_id].family


def ground_family(bias_id: str) -> str:
    """Family of a ground; `unknown` for `b.unknown`."""
    if not bias_id.startswith("b."):
        raise KeyError(bias_id)
    return _TERMS[bias_id].family


def gravest(acts: Collection[str]) -> str:
    """Family of the gravest act: the one type by which an incident is counted.

    `unknown` when there is no act, or none with a family of its own.
    """
    found = {family(act) for act in acts}
    return next((name for name in _GRAVITY if name in found), UNKNOWN)


def countries() -> tuple[str, ...]:
    """ISO 3166-1 alpha-2 codes, and XK for Kosovo."""
    return _COUNTRIES


def country_name(code: str, locale: str = "en") -> str:
    """Name of a country in a language: CLDR's, save where ours offends nobody and theirs might.

    Raises `KeyError` for a code there is not.
    """
    if code not in _COUNTRIES:
        raise KeyError(code)
    chosen = _COUNTRY_NAMES.get(locale, {}).get(code)
    return chosen or str(Locale.parse(locale, sep="-").territories[code])

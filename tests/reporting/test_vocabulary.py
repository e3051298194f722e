"""The vocabulary keeps its promises: ids are one of a kind, families and crosswalks are whole."""

import pycountry
import pytest

from reporting import vocabulary

# The explicit ids of the nine blocks of the vocabulary's design, as a number that cannot drift.
EXPLICIT_LISTS = {
    "class": 7,
    "legal_flag": 4,
    "severity": 5,
    "act": 52,
    "reporter_group": 10,
    "bias": 38,
    "loc": 28,
    "reporter_role": 8,
    "impact": 14,
    "journey_stage": 7,
    "migration_group": 10,
}


def test_the_explicit_ids_are_there_and_no_id_is_used_twice() -> None:
    for name, size in EXPLICIT_LISTS.items():
        assert len(vocabulary.ids(name)) == size, name
    assert sum(EXPLICIT_LISTS.values()) == 183
    every = [i for name in vocabulary.lists() for i in vocabulary.ids(name)]
    assert len(every) == len(set(every))
    assert all(i.isascii() and " " not in i for i in every)


def test_every_id_has_a_label() -> None:
    for name in vocabulary.lists():
        labels = [vocabulary.label(i) for i in vocabulary.ids(name)]
        assert all(x == x.strip() and x for x in labels)
        assert len(labels) == len(set(labels)), f"two entries of {name} read the same"
    # Labels with commas are whole.
    assert vocabulary.label("rg.words") == "Insults, slurs, gestures or being avoided"


def test_an_id_that_is_not_there_is_refused() -> None:
    for wrong in ("act.unheard_of", "", "de", "b.", "act"):
        with pytest.raises(KeyError):
            vocabulary.label(wrong)
    with pytest.raises(KeyError):
        vocabulary.family("b.rel.muslim")
    with pytest.raises(KeyError):
        vocabulary.ground_family("act.threat")


def test_every_act_has_a_family_and_every_family_an_act() -> None:
    families = {vocabulary.family(i) for i in vocabulary.ids("act") if i != "act.defender"}
    assert families == set(vocabulary.ids("act_family"))
    assert vocabulary.family("act.defender") == "unknown"


def test_every_ground_has_a_family_and_every_family_a_ground() -> None:
    families = {vocabulary.ground_family(i) for i in vocabulary.ids("bias") if i != "b.unknown"}
    assert families == set(vocabulary.ids("ground_family"))
    assert vocabulary.ground_family("b.unknown") == "unknown"


def test_the_gravest_act_decides() -> None:
    order = [
        "act.assault_minor",
        "act.threat",
        "act.profiling",
        "act.refusal_service",
        "act.damage",
        "act.verbal",
        "act.onl_abuse",
        "act.political_speech",
    ]
    for place, act in enumerate(order):
        assert vocabulary.gravest(order[place:]) == vocabulary.family(act)
    assert vocabulary.gravest({"act.defender", "act.damage"}) == "af.property"
    assert vocabulary.gravest({"act.defender"}) == vocabulary.gravest(()) == "unknown"


def test_crosswalks_use_known_codes() -> None:
    odihr_act = {
        "violent",
        "threat",
        "property",
        "excl_discrimination",
        "excl_speech",
        "none",
        "by_act",
    }
    odihr_bias = {
        "racist",
        "anti_roma",
        "anti_semitic",
        "anti_muslim",
        "anti_christian",
        "other_religion",
        "gender",
        "anti_lgbti",
        "disability",
        "other",
        "unspecified",
    }
    for act in vocabulary.ids("act"):
        assert vocabulary.term(act).crosswalk["odihr"] in odihr_act
        assert all(code.isdigit() for code in vocabulary.term(act).crosswalk["iccs"])
    for bias in vocabulary.ids("bias"):
        assert vocabulary.term(bias).crosswalk["odihr"] in odihr_bias
        assert all(code.isdigit() for code in vocabulary.term(bias).crosswalk["fbi"])
    assert vocabulary.term("b.rel.muslim").crosswalk["fbi"] == ["24"]
    assert all(vocabulary.term(place).crosswalk["fbi"] for place in vocabulary.ids("loc"))


def test_countries_are_those_of_iso_and_kosovo() -> None:
    official = {country.alpha_2 for country in pycountry.countries}
    assert set(vocabulary.countries()) == official | {"XK"}
    for locale in ("en", "ar"):
        names = {vocabulary.country_name(code, locale) for code in vocabulary.countries()}
        assert len(names) == len(vocabulary.countries())
    assert vocabulary.country_name("HK") == "Hong Kong"
    assert vocabulary.country_name("DE", "ar") == "ألمانيا"
    with pytest.raises(KeyError):
        vocabulary.country_name("ZZ")


def test_the_data_cannot_be_changed_by_a_caller() -> None:
    with pytest.raises(TypeError):
        vocabulary.term("act.threat").crosswalk["odihr"] = "none"  # type: ignore[index]

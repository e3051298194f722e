"""The input files keep their promises, and their codes are those of the vocabulary."""

import json

from reporting import vocabulary
from tests.data import narratives


def test_the_narratives_are_three_hundred_of_2016() -> None:
    every = narratives.load()
    assert len(every) == 300
    assert len({n.id for n in every}) == len({n.text for n in every}) == 300
    assert {n.month[:4] for n in every} == {"2016"}
    assert len({n.period for n in every}) == 13
    own = [n for n in every if n.id.startswith("own")]
    assert len(own) == 100
    assert all(len(n.grounds) >= 2 for n in own)
    assert {n.country for n in own} == {"DE", "GB", "FR", "ES", "US"}
    assert {n.language for n in own} == {"en", "ar"}
    assert {n.ground_families for n in every if n not in own} == {("bf.origin",)}


def test_categories_are_codes_of_the_vocabulary() -> None:
    for n in narratives.load():
        assert set(n.acts) <= set(vocabulary.ids("act"))
        assert set(n.grounds) <= set(vocabulary.ids("bias"))
        assert set(n.reporter_groups) <= set(vocabulary.ids("reporter_group"))
        assert set(n.reporter_grounds) <= set(vocabulary.ids("reporter_ground"))
        assert n.setting in vocabulary.ids("loc")
        assert n.type == vocabulary.gravest(n.acts)
        assert set(n.ground_families) == {vocabulary.ground_family(g) for g in n.grounds}


def test_the_families_file_is_the_vocabularys() -> None:
    kept = {row["id"]: row["family"] for row in narratives.rows("families.csv")}
    assert kept == {i: vocabulary.family(i) for i in vocabulary.ids("act")} | {
        i: vocabulary.ground_family(i) for i in vocabulary.ids("bias")
    }


def test_texts_of_many_scripts_are_there() -> None:
    lines = (narratives.HERE / "udhr/article-1.tsv").read_text("utf-8").splitlines()
    assert len(lines) == 41
    assert sum("\trtl\t" in line for line in lines) >= 5
    assert len(json.loads((narratives.HERE / "naughty/blns.json").read_text("utf-8"))) > 500
    files = [p for p in (narratives.HERE / "attachments").rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) <= 300_000

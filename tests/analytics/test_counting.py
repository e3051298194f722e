"""SQL counts exactly what plain Python counts, on every cell of every scope."""

import secrets

from flask import Flask

from analytics import counting, records
from analytics.lattice import cells
from analytics.menu import Cell, load
from analytics.models import Record
from reporting.database import db
from tests.factories_statistics import (
    YEAR,
    counts_of,
    make_coded,
    make_world,
    organisation,
    places_of,
)

SIZES = {organisation(1): 90, organisation(2): 40, organisation(3): 3}


def test_counts_equal_those_of_plain_python(app: Flask) -> None:
    world = make_world(7, SIZES)
    batch = [(secrets.token_bytes(16), coded) for coded in world]
    records.put_many(batch)
    menu = load(YEAR)
    found, expected = counting.count(db.session(), menu), counts_of(menu, world)
    assert set(found.world) == set(expected.world)
    for cell, count in expected.world.items():
        known = found.world[cell]
        assert (known.n, known.norg, known.top) == (count.n, count.norg, count.top), cell
    for organisation_id in SIZES:
        mine = {c: k.n for c, k in found.organisations[organisation_id].items()}
        assert mine == {c: k.n for c, k in expected.organisations[organisation_id].items()}


def test_key_sums_are_those_of_the_records_in_the_cell(app: Flask) -> None:
    world = make_world(8, SIZES)
    batch = [(secrets.token_bytes(16), coded) for coded in world]
    records.put_many(batch)
    menu = load(YEAR)
    found = counting.count(db.session(), menu)
    keys = {row.id: row.rkey for row in db.session.query(Record)}
    for cell, count in found.world.items():
        inside = sum(keys[i] for i, coded in batch if cell in places_of(menu, coded))
        assert count.skey == inside
        assert count.skey == sum(
            own[cell].skey for own in found.organisations.values() if cell in own
        )


def test_other_years_and_withdrawn_records_do_not_count(app: Flask) -> None:
    records.put(secrets.token_bytes(16), make_coded(year=YEAR - 1))
    gone = secrets.token_bytes(16)
    records.put(gone, make_coded())
    records.put(secrets.token_bytes(16), make_coded())
    records.withdraw_many([gone])
    menu = load(YEAR)
    assert counting.count(db.session(), menu).world[menu.total].n == 1


def test_a_country_that_is_not_listed_is_another_one(app: Flask) -> None:
    for country in ("AT", "IT", "DE", "unknown"):
        records.put(secrets.token_bytes(16), make_coded(country=country))
    found = counting.count(db.session(), load(YEAR)).world
    by_country = {c: found[Cell.of(period=f"{YEAR}", geo=c)].n for c in ("DE", "other", "unknown")}
    assert by_country == {"DE": 1, "other": 2, "unknown": 1}


def test_an_empty_year_has_no_cells(app: Flask) -> None:
    assert counting.count(db.session(), load(YEAR)).world == {}


def test_structural_cells_follow_the_menu_and_never_the_data() -> None:
    menu = load(YEAR)
    sizes = {table.name: menu.size(table) for table in menu.tables}
    assert sizes == {
        "total": 1,
        "months": 13,
        "quarters": 5,
        "type": 9,
        "motive_group": 5,
        "setting": 29,
        "country": 7,
        "type-motive_group": 45,
    }
    # `2025-unknown` is one cell of two tables.
    assert len(cells(menu)) == sum(sizes.values()) - 1


def test_definition_strings_are_those_of_the_specification() -> None:
    assert Cell.of(period="2025").definition == "c1|period=2025"
    cell = Cell.of(type="af.threat", period="2025", motive_group="bf.race")
    assert cell.definition == "c1|motive_group=bf.race|period=2025|type=af.threat"
    assert Cell.read(cell.definition) == cell

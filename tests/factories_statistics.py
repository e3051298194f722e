"""Invented records and worlds of records for tests of the statistics; seeded, repeatable."""

import random
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from analytics import disclosure, noise, records, release
from analytics.audit import Case
from analytics.disclosure import Draw, Protected
from analytics.menu import OTHER, Cell, Menu, quarter_of
from analytics.records import Coded
from analytics.tables import EMPTY, WORLD, Count, Counts
from reporting import vocabulary
from reporting.sealing import b64

YEAR = 2025
# When that year may be released.
RELEASE_DAY = datetime(YEAR + 1, 11, 22, 12, tzinfo=UTC)
ROOT = bytes(range(32))
# Two coalition leads.
PROPOSER, CHECKER = b"p" * 16, b"c" * 16


def organisation(number: int) -> bytes:
    """Id of an invented organisation."""
    return bytes([number]) * 16


# As many incidents as the demo's three organisations have.
SIZES = {organisation(1): 270, organisation(2): 198, organisation(3): 132}


def scope_of(organisation_id: bytes) -> str:
    """Scope of an organisation's own release."""
    return f"org:{b64(organisation_id)}"


def make_coded(
    *,
    organisation_id: bytes = b"\x01" * 16,
    year: int = YEAR,
    month: str | None = None,
    country: str = "DE",
    acts: Iterable[str] = ("act.verbal",),
    grounds: Iterable[str] = ("b.race.black",),
    setting: str = "loc.street",
) -> Coded:
    """One coded incident."""
    return Coded(
        organisation_id=organisation_id,
        year=year,
        month=month or f"{year}-03",
        country=country,
        acts=frozenset(acts),
        grounds=frozenset(grounds),
        setting=setting,
        vocabulary=vocabulary.VERSION,
    )


def make_world(seed: int, sizes: Mapping[bytes, int], year: int = YEAR) -> list[Coded]:
    """Skewed as life is: few codes hold most incidents, many hold one to five or none."""
    draw = random.Random(seed)
    acts, grounds = vocabulary.ids("act"), vocabulary.ids("bias")
    settings = vocabulary.ids("loc")
    months = [f"{year}-{m:02d}" for m in range(1, 13)] + [f"{year}-unknown"]

    def skewed(codes: tuple[str, ...]) -> str:
        return codes[int(len(codes) * draw.random() ** 2.5)]

    return [
        make_coded(
            organisation_id=organisation_id,
            year=year,
            month=draw.choice(months),
            country=skewed(("DE", "GB", "FR", "AT", "US", "unknown")),
            acts={skewed(acts) for _ in range(draw.choice((1, 1, 2)))},
            grounds={skewed(grounds) for _ in range(draw.choice((0, 1, 1, 1, 2)))},
            setting=skewed(settings),
        )
        for organisation_id, size in sizes.items()
        for _ in range(size)
    ]


def places_of(menu: Menu, coded: Coded) -> set[Cell]:
    """All cells of the menu one incident falls in, found without SQL."""
    year = f"{menu.year}"
    kind = vocabulary.gravest(coded.acts)
    groups = {vocabulary.ground_family(g) for g in coded.grounds} or {"unknown"}
    listed = coded.country in (*menu.countries, "unknown")
    found = {
        Cell.of(period=year),
        Cell.of(period=coded.month),
        Cell.of(period=quarter_of(coded.month)),
        Cell.of(period=year, type=kind),
        Cell.of(period=year, setting=coded.setting),
        Cell.of(period=year, geo=coded.country if listed else OTHER),
    }
    for group in groups:
        found.add(Cell.of(period=year, motive_group=group))
        found.add(Cell.of(period=year, motive_group=group, type=kind))
    return found


def counts_of(menu: Menu, world: Iterable[Coded], seed: int = 0) -> Counts:
    """True counts, by plain Python: the other way to the same numbers as the SQL."""
    draw = random.Random(seed)
    parts: dict[Cell, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for coded in world:
        key = draw.getrandbits(noise.RKEY_BITS)
        for cell in places_of(menu, coded):
            parts[cell][coded.organisation_id].append(key)
    counts = Counts()
    for cell, by_organisation in parts.items():
        sizes = [len(keys) for keys in by_organisation.values()]
        keys = [key for found in by_organisation.values() for key in found]
        counts.world[cell] = Count(sum(sizes), sum(keys), len(sizes), max(sizes))
        for organisation_id, found in by_organisation.items():
            own = counts.organisations.setdefault(organisation_id, {})
            own[cell] = Count(len(found), sum(found), 1, len(found))
    return counts


def drawing(scope: str, root: bytes = ROOT, year: int = YEAR) -> Draw:
    """Noise of a scope, as a release draws it."""
    key = noise.noise_key(root, scope, year)

    def draw(cell: Cell, count: Count) -> int:
        return noise.draw(key, noise.coord(cell.definition), count.skey, count.n, 1)

    return draw


def protect(
    menu: Menu, counts: Counts, organisation_id: bytes | None, root: bytes = ROOT
) -> Protected:
    """Statements of a scope before the audit."""
    scope = scope_of(organisation_id) if organisation_id else WORLD
    draw, true = drawing(scope, root, menu.year), counts.of(organisation_id)
    total = disclosure.protected_total(menu, true, draw).value or 0
    tables, left_out = disclosure.choose_tables(menu, total, total)
    made = disclosure.protect(menu, tables, true, draw, coalition=organisation_id is None)
    return Protected(tables, made, left_out)


def case_of(menu: Menu, counts: Counts, scope: str, published: Mapping[str, Protected]) -> Case:
    """What the audit gets for a scope when these others are out already."""
    plain = {
        scope_of(o): {cell: count.n for cell, count in cells.items()}
        for o, cells in counts.organisations.items()
    }
    world = {cell: count.n for cell, count in counts.world.items()}
    return Case(
        menu=menu,
        scope=scope,
        published={name: made.statements for name, made in published.items()},
        truth={WORLD: world, **plain},
        own=plain,
    )


def true_count(counts: Counts, organisation_id: bytes | None, cell: Cell) -> int:
    """The true number of a cell."""
    return counts.of(organisation_id).get(cell, EMPTY).n


def store(world: Iterable[Coded]) -> list[bytes]:
    """Put a world into the database by the one door; returns the ids."""
    batch = [(secrets.token_bytes(16), coded) for coded in world]
    records.put_many(batch)
    return [record_id for record_id, _coded in batch]


def make_release(
    scope: str = WORLD, year: int = YEAR, *, publish: bool = True, scope_name: str = ""
) -> bytes:
    """Propose, build and, unless told otherwise, publish a release of what is stored."""
    release_id = release.propose(scope, year, PROPOSER, scope_name=scope_name)
    release.build(release_id)
    if publish:
        release.publish(release_id, CHECKER)
    return release_id

"""What the audit costs: `python -m tests.bench.releases`. Invented worlds only, no database.

Simulated coalition releases say how many shown figures and tables are withheld; two sizes of a
coalition say how long an audit takes on one core.
"""

import random
import time
from collections.abc import Iterable

from analytics.audit import Report, audit
from analytics.disclosure import FLOOR_TOTAL, SHOWN, Protected
from analytics.menu import load
from analytics.tables import WORLD, Counts
from tests.factories_statistics import (
    YEAR,
    case_of,
    counts_of,
    make_world,
    organisation,
    protect,
    scope_of,
)

MENU = load(YEAR)
RELEASES = 400


def world(seed: int) -> Counts:
    """Some 11 to 1,900 incidents of two or three organisations of any sizes."""
    draw = random.Random(seed)
    parts = [draw.random() for _ in range(draw.choice((2, 3)))]
    incidents = 11 * (1900 / 11) ** draw.random()
    sizes = {
        organisation(number): max(1, round(incidents * part / sum(parts)))
        for number, part in enumerate(parts, start=1)
    }
    return counts_of(MENU, make_world(seed, sizes), seed)


def release(
    counts: Counts, by: bytes | None, published: dict[str, Protected], root: bytes
) -> tuple[Protected, Protected, Report, float]:
    """A release before and after its audit, the report, and the seconds the audit took."""
    made = protect(MENU, counts, by, root)
    case = case_of(MENU, counts, scope_of(by) if by else WORLD, published)
    began = time.process_time()
    mended, report = audit(case, made)
    return made, mended, report, time.process_time() - began


def simulate(seeds: Iterable[int]) -> None:
    """Print what the audits of that many coalition releases withheld."""
    releases = shown = withheld = tables = refused = 0
    for seed in seeds:
        made, _mended, report, _took = release(world(seed), None, {}, seed.to_bytes(32, "big"))
        if (made.statements[MENU.total].value or 0) < FLOOR_TOTAL:
            continue
        releases += 1
        shown += sum(said.status == SHOWN for said in made.statements.values())
        withheld += len(report.withheld)
        tables += len(report.refused_tables)
        refused += not report.passed
    print(f"{releases} releases: of {shown} shown figures {withheld} withheld,", end=" ")
    print(f"{tables} tables left out, {refused} releases refused")


def measure(organisations: int, out: int, incidents: int) -> None:
    """Print how long the audit of a coalition takes beside `out` published organisations."""
    ids = [number.to_bytes(16, "big") for number in range(1, organisations + 1)]
    sizes = dict.fromkeys(ids, incidents // organisations)
    counts = counts_of(MENU, make_world(1, sizes))
    published: dict[str, Protected] = {}
    for one in ids[:out]:
        published[scope_of(one)] = release(counts, one, published, b"r" * 32)[1]
    took = release(counts, None, published, b"r" * 32)[3]
    print(f"{organisations} organisations, {out} of them published: {took:.2f} s")


if __name__ == "__main__":
    simulate(range(RELEASES))
    measure(3, 0, 600)
    measure(200, 20, 20_000)

"""The audit over many worlds: the truth is inside the bounds, and no view pins a small count."""

from collections.abc import Mapping

import pytest

from analytics import audit as audits
from analytics.audit import OUTSIDER, audit
from analytics.disclosure import Protected
from analytics.judge import WIDTH
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


WORLDS: list[Mapping[bytes, int]] = [
    {organisation(1): 25, organisation(2): 20, organisation(3): 15},
    {organisation(1): 130, organisation(2): 100, organisation(3): 70},
    {organisation(1): 600, organisation(2): 8, organisation(3): 3},
    {organisation(1): 800, organisation(2): 700},
]


def everything_published(counts: Counts, root: bytes) -> dict[str, Protected]:
    """World and every organisation's scope, one after the other, each audited."""
    out: dict[str, Protected] = {}
    for organisation_id in [None, *sorted(counts.organisations)]:
        scope = scope_of(organisation_id) if organisation_id else WORLD
        made = protect(MENU, counts, organisation_id, root)
        if (made.statements[MENU.total].value or 0) < 10:
            continue
        mended, report = audit(case_of(MENU, counts, scope, out), made)
        if report.passed:
            out[scope] = mended
    return out


@pytest.mark.parametrize("sizes", WORLDS, ids=lambda sizes: "-".join(map(str, sizes.values())))
@pytest.mark.parametrize("seed", range(3))
def test_no_view_pins_a_small_count_and_the_truth_is_inside(
    sizes: Mapping[bytes, int], seed: int
) -> None:
    """T02, T04, T06, T17, T18: outsider and every insider, all scopes published together."""
    counts = counts_of(MENU, make_world(seed, sizes), seed)
    out = everything_published(counts, seed.to_bytes(32, "big"))
    assert WORLD in out
    case = case_of(MENU, counts, WORLD, {k: v for k, v in out.items() if k != WORLD})
    checked = 0
    for view in audits._views(case):
        learned, verdict = audits._look(case, out[WORLD], view)
        assert verdict.failing == ()
        scopes, parts = audits._scopes(case, view)
        for scope in scopes:
            for place, n in audits._truth(case, scope, view, parts).items():
                assert learned.low[place] <= n <= learned.high[place], (view, place)
                if 0 < n < 6:
                    checked += 1
                    assert learned.width(place) >= WIDTH
                if n == 0 and view == OUTSIDER:
                    assert learned.high[place] >= WIDTH
    assert checked > 20


@pytest.mark.parametrize("seed", range(60))
def test_no_table_of_one_scope_pins_a_small_count(seed: int) -> None:
    """T01: 60 worlds of 20 to 1,200 incidents, an outsider, all tables of an organisation."""
    counts = counts_of(MENU, make_world(seed, {organisation(1): 20 + 20 * seed}), seed)
    scope = scope_of(organisation(1))
    made = protect(MENU, counts, organisation(1), seed.to_bytes(32, "big"))
    mended, report = audit(case_of(MENU, counts, scope, {}), made)
    assert report.passed
    learned, verdict = audits._look(case_of(MENU, counts, scope, {}), mended, OUTSIDER)
    assert verdict.failing == ()
    for place, n in audits._truth(case_of(MENU, counts, scope, {}), scope, OUTSIDER, []).items():
        assert learned.low[place] <= n <= learned.high[place]

"""The audit: planted disclosure found and mended, what is not to blame left, nothing true told."""

import json

import pytest

from analytics import audit as audits
from analytics import disclosure
from analytics.audit import OUTSIDER, audit
from analytics.disclosure import SHOWN, Protected, Statement, state
from analytics.menu import Cell, load
from analytics.tables import WORLD, Counts
from tests.factories_statistics import (
    YEAR,
    case_of,
    counts_of,
    make_coded,
    make_world,
    organisation,
    protect,
    scope_of,
)

MENU = load(YEAR)


def dominated() -> tuple[Counts, Protected]:
    """A world where the others hold one incident in a cell of the largest organisation."""
    world = [
        make_coded(organisation_id=organisation(1), month=f"{YEAR}-{m:02d}")
        for m in range(1, 13)
        for _ in range(12)
    ]
    world += [
        make_coded(organisation_id=organisation(2), country="FR", month=f"{YEAR}-05")
        for _ in range(40)
    ]
    world.append(make_coded(organisation_id=organisation(3), month=f"{YEAR}-03"))
    counts = counts_of(MENU, world)
    return counts, protect(MENU, counts, None)


def with_statement(made: Protected, cell: Cell, n: int, noise: int) -> Protected:
    return Protected(made.tables, {**made.statements, cell: state(n, noise)}, made.left_out)


def test_a_planted_disclosure_is_found_and_mended() -> None:
    """March holds 13, of which 12 are the first organisation's. Noise -5 says: at most 13."""
    counts, made = dominated()
    march = Cell.of(period=f"{YEAR}-03")
    planted = with_statement(made, march, 13, -5)
    case = case_of(MENU, counts, WORLD, {})
    insider = scope_of(organisation(1))
    _learned, verdict = audits._look(case, planted, insider)
    assert (WORLD, march) in verdict.failing
    mended, report = audit(case, planted)
    assert report.passed
    assert march.definition in report.withheld
    assert mended.statements[march].status == "withheld"
    assert report.views[insider]["failed"]
    assert audits._look(case, mended, insider)[1].failing == ()
    # Nothing else had to go.
    assert (
        sum(s.status == "withheld" for s in mended.statements.values())
        - sum(s.status == "withheld" for s in made.statements.values())
        == len(report.withheld)
        <= 3
    )


def test_its_twin_without_the_plant_is_left_alone() -> None:
    counts, made = dominated()
    march = Cell.of(period=f"{YEAR}-03")
    harmless = with_statement(made, march, 13, 0)
    _mended, report = audit(case_of(MENU, counts, WORLD, {}), harmless)
    assert march.definition not in report.withheld


def test_a_band_that_fails_by_its_own_limit_costs_itself_only() -> None:
    """Nine incidents, eight the insider's own, drawn to a band: it knows of the others 0 to 2."""
    world = [
        make_coded(organisation_id=organisation(1), month=f"{YEAR}-{m:02d}")
        for m in range(1, 13)
        for _ in range(8 if m == 3 else 20)
    ]
    world.append(make_coded(organisation_id=organisation(2), month=f"{YEAR}-03"))
    world += [
        make_coded(organisation_id=organisation(2), month=f"{YEAR}-05", country="FR")
        for _ in range(60)
    ]
    counts = counts_of(MENU, world)
    march = Cell.of(period=f"{YEAR}-03")
    made = with_statement(protect(MENU, counts, None), march, 9, -4)
    assert made.statements[march].status == "band"
    case = case_of(MENU, counts, WORLD, {})
    insider = scope_of(organisation(1))
    assert (WORLD, march) in audits._look(case, made, insider)[1].failing
    mended, report = audit(case, made)
    assert report.passed
    assert report.refused_tables == []
    assert mended.statements[march].status == "withheld"
    assert audits._look(case, mended, insider)[1].failing == ()


def test_quarters_come_where_months_must_go() -> None:
    """The coarser form takes the place; without statements for it nothing does."""
    counts = counts_of(MENU, make_world(1, {organisation(1): 300}))
    made = protect(MENU, counts, organisation(1))
    true = counts.of(organisation(1))
    quarters = {c: state(true[c].n, 0) for c in MENU.cells(MENU.table("quarters"))}
    without = disclosure.without_table(MENU, made, "months", quarters)
    names = [table.name for table in without.tables]
    assert "months" not in names
    assert names.index("quarters") == [table.name for table in made.tables].index("months")
    assert (
        without.statements[Cell.of(period=f"{YEAR}-Q1")] == quarters[Cell.of(period=f"{YEAR}-Q1")]
    )
    assert Cell.of(period=f"{YEAR}-03") not in without.statements
    # In both tables, and stated already.
    unknown = Cell.of(period=f"{YEAR}-unknown")
    assert without.statements[unknown] == made.statements[unknown]
    assert ("months", "audit") in without.left_out
    bare = disclosure.without_table(MENU, made, "months")
    assert "quarters" not in [table.name for table in bare.tables]


def test_an_empty_category_that_follows_from_the_others_is_found() -> None:
    """T16: total 40 at most, and eleven months of 35 and more together leave nothing for one."""
    months = [Cell.of(period=f"{YEAR}-{m:02d}") for m in range(1, 13)]
    statements: dict[Cell, Statement] = {MENU.total: state(105, -5)}
    statements |= {cell: state(10, 5) for cell in months[:-1]}
    statements |= {months[-1]: state(0, 0), Cell.of(period=f"{YEAR}-unknown"): state(0, 0)}
    truth = dict.fromkeys(months[:-1], 10) | {MENU.total: 110}
    statements[MENU.total] = state(110, -5)
    made = Protected((MENU.table("total"), MENU.table("months")), statements)
    case = audits.Case(MENU, WORLD, {}, {WORLD: truth}, {})
    learned, verdict = audits._look(case, made, OUTSIDER)
    assert learned.high[WORLD, months[-1]] == 0
    assert (WORLD, months[-1]) in verdict.failing
    mended, report = audit(case, made)
    assert report.passed
    assert report.withheld
    assert audits._look(case, mended, OUTSIDER)[1].failing == ()
    assert mended.statements[MENU.total].status == SHOWN


def test_a_release_whose_total_alone_says_too_much_is_refused() -> None:
    """All but two incidents are one organisation's; its own view of the total cannot be mended."""
    world = [make_coded(organisation_id=organisation(1)) for _ in range(100)]
    world += [make_coded(organisation_id=organisation(2)) for _ in range(2)]
    counts = counts_of(MENU, world)
    made = with_statement(protect(MENU, counts, None), MENU.total, 102, -5)
    _mended, report = audit(case_of(MENU, counts, WORLD, {}), made)
    assert not report.passed
    assert set(report.refused_tables) == {table.name for table in made.tables} - {"total"}


def test_what_the_coalition_publishes_is_audited_for_the_organisations_too() -> None:
    """Two organisations out and the coalition: what is left is a third one's own scope."""
    counts, _made = dominated()
    own = protect(MENU, counts, organisation(1))
    case = case_of(MENU, counts, WORLD, {scope_of(organisation(1)): own})
    scopes, parts = audits._scopes(case, OUTSIDER)
    assert scopes == [WORLD, scope_of(organisation(1)), "others"]
    insider_scopes, insider_parts = audits._scopes(case, scope_of(organisation(2)))
    assert insider_scopes == scopes
    assert parts == insider_parts
    truth = audits._truth(case, "others", scope_of(organisation(2)), insider_parts)
    assert truth["others", MENU.total] == 1


def test_an_organisations_scope_alone_is_seen_by_outsiders_only() -> None:
    counts, _made = dominated()
    case = case_of(MENU, counts, scope_of(organisation(1)), {})
    assert audits._views(case) == [OUTSIDER]


def test_scopes_that_contradict_each_other_do_not_stop_the_audit() -> None:
    """Published before records came in: the attacker leaves out what does not fit."""
    counts, made = dominated()
    early = protect(MENU, counts, organisation(2))
    said = {**early.statements, MENU.total: Statement(SHOWN, 4000, 3997, 4003)}
    old = {scope_of(organisation(2)): Protected(early.tables, said)}
    _mended, report = audit(case_of(MENU, counts, WORLD, old), made)
    assert report.passed


def test_what_failed_before_a_release_does_not_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The coalition's 101 went out as 96; by today's counts an insider of 100 sees 0 or 1 others.

    No release of a third organisation can mend that, or is to blame for it.
    """
    then = [make_coded(organisation_id=organisation(1)) for _ in range(100)]
    then.append(make_coded(organisation_id=organisation(2)))
    old = with_statement(protect(MENU, counts_of(MENU, then), None), MENU.total, 101, -5)
    late = [make_coded(organisation_id=organisation(3)) for _ in range(60)]
    now = counts_of(MENU, [*then, *late])
    case = case_of(MENU, now, scope_of(organisation(3)), {WORLD: old})
    case.truth[WORLD] = {cell: found.n for cell, found in counts_of(MENU, then).world.items()}
    assert (WORLD, MENU.total) in audits._already(case, scope_of(organisation(1)))
    made = protect(MENU, now, organisation(3))
    mended, report = audit(case, made)
    assert report.passed
    assert mended.tables == made.tables
    # The twin: blamed for it, the release would be refused.
    monkeypatch.setattr(audits, "_already", lambda *_args: {})
    assert not audit(case, made)[1].passed


def test_what_a_release_makes_narrower_still_counts() -> None:
    """Too narrow before is no licence: the figure that narrows it further is withheld."""
    counts, made = dominated()
    march = Cell.of(period=f"{YEAR}-03")
    planted = with_statement(made, march, 13, -5)
    case = case_of(MENU, counts, WORLD, {})
    seen = {view: audits._look(case, planted, view) for view in audits._views(case)}
    same = {v: {p: saw.width(p) for p in verdict.failing} for v, (saw, verdict) in seen.items()}
    assert (WORLD, march) in same[scope_of(organisation(1))]
    wider = {view: {p: w + 1 for p, w in known.items()} for view, known in same.items()}
    mended, stuck = audits._repair(case, planted, audits.Report(), wider)
    assert mended.statements[march].status == "withheld"
    assert stuck == ()
    left, stuck = audits._repair(case, planted, audits.Report(), same)
    assert left == planted
    assert stuck == ()


def test_the_report_holds_no_true_count() -> None:
    counts, made = dominated()
    text = json.dumps(audit(case_of(MENU, counts, WORLD, {}), made)[1].as_json())
    report = json.loads(text)
    assert set(report["views"]) == {"outsider", "insider"}
    for view in report["views"].values():
        assert set(view) == {"cells", "failed", "smallest_width"}
    assert counts.world[MENU.total].n == 185
    assert "185" not in text


def test_the_report_gives_the_worst_organisation_and_names_none() -> None:
    """A list of those that have records would tell leads who has none."""
    counts, made = dominated()
    planted = with_statement(made, Cell.of(period=f"{YEAR}-03"), 13, -5)
    report = audit(case_of(MENU, counts, WORLD, {}), planted)[1]
    inside = [view for name, view in report.views.items() if name != OUTSIDER]
    worst = report.as_json()["views"]["insider"]
    assert len(inside) == 3
    assert worst["failed"]
    assert worst["failed"] == max(view["failed"] or 0 for view in inside)
    widths = [view["smallest_width"] for view in inside if view["smallest_width"] is not None]
    assert worst["smallest_width"] == min(widths)
    assert not any(scope_of(organisation(i)) in json.dumps(report.as_json()) for i in (1, 2, 3))

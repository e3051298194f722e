"""A build as a release does it: who attacks it, with what, and which numbers decide.

Noise is planned here, cell by cell, so that exactly one view finds exactly one cell too narrow.
"""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from flask import Flask

from analytics import audit as audits
from analytics import building, counting, deployment, disclosure, files, noise, records, release
from analytics.audit import Case
from analytics.disclosure import Protected
from analytics.menu import Cell, load
from analytics.models import Record, Release
from analytics.records import Coded
from analytics.tables import WORLD
from reporting.database import db
from reporting.sealing import b64
from tests.factories_statistics import (
    CHECKER,
    PROPOSER,
    YEAR,
    case_of,
    make_coded,
    make_release,
    make_world,
    organisation,
    scope_of,
    store,
)

MENU = load(YEAR)
FIRST, SECOND, THIRD = organisation(1), organisation(2), organisation(3)
MARCH = Cell.of(period=f"{YEAR}-03")
CROSS = "type-motive_group"
Plan: TypeAlias = dict[tuple[str, Cell], int]


pytestmark = pytest.mark.usefixtures("in_november")


@pytest.fixture
def plan(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Noise of a scope's cell as a test writes it down; none anywhere else."""
    planned: Plan = {}
    root = app.extensions["instance"].noise_root

    def draw(key: bytes, coord: bytes, _skey: int, _n: int, _vintage: int) -> int:
        for (scope, cell), drawn in planned.items():
            year = int(cell.code("period")[:4])
            if (noise.noise_key(root, scope, year), noise.coord(cell.definition)) == (key, coord):
                return drawn
        return 0

    monkeypatch.setattr(noise, "draw", draw)
    return planned


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """Every case that was audited."""
    seen: list[Case] = []
    plain = audits.audit

    def watched(case: Case, made: Protected, spare: Any) -> Any:
        seen.append(case)
        return plain(case, made, spare)

    monkeypatch.setattr(building, "audit", watched)
    return seen


def months(by: bytes, march: int, others: int) -> list[Coded]:
    """A year of one organisation: some incidents in March, as many as told in each other month."""
    return [
        make_coded(organisation_id=by, month=f"{YEAR}-{month:02d}")
        for month in range(1, 13)
        for _ in range(march if month == 3 else others)
    ]


def report_of(release_id: bytes) -> dict[str, Any]:
    path = deployment.releases_dir() / b64(release_id) / files.AUDIT
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def statuses(release_id: bytes, name: str) -> set[str]:
    text = (deployment.releases_dir() / b64(release_id) / name).read_text(encoding="utf-8")
    return {row["status"] for row in csv.DictReader(io.StringIO(text))}


def built(scope: str = WORLD, year: int = YEAR, agreed: Iterable[bytes] = ()) -> Release:
    release_id = release.propose(scope, year, PROPOSER, recognisable=agreed)
    release.build(release_id)
    session: Any = db.session
    session.expire_all()
    found: Release = session.get(Release, release_id)
    return found


class TestEveryViewAttacks:
    """Issue 5: audited for the outsider and for each organisation, before every release."""

    @pytest.mark.parametrize(("drawn", "withheld"), [(-5, True), (0, False)])
    def test_an_organisation_takes_its_own_records_off(
        self, plan: Plan, drawn: int, withheld: bool
    ) -> None:
        """March has 13, 12 of them the first one's: said as 8, it knows of the others 0 or 1."""
        plan[WORLD, MARCH] = drawn
        store([*months(FIRST, 12, 12), *months(SECOND, 0, 12), make_coded(organisation_id=THIRD)])
        report = report_of(make_release(publish=False))
        assert (MARCH.definition in report["withheld"]) is withheld
        assert bool(report["views"]["insider"]["failed"]) is withheld
        assert report["views"]["outsider"]["failed"] == 0

    def plant(self, plan: Plan) -> None:
        """March has 25: the third one's only record shows when two take theirs off together.

        Said as 20, the coalition has at most 25. The second takes off its 12, and the first's own
        release of 17 at least another 12.
        """
        plan[WORLD, MARCH], plan[scope_of(FIRST), MARCH] = -5, 5
        store([*months(FIRST, 12, 20), *months(SECOND, 12, 20), *months(THIRD, 1, 20)])

    def test_with_what_another_organisation_published(self, plan: Plan) -> None:
        self.plant(plan)
        alone = make_release(publish=False)
        assert report_of(alone)["withheld"] == []
        release.refuse(alone, CHECKER)
        make_release(scope_of(FIRST))
        beside = report_of(make_release(publish=False))
        assert MARCH.definition in beside["withheld"]
        assert beside["views"]["outsider"]["failed"] == 0

    def test_a_draft_after_another_release_is_audited_again(
        self, plan: Plan, audited: list[Case]
    ) -> None:
        """It says word for word what passed; beside the new release that gives somebody away."""
        self.plant(plan)
        for _ in range(2):
            alone = make_release(publish=False)
            release.refuse(alone, CHECKER)
        assert len(audited) == 1, "nothing has changed since, so it must not be judged again"
        make_release(scope_of(FIRST))
        assert len(audited) == 2
        beside = report_of(make_release(publish=False))
        assert MARCH.definition in beside["withheld"]

    def test_a_draft_that_says_something_new_is_audited_again(
        self, plan: Plan, audited: list[Case]
    ) -> None:
        store([*months(FIRST, 12, 12), *months(SECOND, 12, 12)])
        alone = make_release(publish=False)
        assert report_of(alone)["withheld"] == []
        release.refuse(alone, CHECKER)
        # March goes from 24 to 43, more than any cell's threshold: 42 of the first, one of another.
        plan[WORLD, MARCH] = -5
        store([make_coded(organisation_id=FIRST)] * 30 + [make_coded(organisation_id=THIRD)])
        records.withdraw_many(marches(SECOND))
        again = report_of(make_release(publish=False))
        assert len(audited) == 2
        assert MARCH.definition in again["withheld"]


def marches(by: bytes) -> list[bytes]:
    """Ids of one organisation's records of March."""
    query = db.session.query(Record.id).filter_by(organisation_id=by, month=f"{YEAR}-03")
    found = [row[0] for row in query]
    db.session.rollback()
    return found


class TestTheCase:
    """What the audit gets is what a case made by plain Python has, field by field."""

    def same(self, case: Case, other: Case) -> None:
        for name in ("menu", "scope", "published", "truth", "own"):
            assert getattr(case, name) == getattr(other, name), name

    def test_published_figures_are_judged_by_the_count_they_were_made_from(
        self, app: Flask, audited: list[Case]
    ) -> None:
        ids = store(make_world(1, {FIRST: 120, SECOND: 90, THIRD: 60}))
        own = make_release(scope_of(FIRST))
        then = counting.count(db.session(), MENU)
        said = building.statements_of(db.session(), own)
        first = audited[0]
        self.same(first, case_of(MENU, then, scope_of(FIRST), {}))
        db.session.rollback()
        records.withdraw_many(ids[:5])
        today = counting.count(db.session(), MENU)
        root = app.extensions["instance"].noise_root
        case = building._case(db.session(), MENU, today, WORLD, (own,), root)
        made = case_of(MENU, today, WORLD, {scope_of(FIRST): Protected((), said)})
        behind = {cell: then.of(FIRST)[cell].n if cell in then.of(FIRST) else 0 for cell in said}
        assert any(made.truth[scope_of(FIRST)].get(cell, 0) != n for cell, n in behind.items())
        made.truth[scope_of(FIRST)] = {**made.truth[scope_of(FIRST)], **behind}
        self.same(case, made)

    def test_what_a_draft_repeats_is_judged_by_the_count_it_was_made_from(
        self, app: Flask, audited: list[Case]
    ) -> None:
        ids = store(make_world(1, {FIRST: 120, SECOND: 90, THIRD: 60}))
        then = counting.count(db.session(), MENU).world
        db.session.rollback()
        draft = make_release(publish=False)
        stated = building.statements_of(db.session(), draft)
        release.refuse(draft, CHECKER)
        records.withdraw_many(ids[:5])
        make_release(scope_of(THIRD))
        today = counting.count(db.session(), MENU).world
        db.session.rollback()
        make_release(publish=False)
        judged = audited[-1].truth[WORLD]
        assert today[MENU.total].n == then[MENU.total].n - 5
        behind = {cell: then[cell].n for cell in stated if cell in then}
        assert {cell: judged[cell] for cell in behind} == behind


class TestPublishedTotalsDecide:
    """Floor and gate follow the number that is said: the true one would tell of itself."""

    @pytest.mark.parametrize(
        ("n", "drawn", "reason", "tables"),
        [
            (12, -3, "floor", None),
            (8, 3, None, ["total"]),
            (32, -4, None, ["total"]),
            (27, 4, None, ["total", "months", "type", "motive_group", "country"]),
        ],
    )
    def test_the_floor(
        self, plan: Plan, n: int, drawn: int, reason: str | None, tables: list[str] | None
    ) -> None:
        scope = scope_of(FIRST)
        plan[scope, MENU.total] = drawn
        store([make_coded()] * n)
        made = built(scope)
        assert made.reason == reason
        assert json.loads(made.parameters).get("tables") == tables

    @pytest.mark.parametrize(
        ("before", "drawn", "now", "is_there"), [(92, -4, 120, False), (88, 4, 60, True)]
    )
    def test_the_gate_asks_the_total_published_of_the_year_before(
        self, plan: Plan, before: int, drawn: int, now: int, is_there: bool
    ) -> None:
        """Act by ground has 45 cells, so 90 are asked for."""
        scope = scope_of(FIRST)
        plan[scope, load(YEAR - 1).total] = drawn
        store([make_coded(year=YEAR - 1)] * before + [make_coded()] * now)
        # A draft decides nothing; a published release does.
        earlier, alone = make_release(scope, YEAR - 1, publish=False), built(scope)
        assert (CROSS in json.loads(alone.parameters)["tables"]) is (now >= 90)
        release.refuse(alone.id, CHECKER)
        release.publish(earlier, CHECKER)
        assert (CROSS in json.loads(built(scope).parameters)["tables"]) is is_there


class TestWhoAgreed:
    """Withheld unless every organisation in a cell has agreed to be recognised."""

    def test_one_of_two_is_not_enough(self, app: Flask) -> None:
        world = make_world(3, {FIRST: 400})
        store([*world, *(replace(coded, organisation_id=SECOND) for coded in world)])
        for agreed in ([FIRST], [SECOND, THIRD]):
            made = built(agreed=agreed)
            assert statuses(made.id, f"{CROSS}.csv") == {"withheld", "band"}, agreed
            release.refuse(made.id, CHECKER)
        assert "shown" in statuses(built(agreed=[FIRST, SECOND]).id, f"{CROSS}.csv")


def test_the_planned_noise_is_what_is_drawn(plan: Plan) -> None:
    """The twin of the plan: without it these tests would prove nothing."""
    plan[WORLD, MENU.total] = 4
    store([make_coded()] * 40)
    said = building.statements_of(db.session(), make_release(publish=False))
    assert said[MENU.total] == disclosure.state(40, 4)

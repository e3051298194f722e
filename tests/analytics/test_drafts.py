"""Draft after draft of one period: what one erasure must not show, and the attack that would."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from analytics import audit as audits
from analytics import building, deployment, disclosure, drafts, records, release
from analytics.disclosure import WITHHELD
from analytics.drafts import Drafts
from analytics.menu import Cell, load
from analytics.models import Release, Statement
from analytics.tables import WORLD
from reporting.database import db
from reporting.sealing import b64
from tests.factories_statistics import (
    CHECKER,
    PROPOSER,
    RELEASE_DAY,
    SIZES,
    YEAR,
    make_coded,
    make_release,
    make_world,
    organisation,
    places_of,
    scope_of,
    store,
)

MENU = load(YEAR)


pytestmark = pytest.mark.usefixtures("in_november")


def draft(scope: str = WORLD) -> dict[str, Any]:
    """One lead proposes, reads all that is built, and takes it back."""
    release_id = release.propose(scope, YEAR, PROPOSER)
    release.build(release_id)
    said = {
        cell: (row.status, row.value, row.low, row.high)
        for row in db.session.scalars(select(Statement).where(Statement.release_id == release_id))
        for cell in [Cell.read(row.definition)]
    }
    folder = deployment.releases_dir() / b64(release_id)
    seen = {"said": said, "csv": "", "id": release_id}
    if folder.exists():
        seen["csv"] = (folder / "statistics.csv").read_text()
        release.refuse(release_id, PROPOSER)
    assert not folder.exists()
    return seen


@pytest.mark.parametrize("scope", [WORLD, scope_of(organisation(1))], ids=["world", "own"])
@pytest.mark.parametrize("seed", range(3))
def test_one_erasure_between_two_drafts_changes_nothing(
    app: Flask, clock_at: Callable[[datetime], None], scope: str, seed: int
) -> None:
    """T07 for drafts."""
    ids = store(make_world(seed, SIZES))
    before = draft(scope)
    for record_id in ids[:5]:
        records.withdraw_many([record_id])
        clock_at(datetime(YEAR + 1, 11, 23, 12, tzinfo=UTC))
        after = draft(scope)
        assert after["said"] == before["said"]
        assert after["csv"] == before["csv"]


def test_without_carrying_forward_the_same_attack_succeeds(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T10, the canary: of the cells that change all hold the record, so it gives itself away."""
    monkeypatch.setattr(drafts, "carried", lambda *_args: {})
    monkeypatch.setattr(Drafts, "number", 1)
    world = make_world(1, SIZES)
    ids = store(world)
    before = draft()["said"]
    records.withdraw_many(ids[:1])
    after = draft()["said"]
    changed = {cell for cell in before if before[cell] != after[cell]}
    assert len(changed) >= 3
    assert changed <= places_of(MENU, world[0])


def test_twenty_changes_in_a_cell_state_it_again(
    app: Flask, clock_at: Callable[[datetime], None]
) -> None:
    store(make_world(1, SIZES))
    before = draft()
    added = make_coded(country="FR", setting="loc.home", month=f"{YEAR}-07")
    store([added] * 20)
    clock_at(datetime(YEAR + 1, 11, 24, 12, tzinfo=UTC))
    after = draft()
    places = places_of(MENU, added)
    numbers = {c for c in before["said"] if before["said"][c][0] == "shown"}
    changed = {c for c in before["said"] if before["said"][c] != after["said"][c]}
    assert places & numbers <= changed <= places
    rows = list(csv.DictReader(io.StringIO(after["csv"])))
    fresh = {f"{RELEASE_DAY.date()}": False, f"{date(YEAR + 1, 11, 24)}": True}
    days = {(r["period"], r["geo"], r["setting"]): fresh[r["as_of"]] for r in rows}
    assert days[f"{YEAR}-07", "total", "total"]
    assert days[f"{YEAR}", "FR", "total"]
    assert not days[f"{YEAR}-08", "total", "total"]
    statements = db.session.scalars(select(Statement)).all()
    by_vintage = {s.vintage: {Cell.read(s.definition) for s in statements} for s in statements}
    assert set(by_vintage) == {1, 2}
    restated = {Cell.read(s.definition) for s in statements if s.vintage == 2}
    assert restated == places & set(before["said"])
    # Each boxed count is kept once, by the latest draft.
    assert {s.release_id for s in statements} == {after["id"]}


def test_counts_that_creep_are_measured_from_the_statement(app: Flask) -> None:
    """Each step is small; together they are not: the reference is not the last draft's count."""
    store(make_world(1, SIZES))
    first = draft()["said"]
    same = []
    for _ in range(4):
        store([make_coded(month=f"{YEAR}-07")] * 5)
        same.append(draft()["said"][MENU.total] == first[MENU.total])
    assert same[0]
    assert not same[-1]


def test_a_stale_draft_and_the_published_one_repeat_it_too(app: Flask) -> None:
    ids = store(make_world(1, SIZES))
    stale = make_release(publish=False)
    rows = db.session.scalars(select(Statement).where(Statement.release_id == stale))
    before = {row.coord: row.value for row in rows if row.status == "shown"}
    make_release(scope_of(organisation(1)))
    with pytest.raises(release.ReleaseRefused, match="stale-audit"):
        release.publish(stale, CHECKER)
    db.session.rollback()
    release.refuse(stale, CHECKER)
    records.withdraw_many(ids[:1])
    public = make_release()
    rows = db.session.scalars(select(Statement).where(Statement.release_id == public))
    after = {row.coord: row.value for row in rows if row.status != WITHHELD}
    assert all(before[coord] == after[coord] for coord in set(before) & set(after))
    assert db.session.scalars(select(Release.vintage)).unique().all() == [1]


def test_a_refusal_by_the_floor_is_stated_once_too(app: Flask) -> None:
    """Else asking again and again would show when a record of a small scope goes."""
    scope = scope_of(organisation(1))
    ids = store(make_world(1, {organisation(1): 5}))
    first = draft(scope)
    assert not first["csv"]
    records.withdraw_many(ids[:1])
    assert draft(scope)["said"] == first["said"]
    assert db.session.scalars(select(Statement.vintage)).all() == [1]
    store(make_world(2, {organisation(1): 40}))
    assert draft(scope)["csv"]


def test_what_the_audit_withheld_stays_withheld(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the next draft would pass without it."""
    ids = store(make_world(1, SIZES))
    march = Cell.of(period=f"{YEAR}-03")
    plain = audits.audit

    def withholding(case: Any, made: Any, spare: Any) -> Any:
        mended, report = plain(case, made, spare)
        report.withheld.append(march.definition)
        return disclosure.without_cells(mended, {march}), report

    with monkeypatch.context() as patch:
        patch.setattr(building, "audit", withholding)
        first = draft()["said"]
    assert first[march][0] == WITHHELD
    records.withdraw_many(ids[:1])
    assert draft()["said"] == first


def test_quarters_that_came_for_months_stay(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table the audit refused stays out, and what came instead is repeated."""
    ids = store(make_world(1, SIZES))
    plain = audits.audit

    def refusing(case: Any, made: Any, spare: Any) -> Any:
        without = disclosure.without_table(case.menu, made, "months", spare)
        mended, report = plain(case, without, spare)
        report.refused_tables.append("months")
        return mended, report

    with monkeypatch.context() as patch:
        patch.setattr(building, "audit", refusing)
        first = draft()["said"]
    assert Cell.of(period=f"{YEAR}-Q1") in first
    assert Cell.of(period=f"{YEAR}-03") not in first
    records.withdraw_many(ids[:1])
    assert draft()["said"] == first

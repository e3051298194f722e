"""The audit of a release before it is published: attack, judge, repair (disclosure.md 4.9).

Views: an outsider, and each contributing organisation, which subtracts its own records. Its report
holds no true count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analytics.disclosure import (
    NOTHING_CARRIED,
    Protected,
    Statement,
    hard_bounds,
    without_cells,
    without_table,
)
from analytics.judge import Verdict, culprit, judge
from analytics.lattice import OTHERS, Place, across, cells, within
from analytics.menu import TABLE_OF_TOTAL, Cell, Menu
from analytics.propagation import ENDLESS, Key, Learned, Relation, propagate
from analytics.tables import WORLD

ROUNDS = 20
OUTSIDER, INSIDER = "outsider", "insider"
NOTHING: Mapping[Cell, int] = {}


@dataclass(frozen=True, repr=False)
class Case:
    """All that is on the table: published statements by scope, and the truth for the judge.

    `truth` holds each organisation's scope, the coalition's, and `own` what every contributing
    organisation counts itself: its own view knows that.
    """

    menu: Menu
    scope: str
    published: Mapping[str, Mapping[Cell, Statement]]
    truth: dict[str, dict[Cell, int]]
    own: Mapping[str, Mapping[Cell, int]]


@dataclass
class Report:
    """What the audit did. True values are never in it.

    `views` has one entry per organisation, and leaves here as the worst of them only: a list would
    tell leads which organisation has no record at all.
    """

    views: dict[str, dict[str, int | None]] = field(default_factory=dict)
    withheld: list[str] = field(default_factory=list)
    refused_tables: list[str] = field(default_factory=list)
    rounds: int = 0
    passed: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values, in a fixed order."""
        return {
            "passed": self.passed,
            "rounds": self.rounds,
            "views": {OUTSIDER: self.views.get(OUTSIDER, {}), INSIDER: self._worst()},
            "withheld": sorted(self.withheld),
            "refused_tables": self.refused_tables,
        }

    def _worst(self) -> dict[str, int | None]:
        inside = [view for name, view in self.views.items() if name != OUTSIDER]
        widths = [w for view in inside if (w := view["smallest_width"]) is not None]
        return {
            "cells": max((view["cells"] or 0 for view in inside), default=0),
            "failed": max((view["failed"] or 0 for view in inside), default=0),
            "smallest_width": min(widths, default=None),
        }


def audit(
    case: Case, protected: Protected, spare: Mapping[Cell, Statement] = NOTHING_CARRIED
) -> tuple[Protected, Report]:
    """Repair a release until every view passes, leaving out tables that cannot be mended.

    `spare` holds statements of coarser tables that may come instead. `report.passed` is false when
    not even the total may be published.
    """
    report = Report()
    before = {view: _already(case, view) for view in _views(case)}
    while True:
        protected, stuck = _repair(case, protected, report, before)
        if not stuck:
            report.passed = True
            return protected, report
        name = _table_of(case.menu, protected, stuck)
        if name is None:
            return protected, report
        report.refused_tables.append(name)
        protected = without_table(case.menu, protected, name, spare)


def _already(case: Case, view: str) -> dict[Place, int]:
    """What is too narrow without this release, and how wide: nothing withheld here mends that."""
    if not case.published:
        return {}
    learned, verdict = _look(case, Protected((), {}), view)
    return {place: learned.width(place) for place in verdict.failing}


def _repair(
    case: Case, protected: Protected, report: Report, before: Mapping[str, Mapping[Place, int]]
) -> tuple[Protected, tuple[Place, ...]]:
    """Withhold cell after cell; returns the cells that still fail when nothing more can be done.

    What was too narrow `before` this release is looked at only where it becomes narrower, and is
    never returned: it refuses nothing.
    """
    for _ in range(ROUNDS):
        report.rounds += 1
        failing: list[Place] = []
        guilty: set[Cell] = set()
        for view, known in before.items():
            learned, verdict = _look(case, protected, view)
            _note(report, view, learned, verdict)
            for place in verdict.failing:
                if place in known and learned.width(place) >= known[place]:
                    continue
                failing += [] if place in known else [place]
                found = culprit(learned, place, case.scope, protected.statements, case.menu.total)
                guilty |= {found} if found else set()
        if not guilty:
            return protected, tuple(failing)
        report.withheld += [cell.definition for cell in guilty]
        protected = without_cells(protected, guilty)
    return protected, tuple(failing)


def _note(report: Report, view: str, learned: Learned, verdict: Verdict) -> None:
    """Keep the first number of failures and the last smallest width of a view."""
    known = report.views.setdefault(view, {"cells": 0, "failed": len(verdict.failing)})
    known["cells"] = len(learned.low)
    known["smallest_width"] = None
    if verdict.smallest is not None and verdict.smallest < ENDLESS // 2:
        known["smallest_width"] = verdict.smallest


def _views(case: Case) -> list[str]:
    """Organisations see more than an outsider only where the coalition's tables are in play."""
    insiders = sorted(case.own) if WORLD in {case.scope, *case.published} else []
    return [OUTSIDER, *insiders]


def _scopes(case: Case, view: str) -> tuple[list[str], list[str]]:
    """Scopes whose cells share records with this release, and the parts of the coalition."""
    organisations = sorted({s for s in (*case.published, case.scope) if s not in {WORLD, view}})
    if WORLD not in {case.scope, *case.published}:
        return [case.scope], []
    silent = set(case.own) - set(organisations) - {view}
    parts = [*organisations, *([OTHERS] if silent else [])]
    return [WORLD, *parts], parts


def _look(case: Case, protected: Protected, view: str) -> tuple[Learned, Verdict]:
    """Let one view attack, and judge what it learned."""
    scopes, parts = _scopes(case, view)
    own = case.own.get(view, NOTHING)
    known: dict[Place, tuple[int, int]] = {}
    for scope in scopes:
        said = protected.statements if scope == case.scope else case.published.get(scope, {})
        known.update(_known(case.menu, scope, said, own if scope == WORLD else NOTHING))
    learned = _learn(case.menu, known, scopes, parts)
    truth = {place: n for scope in scopes for place, n in _truth(case, scope, view, parts).items()}
    return learned, judge(learned, truth, outsider=view == OUTSIDER)


def _known(
    menu: Menu, scope: str, said: Mapping[Cell, Statement], own: Mapping[Cell, int]
) -> dict[Place, tuple[int, int]]:
    """Hard bounds of all cells of a scope, the viewer's own records taken off."""
    known: dict[Place, tuple[int, int]] = {}
    for cell in cells(menu):
        low, high = hard_bounds(said[cell]) if cell in said else (0, None)
        mine = own.get(cell, 0)
        rest = ENDLESS if high is None else max(0, high - mine)
        known[scope, cell] = (max(0, low - mine), rest)
    return known


def _learn(
    menu: Menu,
    known: dict[Place, tuple[int, int]],
    scopes: Sequence[str],
    parts: Sequence[str],
) -> Learned:
    """Propagate over all scopes at once.

    Scopes published at different times may contradict each other: an attacker leaves out what does
    not fit and uses the rest.
    """
    inside = [relation for scope in scopes for relation in within(menu, scope)]
    between = across(menu, parts)
    learned = propagate(known, [*inside, *between])
    if not learned.contradictions:
        return learned
    alone = propagate(known, inside)
    stale = {place[0] for place in alone.contradictions}
    if stale:
        known = {p: (0, ENDLESS) if p[0] in stale else b for p, b in known.items()}
        alone = propagate(known, inside)
    fitting = [r for r in between if not propagate(_bounds(alone, r), [r]).contradictions]
    learned = propagate(known, [*inside, *fitting])
    return alone if learned.contradictions else learned


def _bounds(learned: Learned, relation: Relation) -> dict[Key, tuple[int, int]]:
    places = (relation.parent, *relation.children)
    return {place: (learned.low[place], learned.high[place]) for place in places}


def _truth(case: Case, scope: str, view: str, parts: Sequence[str]) -> dict[Place, int]:
    """True rest counts of a scope in a view: for the judge only."""
    own = case.own.get(view, NOTHING) if scope == WORLD else NOTHING
    if scope == OTHERS:
        silent = [case.own[o] for o in case.own if o not in parts and o != view]
        return {
            (scope, cell): sum(counts.get(cell, 0) for counts in silent)
            for cell in cells(case.menu)
        }
    counts = case.truth.get(scope, NOTHING)
    return {
        (scope, cell): max(0, counts.get(cell, 0) - own.get(cell, 0)) for cell in cells(case.menu)
    }


def _table_of(menu: Menu, protected: Protected, stuck: Sequence[Place]) -> str | None:
    """A table to leave out: one with a failing cell, else the finest there is, never the total."""
    failing = {cell for _, cell in stuck}
    tables = [table for table in protected.tables if table.name != TABLE_OF_TOTAL]
    finest = sorted(tables, key=lambda table: (-len(table.dims), -menu.size(table)))
    for table in finest:
        if failing & set(menu.cells(table)):
            return table.name
    return finest[0].name if finest else None

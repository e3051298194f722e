"""States, transitions and who may do what when: pure, no database, no request.

Every rule has a raising form (`check_…`), which the service asks, and an asking form (`may_…`),
which the template asks. Never holds a word of a report.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What a member is here for."""

    CASEWORKER = "caseworker"
    SUPERVISOR = "supervisor"
    LEAD = "lead"
    ADMINISTRATOR = "administrator"


# Who opens reports; leads and administrators hold no keys.
KEY_HOLDERS = frozenset({Role.CASEWORKER, Role.SUPERVISOR})


class ReportState(StrEnum):
    """Where a report stands."""

    RECEIVED = "received"
    ADMITTED = "admitted"
    LINKED = "linked"
    SET_ASIDE = "set_aside"
    ERASED = "erased"


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    CODED = "coded"
    CLOSED = "closed"
    ERASED = "erased"


class ActionRefused(Exception):
    """A member may not do this, or not now; `reason` is a code, `extra` what the page shows."""

    def __init__(self, reason: str, **extra: object) -> None:
        """Carry the reason code; no text of a report ever goes into it."""
        super().__init__(reason)
        self.reason = reason
        self.extra = extra


REPORT_MOVES: Mapping[str, tuple[frozenset[ReportState], ReportState]] = {
    "admit": (frozenset({ReportState.RECEIVED}), ReportState.ADMITTED),
    "link": (frozenset({ReportState.ADMITTED}), ReportState.LINKED),
    "move": (frozenset({ReportState.LINKED}), ReportState.LINKED),
    "unlink": (frozenset({ReportState.LINKED}), ReportState.ADMITTED),
    "set_aside": (frozenset({ReportState.ADMITTED}), ReportState.SET_ASIDE),
    "take_back": (frozenset({ReportState.SET_ASIDE}), ReportState.ADMITTED),
    "erase": (
        frozenset(ReportState) - {ReportState.ERASED},
        ReportState.ERASED,
    ),
}

INCIDENT_MOVES: Mapping[str, tuple[frozenset[IncidentState], IncidentState]] = {
    "code": (frozenset({IncidentState.OPEN, IncidentState.CODED}), IncidentState.CODED),
    "close": (frozenset({IncidentState.CODED}), IncidentState.CLOSED),
    "reopen": (frozenset({IncidentState.CLOSED}), IncidentState.CODED),
    "erase": (
        frozenset(IncidentState) - {IncidentState.ERASED},
        IncidentState.ERASED,
    ),
}

# Who looks after a report or an incident in this state, so that nothing waits for nobody. Apart,
# because an erased report and an erased incident are the same word.
REPORT_OWNER: Mapping[str, str] = {
    ReportState.RECEIVED: "every caseworker: opening the queue admits it",
    ReportState.ADMITTED: "its holder, or every caseworker while nobody holds it",
    ReportState.LINKED: "the holder of its incident",
    ReportState.SET_ASIDE: "the supervisors",
    ReportState.ERASED: "the reporter, who wanted it gone",
}
INCIDENT_OWNER: Mapping[str, str] = {
    IncidentState.OPEN: "its holder",
    IncidentState.CODED: "its holder",
    IncidentState.CLOSED: "the supervisors, who hand over what waits",
    IncidentState.ERASED: "nobody: it is deleted with its key",
}

# What leads out of a state. Erased things have no way back: that is the promise.
REPORT_WAY_OUT: Mapping[str, str] = {
    ReportState.RECEIVED: "admit, erase",
    ReportState.ADMITTED: "link, set_aside, erase",
    ReportState.LINKED: "move, unlink, erase",
    ReportState.SET_ASIDE: "take_back, erase",
    ReportState.ERASED: "none: keys and words are gone, the order is replayed after a restore",
}
INCIDENT_WAY_OUT: Mapping[str, str] = {
    IncidentState.OPEN: "code, erase",
    IncidentState.CODED: "code, close, erase",
    IncidentState.CLOSED: "reopen, erase",
    IncidentState.ERASED: "none: key, items and record are gone",
}

# Certainties by which an incident may count (domain.md D.5).
COUNTED_CERTAINTIES = frozenset({"V1", "V2", "V3", "V4"})
# What a member of staff may tell a reporter.
MESSAGE_STATUSES = ("being_read", "question", "finished")
# As many waiting records as make a batch by themselves (sealing.md 7).
BATCH = 10


@dataclass(frozen=True)
class Actor:
    """Who asks: enough for every rule, and no key."""

    member_id: bytes
    role: Role
    organisation_id: bytes | None


def move_report(state: ReportState, move: str) -> ReportState:
    """The state after `move`. Raises `ActionRefused` when that is no way out of `state`."""
    sources, target = REPORT_MOVES[move]
    if state not in sources:
        raise ActionRefused(f"report-is-{state}")
    return target


def move_incident(state: IncidentState, move: str) -> IncidentState:
    """The state after `move`. Raises `ActionRefused` when that is no way out of `state`."""
    sources, target = INCIDENT_MOVES[move]
    if state not in sources:
        raise ActionRefused(f"incident-is-{state}")
    return target


def check_open(actor: Actor, organisation_id: bytes) -> None:
    """Only key holders open, and only what is their organisation's."""
    if actor.role not in KEY_HOLDERS:
        raise ActionRefused("role")
    if actor.organisation_id is None or actor.organisation_id != organisation_id:
        # The same words as for a thing there is not: no organisation learns of another's reports.
        raise ActionRefused("unknown")


def check_claim(actor: Actor, holder_id: bytes | None, take_over: bool) -> None:
    """Claim what nobody holds; what somebody holds only by saying that you take it over."""
    if holder_id == actor.member_id:
        raise ActionRefused("yours-already")
    if holder_id is not None and not take_over:
        raise ActionRefused("held", holder=holder_id)


def check_release(actor: Actor, holder_id: bytes | None) -> None:
    """Give back what you hold; a supervisor may give back what anyone holds."""
    if holder_id is None:
        raise ActionRefused("held-by-nobody")
    if holder_id != actor.member_id and actor.role is not Role.SUPERVISOR:
        raise ActionRefused("not-yours")


def check_decide(actor: Actor, holder_id: bytes | None) -> None:
    """Decide about what nobody else holds: two people must not decide differently at once."""
    if holder_id is not None and holder_id != actor.member_id:
        raise ActionRefused("held", holder=holder_id)


def check_hand_over(actor: Actor) -> None:
    """Handing over before a batch is full is a supervisor's word."""
    if actor.role is not Role.SUPERVISOR:
        raise ActionRefused("role")


def check_message(status: str, text: str) -> None:
    """A message says something, or changes the status; a question asks something."""
    if status not in {"", *MESSAGE_STATUSES}:
        raise ActionRefused("status")
    if not text.strip() and status in {"", "question"}:
        raise ActionRefused("empty-message")


def _may(check: Callable[..., None]) -> Callable[..., bool]:
    def asking(*arguments: object) -> bool:
        try:
            check(*arguments)
        except ActionRefused:
            return False
        return True

    return asking


may_open = _may(check_open)
may_claim = _may(check_claim)
may_release = _may(check_release)
may_decide = _may(check_decide)
may_hand_over = _may(check_hand_over)


def may_move_report(state: ReportState, move: str) -> bool:
    """Whether `move` leads out of `state`."""
    return state in REPORT_MOVES[move][0]


def may_move_incident(state: IncidentState, move: str) -> bool:
    """Whether `move` leads out of `state`."""
    return state in INCIDENT_MOVES[move][0]


def is_countable(consents: Iterable[bool], certainty: str) -> bool:
    """Whether an incident counts: somebody who reported it agrees, and it was judged to be so.

    `consents` holds, for each linked report that is not erased, its latest word on statistics.
    """
    return certainty in COUNTED_CERTAINTIES and any(consents)


def is_batch(waiting: int, *, new_month: bool, asked: bool) -> bool:
    """Whether what waits is handed over now: ten, a month's first sign-in, a supervisor's word."""
    return waiting > 0 and (waiting >= BATCH or new_month or asked)


def diagram() -> str:
    """The states as a page of the documentation, with every owner and way out."""
    lines = [
        "# States",
        "",
        "Made from `casework/policy.py` by `make docs`; a test compares. Do not edit by hand.",
        "",
    ]
    lines += _drawn("Report", ReportState, REPORT_MOVES, REPORT_OWNER, REPORT_WAY_OUT)
    lines += _drawn("Incident", IncidentState, INCIDENT_MOVES, INCIDENT_OWNER, INCIDENT_WAY_OUT)
    return "\n".join(lines)


def _drawn(
    title: str,
    states: type[StrEnum],
    moves: Mapping[str, tuple[frozenset[Any], Any]],
    owner: Mapping[str, str],
    way_out: Mapping[str, str],
) -> list[str]:
    lines = [f"## {title}", "", "```mermaid", "stateDiagram-v2"]
    lines.append(f"    [*] --> {next(iter(states))}")
    for name, (sources, target) in moves.items():
        lines += [f"    {state} --> {target}: {name}" for state in states if state in sources]
    lines += ["```", "", "| state | who looks after it | ways out |", "|---|---|---|"]
    lines += [f"| `{state}` | {owner[state]} | {way_out[state]} |" for state in states]
    return [*lines, ""]

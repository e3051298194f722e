"""Policy: no path skips a check, every state has an owner, the drawn diagram is the rule."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework import policy
from casework.policy import ActionRefused, Actor, IncidentState, ReportState, Role

ME, YOU, OURS, THEIRS = b"m" * 16, b"y" * 16, b"o" * 16, b"t" * 16
HOLDERS = st.sampled_from([None, ME, YOU])


def actor(role: Role = Role.CASEWORKER, organisation: bytes | None = OURS) -> Actor:
    return Actor(member_id=ME, role=role, organisation_id=organisation)


@given(st.lists(st.sampled_from(sorted(policy.REPORT_MOVES)), max_size=30))
def test_no_report_is_linked_without_admission_and_none_returns_from_erasure(
    moves: list[str],
) -> None:
    state, path = ReportState.RECEIVED, [ReportState.RECEIVED]
    for move in moves:
        if policy.may_move_report(state, move):
            state = policy.move_report(state, move)
            path.append(state)
        else:
            with pytest.raises(ActionRefused):
                policy.move_report(state, move)
    if ReportState.LINKED in path:
        assert ReportState.ADMITTED in path[: path.index(ReportState.LINKED)]
    if ReportState.ERASED in path:
        assert path[-1] is ReportState.ERASED
        assert path.index(ReportState.ERASED) == len(path) - 1


@given(st.lists(st.sampled_from(sorted(policy.INCIDENT_MOVES)), max_size=30))
def test_no_incident_is_closed_without_coding(moves: list[str]) -> None:
    state, path = IncidentState.OPEN, [IncidentState.OPEN]
    for move in moves:
        if policy.may_move_incident(state, move):
            state = policy.move_incident(state, move)
            path.append(state)
    for earlier, later in itertools.pairwise(path):
        if later is IncidentState.CLOSED:
            assert earlier is IncidentState.CODED
        assert earlier is not IncidentState.ERASED


@given(st.sampled_from(list(Role)), HOLDERS, st.booleans())
def test_asking_and_raising_forms_agree(role: Role, holder: bytes | None, take: bool) -> None:
    who = actor(role)
    for ask, check, arguments in (
        (policy.may_claim, policy.check_claim, (who, holder, take)),
        (policy.may_release, policy.check_release, (who, holder)),
        (policy.may_decide, policy.check_decide, (who, holder)),
        (policy.may_hand_over, policy.check_hand_over, (who,)),
        (policy.may_open, policy.check_open, (who, THEIRS)),
    ):
        try:
            check(*arguments)
            raised = False
        except ActionRefused:
            raised = True
        assert ask(*arguments) is not raised


@given(st.sampled_from(list(Role)), st.sampled_from([None, OURS, THEIRS]))
def test_only_key_holders_of_the_organisation_open(role: Role, organisation: bytes | None) -> None:
    allowed = policy.may_open(actor(role, organisation), OURS)
    assert allowed is (role in policy.KEY_HOLDERS and organisation == OURS)


def test_a_held_report_is_claimed_only_by_saying_so() -> None:
    with pytest.raises(ActionRefused) as refused:
        policy.check_claim(actor(), YOU, False)
    assert refused.value.reason == "held"
    policy.check_claim(actor(), YOU, True)


@given(st.lists(st.booleans()), st.sampled_from(["V0", "V1", "V2", "V3", "V4", "VX", "VI", ""]))
def test_countable_needs_a_consent_and_a_certainty(consents: list[bool], certainty: str) -> None:
    counted = policy.is_countable(consents, certainty)
    assert counted is (True in consents and certainty in {"V1", "V2", "V3", "V4"})


@given(st.integers(0, 30), st.booleans(), st.booleans())
def test_nothing_is_handed_over_one_by_one_unasked(waiting: int, month: bool, asked: bool) -> None:
    if policy.is_batch(waiting, new_month=month, asked=asked):
        assert waiting >= policy.BATCH or month or asked
        assert waiting > 0


@pytest.mark.parametrize(
    ("status", "text", "fine"),
    [
        ("being_read", "", True),
        ("finished", "", True),
        ("question", "", False),
        ("question", "Which bus was it?", True),
        ("", " \n", False),
        ("", "Thank you", True),
        ("urgent", "x", False),
    ],
)
def test_a_message_says_something(status: str, text: str, fine: bool) -> None:
    if fine:
        policy.check_message(status, text)
    else:
        with pytest.raises(ActionRefused):
            policy.check_message(status, text)


@pytest.mark.parametrize(
    ("states", "moves", "owner", "ways"),
    [
        (ReportState, policy.REPORT_MOVES, policy.REPORT_OWNER, policy.REPORT_WAY_OUT),
        (IncidentState, policy.INCIDENT_MOVES, policy.INCIDENT_OWNER, policy.INCIDENT_WAY_OUT),
    ],
)
def test_every_state_has_an_owner_and_a_way_out(
    states: type[ReportState | IncidentState],
    moves: Any,
    owner: dict[str, str],
    ways: dict[str, str],
) -> None:
    for state in states:
        assert owner[state]
        real = {name for name, (sources, _) in moves.items() if state in sources}
        named = {way.strip() for way in ways[state].split(":")[0].split(",")} - {"none"}
        assert named == real


def test_the_drawn_states_are_the_rule() -> None:
    page = Path(__file__).parents[2] / "docs" / "states.md"
    assert page.read_text(encoding="utf-8") == policy.diagram()

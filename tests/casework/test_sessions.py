"""Sessions: opened by cookie, day secret and Redis together, and only while their time lasts."""

import hashlib
from datetime import UTC, datetime
from typing import cast

import pytest
import redis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework import members, sessions
from casework.credentials import NewMember
from casework.models import Member
from casework.sessions import Session
from reporting import sealing
from reporting.database import db
from reporting.instance import Instance
from reporting.sealing import b64, unb64
from tests.casework.hands import NOON, Hands
from tests.casework.people import add_member, add_organisation, session_of


def start(new: NewMember) -> Session:
    return sessions.start(db.session.get_one(Member, new.member_id), new.seed)


def name_of(token: str) -> str:
    return "session:" + hashlib.sha256(unb64(token)).hexdigest()


@pytest.fixture
def store(app: Flask) -> "redis.Redis":
    return cast("redis.Redis", app.extensions["redis"])


def test_session_comes_back_whole(app: Flask) -> None:
    started = start(add_organisation().supervisor)
    loaded = sessions.load(started.token)
    assert loaded is not None
    assert loaded.keyring == started.keyring
    assert (loaded.member_id, loaded.role) == (started.member_id, "supervisor")


def test_redis_holds_neither_cookie_nor_keys_nor_name(app: Flask, store: "redis.Redis") -> None:
    organisation = add_organisation("demo", "Findable Name")
    started = start(organisation.supervisor)
    held = b"".join(cast(bytes, store.get(key)) + key for key in cast(list[bytes], store.keys()))
    secrets = [*started.keyring.casework.values(), started.seed, unb64(started.token)]
    for secret in [*secrets, b"Findable", organisation.id, organisation.supervisor.member_id]:
        assert secret not in held
        assert b64(secret).encode() not in held


def test_fifteen_idle_minutes_end_it_and_drop_the_box(
    app: Flask, hands: Hands, store: "redis.Redis"
) -> None:
    token = start(add_organisation().supervisor).token
    hands.forward(minutes=14, seconds=59)
    assert sessions.load(token) is not None
    hands.forward(minutes=15)
    assert sessions.load(token) is None
    assert store.get(name_of(token)) is None


def test_twelve_hours_end_it_however_busy(app: Flask, hands: Hands) -> None:
    token = start(add_organisation().supervisor).token
    for _ in range(71):
        hands.forward(minutes=10)
        assert sessions.load(token) is not None
    hands.forward(minutes=10)
    assert sessions.load(token) is None


def test_it_goes_on_over_midnight_with_the_two_day_secrets(app: Flask, hands: Hands) -> None:
    hands.now = datetime(2026, 6, 1, 23, 55, tzinfo=UTC)
    token = start(add_organisation().supervisor).token
    hands.forward(minutes=10)
    assert sessions.load(token) is not None
    hands.forward(minutes=10)
    assert sessions.load(token) is not None


def test_stale_day_secret_closes_old_copies_of_redis_and_cookie(
    app: Flask, hands: Hands, store: "redis.Redis"
) -> None:
    token = start(add_organisation().supervisor).token
    copy = cast(bytes, store.get(name_of(token)))
    instance: Instance = app.extensions["instance"]
    hands.forward(hours=24)
    assert instance.delete_old_day_secrets(hands.now) == 1
    hands.now = NOON  # even with the clock turned back
    store.set(name_of(token), copy)
    assert sessions.load(token) is None


@given(at=st.integers(0, 100_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_tampered_box_is_no_session(app: Flask, at: int) -> None:
    store: redis.Redis = app.extensions["redis"]
    if "token" not in app.extensions:
        app.extensions["token"] = start(add_organisation().supervisor).token
        app.extensions["box"] = store.get(name_of(app.extensions["token"]))
    token, box = app.extensions["token"], bytearray(app.extensions["box"])
    box[at % len(box)] ^= 1
    store.set(name_of(token), bytes(box))
    assert sessions.load(token) is None
    store.set(name_of(token), app.extensions["box"])
    assert sessions.load(token) is not None


def test_box_of_one_session_does_not_open_under_another_cookie(
    app: Flask, store: "redis.Redis"
) -> None:
    organisation = add_organisation()
    mine = start(add_member(organisation, "caseworker", "Karim")).token
    theirs = start(organisation.supervisor).token
    store.set(name_of(mine), cast(bytes, store.get(name_of(theirs))))
    assert sessions.load(mine) is None


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 42, "=" * 43, "é", "A" * 10_000])
def test_nonsense_is_no_session(app: Flask, token: str) -> None:
    assert sessions.load(token) is None


def test_ended_session_is_gone(app: Flask, store: "redis.Redis") -> None:
    token = start(add_organisation().supervisor).token
    sessions.end(token)
    assert sessions.load(token) is None
    assert store.keys() == []


@pytest.mark.parametrize("later", ["rolled", "refreshed", "new keys"])
def test_a_request_that_was_under_way_does_not_bring_an_ended_session_back(
    app: Flask, hands: Hands, store: "redis.Redis", monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    """It read the box before the member signed out, and would write it back after that."""
    organisation = add_organisation()
    karim = add_member(organisation, "caseworker", "Karim")
    token = start(karim).token
    under_way = sessions.load(token)
    assert under_way is not None
    hands.forward(minutes=2)
    if later == "new keys":
        gone = add_member(organisation, "caseworker", "Gone")
        members.remove(session_of(organisation.supervisor), gone.member_id)
    ended: list[str] = []

    def signed_out_meanwhile(key: bytes, name: str, context: bytes, plain: bytes) -> bytes:
        sessions.end(token)
        ended.append(token)
        return sealing.box(key, name, context, plain)

    monkeypatch.setattr(sessions, "box", signed_out_meanwhile)
    if later == "refreshed":
        sessions.refresh(under_way)
    else:
        sessions.load(token)
    assert ended == [token], "nothing was written"
    assert store.keys() == []
    assert sessions.load(token) is None


def test_removed_member_is_out_at_once(app: Flask) -> None:
    organisation = add_organisation()
    karim = add_member(organisation, "caseworker", "Karim")
    token = start(karim).token
    members.remove(session_of(organisation.supervisor), karim.member_id)
    assert sessions.load(token) is None


def test_new_keys_reach_sessions_that_are_open(app: Flask) -> None:
    organisation = add_organisation()
    karim = add_member(organisation, "caseworker", "Karim")
    gone = add_member(organisation, "caseworker", "Gone")
    token = start(karim).token
    members.remove(session_of(organisation.supervisor), gone.member_id)
    loaded = sessions.load(token)
    assert loaded is not None
    assert loaded.keyring.newest_epoch() == 2
    again = sessions.load(token)
    assert again is not None
    assert again.keyring == loaded.keyring

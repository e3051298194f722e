"""Staff sessions: a member's opened keyring, kept where nothing alone can open it (sealing.md 4).

The box lies in Redis, its key is made of the cookie and the day's secret, its name is the cookie's
hash. So neither Redis nor the cookie opens anything, nor do old copies of both once the day's
secret is gone. Times are inside the box: whoever writes to Redis cannot make a session last.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import redis
from flask import current_app, g
from sqlalchemy import bindparam, select

from casework import keys, member_state
from casework.keys import Keyring
from casework.models import Grant, Member
from casework.roster import Pin
from reporting import clock
from reporting.database import db
from reporting.instance import Instance
from reporting.models import Organisation
from reporting.sealing import SealingRefused, b64, box, derive, unb64, unbox

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
# Rolled at most once a minute: a page of a hundred requests writes once.
ROLL = timedelta(minutes=1)
ACTIVE = "active"

_WITH_GRANTED = (
    select(Member, Grant.key_id)
    .outerjoin(Grant, Grant.holder_id == Member.id)
    .where(Member.id == bindparam("id"))
)


@dataclass(repr=False)
class Session:
    """Who is signed in, and what they have opened. Lives for one request."""

    member_id: bytes
    organisation_id: bytes | None
    role: str
    name: str
    locale: str
    keyring: Keyring
    # The member's own seed: it opens grants made while they are signed in, and what they saw last.
    seed: bytes
    ends: datetime
    rolled: datetime
    token: str = ""


def make(member: Member, seed: bytes) -> Session:
    """Open all grants of a member. Raises `SealingRefused` when one is not what it says."""
    return Session(
        member_id=member.id,
        organisation_id=member.organisation_id,
        role=member.role,
        name=member.name,
        locale=member.locale,
        keyring=open_keyring(member, seed, member_state.pin_of(member, seed)),
        seed=seed,
        ends=clock.now() + LONGEST,
        rolled=clock.now(),
    )


def start(member: Member, seed: bytes) -> Session:
    """Make a session and keep it under a fresh cookie, `session.token`."""
    session = make(member, seed)
    session.token = b64(secrets.token_bytes(32))
    _put(session, again=False)
    return session


def current() -> Session:
    """The session of this request; a view declared for staff always has one."""
    return cast(Session, g.staff)


def load(token: str) -> Session | None:
    """The session of a cookie, rolled; nothing when it ended, was changed or is nobody's."""
    kept = _open(token)
    if kept is None:
        return None
    now = clock.now()
    ends, rolled = _time(kept["ends"]), _time(kept["rolled"])
    member, granted = _member(unb64(kept["member"]))
    over = now >= ends or now >= rolled + IDLE
    if over or member is None or member.state != ACTIVE:
        end(token)
        return None
    session = Session(
        member_id=member.id,
        organisation_id=member.organisation_id,
        role=member.role,
        name=member.name,
        locale=member.locale,
        keyring=Keyring.from_json(kept["keyring"]),
        seed=unb64(kept["seed"]),
        ends=ends,
        rolled=rolled,
        token=token,
    )
    if granted != session.keyring.key_ids():
        return _refreshed(session, member)
    if now - rolled >= ROLL:
        session.rolled = now
        _put(session)
    return session


def owner(token: str) -> bytes | None:
    """Whose session a cookie opens, over or not. Does not ask the database: a lock must not wait.

    Says nothing of what they may do: that is `load`'s.
    """
    kept = _open(token)
    return unb64(kept["member"]) if kept else None


def refresh(session: Session) -> None:
    """Open the grants again after keys have changed in this very request."""
    member = db.session.get_one(Member, session.member_id)
    session.keyring = open_keyring(member, session.seed, session.keyring.roster)
    if session.token:
        _put(session)


def _put(session: Session, *, again: bool = True) -> None:
    """Box the session under cookie and day secret and put it into Redis.

    Again only where one still is: a request that was under way while the member signed out or
    locked would bring the keyring back, for whoever has the cookie.
    """
    kept = {
        "member": b64(session.member_id),
        "seed": b64(session.seed),
        "keyring": session.keyring.to_json(),
        "ends": session.ends.isoformat(),
        "rolled": session.rolled.isoformat(),
    }
    key = _key(session.token, _instance().day_secret(clock.today()))
    boxed = box(key, "session", b"", json.dumps(kept).encode())
    # Redis forgets it soon after; the times that count are in the box.
    _redis().set(_name(session.token), boxed, ex=int(IDLE.total_seconds()) + 60, xx=again)


def end(token: str) -> None:
    """Drop the keyring."""
    if _is_token(token):
        _redis().delete(_name(token))


def _refreshed(session: Session, member: Member) -> Session | None:
    try:
        session.keyring = open_keyring(member, session.seed, session.keyring.roster)
    except SealingRefused:
        end(session.token)
        return None
    session.rolled = clock.now()
    _put(session)
    return session


def open_keyring(member: Member, seed: bytes, pin: Pin | None) -> Keyring:
    """Open and check all grants of a member. Raises `SealingRefused` when one is not right."""
    try:
        return keys.open_grants(db.session(), member, seed, pin)
    except SealingRefused:
        # Keys may have changed between two reads; what is wrong twice is wrong.
        db.session.rollback()
        return keys.open_grants(db.session(), member, seed, pin)


def _member(member_id: bytes) -> tuple[Member | None, frozenset[bytes]]:
    """A member as the database has them now, and the keys granted to them: one question."""
    newest = {"populate_existing": True}
    rows = db.session().execute(_WITH_GRANTED, {"id": member_id}, execution_options=newest).all()
    # Leads and administrators are granted nothing.
    return rows[0][0] if rows else None, frozenset(row[1] for row in rows) - {None}


def _open(token: str) -> dict[str, Any] | None:
    """Try today's and yesterday's secret; a box that neither opens is worth nothing."""
    if not _is_token(token):
        return None
    boxed = _redis().get(_name(token))
    if not isinstance(boxed, bytes):
        return None
    today = clock.today()
    for day in (today, today - timedelta(days=1)):
        secret = _instance().known_day_secret(day)
        if secret is None:
            continue
        try:
            kept: dict[str, Any] = json.loads(unbox(_key(token, secret), "session", b"", boxed))
        except SealingRefused:
            continue
        return kept
    return None


def _is_token(token: str) -> bool:
    try:
        return len(unb64(token)) == 32
    except SealingRefused:
        return False


def _key(token: str, day_secret: bytes) -> bytes:
    return derive(unb64(token) + day_secret, "session")


def _name(token: str) -> str:
    return "session:" + hashlib.sha256(unb64(token)).hexdigest()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _instance() -> Instance:
    return cast(Instance, current_app.extensions["instance"])


def _redis() -> "redis.Redis":
    return cast("redis.Redis", current_app.extensions["redis"])


def organisation(session: Session) -> Organisation:
    """The signed-in member's organisation."""
    return cast(Organisation, db.session.get(Organisation, session.organisation_id))

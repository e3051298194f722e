"""People of the tests, made through the public interfaces: organisations, members, sign-ins."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pyotp
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from casework import credentials, invitations, members, sessions
from casework.credentials import NewMember
from casework.models import Member
from casework.sessions import Session
from reporting import clock
from reporting.database import db
from tests.casework import anew


@dataclass(frozen=True)
class Organisation:
    """An organisation and its first supervisor."""

    id: bytes
    slug: str
    supervisor: NewMember


def add_organisation(slug: str = "demo", supervisor: str = "") -> Organisation:
    """An organisation with a first supervisor."""
    added = anew.organisation(slug, supervisor or f"Sana of {slug}")
    return Organisation(added.organisation_id, slug, added.supervisor)


def code_of(new: NewMember, *, steps: int = 0) -> str:
    """The code the member's device shows now, or some steps later."""
    moment = clock.now() + timedelta(seconds=30 * steps)
    return pyotp.TOTP(new.totp_secret).at(moment)


def session_of(new: NewMember) -> Session:
    """A session in this process, as after signing in, without using up a code."""
    return sessions.make(db.session.get_one(Member, new.member_id), new.seed)


def add_member(organisation: Organisation, role: str, name: str) -> NewMember:
    """A member who was invited, accepted, and was admitted by the first supervisor."""
    new = invitations.enrol(organisation.id, role, name)
    fingerprint = credentials.fingerprint(new.public_key)
    members.admit(session_of(organisation.supervisor), new.member_id, role, fingerprint)
    return new


def add_lead(name: str = "Lea Lead") -> NewMember:
    """A coalition lead."""
    return invitations.enrol(None, "lead", name)


def add_administrator(name: str = "Ada Administrator") -> NewMember:
    """An administrator."""
    return invitations.enrol(None, "administrator", name)


def enter(new: NewMember, steps: int = 0, seen: bytes | None = None) -> tuple[Member, bytes]:
    """Sign in without a page."""
    return members.sign_in(new.name, new.passphrase, code_of(new, steps=steps), seen)


def token_in(page: str) -> str:
    """The CSRF token of a page's form."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found is not None, "no form with a token"
    return found.group(1)


def post(client: FlaskClient, path: str, data: dict[str, str], page: str = "") -> TestResponse:
    """Send a form with the token of `page` (default: the sign-in page's)."""
    text = page or client.get("/staff/sign-in").get_data(as_text=True)
    return client.post(path, data={"csrf_token": token_in(text), **data})


def sign_in(client: FlaskClient, new: NewMember, *, steps: int = 0) -> TestResponse:
    """Sign in by the page; a code works once, so a second sign-in needs another step."""
    fields = {"name": new.name, "passphrase": new.passphrase, "code": code_of(new, steps=steps)}
    return post(client, "/staff/sign-in", fields)

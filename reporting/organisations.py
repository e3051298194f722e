"""Which organisations take reports, and the key each is sealed to.

Public facts only. An intake key counts as valid when it is not retired and its organisation's
identity key signed it: whoever can only write to the database cannot slip in a key of their own.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import Select, bindparam, select

from reporting import clock, i18n
from reporting.database import db
from reporting.envelope import intake_signature_message
from reporting.models import IntakeKey, Organisation
from reporting.sealing import SealingRefused, b64, key_id, verify

# The short name of an organisation, as addresses have it.
SLUG = re.compile(r"[a-z0-9-]{2,40}")
_ORGANISATION = Organisation.__table__.c
_KEY = IntakeKey.__table__.c


@dataclass(frozen=True)
class Key:
    """The public half of an intake key."""

    key_id: bytes
    public_key: bytes
    created: date
    signature: bytes


class Said(NamedTuple):
    """A text as a page shows it, and the language it is in: not always the page's own."""

    text: str
    language: str


@dataclass(frozen=True)
class Listing:
    """An organisation as reporters may know it. `key` is its current one, if it has a valid one."""

    id: bytes
    slug: str
    name: str
    about: str
    contact: str
    identity_key: bytes
    closed: bool
    key: Key | None

    @property
    def open_key(self) -> Key | None:
        """The key that reports are sealed to now; nothing while the organisation is closed."""
        return None if self.closed else self.key


# Built once: putting a statement together costs as much as asking it.
_ALL: Select[Any] = (
    select(
        _ORGANISATION.id,
        _ORGANISATION.slug,
        _ORGANISATION.name,
        _ORGANISATION.about,
        _ORGANISATION.contact,
        _ORGANISATION.identity_key,
        _ORGANISATION.closed,
        _KEY.key_id,
        _KEY.public_key,
        _KEY.created,
        _KEY.signature,
    )
    .select_from(
        Organisation.__table__.outerjoin(
            IntakeKey.__table__,
            (_KEY.organisation_id == _ORGANISATION.id)
            & _KEY.retired.is_(None)
            & (_KEY.created <= bindparam("today")),
        )
    )
    .order_by(_ORGANISATION.name, _ORGANISATION.id, _KEY.created.desc(), _KEY.key_id)
)
_ONE = _ALL.where(_ORGANISATION.slug == bindparam("slug"))


def find(slug: str) -> Listing | None:
    """The organisation of a slug, asked of the database each time: a retired key is never used."""
    if not SLUG.fullmatch(slug):
        # Anything may stand in an address, and PostgreSQL has no words for a NUL.
        return None
    listed = _listings(_ONE, {"slug": slug, "today": clock.today()})
    return listed[0] if listed else None


def every() -> list[Listing]:
    """All organisations in the order of their names, closed ones too: they say where else to go."""
    return _listings(_ALL, {"today": clock.today()})


def current_key(organisation: Listing, today: date) -> Key | None:
    """The key that was current when the organisation was looked up, if it has one by `today`."""
    return organisation.key if organisation.key and organisation.key.created <= today else None


def said(texts: str, locale: str) -> Said:
    """One language of a JSON text keyed by locale; English where that language is missing."""
    given = json.loads(texts)
    shown = (code for code in (locale, i18n.DEFAULT) if given.get(code))
    language = next(shown, locale)
    return Said(str(given.get(language) or ""), language)


def published_key(key: Key) -> dict[str, str]:
    """An intake key as the well-known address and a 410 answer give it."""
    return {
        "key_id": b64(key.key_id),
        "public_key": b64(key.public_key),
        "created": key.created.isoformat(),
        "signature": b64(key.signature),
    }


def _listings(statement: Select[Any], values: dict[str, Any]) -> list[Listing]:
    session: Any = db.session
    return _listed(session.connection().execute(statement, values))


def _listed(rows: Iterable[Any]) -> list[Listing]:
    """One listing an organisation, with its newest valid key."""
    found: dict[bytes, Listing] = {}
    for row in rows:
        signed = row[7:]
        known = found.get(row.id)
        if known is not None and known.key is not None:
            continue
        key = Key(*signed) if signed[0] and _is_signed(row.slug, row.identity_key, signed) else None
        found[row.id] = Listing(
            row.id,
            row.slug,
            row.name,
            row.about,
            row.contact,
            row.identity_key,
            row.closed,
            key,
        )
    return list(found.values())


def _is_signed(slug: str, identity_key: bytes, signed: Any) -> bool:
    given_id, public_key, created, signature = signed
    instance_id: bytes = current_app.extensions["instance"].instance_id
    return _verified(
        instance_id, slug, identity_key, given_id, public_key, created.isoformat(), signature
    )


@lru_cache(maxsize=1000)
def _verified(
    instance_id: bytes,
    slug: str,
    identity_key: bytes,
    given_id: bytes,
    public_key: bytes,
    created: str,
    signature: bytes,
) -> bool:
    if given_id != key_id("intake-key", public_key):
        return False
    message = intake_signature_message(instance_id, created, public_key, slug)
    try:
        verify(identity_key, "intake-key-signature", message, signature)
    except SealingRefused:
        return False
    return True

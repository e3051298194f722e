"""Which organisations take reports, and the key each is sealed to.

Public facts only. An intake key counts as valid when it is not retired and its organisation's
identity key signed it: whoever can only write to the database cannot slip in a key of their own.
"""

import json
from datetime import date
from functools import lru_cache
from typing import Any

from flask import current_app
from sqlalchemy import select

from reporting.database import db
from reporting.envelope import intake_signature_message
from reporting.models import IntakeKey, Organisation
from reporting.sealing import SealingRefused, b64, key_id, verify


def find(slug: str) -> Organisation | None:
    """The organisation of a slug."""
    session: Any = db.session
    found: Organisation | None = session.scalar(
        select(Organisation).where(Organisation.slug == slug)
    )
    return found


def every() -> list[Organisation]:
    """All organisations in the order of their names, closed ones too: they say where else to go."""
    session: Any = db.session
    return list(session.scalars(select(Organisation).order_by(Organisation.name)))


def all_open() -> list[Organisation]:
    """The organisations that a report can be sealed to now."""
    keys = _valid_keys()
    return [o for o in every() if not o.closed and o.id in keys]


def current_key(organisation: Organisation, today: date) -> IntakeKey | None:
    """The key that reports to this organisation are sealed to; `None` without a valid one."""
    session: Any = db.session
    keys = session.scalars(
        select(IntakeKey)
        .where(IntakeKey.organisation_id == organisation.id, IntakeKey.retired.is_(None))
        .order_by(IntakeKey.created.desc(), IntakeKey.key_id)
    )
    return next((k for k in keys if k.created <= today and _is_signed(organisation, k)), None)


def open_key(organisation: Organisation, today: date) -> IntakeKey | None:
    """`current_key`, and nothing while the organisation is closed."""
    return None if organisation.closed else current_key(organisation, today)


def said(texts: str, locale: str) -> str:
    """One language of a JSON text keyed by locale; English where that language is missing."""
    given = json.loads(texts)
    return str(given.get(locale) or given.get("en") or "")


def published_key(key: IntakeKey) -> dict[str, str]:
    """An intake key as the well-known address and a 410 answer give it."""
    return {
        "key_id": b64(key.key_id),
        "public_key": b64(key.public_key),
        "created": key.created.isoformat(),
        "signature": b64(key.signature),
    }


def _valid_keys() -> set[bytes]:
    """Organisations that have a valid key, by one query however many there are."""
    session: Any = db.session
    rows = session.execute(
        select(Organisation, IntakeKey)
        .join(IntakeKey, IntakeKey.organisation_id == Organisation.id)
        .where(IntakeKey.retired.is_(None))
    )
    return {organisation.id for organisation, key in rows if _is_signed(organisation, key)}


def _is_signed(organisation: Organisation, key: IntakeKey) -> bool:
    instance_id: bytes = current_app.extensions["instance"].instance_id
    return _verified(
        instance_id,
        organisation.slug,
        organisation.identity_key,
        key.key_id,
        key.public_key,
        key.created.isoformat(),
        key.signature,
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

"""Keys of incidents, and the boxed items that staff add to them (sealing.md 6).

An incident has a random key of its own: nothing of it is ever sealed under a report's key, so that
erasing one report of three leaves the rest readable. The audit entry of a change holds revision,
kind and SHA-256 of the box; all are compared at opening, so no old revision comes back unseen.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session as DatabaseSession

from casework import audit
from casework.keys import Keyring
from casework.models import Incident, Item
from casework.policy import ActionRefused
from reporting import clock
from reporting.sealing import (
    SealingRefused,
    b64,
    box,
    derive,
    pad,
    random_id,
    random_key,
    u32,
    unb64,
    unbox,
    unpad,
)

KINDS = ("coding", "note", "answer", "record", "reason")


@dataclass(frozen=True)
class OpenedItem:
    """The newest revision of one item. `altered`: not what the audit chain says was written."""

    item_id: bytes
    revision: int
    kind: str
    author_id: bytes
    day: Any
    value: dict[str, Any]
    altered: bool


def make_object_key(keyring: Keyring, object_id: bytes) -> tuple[bytes, bytes, int]:
    """A fresh object key; returns it, its box and the epoch it is boxed under."""
    epoch, key = keyring.newest_epoch(), random_key()
    context = object_id + u32(epoch)
    return key, box(keyring.casework[epoch], "object-key", context, key), epoch


def open_object_key(keyring: Keyring, incident: Incident) -> bytes:
    """The key of an incident. Raises `ActionRefused` when this member's keys do not open it."""
    try:
        context = incident.id + u32(incident.epoch)
        return unbox(keyring.casework[incident.epoch], "object-key", context, incident.object_key)
    except (KeyError, SealingRefused) as refused:
        raise ActionRefused("cannot-open") from refused


def write_item(
    session: DatabaseSession,
    incident: Incident,
    key: bytes,
    author_id: bytes,
    kind: str,
    value: dict[str, Any],
    item_id: bytes | None = None,
) -> Item:
    """Box a new item, or a new revision of a known one, in the caller's transaction."""
    item_id = item_id or random_id()
    last = session.scalar(
        select(func.max(Item.revision)).where(
            Item.object_id == incident.id, Item.item_id == item_id
        )
    )
    revision = (last or 0) + 1
    plain = pad(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    boxed = box(
        _items_key(key, incident.id), "object", _context(incident.id, item_id, revision), plain
    )
    item = Item(
        object_id=incident.id,
        item_id=item_id,
        revision=revision,
        kind=kind,
        author_id=author_id,
        day=clock.today(),
        boxed=boxed,
    )
    session.add(item)
    detail = {
        "item": b64(item_id),
        "revision": revision,
        "sha256": b64(hashlib.sha256(boxed).digest()),
        "kind": kind,
    }
    audit.write(session, incident.organisation_id, author_id, "item", incident.id, detail)
    return item


def read_items(
    session: DatabaseSession, incident: Incident, key: bytes, kinds: Iterable[str] = KINDS
) -> list[OpenedItem]:
    """The newest revision of each item of these kinds, each compared with the audit chain."""
    newest: dict[bytes, Item] = {}
    for item in session.scalars(
        select(Item)
        .where(Item.object_id == incident.id, Item.kind.in_(list(kinds)))
        .order_by(Item.revision)
        .execution_options(populate_existing=True)
    ):
        newest[item.item_id] = item
    written = _written(session, incident)
    own = _items_key(key, incident.id)
    found = [_open(item, own, written.get(item.item_id)) for item in newest.values()]
    return sorted(found, key=lambda one: (one.day, one.item_id))


def intact(items: Iterable[OpenedItem], kind: str) -> OpenedItem:
    """The item of a kind of which there is one. Raises `ActionRefused` if it is altered or gone."""
    for item in items:
        if item.kind == kind and not item.altered:
            return item
    raise ActionRefused("cannot-open")


def forget_older(session: DatabaseSession, item: Item) -> None:
    """Delete the earlier revisions of an item: ids of withdrawn records must not be kept."""
    session.execute(
        delete(Item).where(
            Item.object_id == item.object_id,
            Item.item_id == item.item_id,
            Item.revision < item.revision,
        )
    )


def _items_key(key: bytes, object_id: bytes) -> bytes:
    return derive(key, "object", object_id)


def _context(object_id: bytes, item_id: bytes, revision: int) -> bytes:
    return object_id + item_id + u32(revision)


def _written(session: DatabaseSession, incident: Incident) -> dict[bytes, tuple[int, str, str]]:
    """Revision, hash and kind that the chain says each item had last."""
    entries = audit.of(session, incident.organisation_id, incident.id)
    return {
        unb64(detail["item"]): (detail["revision"], detail["sha256"], detail["kind"])
        for action, detail in entries
        if action == "item"
    }


def _open(item: Item, own: bytes, written: tuple[int, str, str] | None) -> OpenedItem:
    # The kind is in no box: a coding could be passed off as what names the record.
    altered = written != (item.revision, b64(hashlib.sha256(item.boxed).digest()), item.kind)
    try:
        context = _context(item.object_id, item.item_id, item.revision)
        value = json.loads(unpad(unbox(own, "object", context, item.boxed)))
    except SealingRefused:
        value, altered = {}, True
    return OpenedItem(
        item.item_id, item.revision, item.kind, item.author_id, item.day, value, altered
    )

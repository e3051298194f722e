"""The boxed items that staff add to incidents (sealing.md 6).

The audit entry of a change holds revision, kind and SHA-256 of the box; all are compared at
opening, so no old revision comes back unseen. Who wrote it and when stands in the box: beside it
anybody at the database could put another name.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session as DatabaseSession

from casework import audit, object_keys
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
    u32,
    unb64,
    unbox,
    unpad,
)

KINDS = ("coding", "note", "answer", "record", "reason")

_TABLE = cast(Table, Item.__table__)
_ITEM, _SAME = _TABLE.c, _TABLE.alias("same").c
# Built once: see `audit`.
_LAST = select(func.max(_ITEM.revision)).where(
    _ITEM.object_id == bindparam("object"), _ITEM.item_id == bindparam("item")
)
_READ = (
    select(
        *_ITEM,
        # Whatever kinds are asked for.
        select(func.max(_SAME.revision))
        .where(_SAME.object_id == _ITEM.object_id, _SAME.item_id == _ITEM.item_id)
        .scalar_subquery()
        .label("last"),
    )
    .where(_ITEM.object_id.in_(bindparam("objects")), _ITEM.kind.in_(bindparam("kinds")))
    .order_by(_ITEM.revision)
)
_WRITE = insert(_TABLE)
_FORGET = delete(_TABLE).where(
    _ITEM.object_id == bindparam("object"),
    _ITEM.item_id == bindparam("item"),
    _ITEM.revision < bindparam("newest"),
)
_DELETE = delete(_TABLE).where(
    _ITEM.object_id == bindparam("object"), _ITEM.item_id == bindparam("item")
)


@dataclass(frozen=True)
class OpenedItem:
    """The newest revision of one item. `altered`: not what the audit chain says was written."""

    item_id: bytes
    revision: int
    kind: str
    # Of nobody and no day when it is altered: it must not pass for somebody's word.
    author_id: bytes | None
    day: date | None
    value: dict[str, Any]
    altered: bool
    # The highest revision there is, of any kind: the next one comes after it.
    last: int


@dataclass(frozen=True)
class Change:
    """What is to be written: the first revision of a new item, or the next of a known one."""

    incident: Incident
    key: bytes = field(repr=False)
    kind: str
    value: dict[str, Any] = field(repr=False)
    item_id: bytes = field(default_factory=random_id)
    revision: int = 1


def write_item(
    session: DatabaseSession,
    incident: Incident,
    key: bytes,
    author_id: bytes,
    kind: str,
    value: dict[str, Any],
    known: bytes | OpenedItem | None = None,
) -> int:
    """Box a new item, or a new revision of a known one, in the caller's transaction; its revision.

    `known` is the item as read under the audit lock that is held still, or the id that a form gave
    to a new one. Raises `ActionRefused("unknown")` if another item has that id: the chain would say
    that it is of this kind, and what it was would open no more.
    """
    if isinstance(known, OpenedItem):
        item_id, last = known.item_id, known.last
    elif known is not None:
        item_id, last = known, 0
        asked = {"object": incident.id, "item": known}
        if session.execute(_LAST, asked).scalar() is not None:
            raise ActionRefused("unknown")
    else:
        item_id, last = random_id(), 0
    revision = last + 1
    write_items(session, author_id, [Change(incident, key, kind, value, item_id, revision)])
    return revision


def write_items(session: DatabaseSession, author_id: bytes, changes: Sequence[Change]) -> None:
    """The same of several items of one organisation, at least one, in one go."""
    _put(session, author_id, changes, author_id, clock.today())


def carry_item(
    session: DatabaseSession, incident: Incident, key: bytes, actor_id: bytes, item: OpenedItem
) -> None:
    """Box an item of another incident for this one; its author and day stay what they were.

    Raises `ActionRefused` for an altered one: boxed anew it would pass for whole.
    """
    if item.author_id is None or item.day is None:
        raise ActionRefused("altered")
    change = Change(incident, key, item.kind, item.value)
    _put(session, actor_id, [change], item.author_id, item.day)


def delete_item(
    session: DatabaseSession, incident: Incident, actor_id: bytes, item_id: bytes
) -> None:
    """Delete every revision of an item; one that is put back is not what the chain says."""
    session.execute(_DELETE, {"object": incident.id, "item": item_id})
    detail = {"item": b64(item_id)}
    audit.write(session, incident.organisation_id, actor_id, "delete_item", incident.id, detail)


def _put(
    session: DatabaseSession,
    actor_id: bytes,
    changes: Sequence[Change],
    author_id: bytes,
    day: date,
) -> None:
    """Box revisions and write down in the chain who put them there."""
    rows, acts = [], []
    for one in changes:
        boxed = _box(one, author_id, day)
        known = {"item_id": one.item_id, "revision": one.revision, "kind": one.kind}
        rows.append({**known, "object_id": one.incident.id, "boxed": boxed})
        detail = {
            "item": b64(one.item_id),
            "revision": one.revision,
            "sha256": b64(hashlib.sha256(boxed).digest()),
            "kind": one.kind,
        }
        acts.append(("item", one.incident.id, detail))
    session.connection().execute(_WRITE, rows)
    audit.write_all(session, changes[0].incident.organisation_id, actor_id, acts)


def _box(change: Change, author_id: bytes, day: date) -> bytes:
    """The value with who wrote it and when."""
    signed = {"author": b64(author_id), "day": day.isoformat(), "value": change.value}
    plain = pad(json.dumps(signed, ensure_ascii=False, separators=(",", ":")).encode())
    place = change.incident.id
    context = _context(place, change.item_id, change.revision)
    return box(_items_key(change.key, place), "object", context, plain)


def read_items(
    session: DatabaseSession, incident: Incident, key: bytes, kinds: Iterable[str] = KINDS
) -> list[OpenedItem]:
    """The newest revision of each item of these kinds, each compared with the audit chain."""
    return read_all(session, incident.organisation_id, {incident.id: key}, kinds)[incident.id]


def read_all(
    session: DatabaseSession,
    organisation_id: bytes,
    keys: Mapping[bytes, bytes],
    kinds: Iterable[str] = KINDS,
) -> dict[bytes, list[OpenedItem]]:
    """The same of several incidents of one organisation, whose keys are given, by id."""
    asked = {"objects": list(keys), "kinds": list(kinds)}
    rows = session.connection().execute(_READ, asked)
    newest = {(row.object_id, row.item_id): row for row in rows}
    written = _written(session, organisation_id, keys)
    own = {incident_id: _items_key(key, incident_id) for incident_id, key in keys.items()}
    found: dict[bytes, list[OpenedItem]] = {incident_id: [] for incident_id in keys}
    for place, row in newest.items():
        found[row.object_id].append(_open(row, own[row.object_id], written.get(place)))
    return {
        incident_id: sorted(items, key=lambda one: (one.day or date.min, one.item_id))
        for incident_id, items in found.items()
    }


def read_record(session: DatabaseSession, keyring: Keyring, incident: Incident) -> OpenedItem:
    """The item that names an incident's record, whatever else is damaged.

    Raises `ActionRefused("cannot-open")` when nothing tells: keys, or the item is altered or gone.
    """
    key = object_keys.open_one(keyring, incident)
    return intact(read_items(session, incident, key, ["record"]), "record")


def read_records(
    session: DatabaseSession, keyring: Keyring, found: Sequence[Incident]
) -> list[OpenedItem]:
    """The same of several incidents of one organisation; without those of which nothing tells."""
    if not found:
        return []
    read = read_all(
        session, found[0].organisation_id, object_keys.open_all(keyring, found), ["record"]
    )
    records = []
    for items in read.values():
        with suppress(ActionRefused):
            records.append(intact(items, "record"))
    return records


def intact(items: Iterable[OpenedItem], kind: str) -> OpenedItem:
    """The item of a kind of which there is one. Raises `ActionRefused` if it is altered or gone."""
    for item in items:
        if item.kind == kind and not item.altered:
            return item
    raise ActionRefused("cannot-open")


def forget_older(session: DatabaseSession, changes: Sequence[Change]) -> None:
    """Delete the earlier revisions of items: ids of withdrawn records must not be kept."""
    asked = [
        {"object": one.incident.id, "item": one.item_id, "newest": one.revision} for one in changes
    ]
    session.connection().execute(_FORGET, asked)


def _items_key(key: bytes, object_id: bytes) -> bytes:
    return derive(key, "object", object_id)


def _context(object_id: bytes, item_id: bytes, revision: int) -> bytes:
    return object_id + item_id + u32(revision)


def _written(
    session: DatabaseSession, organisation_id: bytes, incident_ids: Iterable[bytes]
) -> dict[tuple[bytes, bytes], tuple[int, str, str]]:
    """Revision, hash and kind that the chain says each item of each incident had last.

    Nothing of what was deleted since.
    """
    last = {}
    for incident_id, action, detail in audit.about(session, organisation_id, incident_ids):
        if action == "item":
            said = (detail["revision"], detail["sha256"], detail["kind"])
            last[incident_id, unb64(detail["item"])] = said
        elif action == "delete_item":
            last.pop((incident_id, unb64(detail["item"])), None)
    return last


def _open(item: Any, own: bytes, written: tuple[int, str, str] | None) -> OpenedItem:
    # The kind is in no box: a coding could be passed off as what names the record.
    altered = written != (item.revision, b64(hashlib.sha256(item.boxed).digest()), item.kind)
    signed: dict[str, Any] = {}
    with suppress(SealingRefused):
        context = _context(item.object_id, item.item_id, item.revision)
        signed = json.loads(unpad(unbox(own, "object", context, item.boxed)))
    whole = bool(signed) and not altered
    return OpenedItem(
        item_id=item.item_id,
        revision=item.revision,
        kind=item.kind,
        author_id=unb64(signed["author"]) if whole else None,
        day=date.fromisoformat(signed["day"]) if whole else None,
        value=signed.get("value", {}),
        altered=not whole,
        last=item.last,
    )

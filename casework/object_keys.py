"""Keys of incidents: boxed under a casework epoch, opened by whoever holds it (sealing.md 6).

An incident has a random key of its own: nothing of it is ever sealed under a report's key, so that
erasing one report of three leaves the rest readable.
"""

from collections.abc import Iterable
from contextlib import suppress

from casework.keys import Keyring
from casework.models import Incident
from casework.policy import ActionRefused
from reporting.sealing import SealingRefused, box, random_key, u32, unbox


def make(keyring: Keyring, object_id: bytes) -> tuple[bytes, bytes, int]:
    """A fresh object key; returns it, its box and the epoch it is boxed under."""
    epoch, key = keyring.newest_epoch(), random_key()
    context = object_id + u32(epoch)
    return key, box(keyring.casework[epoch], "object-key", context, key), epoch


def open_one(keyring: Keyring, incident: Incident) -> bytes:
    """The key of an incident. Raises `ActionRefused` when this member's keys do not open it."""
    try:
        context = incident.id + u32(incident.epoch)
        return unbox(keyring.casework[incident.epoch], "object-key", context, incident.object_key)
    except (KeyError, SealingRefused) as refused:
        raise ActionRefused("cannot-open") from refused


def open_all(keyring: Keyring, found: Iterable[Incident]) -> dict[bytes, bytes]:
    """The keys of those incidents that this member's keys open, by id."""
    keys = {}
    for incident in found:
        with suppress(ActionRefused):
            keys[incident.id] = open_one(keyring, incident)
    return keys

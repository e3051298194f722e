"""What decides about an incident's record: consent, coding, and what names the record.

Read past whatever else of an incident is damaged: somebody who alters a coding in the database must
not so keep counted what nobody agrees to.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy.orm import Session as DatabaseSession

from casework import coding, incidents, object_keys, objects, policy
from casework.coding import Coding
from casework.models import Incident
from casework.objects import OpenedItem
from casework.policy import ActionRefused
from casework.reports import Thread
from casework.sessions import Session


@dataclass(frozen=True)
class Basis:
    """The basis of one incident."""

    incident: Incident
    key: bytes = field(repr=False)
    record: OpenedItem = field(repr=False)
    # The reports that are left.
    threads: tuple[Thread, ...]
    # Nothing while any item is altered or gone: what is counted must be what a member coded.
    coding: Coding | None

    @property
    def agreed(self) -> bool | None:
        """Whether anybody who reported it agrees to statistics; nothing while damage hides that."""
        words = [thread.agrees("statistics") for thread in self.threads]
        if any(words):
            return True
        return None if None in words else False

    @property
    def countable(self) -> bool | None:
        """Whether it counts as it stands; nothing when the damage does not let that be told."""
        if self.agreed is False or self.coding is None:
            return False if self.agreed is False else None
        return self.agreed if policy.is_countable([True], self.coding.certainty) else False


def read_basis(database: DatabaseSession, session: Session, incident: Incident) -> Basis:
    """The basis of an incident. Refuses where `objects.read_record` does."""
    basis = read_bases(database, session, [incident]).get(incident.id)
    if basis is None:
        raise ActionRefused("cannot-open")
    return basis


def read_bases(
    database: DatabaseSession, session: Session, found: Sequence[Incident]
) -> dict[bytes, Basis]:
    """The same of several incidents of one organisation, by id; without what nothing tells."""
    keys = object_keys.open_all(session.keyring, found)
    items = objects.read_all(database, session.organisation_id or b"", keys)
    threads = incidents.read_threads(database, session, keys)
    bases = {}
    for incident in (one for one in found if one.id in keys):
        mine = items[incident.id]
        damaged = any(one.altered for one in mine)
        coded = next((one for one in mine if one.kind == "coding"), None)
        with suppress(ActionRefused):
            bases[incident.id] = Basis(
                incident=incident,
                key=keys[incident.id],
                record=objects.intact(mine, "record"),
                threads=tuple(thread for _work, thread in threads[incident.id] if thread),
                coding=None if damaged or coded is None else coding.from_json(coded.value),
            )
    return bases

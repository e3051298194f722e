"""An organisation whose members lost their keys, and its kit: used, opened, searched for traces."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy
from sqlalchemy import select

from casework import keys, kits, recovery
from casework.kits import Kit
from casework.models import Grant
from casework.recovery import Recovered
from reporting.database import db
from reporting.sealing import SealingRefused, open_sealed
from tests.casework import anew, people


@dataclass(frozen=True)
class Place(people.Organisation):
    """An organisation and what its kit says."""

    seed: bytes


def made(slug: str = "demo", supervisor: str = "Sana Said") -> Place:
    added = anew.organisation(slug, supervisor)
    return Place(added.organisation_id, slug, added.supervisor, seed_of(added.kit))


def seed_of(kit: Kit) -> bytes:
    if len(kit.texts) == 1:
        return kits.read(kits.words_of(kit.texts[0]))
    shares = kits.Shares()
    for text in kit.texts[-kit.needed :]:
        shares.add(kits.words_of(text))
    return shares.seed()


def recover(place: Place, name: str = "Rana", **options: Any) -> Recovered:
    return recovery.recover(place.id, place.seed, name, **options)


def held(holder: bytes) -> frozenset[bytes]:
    return keys.granted_ids(db.session(), holder)


def opens(place: Place, seed: bytes) -> int:
    """How many of the grants to the kit this seed opens."""
    count = 0
    for row in db.session.scalars(select(Grant).where(Grant.holder_id == place.id)):
        try:
            open_sealed(seed, "grant", row.key_id + place.id, row.sealed)
        except SealingRefused:
            continue
        count += 1
    return count


def everything() -> list[tuple[Any, ...]]:
    """All rows of all tables."""
    return [
        tuple(row)
        for table in db.metadata.sorted_tables
        for row in db.session.execute(sqlalchemy.select(table))
    ]

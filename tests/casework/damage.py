"""What somebody does who can only write to the database: items of an incident altered or gone."""

from collections.abc import Callable

from sqlalchemy import select

from casework.models import Item
from reporting.database import transaction
from reporting.models import Report
from tests.casework import sent


def tampered(incident_id: bytes, *, remove: bool) -> list[tuple[bytes, bytes, int, bytes]]:
    """Somebody at the database damages the item with the record's id; what stood there."""
    with transaction() as database:
        before = []
        query = select(Item).where(Item.object_id == incident_id, Item.kind == "record")
        for item in database.scalars(query).all():
            before.append((item.object_id, item.item_id, item.revision, item.boxed))
            if remove:
                database.delete(item)
            else:
                item.boxed = bytes(len(item.boxed))
    return before


def damaged(incident_id: bytes, kind: str, how: str) -> Item:
    """Somebody at the database damages the newest item of a kind; what stood there."""
    with transaction() as database:
        query = select(Item).where(Item.object_id == incident_id, Item.kind == kind)
        item = database.scalars(query.order_by(Item.revision.desc())).all()[0]
        kept = {column.key: getattr(item, column.key) for column in Item.__table__.columns}
        if how == "altered":
            item.boxed = bytes(len(item.boxed))
        elif how == "renamed":
            item.kind = "record"
        else:
            # "Rolled back" where there is an earlier revision, else gone.
            database.delete(item)
    return Item(**kept)


def broken(one: sent.Sent, how: str) -> Callable[[], None]:
    """Somebody at the database damages a report, so that nobody can open it; the way back."""
    column = "boxed_key" if how == "key" else "body"

    def write(value: bytes) -> bytes:
        with transaction() as database:
            report = database.get_one(Report, one.report_id)
            before = bytes(getattr(report, column))
            setattr(report, column, value)
        return before

    kept = write(bytes(2000))

    def mend() -> None:
        write(kept)

    return mend

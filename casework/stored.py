"""What is stored of reports: sealed rows as the database has them. Nothing is opened here.

A report may have any number of additions, and an incident of reports; a statement takes only so
many values, so ids are asked for in slices.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, exists, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session as DatabaseSession

from casework.models import Work
from casework.policy import ActionRefused
from reporting.models import Attachment, Report


class Stored(NamedTuple):
    """A report or an addition. Of most nobody need ask for numbers of files: there are none."""

    work: Work
    report: Report
    has_files: bool


Rows = Sequence[Stored]

# Ids of one SELECT: SQLite allows 32,766 values in a statement, and `_ROWS` has each id twice.
_SLICE = 500

# Built once: see `audit`.
_ROWS = (
    select(
        Work, Report, exists().where(Attachment.report_id == Report.report_id).label("has_files")
    )
    .join(Report, Report.report_id == Work.report_id)
    .where(Work.report_id.in_(bindparam("ids")) | Work.parent_id.in_(bindparam("ids")))
    .order_by(Work.day, Work.report_id)
)
# On PostgreSQL no row is waited for: an erasure takes them in an order of its own, and of two that
# wait for each other one is cut off. SQLite has one writer at a time and does not know these words.
_LOCKED = _ROWS.with_for_update(of=Report, key_share=True, nowait=True).execution_options(
    populate_existing=True
)
_LOCK_NOT_AVAILABLE = "55P03"
_FILES = select(Attachment.report_id, Attachment.index).where(
    Attachment.report_id.in_(bindparam("ids"))
)


def rows(database: DatabaseSession, report_ids: Sequence[bytes]) -> Rows:
    """What is stored of reports and their additions, as far as it is not erased.

    Of each report in the order of days.
    """
    return [
        Stored(*row)
        for ids in slices(report_ids, _SLICE)
        for row in database.execute(_ROWS, {"ids": ids})
    ]


def lock(database: DatabaseSession, report_id: bytes) -> Rows:
    """The rows of one report, which nobody erases before the caller's transaction ends.

    Raises `ActionRefused("erased")` when it is gone, or just being erased. Once the row of a report
    is held, its row of the queue is emptied by no job either: an erasure is ordered and the row
    deleted in one transaction.
    """
    try:
        found = [Stored(*row) for row in database.execute(_LOCKED, {"ids": [report_id]})]
    except OperationalError as refused:
        if getattr(refused.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise ActionRefused("erased") from refused
    if all(row.work.report_id != report_id for row in found):
        raise ActionRefused("erased")
    return found


def files(database: DatabaseSession, report_ids: Sequence[bytes]) -> dict[bytes, list[int]]:
    """Numbers of the files of each report or addition that has any."""
    found: dict[bytes, list[int]] = {}
    for ids in slices(report_ids, _SLICE):
        for report_id, index in database.connection().execute(_FILES, {"ids": ids}):
            found.setdefault(report_id, []).append(index)
    return found


def slices(ids: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """So many ids at a time."""
    return (ids[start : start + size] for start in range(0, len(ids), size))

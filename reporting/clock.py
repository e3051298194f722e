"""The clock: the one thing tests may replace.

Reporters' rows take `today()` only; nothing of theirs may ever be stamped with `now()`.
"""

from datetime import UTC, date, datetime


def now() -> datetime:
    """The present moment in UTC, for staff sessions and jobs."""
    return datetime.now(UTC)


def today() -> date:
    """The present day in UTC: the finest time a reporter's row may bear."""
    return now().date()

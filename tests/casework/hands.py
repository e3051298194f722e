"""A clock in a test's hand."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 6, 1, 12, 0, 5, tzinfo=UTC)


class Hands:
    """Says what time it is; moves only when told."""

    def __init__(self) -> None:
        self.now = NOON

    def forward(self, **by: float) -> None:
        """Let time pass: `forward(minutes=15)`."""
        self.now += timedelta(**by)

"""Fixtures of the casework tests."""

import pytest

from reporting import clock
from tests.casework.hands import Hands


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    """The clock, held still until a test moves it."""
    held = Hands()
    monkeypatch.setattr(clock, "now", lambda: held.now)
    return held

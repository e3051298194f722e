"""A process that dies in the middle of a withdrawal, and what is left of the record it named."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from casework import handover, objects
from casework.sessions import Session
from reporting.database import db
from tests.casework.decided import incident_of


def record_item(session: Session, incident_id: bytes) -> dict[str, Any]:
    return objects.read_record(db.session(), session.keyring, incident_of(incident_id)).value


def cut_off(monkeypatch: pytest.MonkeyPatch, where: str, act: Callable[[], Any]) -> None:
    """The process dies before `correct`, or in it before or after the withdrawal."""
    real = handover._apply

    def stop(*given: Any, **_more: Any) -> None:
        if where == "after":
            real(*given)
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(handover, "correct" if where == "before" else "_apply", stop)
        with suppress(InterruptedError):
            act()
            pytest.fail("not cut off")

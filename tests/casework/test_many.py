"""Many at a time: a bounded number lies open, and no number of them breaks a hand-over."""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from casework import admission, basis, handover, incidents, objects, stored
from casework.basis import Basis
from casework.sessions import Session
from reporting.database import db
from tests.casework import sent
from tests.casework.test_incidents import closed, made, recorded


@contextmanager
def bound() -> Iterator[list[int]]:
    """How many values each statement bound that reads reports or their files."""
    counts: list[int] = []

    def note(_one: Any, _two: Any, text: str, values: Any, *_more: Any) -> None:
        if text.startswith("SELECT") and ("JOIN report" in text or "FROM attachment" in text):
            counts.append(len(values))

    event.listen(db.engine, "before_cursor_execute", note)
    yield counts
    event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("size", [2, 500])
def test_no_number_of_additions_binds_more_values(
    sana: Session, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(stored, "_SLICE", size)
    one = sent.send(files=[("a.txt", b"first")])
    incident_id = made(sana, one)
    for number in range(5):
        sent.add(one, request=str(number), files=[("b.txt", b"more"), ("c.txt", b"again")])
    admission.admit_new(sana)
    others = [made(sana, sent.send()) for _ in range(4)]
    for each in (incident_id, *others):
        closed(sana, each)
    with bound() as counts:
        assert handover.hand_over(sana) == 5
    assert recorded() == 5
    # The twin binds them all at once.
    assert (max(counts) <= 4) == (size == 2)
    ((_work, thread),) = incidents.open_incident(sana, incident_id).threads
    days = [(added.day, added.report_id) for added in thread.additions]
    assert (len(days), days) == (5, sorted(days))
    assert [len(filed.files) for filed in (thread.first, *thread.additions)] == [1, 2, 2, 2, 2, 2]


def test_so_many_lie_open_at_a_time(sana: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and words of whole batches would lie in the memory of one request."""
    monkeypatch.setattr(handover, "_OPEN_AT_ONCE", 2)
    for _ in range(6):
        closed(sana, made(sana, sent.send()))
    real, read_records = basis.read_bases, objects.read_records
    opened: list[weakref.ref[Basis]] = []
    left: list[int] = []
    named: list[int] = []

    def read(*given: Any) -> dict[bytes, Basis]:
        left.append(sum(one() is not None for one in opened))
        found = real(*given)
        assert len(found) <= 2
        opened.extend(weakref.ref(one) for one in found.values())
        return found

    def records(database: Any, keyring: Any, found: Sequence[Any]) -> Any:
        named.append(len(found))
        return read_records(database, keyring, found)

    monkeypatch.setattr(handover, "read_bases", read)
    monkeypatch.setattr(objects, "read_records", records)
    assert handover.hand_over(sana) == 6
    assert len(opened) == 12
    assert max(left) == 1
    assert named == [2, 2, 2]

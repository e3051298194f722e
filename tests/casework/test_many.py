"""Many at a time: a bounded number lies open, and no number of them breaks a hand-over."""

import html
import re
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from casework import admission, basis, handover, incidents, objects, stored
from casework.basis import Basis
from casework.sessions import Session
from reporting.database import db
from reporting.sealing import unbox
from tests.casework import people, sent
from tests.casework.decided import closed, made, recorded
from tests.casework.people import Organisation

SHOWN = re.compile(r'class="open" href="/staff/reports/([^"]+)"')


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


@pytest.fixture
def digests_opened(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The digests that were opened, by what they were boxed for."""
    opened: list[bytes] = []

    def noted(key: bytes, kind: str, context: bytes, boxed: bytes) -> bytes:
        opened.append(context)
        return unbox(key, kind, context, boxed)

    monkeypatch.setattr("casework.digests.unbox", noted)
    return opened


def test_a_page_of_the_queue_opens_the_digests_it_shows(
    client: FlaskClient, organisation: Organisation, digests_opened: list[bytes]
) -> None:
    """Each line shows a reporter's first words: those of no other report are read for it."""
    ids = [sent.send().id for _ in range(52)] + [sent.send(language="ar").id]
    assert people.sign_in(client, organisation.supervisor).status_code == 303

    def shown(path: str) -> tuple[list[str], str]:
        """Reports of a page and the way to the next; so many digests were opened for it."""
        digests_opened.clear()
        page = client.get(path).text
        following = re.search(r'rel="next" href="([^"]+)"', page)
        return SHOWN.findall(page), html.unescape(following[1]) if following else ""

    first, path = shown("/staff/queue")
    assert (len(first), len(digests_opened)) == (50, 50)
    second, nothing = shown(path)
    assert (len(second), len(digests_opened), nothing) == (3, 3, "")
    assert sorted(first + second) == sorted(ids)
    # The twin: what stands in digests alone cannot be asked of the database.
    arabic, _ = shown("/staff/queue?language=ar")
    assert (len(arabic), len(digests_opened)) == (1, 53)

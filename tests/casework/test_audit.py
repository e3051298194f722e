"""The audit chain: whole, in order, in shape, and broken exactly where it was touched."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from casework import audit, audit_actions
from casework.audit import CHAIN_INSTANCE
from casework.models import AuditEntry
from reporting.database import db, transaction
from reporting.sealing import b64, random_id

CHAIN = bytes(range(16))


def write(count: int = 1, chain: bytes = CHAIN, action: str = "claim") -> list[bytes]:
    heads = []
    for _ in range(count):
        with transaction() as session:
            heads.append(audit.write(session, chain, random_id(), action, random_id()))
    return heads


def change(statement: str, **values: Any) -> None:
    with transaction() as session:
        session.execute(sqlalchemy.text(statement), {"chain": CHAIN, **values})
    db.session.expire_all()


def entry(seq: int) -> list[Any]:
    row = db.session.get_one(AuditEntry, (CHAIN, seq))
    parts: list[Any] = json.loads(row.entry)
    return parts


def test_chain_is_whole_and_ends_with_its_head(app: Flask) -> None:
    heads = write(5)
    assert audit.verify(CHAIN) is None
    assert audit.head(CHAIN) == heads[-1]
    assert audit.tip(db.session(), CHAIN) == (5, heads[-1])


def test_empty_chain_is_whole_and_its_head_is_zeros(app: Flask) -> None:
    assert audit.verify(CHAIN) is None
    assert audit.head(CHAIN) == bytes(32)
    assert audit.contains(CHAIN, bytes(32), 0)


def test_chains_do_not_mix(app: Flask) -> None:
    write(2)
    write(3, CHAIN_INSTANCE)
    assert (entry(1)[0], entry(2)[0]) == (1, 2)
    assert audit.chains() == [CHAIN_INSTANCE, CHAIN]
    assert not audit.contains(CHAIN, audit.head(CHAIN_INSTANCE))


def test_time_is_kept_to_the_minute(app: Flask, clock_at: Callable[[datetime], None]) -> None:
    clock_at(datetime(2026, 3, 14, 9, 26, 53, 589793, tzinfo=UTC))
    write()
    assert entry(1)[1] == "2026-03-14T09:26Z"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET entry = :entry WHERE chain = :chain AND seq = 3",
        "UPDATE audit_entry SET hash = :hash WHERE chain = :chain AND seq = 3",
        "UPDATE audit_entry SET subject = :subject WHERE chain = :chain AND seq = 3",
        "DELETE FROM audit_entry WHERE chain = :chain AND seq = 3",
        "UPDATE audit_entry SET seq = 1003 WHERE chain = :chain AND seq = 3",
    ],
)
def test_first_broken_link_is_named(app: Flask, statement: str) -> None:
    write(6)
    write(6, CHAIN_INSTANCE)
    parts = entry(3)
    parts[3] = "open_report"
    forged = json.dumps(parts, separators=(",", ":")).encode()
    known = {"entry": forged, "hash": bytes(32), "subject": random_id()}
    change(statement, **{k: v for k, v in known.items() if f":{k}" in statement})
    assert audit.verify(CHAIN) == 3
    assert audit.verify(CHAIN_INSTANCE) is None


def test_untouched_twin_is_whole(app: Flask) -> None:
    """The same statements with the same values as before change nothing, and break nothing."""
    write(6)
    row = db.session.get_one(AuditEntry, (CHAIN, 3))
    change(
        "UPDATE audit_entry SET entry = :entry, hash = :hash, subject = :subject "
        "WHERE chain = :chain AND seq = 3",
        entry=row.entry,
        hash=row.hash,
        subject=row.subject,
    )
    assert audit.verify(CHAIN) is None


def test_rewritten_end_is_whole_but_no_longer_holds_the_head_somebody_saw(app: Flask) -> None:
    seen = write(4)[-1]
    change("DELETE FROM audit_entry WHERE chain = :chain AND seq > 2")
    write(3)
    assert audit.verify(CHAIN) is None
    assert not audit.contains(CHAIN, seen)
    assert not audit.contains(CHAIN, seen, 4)


def test_head_is_looked_for_at_its_place(app: Flask) -> None:
    first, second = write(2)
    assert audit.contains(CHAIN, first, 1)
    assert not audit.contains(CHAIN, second, 1)


@pytest.mark.parametrize(
    ("action", "detail"),
    [
        ("look_at_phone_number", {}),
        ("claim", {"why": "x"}),
        ("admit", {}),
        ("admit", {"count": "3"}),
        ("admit", {"count": True}),
        ("link", {"report": "not an id"}),
        ("item", {"item": b64(bytes(16)), "revision": 1, "sha256": "", "kind": "note"}),
        ("refuse_release", {"reason": "words with spaces are text"}),
        ("invite", {"role": "lead", "name": "line\nend"}),
    ],
)
def test_undeclared_shape_is_refused_and_nothing_is_written(
    app: Flask, action: str, detail: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="audit"), transaction() as session:
        audit.write(session, CHAIN, None, action, None, detail)
    assert audit.head(CHAIN) == bytes(32)


@given(words=st.text(min_size=1, max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_free_text_enters_except_a_members_name(app: Flask, words: str) -> None:
    shapes = [
        (action, key, shape) for action, shape in audit_actions.ACTIONS.items() for key in shape
    ]
    with transaction() as session:
        for action, key, shape in shapes:
            if shape[key] in {"name", "number"} or (words.isascii() and " " not in words):
                continue
            detail = {k: _fitting(v) for k, v in shape.items()} | {key: words}
            with pytest.raises(ValueError, match="audit"):
                audit.write(session, CHAIN, None, action, None, detail)
    assert audit.head(CHAIN) == bytes(32)


def _fitting(kind: str) -> Any:
    sizes = {"id": 16, "hash": 32, "signature": 64}
    return b64(bytes(sizes[kind])) if kind in sizes else {"number": 1}.get(kind, "x")


def test_failures_of_one_minute_are_one_link(
    app: Flask, clock_at: Callable[[datetime], None]
) -> None:
    someone = random_id()
    for minute in (0, 0, 0, 1):
        clock_at(datetime(2026, 3, 14, 9, minute, 30, tzinfo=UTC))
        with transaction() as session:
            audit.write_failure(session, CHAIN, someone, "sign-in")
    assert audit.tip(db.session(), CHAIN)[0] == 2
    assert [action for action, _ in audit.of(db.session(), CHAIN, someone)] == [
        "sign_in_failed",
        "sign_in_failed",
    ]


def test_chain_has_one_writer_at_a_time(app: Flask) -> None:
    """Eight threads append at once: no link is lost, none shares its predecessor."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with app.app_context():
                write(5)
        except BaseException as error:  # noqa: BLE001  # a thread's error must reach the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert audit.tip(db.session(), CHAIN)[0] == 40
    assert audit.verify(CHAIN) is None


def test_a_rolled_back_action_leaves_no_link(app: Flask) -> None:
    write()

    def fail() -> None:
        with transaction() as session:
            audit.write(session, CHAIN, None, "claim")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert audit.tip(db.session(), CHAIN)[0] == 1
    write()
    assert audit.verify(CHAIN) is None


STEPS: list[Callable[[Session], object]] = [
    lambda session: audit.lock(session, CHAIN),
    lambda session: audit.write(session, CHAIN, None, "claim"),
    lambda session: audit.write_failure(session, CHAIN, None, "sign-in"),
]


@pytest.mark.parametrize("step", STEPS, ids=["lock", "write", "write_failure"])
def test_outside_a_transaction_no_lock_is_held(
    app: Flask, step: Callable[[Session], object]
) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        step(db.session())
    assert audit.head(CHAIN) == audit.FIRST


@pytest.mark.parametrize("step", STEPS, ids=["lock", "write", "write_failure"])
def test_in_a_savepoint_no_link_is_written(app: Flask, step: Callable[[Session], object]) -> None:
    """It could be rolled back alone, and its chain would go on from a link that is not there."""
    write()
    with transaction() as session:
        audit.write(session, CHAIN, None, "claim")
        with pytest.raises(RuntimeError, match="transaction"), session.begin_nested():
            step(session)
        audit.write(session, CHAIN, None, "claim")
    assert audit.tip(db.session(), CHAIN)[0] == 3
    assert audit.verify(CHAIN) is None

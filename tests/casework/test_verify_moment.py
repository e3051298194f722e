"""`upstander audit verify` while others work: all that it compares is of one moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from threading import get_ident
from typing import Any

import click
import pytest
import sqlalchemy
from click.testing import Result
from flask import Flask
from sqlalchemy import event

from casework import audit_commands, credentials, heads, invitations, members
from casework.credentials import NewMember
from reporting import database
from reporting.database import db, transaction
from reporting.models import Organisation as OrganisationRow
from reporting.sealing import b64
from tests.casework.people import Organisation, add_member, session_of
from tests.casework.planted import plant_member

Act = Callable[[Organisation, NewMember], None]


def admit(organisation: Organisation, new: NewMember) -> None:
    fingerprint = credentials.fingerprint(new.public_key)
    by = session_of(organisation.supervisor)
    members.admit(by, new.member_id, "supervisor", fingerprint)
    with transaction() as session:
        heads.sign(session, organisation.id, by.keyring.identity)


def remove(organisation: Organisation, new: NewMember) -> None:
    """Of a supervisor: intake, casework and identity key are made new, and a head is signed."""
    members.remove(session_of(organisation.supervisor), new.member_id)


@contextmanager
def before_question(number: int, act: Callable[[], None]) -> Iterator[list[str]]:
    """Another process commits before the question of this number; yields what was asked."""
    asked: list[str] = []
    here = get_ident()

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if get_ident() != here or not statement.startswith("SELECT"):
            return
        asked.append(statement)
        if len(asked) == number:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(act).result()

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)


def verify(app: Flask) -> Result:
    db.session.remove()
    return app.test_cli_runner().invoke(audit_commands.audit_group, ["verify"])


@pytest.mark.parametrize("act", [admit, remove])
def test_whoever_comes_or_goes_between_its_questions_breaks_nothing(
    app: Flask, organisation: Organisation, act: Act
) -> None:
    """Wherever the commit falls. A false alarm has somebody restore a backup for nothing."""
    for number in count(1):
        new = invitations.enrol(organisation.id, "supervisor", f"New {number}")
        if act is remove:
            admit(organisation, new)

        def meanwhile(new: NewMember = new) -> None:
            with app.app_context():
                act(organisation, new)

        with before_question(number, meanwhile) as asked:
            done = verify(app)
        assert done.exit_code == 0, (number, asked[number - 1], done.output)
        if len(asked) < number:
            break
    assert number > 8, "it asks more than that"


@pytest.mark.parametrize("number", [1, 6])
def test_what_is_wrong_is_found_though_somebody_comes(
    app: Flask, organisation: Organisation, number: int
) -> None:
    """The twin: a planted member, and nobody else, is named."""
    new = invitations.enrol(organisation.id, "supervisor", "New")
    mallory = plant_member(organisation)

    def meanwhile() -> None:
        with app.app_context():
            admit(organisation, new)

    with before_question(number, meanwhile):
        done = verify(app)
    said = [line for line in done.output.splitlines() if "not in the roster" in line]
    assert done.exit_code == 1
    assert len(said) == 1
    assert b64(mallory.member_id) in said[0]
    assert len(said) == verify(app).output.count("not in the roster")


def test_what_is_planted_meanwhile_is_found_next(app: Flask, organisation: Organisation) -> None:
    def meanwhile() -> None:
        with app.app_context():
            plant_member(organisation)

    with before_question(4, meanwhile):
        assert verify(app).exit_code == 0
    assert "not in the roster" in verify(app).output


class Pipe(BytesIO):
    """A file somebody keeps waiting, like a pager that nobody closes."""

    name = "<stdin>"

    def read(self, *arguments: Any) -> bytes:
        """Note whether a snapshot is open meanwhile."""
        reading.append(bool(db.session().info.get("reading")))
        return super().read(*arguments)


reading: list[bool] = []


def test_nobody_is_waited_for_while_it_reads(
    app: Flask, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot that stays open for hours holds up what deletes for good."""
    echo = click.echo

    def heard(*arguments: Any, **options: Any) -> None:
        reading.append(bool(db.session().info.get("reading")))
        echo(*arguments, **options)

    monkeypatch.setattr(click, "echo", heard)
    reading.clear()
    runner = app.test_cli_runner()
    arguments = ["verify", "--release", "-"]
    done = runner.invoke(audit_commands.audit_group, arguments, input=Pipe(b"{}"))
    assert "<stdin>: not the audit heads of a release" in done.output
    assert "demo: 1 rosters, whole" in done.output
    assert len(reading) >= 5, "it was not asked"
    assert not any(reading)


class TestSnapshot:
    """`database.snapshot` itself."""

    def name(self, organisation: Organisation) -> str:
        query = sqlalchemy.select(OrganisationRow.name).where(OrganisationRow.id == organisation.id)
        return str(db.session.execute(query).scalar_one())

    def test_it_shows_one_moment_and_then_the_next(
        self, app: Flask, organisation: Organisation
    ) -> None:
        def rename() -> None:
            with app.app_context(), transaction() as session:
                session.get_one(OrganisationRow, organisation.id).name = "Another"

        with database.snapshot():
            before = self.name(organisation)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(rename).result()
            assert self.name(organisation) == before
        assert self.name(organisation) == "Another"

    def test_nothing_is_written_in_it(self, app: Flask, organisation: Organisation) -> None:
        with database.snapshot() as session:
            session.get_one(OrganisationRow, organisation.id).name = "Another"
        assert self.name(organisation) != "Another"

    @pytest.mark.parametrize("inner", [transaction, database.snapshot])
    def test_nothing_ends_it_unseen(
        self, app: Flask, organisation: Organisation, inner: Callable[[], Any]
    ) -> None:
        """What is read after would be of another moment, and nobody would know."""
        with database.snapshot():
            before = self.name(organisation)
            with pytest.raises(RuntimeError, match="inside a snapshot"), inner():
                raise AssertionError("it would end the snapshot")
            assert self.name(organisation) == before
        with inner():
            assert self.name(organisation) == before

    def test_it_is_not_one_inside_a_change(self, app: Flask, organisation: Organisation) -> None:
        with transaction(), pytest.raises(RuntimeError, match="inside"), database.snapshot():
            raise AssertionError("it would end the change")
        add_member(organisation, "caseworker", "Karim")

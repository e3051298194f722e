"""The command line, as an operator and a first supervisor use it."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import click
import pyotp
import pytest
import sqlalchemy
from click.testing import CliRunner, Result
from flask import Flask
from mnemonic import Mnemonic
from sqlalchemy import select

from casework import audit, commands, invitations, kits, members, roster
from casework.models import Member
from reporting import clock
from reporting.database import db, transaction
from reporting.models import Organisation
from reporting.sealing import public_of, unb64
from tests.casework.people import add_lead, add_organisation

ADD = ("add", "--slug", "help", "--name", "Help Now", "--supervisor-name", "Sana Said")


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    """Run one command in the application's context."""
    runner = app.test_cli_runner()

    def call(*arguments: str) -> Result:
        group = next(one for one in commands.groups if one.name == arguments[0])
        return runner.invoke(group, list(arguments[1:]), catch_exceptions=False)

    return call


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A person at the prompt who reads the secret that was printed and types the code.

    Filled by tests with codes to type first; the right one follows.
    """
    typed: list[str] = []
    printed = StringIO()
    echo = click.echo

    def heard(message: Any = None, **options: Any) -> None:
        printed.write(f"{message}\n")
        echo(message, **options)

    def prompt(_text: str, **_options: Any) -> str:
        if typed:
            return typed.pop(0)
        secret = re.findall(r"secret: ([A-Z2-7]+)", printed.getvalue())[-1]
        return pyotp.TOTP(secret).at(clock.now())

    monkeypatch.setattr(click, "echo", heard)
    monkeypatch.setattr(click, "prompt", prompt)
    return typed


def kit(text: str) -> str:
    """The numbered words of a printed kit, in their order."""
    found = sorted((int(n), w) for n, w in re.findall(r"(\d+)\. ([a-z]+)", text))
    return " ".join(word for _, word in found)


def test_the_instance_kit_is_printed_with_the_first_organisation_only(
    app: Flask, run: Callable[..., Result], typing: list[str]
) -> None:
    first = run("organisation", *ADD).output
    _, pepper, root = re.split(r"File (?:pepper|noise-root):", first.partition("INSTANCE KIT")[2])
    instance = app.extensions["instance"]
    words = Mnemonic("english")
    assert bytes(words.to_entropy(kit(pepper))) == instance.pepper
    assert bytes(words.to_entropy(kit(root))) == instance.noise_root
    second = run(
        "organisation", "add", "--slug", "two", "--name", "Two", "--supervisor-name", "Bo Ek"
    )
    assert second.exit_code == 0
    assert "INSTANCE KIT" not in second.output


def test_organisation_add_makes_keys_and_first_supervisor(
    run: Callable[..., Result], typing: list[str]
) -> None:
    result = run("organisation", *ADD)
    assert result.exit_code == 0
    words = re.search(r"\n    ((?:[a-z-]+ ){5}[a-z-]+)\n", result.output)
    secret = re.search(r"secret: ([A-Z2-7]+)", result.output)
    assert words is not None
    assert secret is not None
    soon = pyotp.TOTP(secret.group(1)).at(int(clock.now().timestamp()) + 30)
    member, _seed = members.sign_in("Sana Said", words.group(1), soon)
    assert (member.role, member.state) == ("supervisor", "active")
    recovery = kit(result.output.partition("INSTANCE KIT")[0])
    organisation = db.session.scalars(select(Organisation)).one()
    seed = bytes(Mnemonic("english").to_entropy(recovery))
    assert public_of(seed) == roster.recovery_key(db.session(), organisation.id)
    assert "█" in result.output or "▀" in result.output


def test_a_split_kit_is_printed_in_shares_that_are_the_key(
    run: Callable[..., Result], typing: list[str]
) -> None:
    printed = run("organisation", *ADD, "--split", "2-of-3").output.partition("INSTANCE KIT")[0]
    assert "24 words" not in printed
    parts = re.split(r"Share \d of 3, 2 are needed:", printed)[1:]
    assert [len(kit(part).split()) for part in parts] == [33, 33, 33]
    shares = kits.Shares()
    for part in parts[1:]:
        shares.add(kit(part).split())
    organisation = db.session.scalars(select(Organisation)).one()
    assert public_of(shares.seed()) == roster.recovery_key(db.session(), organisation.id)


@pytest.mark.parametrize("split", ["1-of-2", "3-of-2", "2-of-17", "two"])
def test_a_split_that_cannot_be_is_refused_at_once(run: Callable[..., Result], split: str) -> None:
    result = run("organisation", *ADD, "--split", split)
    assert result.exit_code == 2
    assert "a kit is split like 2-of-3" in result.output


def test_the_first_supervisor_may_have_an_address_for_notices(
    run: Callable[..., Result], typing: list[str]
) -> None:
    assert run("organisation", *ADD, "--supervisor-email", " s@help.invalid ").exit_code == 0
    member = db.session.scalars(select(Member)).one()
    assert (member.email, member.state) == ("s@help.invalid", "active")


def test_no_secret_is_shown_before_the_address_is_one(
    run: Callable[..., Result], typing: list[str]
) -> None:
    result = run("organisation", *ADD, "--supervisor-email", "s@help")
    assert result.exit_code == 1
    assert result.output == "Error: this is not an e-mail address\n"
    assert db.session.scalars(select(Organisation)).all() == []


def test_code_typed_at_the_prompt_is_used_up(
    run: Callable[..., Result], typing: list[str], clock_at: Callable[[datetime], None]
) -> None:
    # Half a minute later the code would be another one.
    clock_at(datetime(2026, 3, 1, 12, tzinfo=UTC))
    result = run("organisation", *ADD)
    words = re.search(r"\n    ((?:[a-z-]+ ){5}[a-z-]+)\n", result.output)
    secret = re.search(r"secret: ([A-Z2-7]+)", result.output)
    assert words is not None
    assert secret is not None
    now = pyotp.TOTP(secret.group(1)).at(clock.now())
    with pytest.raises(Exception, match="sign-in"):
        members.sign_in("Sana Said", words.group(1), now)


def test_three_wrong_codes_make_nothing(run: Callable[..., Result], typing: list[str]) -> None:
    typing += ["000000", "abc", ""]
    result = run("organisation", *ADD)
    assert result.exit_code == 1
    assert "nothing was made" in result.output
    assert db.session.scalars(select(Organisation)).all() == []
    assert db.session.scalars(select(Member)).all() == []


def test_one_wrong_code_is_forgiven(run: Callable[..., Result], typing: list[str]) -> None:
    typing += ["000000"]
    assert run("organisation", *ADD).exit_code == 0


@pytest.mark.parametrize(
    ("slug", "words"), [("instance", "a slug has"), ("UPPER", "a slug has"), ("demo", "with this")]
)
def test_unusable_slug_is_one_clear_line(run: Callable[..., Result], slug: str, words: str) -> None:
    add_organisation("demo")
    arguments = ("add", "--slug", slug, "--name", "N", "--supervisor-name", "S")
    result = run("organisation", *arguments)
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["", "S\u202eana", "x" * 81, "SANA of demo"])
def test_a_name_that_cannot_be_is_refused_before_anything_is_shown(
    run: Callable[..., Result], name: str
) -> None:
    add_organisation("demo")
    result = run("organisation", *ADD[:-1], name)
    assert result.exit_code == 1
    assert "a name has" in result.output or "already called that" in result.output
    assert "shown only now" not in result.output


def test_member_invite_prints_a_link_that_works(run: Callable[..., Result]) -> None:
    result = run("member", "invite", "--role", "lead", "--name", "Lea")
    token = result.output.strip().rsplit("/", 1)[1]
    assert invitations.invited(token).name == "Lea"
    done = audit.of(db.session(), audit.CHAIN_INSTANCE, invitations.invited(token).id)
    assert done == [("invite", {"name": "Lea", "role": "lead"})]


def test_member_invite_needs_the_organisation_of_a_caseworker(
    run: Callable[..., Result],
) -> None:
    add_organisation("demo")
    assert run("member", "invite", "--role", "caseworker", "--name", "K").exit_code == 1
    wrong = run("member", "invite", "--role", "lead", "--name", "K", "--organisation", "demo")
    assert wrong.exit_code == 1
    nowhere = ("--role", "caseworker", "--name", "K", "--organisation", "nowhere")
    assert "no organisation nowhere" in run("member", "invite", *nowhere).output
    right = ("--role", "caseworker", "--name", "K", "--organisation", "demo")
    assert run("member", "invite", *right).exit_code == 0


def test_new_invitation_by_command_is_for_leads_and_administrators(
    run: Callable[..., Result],
) -> None:
    organisation, lead = add_organisation(), add_lead("Lea")
    again = run("member", "invite-again", "lea")
    assert invitations.invited(again.output.strip().rsplit("/", 1)[1]).id == lead.member_id
    assert run("member", "invite-again", organisation.supervisor.name).exit_code == 1
    assert run("member", "invite-again", "nobody").exit_code == 1


def test_member_list_names_everyone(run: Callable[..., Result]) -> None:
    organisation = add_organisation("demo")
    add_lead("Lea")
    listed = run("member", "list").output
    assert f"{organisation.supervisor.name}\tSupervisor\tactive\tdemo" in listed
    assert "Lea\tCoalition lead\tactive\t-" in listed


def test_member_list_names_whoever_has_an_unknown_role(run: Callable[..., Result]) -> None:
    """One altered record must not hide all others."""
    add_lead("Lea")
    with transaction() as session:
        session.execute(sqlalchemy.text("UPDATE member SET role = 'x'"))
    assert "Lea\tx\tactive\t-" in run("member", "list").output


def test_member_code_is_for_the_demo_only(run: Callable[..., Result], app: Flask) -> None:
    refused = run("member", "code", "Lea")
    assert refused.exit_code == 1
    secret = pyotp.random_base32()
    path = app.extensions["settings"].data_dir / "demo-sign-ins.json"
    path.write_text(json.dumps([{"name": "Lea Lead", "totp_secret": secret}]))
    shown = run("member", "code", " lea  lead")
    assert re.fullmatch(r"\d{6}\n", shown.output)
    assert run("member", "code", "nobody").exit_code == 1


def test_audit_verify_says_whole_and_names_heads(run: Callable[..., Result]) -> None:
    organisation = add_organisation("demo")
    add_lead()
    result = run("audit", "verify")
    assert result.exit_code == 0
    assert re.search(r"^demo: \d+ links, whole, head ", result.output, re.MULTILINE)
    assert re.search(r"^instance: \d+ links, whole", result.output, re.MULTILINE)
    head = re.findall(r"demo: .* head (\S+)", result.output)[0]
    assert audit.contains(organisation.id, unb64(head))
    assert run("audit", "verify", "--head", head).exit_code == 0
    for wrong in ("B" * 42 + "A", "not a head"):
        assert run("audit", "verify", "--head", wrong).exit_code == 1


def test_audit_verify_names_the_first_broken_link(run: Callable[..., Result]) -> None:
    organisation = add_organisation("demo")
    add_organisation("twin")
    with transaction() as session:
        session.execute(
            sqlalchemy.text("UPDATE audit_entry SET hash = :h WHERE chain = :c AND seq = 4"),
            {"h": bytes(32), "c": organisation.id},
        )
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert "demo: link 4 is broken" in result.output
    assert re.search(r"^twin: \d+ links, whole", result.output, re.MULTILINE)


def test_help_of_every_command_is_there() -> None:
    for group in commands.groups:
        assert isinstance(group, click.Group)
        for command in group.commands.values():
            shown = CliRunner().invoke(command, ["--help"])
            assert shown.exit_code == 0
            assert command.help

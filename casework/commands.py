"""The operator's commands: organisations and members.

Secrets are printed once, to the terminal of the person they are for, and kept nowhere.
"""

import json

import click
import pyotp
from flask import current_app
from flask.cli import with_appcontext
from mnemonic import Mnemonic
from sqlalchemy import func, select

from casework import invitations, members, organisations, signing_in
from casework.audit_commands import audit_group
from casework.describe_commands import describe, organisation_of, tell_missing_contact
from casework.kits import Split
from casework.models import Member
from casework.policy import KEY_HOLDERS, ActionRefused, Role
from casework.recovery_commands import recover
from casework.terminal import confirm, print_kit, print_words, refuse, split_option
from casework.views.frame import ROLE_NAMES
from reporting import clock
from reporting.database import db
from reporting.instance import Instance
from reporting.models import Organisation
from reporting.sealing import b64
from reporting.settings import Settings

_AGREEING = """\
In releases of the coalition that are proposed from now on, tables may show numbers that readers can
tell to be those of {name}: where fewer than three organisations stand behind a cell, or one with
more than 85 percent, and all of them have agreed. Bands and noise, which protect people, stay. The
files carry the newest signed head of its audit chain; the same head twice tells that no supervisor
of it came in between.
What is published stays for good, even if the organisation later disagrees."""


@click.group("organisation")
def organisation() -> None:
    """Make and describe organisations, close and open them, record whether they agreed."""


organisation.add_command(describe)
organisation.add_command(recover)


@organisation.command("add")
@click.option("--slug", required=True, help="Short name in addresses: a-z, 0-9, hyphen.")
@click.option("--name", required=True, help="Name as reporters see it.")
@click.option("--supervisor-name", required=True, help="The first supervisor, who is with you now.")
@click.option("--supervisor-email", default="", help="For the neutral notices to that supervisor.")
@click.option("--about", default="", help="What the organisation can do, in English.")
@click.option("--contact", default="", help="How else to reach it, in English.")
@split_option
@with_appcontext
def add_organisation(
    slug: str,
    name: str,
    supervisor_name: str,
    supervisor_email: str,
    about: str,
    contact: str,
    split: Split | None,
) -> None:
    """Make an organisation, its keys and its first supervisor; print the recovery kit once."""
    try:
        organisations.check_new_member(supervisor_name)
        added = organisations.add(
            slug,
            name,
            supervisor_name,
            {"en": about} if about else {},
            {"en": contact} if contact else {},
            confirm=confirm,
            supervisor_email=supervisor_email,
            split=split,
        )
    except ActionRefused as refused:
        raise refuse(refused) from refused
    click.echo(f"\n{name} is there: {_settings().address}/en/report/{slug}")
    click.echo(
        f"Identity key, for posters and the organisation's own site: {b64(added.identity_key)}"
    )
    print_kit(added.kit, added.identity_key)
    if db.session.scalar(select(func.count()).select_from(Organisation)) == 1:
        _print_instance_kit(current_app.extensions["instance"])


@organisation.command("close")
@click.argument("slug")
@with_appcontext
def close(slug: str) -> None:
    """Take no more reports or additions. Reporters are told how else to reach the organisation.

    What was sent stays, answers can still be read, and its members go on working.
    """
    one = organisation_of(slug)
    if not organisations.close(one.id):
        click.echo(f"{one.name} is closed already; nothing was changed")
        return
    click.echo(f"{one.name} takes no reports from now on")
    tell_missing_contact(one)


@organisation.command("open")
@click.argument("slug")
@with_appcontext
def reopen(slug: str) -> None:
    """Take reports and additions again. Reporters see the form."""
    one = organisation_of(slug)
    if organisations.reopen(one.id):
        click.echo(f"{one.name} takes reports again")
        tell_missing_contact(one)
    else:
        click.echo(f"{one.name} is open already; nothing was changed")


@organisation.command("agree")
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@with_appcontext
def agree(slug: str, yes: bool) -> None:
    """Record that it agreed to be recognisable in releases of the coalition.

    Only releases proposed from then on follow. What is published stays for good.
    """
    one = organisation_of(slug)
    if not one.recognisable and not yes:
        click.echo(_AGREEING.format(name=one.name))
        click.confirm(f"Has {one.name} agreed to this?", abort=True)
    if organisations.agree(one.id):
        click.echo(f"{one.name} may be recognised in what is proposed from now on")
    else:
        click.echo(f"{one.name} has agreed already; nothing was changed")


@organisation.command("disagree")
@click.argument("slug")
@with_appcontext
def disagree(slug: str) -> None:
    """Record that it does not agree, or no longer, to be recognisable.

    What was proposed while it agreed is not published any more. What is published stays for good.
    """
    one = organisation_of(slug)
    if organisations.disagree(one.id):
        click.echo(f"{one.name} is not recognisable in what is proposed from now on")
        click.echo("Published releases stay. What was proposed with the agreement and waits cannot")
        click.echo("be published any more: a coalition lead rejects it and proposes it again.")
    else:
        click.echo(f"{one.name} has not agreed; nothing was changed")


def _print_instance_kit(instance: Instance) -> None:
    """The two secrets that no backup holds (sealing.md 5, disclosure.md 4.2), once."""
    click.echo("\nINSTANCE KIT. Keep it apart from the backups; it is shown only now, with the")
    click.echo("first organisation. Without it a lost secrets folder loses mailboxes and sign-ins.")
    for name, secret in (("pepper", instance.pepper), ("noise-root", instance.noise_root)):
        click.echo(f"\nFile {name}:")
        print_words(Mnemonic("english").to_mnemonic(secret))


@click.group("member")
def member() -> None:
    """Invite and list people."""


@member.command("invite")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True)
@click.option("--name", required=True)
@click.option("--organisation", "slug", default="", help="Slug, for caseworkers and supervisors.")
@click.option("--email", default="", help="For the neutral notice that something is in the queue.")
@with_appcontext
def invite(role: str, name: str, slug: str, email: str) -> None:
    """Print a one-time link, valid 72 hours."""
    try:
        invited = invitations.invite(None, role, name, _organisation_id(slug), email)
    except ActionRefused as refused:
        raise refuse(refused) from refused
    click.echo(f"Give this to {name} yourself. It works once, for 72 hours:")
    click.echo(invited.link)
    if role in KEY_HOLDERS:
        click.echo("Then a supervisor compares the fingerprint and admits this person.")


@member.command("invite-again")
@click.argument("name")
@with_appcontext
def invite_again(name: str) -> None:
    """Print a new link for a lead or administrator who lost passphrase or device."""
    wanted = signing_in.plain_name(name)
    found = db.session.scalar(select(Member.id).where(Member.sign_in_name == wanted))
    if found is None:
        raise click.ClickException(f"nobody is called {name}")
    try:
        invited = invitations.invite_again(None, found)
    except ActionRefused as refused:
        raise refuse(refused) from refused
    click.echo(invited.link)


@member.command("list")
@with_appcontext
def list_members() -> None:
    """Print name, role, state and organisation of everybody in the table of members.

    Keys are granted by each organisation's signed roster: `upstander audit verify` compares them.
    """
    slugs = {row.id: row.slug for row in db.session.scalars(select(Organisation))}
    query = select(Member).where(Member.state != members.REMOVED).order_by(Member.name)
    for one in db.session.scalars(query):
        place = slugs.get(one.organisation_id or b"", "-")
        click.echo(f"{one.name}\t{ROLE_NAMES.get(one.role, one.role)!s}\t{one.state}\t{place}")


@member.command("code")
@click.argument("name")
@with_appcontext
def code(name: str) -> None:
    """Print the current code of a member of the demo. Nobody else's secret is kept in clear."""
    path = _settings().data_dir / "demo-sign-ins.json"
    if not path.exists():
        raise click.ClickException("there is no demo here; real members use their own device")
    wanted = signing_in.plain_name(name)
    for person in json.loads(path.read_text("utf-8")):
        if signing_in.plain_name(person["name"]) == wanted:
            click.echo(pyotp.TOTP(person["totp_secret"]).at(clock.now()))
            return
    raise click.ClickException(f"nobody in the demo is called {name}")


def _organisation_id(slug: str) -> bytes | None:
    return organisation_of(slug).id if slug else None


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


groups: list[click.Command] = [organisation, member, audit_group]

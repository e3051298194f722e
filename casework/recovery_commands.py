"""`upstander organisation recover`: the recovery kit is used, and replaced (sealing.md 4).

The words are asked for and never shown: an argument would lie in the shell's history and in the
list of processes, and what is typed in the clear stays on the screen and in its scrollback.
"""

import warnings
from functools import partial
from getpass import GetPassWarning

import click
from flask import current_app
from flask.cli import with_appcontext

from casework import kits, members, organisations, recovery
from casework.credentials import fingerprint
from casework.describe_commands import organisation_of
from casework.kits import Shares, Split
from casework.policy import ActionRefused
from casework.recovery import Found
from casework.terminal import confirm, print_kit, reason, refuse, split_option
from reporting.models import Organisation
from reporting.sealing import b64

_TYPE = """\
Type the recovery kit of {name}: its 24 words or, of a split kit, one share after another.
One line or several, as they are printed. Nothing is shown as you type."""
_COMPARE = """
This is what the kit opened. Whoever can write to the database could have prepared it, so compare it
with what stands elsewhere. The identity key of {name}:

    {identity}

It must be the one on the organisation's posters and own site, and the one written beside the kit
unless a supervisor has left since then. All keys will be granted to the members whom it signs:
"""
_MEMBERS = """
Each must be somebody of the organisation who has not left it. The names are only those in the
database; the fingerprint is the member's, as on their own profile page. If in doubt, say no:
nothing is changed then, and the kit stays as good as it is.
"""
_DESTROY = """
What comes next is sealed to new keys, which the old kit does not open. With a copy or backup from
before, the old kit still opens the keys until now: all that is held until now, here too, and the
identity key. So destroy it, every share of it. If somebody may have it and a backup, only removing
a supervisor makes a new identity key."""
_AFTER = """\
Members were left as they are: who has passphrase and device signs in as before. {supervisor}
invites again those who lost them, and removes those who must not come back, at
{address}/staff/people
The audit chain says that the kit was used. Members who can sign in should be told why."""
_INCOMPLETE = """
{missing} of the organisation's keys could not be opened with the old kit, so what only they open
stays closed to {supervisor}. What comes next is sealed to new keys. Do not destroy the old kit:
with a backup from before it may open more."""


@click.command("recover")
@click.argument("slug")
@click.option("--supervisor-name", required=True, help="The new supervisor, who is with you now.")
@split_option
@with_appcontext
def recover(slug: str, supervisor_name: str, split: Split | None) -> None:
    """Use the recovery kit: make a supervisor who opens everything, and a new kit.

    For an organisation that nobody can sign in to any more. Asks for the words of the kit, hidden.
    Shows the identity key and members to compare. The kit is replaced; members stay as they are.
    """
    one = organisation_of(slug)
    try:
        organisations.check_new_member(supervisor_name)
        seed = _ask_kit(one)
        done = recovery.recover(
            one.id, seed, supervisor_name, split, confirm=confirm, compare=partial(_compare, one)
        )
    except ActionRefused as refused:
        raise refuse(refused) from refused
    click.echo(f"\n{done.supervisor.name} is a supervisor of {one.name} and opens what it holds.")
    print_kit(done.kit, done.identity_key)
    new, address = done.supervisor.name, current_app.extensions["settings"].address
    click.echo(
        _INCOMPLETE.format(missing=done.missing, supervisor=new) if done.missing else _DESTROY
    )
    click.echo(_AFTER.format(supervisor=new, address=address))


def _compare(one: Organisation, found: Found) -> None:
    """Show whose keys these are, and go on only if the organisation says that they are its own."""
    click.echo(_COMPARE.format(name=one.name, identity=b64(found.identity_key)))
    for named in found.members:
        click.echo(f"    {named.role:<10}  {fingerprint(named.public_key)}  {_shown(named.name)}")
    click.echo(_MEMBERS)
    click.confirm("Is the identity key right, and is each of these a member?", abort=True)
    if found.missing:
        click.echo(f"{found.missing} of the organisation's keys cannot be opened with this kit.")
        click.confirm("Go on with the others?", abort=True)


def _shown(name: str) -> str:
    """A name as it is safe to print: one that somebody put there could move the cursor.

    And so write another key or fingerprint over the one that is to be compared.
    """
    safe = "".join(sign if sign.isprintable() else "?" for sign in name)
    return safe[: members.LONGEST_NAME] or "(not in the list of members)"


def _ask_kit(one: Organisation) -> bytes:
    """The seed of the kit that is typed. A share that is wrong may be typed again."""
    click.echo(_TYPE.format(name=one.name))
    shares = Shares()
    while not shares or shares.wanted():
        words = _ask_words(f"Share {len(shares) + 1}" if shares else "Words")
        if len(words) != kits.SHARE_WORDS and not shares:
            return kits.read(words)
        if not words:
            raise click.ClickException("too few shares; nothing was changed")
        try:
            shares.add(words)
        except ActionRefused as refused:
            click.echo(f"Not taken: {reason(refused)}. An empty line ends.")
            continue
        if shares.wanted():
            click.echo(f"Taken. {shares.wanted()} more to go.")
    return shares.seed()


def _ask_words(prompt: str) -> list[str]:
    """All words of a kit or share, or as many as there were before an empty line."""
    words: list[str] = []
    while not kits.is_whole(words):
        line = kits.words_of(_hidden(prompt))
        if not line:
            break
        strange = kits.strange(line)
        if strange:
            click.echo(
                f"Word {strange[0]} of this line is in no list of words; type the line again."
            )
            continue
        words += line
        if not kits.is_whole(words):
            click.echo(f"{len(words)} words so far. Go on; an empty line ends.")
    return words


def _hidden(prompt: str) -> str:
    """One line that is not shown. Where that cannot be, nothing is asked: it would be shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            return str(click.prompt(prompt, default="", show_default=False, hide_input=True))
        except GetPassWarning:
            said = (
                "what you type cannot be hidden here; use a terminal (ssh -t); nothing was changed"
            )
            raise click.ClickException(said) from None

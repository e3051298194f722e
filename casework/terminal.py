"""What commands say at the operator's terminal: refusals in one line, secrets shown once.

Secrets are printed to the terminal of the person they are for, and kept nowhere.
"""

from io import StringIO

import click
import segno

from casework.credentials import NewMember
from casework.kits import Kit, Split, read_split
from casework.policy import ActionRefused
from casework.views.refusals import WORDS
from reporting.sealing import b64

_TRIES = 3
_REASONS = {
    "slug": "a slug has 2 to 40 of the characters a-z 0-9 - and is not 'instance' or 'bundle'",
    "slug-taken": "there is an organisation with this slug",
    "name": "a name has 1 to 80 printable characters",
    "name-taken": "someone is already called that; each name is one person's",
    "email": "this is not an e-mail address",
    "role": "caseworkers and supervisors belong to an organisation (--organisation), "
    "leads and administrators to none",
    "supervisor-only": "a member of an organisation gets a new invitation from its supervisor",
    "split": "a kit is split like 2-of-3: up to 16 shares, of which 2 or more are needed",
    "kit-length": "a kit has 24 words, a share of a split kit 33; nothing was changed",
    "kit-check": "these 24 words do not belong together: one is wrong, or two changed places; "
    "nothing was changed",
    "kit-other": "this kit is not the organisation's, or not any more: a kit that was used is "
    "replaced; nothing was changed",
    "kit-chain": "the newest signed head is not in the organisation's audit chain: see 'When a "
    "whole organisation is refused' in docs/operations.md; nothing was changed",
    "kit-changed": "what is granted to this kit does not fit the organisation: the database was "
    "changed; keep the kit, and restore a backup from before; nothing was changed",
    "share-length": "a share has 33 words",
    "share-check": "these words do not belong together: one is wrong, or two changed places",
    "share-other": "this is a share of another kit",
    "shares": "these shares do not belong together; nothing was changed",
    "share-twice": "this share was typed already",
}


def reason(refused: ActionRefused) -> str:
    """A refusal in words."""
    words = _REASONS.get(refused.reason) or WORDS.get(refused.reason, (refused.reason,))[-1]
    return str(words)


def refuse(refused: ActionRefused) -> click.ClickException:
    """The same as the end of a command."""
    return click.ClickException(reason(refused))


def _split(_context: click.Context, _option: click.Parameter, text: str | None) -> Split | None:
    """Read `--split 2-of-3` before anything is asked."""
    try:
        return read_split(text) if text else None
    except ActionRefused as refused:
        raise click.BadParameter(reason(refused)) from refused


split_option = click.option(
    "--split", callback=_split, metavar="N-of-M", help="Kit in M shares, of which any N open it."
)


def confirm(new: NewMember) -> NewMember:
    """Show the supervisor passphrase and second factor, and ask for one code."""
    click.echo(f"For {new.name}, shown only now. Write the six words down:\n")
    click.echo(f"    {new.passphrase}\n")
    click.echo("Scan this with an authenticator app:\n")
    click.echo(_qr(new.totp_uri))
    click.echo(f"or type this secret: {new.totp_secret}\n")
    for _ in range(_TRIES):
        checked = new.check_code(click.prompt("Code from the app", type=str))
        if checked is not None:
            return checked
        click.echo("That is not the code. Try the next one.")
    raise click.ClickException("no right code in three tries; nothing was made")


def print_kit(kit: Kit, identity_key: bytes) -> None:
    """The recovery kit, whole or in shares, and what to compare when it is used."""
    _print_kit(kit)
    click.echo("\nWrite the organisation's identity key on the kit, and compare it at recovery:\n")
    click.echo(f"    {b64(identity_key)}\n")
    click.echo(
        "It changes when a supervisor leaves: then write the new one there, from the profile"
    )
    click.echo("page. It is no secret.")


def _print_kit(kit: Kit) -> None:
    if len(kit.texts) == 1:
        click.echo("\nRECOVERY KIT. Print or write it down and lock it away; it is shown only now.")
        click.echo("Whoever has these 24 words opens everything this organisation holds.\n")
        print_words(kit.texts[0])
        click.echo("\n" + _qr(kit.texts[0]))
        return
    click.echo(
        f"\nRECOVERY KIT IN {len(kit.texts)} SHARES, shown only now. Print or write each down"
    )
    click.echo("by itself, and lock each away with another person or in another place. Any")
    click.echo(
        f"{kit.needed} together open everything this organisation holds; fewer tell nothing."
    )
    for number, text in enumerate(kit.texts, 1):
        click.echo(f"\nShare {number} of {len(kit.texts)}, {kit.needed} are needed:\n")
        print_words(text)
        click.echo("\n" + _qr(text))


def print_words(words: str) -> None:
    """Words with their numbers, six in a line."""
    listed = words.split()
    for start in range(0, len(listed), 6):
        line = enumerate(listed[start : start + 6], start + 1)
        click.echo("  ".join(f"{number:2}. {word:<10}" for number, word in line).rstrip())


def _qr(text: str) -> str:
    out = StringIO()
    segno.make(text, micro=False).terminal(out=out, compact=True)
    return out.getvalue()

"""`upstander audit`: are the chains whole, and do they still hold what somebody saw?"""

from collections.abc import Callable
from typing import BinaryIO

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from analytics.heads import read
from casework import audit, heads, members, people, roster
from casework.models import Grant, Member
from reporting.database import db, snapshot
from reporting.models import Organisation
from reporting.sealing import SealingRefused, b64, key_id, unb64

Say = Callable[[str], None]


@click.group("audit")
def audit_group() -> None:
    """Look after the audit chains."""


@audit_group.command("verify")
@click.option("--head", "seen", multiple=True, help="A head somebody saw: is it still there?")
@click.option(
    "--release",
    "kept",
    multiple=True,
    type=click.File("rb"),
    help="The audit-heads.json of a release somebody kept: are its heads still there?",
)
@with_appcontext
def verify(seen: tuple[str, ...], kept: tuple[BinaryIO, ...]) -> None:
    """Walk every chain; name the first broken link, signed head and roster of each."""
    # What is compared must be of one moment: while somebody is admitted, chain, rosters and members
    # read one after another do not fit, and a false alarm has people restore a backup for nothing.
    # Nobody is waited for meanwhile, neither a pipe nor a pager: on SQLite erased bytes stay in the
    # log, on PostgreSQL in the tables, until whoever could still see them has ended.
    read_before = [(file.name, file.read()) for file in kept]
    lines: list[str] = []
    with snapshot():
        whole = _verify_all(seen, read_before, lines.append)
    for line in lines:
        click.echo(line)
    if not whole:
        raise SystemExit(1)


def _verify_all(seen: tuple[str, ...], kept: list[tuple[str, bytes]], say: Say) -> bool:
    organisations = {row.id: row for row in db.session.scalars(select(Organisation))}
    # Of an organisation whose chain is gone there is still the organisation.
    chains = sorted({*audit.chains(), *organisations})
    found = [_verify_chain(chain, organisations.get(chain), say) for chain in chains]
    for text in seen:
        try:
            there = any(audit.contains(chain, unb64(text)) for chain in chains)
        except SealingRefused:
            there = False
        if not there:
            say(f"head {text} is in no chain")
        found.append(there)
    known = heads.signers() if kept else []
    found += [_verify_kept(name, data, known, say) for name, data in kept]
    return all(found)


def _verify_chain(chain: bytes, organisation: Organisation | None, say: Say) -> bool:
    """The links of one chain, and the heads its supervisors signed."""
    instance = chain == audit.CHAIN_INSTANCE
    name = "instance" if instance else organisation.slug if organisation else b64(chain)
    first = audit.verify(chain)
    if first is None:
        length, tip = audit.tip(db.session(), chain)
        say(f"{name}: {length} links, whole, head {b64(tip)}")
    else:
        say(f"{name}: link {first} is broken")
    if organisation is None:
        # Nobody who acts in the instance's own chain holds a key to sign it with.
        return first is None
    checked = heads.verify(organisation)
    words = {
        "": f"{checked.good} signed heads, all in the chain",
        heads.NONE: "no head is signed; one was when the organisation was made",
        heads.MISSING: f"signed head {checked.seq} is not in the chain",
        heads.SIGNATURE: f"signed head {checked.seq} has a wrong signature",
    }
    say(f"{name}: {words[checked.wrong]}")
    return _verify_rosters(name, organisation, say) and first is None and not checked.wrong


def _verify_rosters(name: str, organisation: Organisation, say: Say) -> bool:
    """The line of rosters, from the first one to the one that decides now."""
    good, wrong = _check_line(organisation)
    if wrong:
        say(f"{name}: roster {wrong} is missing or not signed by the organisation")
        return False
    say(f"{name}: {good} rosters, whole")
    planted = _beside_roster(organisation)
    for words in planted:
        say(f"{name}: {words}")
    return not planted


def _check_line(organisation: Organisation) -> tuple[int, int]:
    """How many rosters are good from the first on, and the number of the one that is not, or 0.

    The last must be signed by the published identity key.
    """
    pin: roster.Pin | None = None
    try:
        for verified in roster.line(db.session(), organisation.id):
            pin = verified[1]
    except SealingRefused:
        # Where one is missing, the next one's number says so.
        good = pin.number if pin else 0
        return good, good + 1
    if pin is None:
        return 0, 1
    known = pin.identity == organisation.identity_key
    return (pin.number, 0) if known else (pin.number - 1, pin.number)


def _beside_roster(organisation: Organisation) -> list[str]:
    """Grants and members that somebody put there, or hid, who could only write to the database."""
    now, _pin = roster.follow(db.session(), organisation.id, None)
    known = {*now.intake, *now.casework, key_id("identity-key", now.identity)}
    grants = db.session.execute(
        select(Grant.key_id, Grant.holder_id).where(Grant.organisation_id == organisation.id)
    )
    found = [
        f"grant to {b64(holder)} is of {b64(granted)}, no key of the roster"
        for granted, holder in grants
        if granted not in known
    ]
    active = select(Member.id, Member.role, Member.public_key).where(
        Member.organisation_id == organisation.id, Member.state == members.ACTIVE
    )
    rows = [(one, role, key) for one, role, key in db.session.execute(active)]
    different = people.compare(now, rows)
    found += [
        f"member {b64(one)} is not in the roster with this role and key"
        for one in different.strangers
    ]
    query = select(Member.id).where(Member.organisation_id == organisation.id)
    removed = list(db.session.scalars(query.where(Member.state == members.REMOVED)))
    found += [
        f"member {b64(one)} is removed, and nobody did it"
        for one in sorted(members.unremoved(db.session(), organisation.id, removed))
        if one not in now.members
    ]
    return found + [
        f"member {b64(one)} is granted keys by the roster as {now.members[one].role}, "
        "and has no active record"
        for one in different.unrecorded
    ]


def _verify_kept(name: str, data: bytes, known: list[heads.Signer], say: Say) -> bool:
    """The heads that a release carried away: whose are they, and are they still there?"""
    try:
        told = read(data)
    except SealingRefused:
        say(f"{name}: not the audit heads of a release")
        return False
    whole = True
    for head, signature in told:
        by = heads.signer(known, head, signature)
        if by is None:
            say(f"{name}: head {b64(head)} is signed by no organisation of this instance")
        elif not audit.contains(by.id, head):
            say(f"{name}: head {b64(head)} of {by.slug} is not in its chain")
        else:
            continue
        whole = False
    if whole:
        say(f"{name}: {len(told)} heads, all in their chains")
    return whole

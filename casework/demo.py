"""`upstander demo`: invented organisations, people and reports, made as real ones are.

Reports come in over HTTP, sealed by a client; invented staff admit, code, close and hand them over
through the same services as the pages, so every audit entry, key and record is of the usual kind.
Everything is safe to repeat: an interrupted demo is finished by the next start. For demonstration
only; never run it on an instance that real people use.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from itertools import groupby
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import bindparam, select

from analytics import release
from casework import admission, handover, incidents, linking
from casework.demo_client import Client
from casework.demo_people import ORGANISATIONS, Book, make_people
from casework.demo_stories import Story, last_year, waiting
from casework.models import Incident, Work
from casework.policy import IncidentState
from casework.sessions import Session
from reporting import clock
from reporting.database import db
from reporting.instance import Instance
from reporting.processes import DEMO_DONE
from reporting.sealing import derive, u32
from reporting.settings import Settings

Say = Callable[[str], None]
# Where the reports of an organisation stand: version and, once one is in it, the incident.
_STANDS = (
    select(Work.report_id, Work.version, Work.incident_id, Incident.state, Incident.version)
    .join(Incident, Incident.id == Work.incident_id, isouter=True)
    .where(Work.organisation_id == bindparam("organisation"))
)


@click.command("demo")
@click.option("--at", "address", default="", help="Address of the web server (default: its own).")
@with_appcontext
def command(address: str) -> None:
    """Make the demo of invented organisations, people and reports, or finish it."""
    current_app.extensions["migrate_now"]()
    try:
        make_demo(current_app.extensions["settings"], address, click.echo)
    except (OSError, HTTPException) as error:
        # click leaves without a word when a pipe broke, and so would `run`.
        raise click.ClickException(f"the demo was cut short: {error!r}") from error


def make_demo(settings: Settings, address: str = "", say: Say = lambda line: None) -> None:
    """Make what is missing. `address` is where the application answers; raises when it does not."""
    book = Book.load(settings.data_dir)
    # What people then do with a whole demo is not made undone by the next start.
    done = settings.data_dir / DEMO_DONE
    if not done.exists():
        year = release.last_year(clock.today())
        say(f"Making the demo: three organisations and 600 invented incidents of {year} …")
        make_people(book)
        stories = list(last_year(year))
        _bring(address or settings.address, stories)
        _work_through(book, stories)
        _bring(address or settings.address, waiting())
        done.write_text(f"{year}\n")
    _print(book, done.read_text().strip(), say)


def _print(book: Book, year: str, say: Say) -> None:
    say("For demonstration only: everybody and everything in it is invented.")
    say(f"Last year, to be released first: {year}")
    for row in book.rows:
        where = row["organisation"] or "coalition"
        say(f"  {row['name']:<13} {row['role']:<14} {where:<11} {row['passphrase']}")
    say("  The code of the second factor: upstander member code NAME")


def _bring(address: str, stories: Iterable[Story]) -> None:
    """Send each report once; one that was sent before an interruption is known by its id."""
    by_organisation: dict[str, list[tuple[bytes, Story]]] = {}
    for story in stories:
        by_organisation.setdefault(story.organisation, []).append((_report_id(story), story))
    # Reporters do not queue up behind each other.
    with ThreadPoolExecutor() as crowd:
        sent = [crowd.submit(_send, address, share) for share in by_organisation.values()]
        for one in sent:
            one.result()
    # A read that began before would go on showing the database without them.
    db.session.rollback()


def _send(address: str, share: Iterable[tuple[bytes, Story]]) -> None:
    client = Client(address)
    try:
        for report_id, story in share:
            client.send(story.organisation, report_id, story.language, story.answers, story.consent)
    finally:
        client.close()


def _work_through(book: Book, all_stories: Iterable[Story]) -> None:
    """Admit, code, close and hand over, organisation by organisation."""
    database = db.session()
    invented = {one.slug: one for one in ORGANISATIONS}
    for slug, stories in groupby(all_stories, key=lambda story: story.organisation):
        staff = [book.session_of(name) for name in invented[slug].caseworkers]
        while admission.admit_new(staff[0]).waiting:
            pass
        organisation = {"organisation": staff[0].organisation_id}
        stands = {row.report_id: row for row in database.execute(_STANDS, organisation)}
        for story in stories:
            _code(staff[story.number % len(staff)], story, stands[_report_id(story)])
            # Rows of a hundred incidents would be looked through again at every flush.
            database.expunge_all()
        handover.hand_over(book.session_of(invented[slug].supervisor))


def _code(session: Session, story: Story, stands: Any) -> None:
    """What a caseworker does with one report, from wherever an earlier run has left it."""
    report_id, version, incident_id, state, seen = stands
    if incident_id is None:
        incident_id = linking.new_incident(session, report_id, version)
        state, seen = IncidentState.OPEN, 1
    if state == IncidentState.OPEN and story.coding is not None:
        incidents.save_coding(session, incident_id, seen, story.coding)
        state, seen = IncidentState.CODED, seen + 1
    if state == IncidentState.CODED:
        incidents.close(session, incident_id, seen)


def _report_id(story: Story) -> bytes:
    """Always the same on one instance and as random as any to who lacks its pepper."""
    instance: Instance = current_app.extensions["instance"]
    return derive(instance.pepper, "demo-report", u32(story.number))[:16]

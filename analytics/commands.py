"""Command line: list releases, and prove that their files are as they were published."""

import json

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from analytics import deployment, files
from analytics.models import Release
from reporting.database import db
from reporting.sealing import b64


@click.group("release")
def command() -> None:
    """Releases of the statistics."""


@command.command("list")
@with_appcontext
def show() -> None:
    """Id, scope, year, state and day of every release."""
    query = select(Release).order_by(Release.ref_year, Release.scope, Release.created)
    for row in db.session.scalars(query):
        click.echo(f"{b64(row.id)}  {row.scope}  {row.ref_year}  {row.state}  {row.created}")


@command.command("verify")
@with_appcontext
def verify() -> None:
    """Compare the files of all releases with their checksums in the database."""
    broken = 0
    query = select(Release).where(Release.files != "{}").order_by(Release.id)
    for row in db.session.scalars(query):
        for name, checksum in json.loads(row.files).items():
            path = deployment.releases_dir() / b64(row.id) / name
            if not path.is_file() or files.sha256(path.read_bytes()) != checksum:
                click.echo(f"{path}: not as it was written; take it from the backup", err=True)
                broken += 1
    if broken:
        raise SystemExit(1)
    click.echo("all files are as they were written")

"""`upstander organisation describe`: what an organisation's public pages say, in each language."""

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from casework import organisations
from reporting.database import db
from reporting.i18n import LOCALES
from reporting.models import Organisation
from reporting.organisations import said


def organisation_of(slug: str) -> Organisation:
    """The organisation of a slug, or one clear line that there is none."""
    found = db.session.scalar(select(Organisation).where(Organisation.slug == slug))
    if found is None:
        raise click.ClickException(f"there is no organisation {slug}")
    return found


@click.command("describe")
@click.argument("slug")
@click.option("--language", type=click.Choice(LOCALES), required=True, help="Of the texts given.")
@click.option("--about", help="What the organisation can do; empty removes it.")
@click.option("--contact", help="How else to reach it; empty removes it.")
@with_appcontext
def describe(slug: str, language: str, about: str | None, contact: str | None) -> None:
    """Set what its public pages say in one language; print what they say then.

    What is not given stays as it is. Everybody can read these texts.
    """
    one = organisation_of(slug)
    given = {"about": about, "contact": contact}
    texts = {field: text.strip() for field, text in given.items() if text is not None}
    if not organisations.describe(one.id, language, texts):
        click.echo("nothing was changed")
    db.session.refresh(one)
    click.echo(f"The pages of {one.name} say:")
    for locale in LOCALES:
        for field in given:
            click.echo(f"{locale} {field}: {_shown(getattr(one, field), locale)}")


def tell_missing_contact(one: Organisation) -> None:
    """Say which command tells readers of a language how else to reach it, where none of it does."""
    shown = {locale: said(one.contact, locale) for locale in LOCALES}
    if not any(text for text, _language in shown.values()):
        click.echo("No other way to reach it is known here, so its page names none.")
    for locale, (text, language) in shown.items():
        if text and language == locale:
            continue
        told = f"told how else to reach it only in another language ({language})"
        command = f"upstander organisation describe {one.slug} --language {locale} --contact TEXT"
        how = told if text else "not told how else to reach it"
        click.echo(f"Readers of /{locale}/ are {how}. To tell them:")
        click.echo(f"  {command}")


def _shown(texts: str, locale: str) -> str:
    shown = said(texts, locale)
    if not shown.text:
        return "(nothing)"
    return shown.text if shown.language == locale else f"{shown.text} (in {shown.language})"

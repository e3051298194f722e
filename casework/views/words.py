"""Words of the casework pages: states, hints, ages, names of holders. No word of a report."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, TypeVar

from babel import Locale, UnknownLocaleError
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext, lazy_pgettext, ngettext
from markupsafe import Markup
from sqlalchemy import select

from casework.models import Member
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting import vocabulary
from reporting.database import db
from reporting.i18n import chosen, long_date, month_names, sort_key
from reporting.sealing import SealingRefused, unb64

Key = TypeVar("Key")
# Where there is nothing to say.
NOTHING = "–"

VIEW_NAMES = {
    "new": lazy_gettext("New"),
    "unclaimed": lazy_gettext("Unclaimed"),
    "mine": lazy_gettext("Mine"),
    "fresh": lazy_gettext("New from the reporter"),
    # "Set aside" is also a button; other languages have two words.
    "aside": lazy_pgettext("state", "Set aside"),
    "all": lazy_gettext("All"),
}
KIND_NAMES = {"report": lazy_gettext("Report"), "addition": lazy_gettext("Addition")}
REPORT_STATES = {
    "admitted": lazy_gettext("New"),
    "linked": lazy_gettext("In an incident"),
    "set_aside": lazy_pgettext("state", "Set aside"),
    "erased": lazy_gettext("Deleted by the reporter"),
}
INCIDENT_STATES = {
    # "Open" is also a button elsewhere; other languages have two words.
    "open": lazy_pgettext("state", "Open"),
    "coded": lazy_gettext("Coded"),
    "closed": lazy_gettext("Closed"),
}
HINTS = {
    "hurt": lazy_gettext("Someone was hurt"),
    "threat": lazy_gettext("Threats"),
    "official": lazy_gettext("An official"),
    "child": lazy_gettext("A child"),
}
BROKEN = {
    "key": lazy_gettext("The key of this report does not open. Its text cannot be read."),
    "body": lazy_gettext("This report was changed or damaged on its way. It does not open."),
    "json": lazy_gettext("This report is not in the form we know. It is shown as it came."),
    "plain": lazy_gettext("This report came without our form. It is shown as plain text."),
    "kind": lazy_gettext(
        "This was sent as something else than it says it is. Its consent is not relied on."
    ),
    "digest": lazy_gettext("This line cannot be read. Open the report itself."),
    "erased": lazy_gettext("Deleted by the reporter"),
}
MESSAGE_STATUSES = {
    "": lazy_gettext("A message"),
    "being_read": lazy_gettext("Being read"),
    "question": lazy_gettext("Question to the reporter"),
    "finished": lazy_gettext("Finished"),
}
REQUESTS = {
    "more": lazy_gettext("More about it"),
    "files": lazy_gettext("More files"),
    "consent": lazy_gettext("A changed wish"),
}
CODING_PROBLEMS = {
    "year": lazy_gettext("Write the year in four digits, not later than this year."),
    "year-of-month": lazy_gettext("A month needs its year."),
    "month": lazy_gettext("Choose a month of the list."),
    "future": lazy_gettext("This month has not come yet."),
    "choice": lazy_gettext("Choose from the list."),
}


class Once(dict[Key, str]):
    """Words for each key of a page: said once, however often shown, and only when shown."""

    def __init__(self, say: Callable[[Key], Any]) -> None:
        """Remember who says them."""
        super().__init__()
        self._say = say

    def __missing__(self, key: Key) -> str:
        """Say one. What no word is known for is left out: one bad line must not stop the list."""
        try:
            said = str(self._say(key))
        except KeyError:
            said = ""
        self[key] = said
        return said


class Names(dict[bytes | None, str]):
    """Names of the people of an organisation, by id; asked for when the first is shown."""

    def __init__(self, session: Session) -> None:
        """Remember whose colleagues they are."""
        super().__init__({None: NOTHING})
        self._organisation = session.organisation_id

    def __missing__(self, member_id: bytes) -> str:
        """Look all up; one who is gone has none."""
        query = select(Member.id, Member.name)
        rows = db.session().execute(query.where(Member.organisation_id == self._organisation))
        for row in rows:
            self.setdefault(row.id, row.name)
        return self.setdefault(member_id, NOTHING)


def common(session: Session) -> dict[str, Any]:
    """What every casework template may use."""
    return {
        "broken_words": Once(BROKEN.__getitem__),
        "country_options": country_options,
        "hint_words": Once(HINTS.__getitem__),
        "incident_states": INCIDENT_STATES,
        "kind_names": KIND_NAMES,
        "language_name": language_name,
        "member_names": Names(session),
        "message_statuses": MESSAGE_STATUSES,
        "report_states": Once(REPORT_STATES.__getitem__),
        "requests": REQUESTS,
        "size_words": size_words,
        "vocabulary": vocabulary,
        "when_words": when_words,
    }


def age(days: int) -> str:
    """How long ago, in words: reports bear days only."""
    if days == 0:
        return str(_("today"))
    if days == 1:
        return str(_("yesterday"))
    return str(ngettext("%(num)s day", "%(num)s days", days))


def language_name(tag: str) -> str:
    """A language in the reader's language; its tag when nobody knows it."""
    return _language_in(tag, chosen())


@lru_cache(maxsize=256)
def _language_in(tag: str, locale: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name(locale) or tag
    except (UnknownLocaleError, ValueError):
        return tag


def size_words(size: int) -> str:
    """A file's size for people."""
    if size < 0:
        return str(_("size not given"))
    if size < 1024 * 1024:
        said = _("%(number)s KB", number=max(1, round(size / 1024)))
    else:
        said = _("%(number)s MB", number=round(size / 1024 / 1024, 1))
    # The number stays with its unit at the end of a line.
    return str(said).replace(" ", "\N{NO-BREAK SPACE}")


def when_words(text: str) -> str:
    """When it happened, as the form gave it; what is no day, month or year stays as it came."""
    try:
        return long_date(text)
    except ValueError:
        return text


def country_options(selected: str) -> Markup:
    """Countries in the reader's alphabetical order, as the options of a list."""
    options = _country_options(chosen())
    if selected not in vocabulary.countries():
        return options
    plain = f'<option value="{selected}">'
    # Text, not Markup, is searched: Markup would escape what is looked for.
    marked = str(options).replace(plain, f"{plain[:-1]} selected>")
    return Markup(marked)  # noqa: S704  # made of codes and names of the vocabulary


@cache
def _country_options(locale: str) -> Markup:
    named = [(code, vocabulary.country_name(code, locale)) for code in vocabulary.countries()]
    named.sort(key=lambda one: sort_key(one[1]))
    return Markup().join(
        Markup('<option value="{}">{}</option>').format(code, name) for code, name in named
    )


def months() -> list[tuple[str, str]]:
    """Number and name of the twelve months."""
    return [(f"{n:02d}", name) for n, name in enumerate(month_names(chosen()), start=1)]


def thing_id(text: str) -> bytes:
    """An id from an address. One that is none is like one there is not."""
    try:
        found = unb64(text)
    except SealingRefused as refused:
        raise ActionRefused("unknown") from refused
    if len(found) != 16:
        raise ActionRefused("unknown")
    return found


def number(name: str) -> int:
    """A whole number of a form; -1, which no version is, for anything else."""
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1

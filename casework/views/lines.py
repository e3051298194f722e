"""Lines of the queue in the words of a page, so that its template only has to set them.

A page has fifty lines: what is the same in all of them is translated once. Holds the opened
digests of one request and nothing longer.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext

from casework.policy import ReportState
from casework.sessions import Session
from casework.triage import Line
from casework.views import words
from casework.views.words import NOTHING
from reporting.i18n import country_name, label
from reporting.sealing import b64

# As many grounds as one line has room for; the opened report shows all.
_GROUNDS = 3
# Looks of a mark.
ALERT, TAG, CHIP = "tag alert", "tag", "chip"
# What may be done with a report that nobody holds, by its state.
_ACTIONS: dict[str, str] = {ReportState.ADMITTED: "claim", ReportState.SET_ASIDE: "take-back"}


class Shown(NamedTuple):
    """One line in words. `ours` are words of the page, not of the reporter."""

    id: str
    ours: bool
    words: str
    # Class and words of each mark below the words.
    marks: list[tuple[str, str]]
    age: str
    language: str
    country: str
    # Who holds it; where nobody does, the way to change that at this version, or nothing.
    holder: str
    action: str
    version: int


class _Words:
    """What the lines of one page say more than once."""

    def __init__(self, session: Session) -> None:
        """Of a member's language and colleagues."""
        self.ages = words.Once(words.age)
        self.broken = words.Once(words.BROKEN.__getitem__)
        self.countries = words.Once(country_name)
        self.files = words.Once(_files)
        self.hints = words.Once(words.HINTS.__getitem__)
        self.kinds = words.Once(words.KIND_NAMES.__getitem__)
        self.labels = words.Once(label)
        self.languages = words.Once(words.language_name)
        self.names = words.Names(session)
        self.states = words.Once(words.REPORT_STATES.__getitem__)
        self.views = words.Once(words.VIEW_NAMES.__getitem__)
        self.names[session.member_id] = str(_("You"))


def shown(session: Session, lines: Iterable[Line]) -> Iterator[Shown]:
    """The lines of a page, for a member."""
    say, empty = _Words(session), str(_("A report without text"))
    for line in lines:
        digest = line.digest
        broken = say.broken[digest.broken] if digest.broken else ""
        yield Shown(
            b64(line.id),
            bool(broken) or not digest.words,
            broken or digest.words or empty,
            _marks(line, say),
            say.ages[line.age],
            say.languages[digest.language] or NOTHING,
            say.countries[digest.country] or NOTHING,
            say.names[line.holder_id],
            "" if line.holder_id else _ACTIONS.get(line.state, ""),
            line.version,
        )


def _marks(line: Line, say: _Words) -> list[tuple[str, str]]:
    """What catches the eye first comes first. What the vocabulary has no more has no mark."""
    digest = line.digest
    marks = [(ALERT, say.views["fresh"])] if line.fresh else []
    if line.kind == "addition":
        marks.append((TAG, say.kinds["addition"]))
    if line.state != ReportState.ADMITTED:
        marks.append((TAG, say.states[line.state]))
    marks += [(ALERT, say.hints[hint]) for hint in digest.hints]
    marks += [(CHIP, say.labels[ground]) for ground in digest.grounds[:_GROUNDS]]
    if digest.reason:
        marks.append((CHIP, say.labels[digest.reason]))
    if digest.files:
        marks.append(("muted", say.files[digest.files]))
    return [mark for mark in marks if mark[1]]


def _files(count: int) -> str:
    return str(ngettext("%(num)s file", "%(num)s files", count))

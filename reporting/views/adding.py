"""Adding by receipt, without script: words, files and changed consent, each stored once.

A repeat is told from new words by what was sent, and from a word that no longer counts by where it
lies. Keeps no plaintext: the database gets HMACs of both.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Response
from flask_babel import gettext
from sqlalchemy.exc import OperationalError

from reporting import clock, mailbox, organisations, submission
from reporting.posted import Posted
from reporting.questions import Filled, body_json, is_too_long, parse
from reporting.receipt import Receipt
from reporting.sealing import derive, unb64
from reporting.submission import SubmissionRefused
from reporting.views import sending
from reporting.views.inbox import inbox_page, unread_page
from reporting.views.pages import page


def add(
    step: str,
    locale: str,
    posted: Posted,
    opened: dict[str, Any],
    derived: Receipt,
    keys: tuple[bytes, bytes],
) -> Response:
    """Seal an addition and store it once; on a problem the page keeps what was typed.

    Raises `OperationalError` where the database stays away; `unsure` is the answer then.
    """
    digits = str(opened["receipt"])
    filled = _read(step, posted)
    again = partial(_again, posted, opened, derived)
    problem, at = _problem(step, filled, posted)
    if problem:
        return again(413 if posted.problem else 422, problem, at)
    known_by = _known_by(opened, step, filled, posted)
    # A repeat comes before what may have changed since: its key may have retired.
    if submission.is_known(known_by):
        return _sent_before(step, posted, digits, derived, known_by)
    organisation = organisations.find(posted.one("organisation"))
    key = organisation.open_key if organisation else None
    if organisation is None:
        problem = gettext("Choose the organisation you wrote to.")
        return again(422, problem, f"{step}-organisation")
    if key is None:
        problem = gettext("This organisation cannot take reports at the moment.")
        return again(503, problem, f"t-{step}")
    content_key, report_id = keys
    body = _body(step, filled, locale, posted, derived)
    # Words count as long as they are there; a wish only until something comes after it.
    before = mailbox.lying(derived.mailbox_token) if step == "consent" else []
    try:
        accepted = sending.store(
            *(organisation, key, "addition", report_id, content_key, body, derived, posted.files),
            known_by=known_by,
            place=[*before, report_id],
        )
    except (OperationalError, OSError, SubmissionRefused):
        # The commit may have gone through, and only the word of it been lost.
        if submission.is_known(known_by):
            return _sent_before(step, posted, digits, derived, known_by)
        problem = gettext("It was not sent. Your answers are still here. Please try again.")
        return again(503, problem, f"t-{step}")
    if accepted.repeated:
        # Sent twice at once, and the other one was first.
        return _sent_before(step, posted, digits, derived, known_by)
    return _have(posted, digits, derived)


def _again(
    posted: Posted, opened: dict[str, Any], derived: Receipt, status: int, problem: str, at: str
) -> Response:
    """The page with what was typed, and what is wrong with it.

    Under the same key: what is sent from there may be there since an answer that was lost.
    """
    if not posted.problem:
        problem = sending.with_files(problem, posted)
    digits, key = str(opened["receipt"]), str(opened["key"])
    return inbox_page(digits, derived, status, problem=problem, at=at, posted=posted, key=key)


def unsure(step: str, posted: Posted, opened: dict[str, Any]) -> Response:
    """The database stayed away from `add`: nobody can tell what is stored, and nobody says so.

    Under the same key: what is sent from there may be there since an answer that was lost.
    """
    problem = sending.with_files(sending.unsure_words(), posted)
    return unread_page(
        *(str(opened["receipt"]), posted), problem=problem, at=f"t-{step}", key=str(opened["key"])
    )


def _have(posted: Posted, digits: str, derived: Receipt) -> Response:
    sent = gettext("We have what you added.")
    try:
        return inbox_page(digits, derived, notice=sent, chosen=posted.one("organisation"))
    except OperationalError:
        # An error would say that nothing was stored, and the words would be typed once more.
        words = gettext("Your messages cannot be shown just now. Come back later with your number.")
        return page("reporting/error.html", heading=sent, words=words)


def _sent_before(
    step: str, posted: Posted, digits: str, derived: Receipt, known_by: bytes
) -> Response:
    """Say that it is there only where it is: neither erased since nor, if a wish, overtaken.

    Then nothing is stored either: a page that is merely loaded again would bring back what was
    erased, or a consent that was withdrawn. The page in the answer is a new one, and sends anew.
    """
    lying = mailbox.lying(derived.mailbox_token)
    places: list[Sequence[bytes]] = [lying] if step == "consent" else [[one] for one in lying]
    if submission.lies_at(known_by, places):
        return _have(posted, digits, derived)
    problem = gettext(
        "You sent this before. If it should count again, send it once more from this page."
    )
    problem, at = sending.with_files(problem, posted), f"t-{step}"
    return inbox_page(digits, derived, 409, problem=problem, at=at, posted=posted)


def _known_by(opened: dict[str, Any], step: str, filled: Filled, posted: Posted) -> bytes:
    """By what an addition is known when it comes again: the page, and all that was sent from it.

    All forms of a page hold one draft, and a page may be gone back to: its draft alone would take a
    withdrawal of consent for a repeat of the words before it. Under a key that only the page has:
    "no" would be guessed from the database otherwise.
    """
    files = [[one.name, one.media_type, one.size, one.sha256.hex()] for one in posted.files]
    sent = [posted.one("organisation"), step, filled.answers, filled.consent, files]
    return derive(
        unb64(opened["key"]), "addition", hashlib.sha256(json.dumps(sent).encode()).digest()
    )


def _body(step: str, filled: Filled, locale: str, posted: Posted, derived: Receipt) -> bytes:
    kind_of = "consent" if step == "consent" else ("more" if filled.answers else "files")
    described = [file.described() for file in posted.files]
    return body_json(
        "addition",
        filled.answers,
        filled.consent,
        locale,
        described,
        derived,
        clock.today(),
        kind_of,
    )


def _read(step: str, posted: Posted) -> Filled:
    names = {"consent.statistics", "consent.reply"} if step == "consent" else {"what_happened"}
    fields = {name: values for name, values in posted.fields.items() if name in names}
    return parse(fields, clock.today(), required=frozenset())


def _problem(step: str, filled: Filled, posted: Posted) -> tuple[str, str]:
    """What is wrong, and the id of the field it is about; nothing where all is well."""
    if posted.problem:
        return sending.file_problem(posted), "more-files"
    if is_too_long(filled):
        return gettext(filled.problems["what_happened"]), "more"
    if step == "consent" and not filled.consent:
        return gettext("Choose yes or no."), "f-consent.statistics"
    if step == "add" and not filled.answers and not posted.files:
        return gettext("Write a few words, or choose a file."), "more"
    return "", ""

"""Sending without script: seals in memory what the draft holds, stores it once, shows the receipt.

The receipt is derived once, here, for this request only. The same draft sent again is answered with
the same receipt and stores nothing.
"""

import json
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from flask import Response, current_app
from flask_babel import gettext
from sqlalchemy.exc import OperationalError

from reporting import clock, organisations, receipt, submission
from reporting.attachments import MAX_SEALED
from reporting.envelope import MAX_ATTACHMENTS, Envelope, Part, seal_body, seal_content_key
from reporting.instance import Instance
from reporting.organisations import Key, Listing
from reporting.posted import MAX_FIELDS, Posted, SealedFile
from reporting.questions import Filled, body_json, parse
from reporting.receipt import Receipt
from reporting.sealing import unb64
from reporting.submission import Accepted, SubmissionRefused
from reporting.views import checking
from reporting.views.pages import page

# Twice what can be taken: it is read to the end and dropped, so that the page says what was wrong.
MAX_REQUEST = 2 * (MAX_FIELDS + MAX_ATTACHMENTS * MAX_SEALED)


def send(
    organisation: Listing,
    locale: str,
    posted: Posted,
    draft: dict[str, Any],
    content_key: bytes,
) -> Response:
    """Answer `step=send`: the receipt, or the check page with the reason and nothing lost."""
    digits = draft["receipt"]
    day = date.fromisoformat(draft["day"])
    filled = parse(draft["fields"], day)
    slug = organisation.slug
    if posted.files:
        # The upload may have taken an hour, and the key may have retired meanwhile.
        organisation = organisations.find(slug) or organisation
    key = organisation.open_key
    problem, status = file_problem(posted), 413
    if key is None and not problem:
        problem, status = gettext("This organisation cannot take reports at the moment."), 503
        problem = with_files(problem, posted)
    again = partial(_again, organisation, posted, draft, filled)
    if problem or key is None:
        return again(status, problem)
    derived = derive(digits)
    body = body_json(
        "report",
        filled.answers,
        filled.consent,
        locale,
        [file.described() for file in posted.files],
        derived,
        clock.today(),
    )
    report_id = unb64(draft["report_id"])
    try:
        # The draft holds all that was typed. Files that come with it late are told of below.
        accepted = store(
            *(organisation, key, "report", report_id, content_key, body, derived, posted.files),
            known_by=report_id,
        )
    except (OperationalError, OSError, SubmissionRefused):
        problem = gettext("It was not sent. Your answers are still here. Please try again.")
        return again(503, with_files(problem, posted))
    late_files = accepted.repeated and bool(posted.files)
    return receipt_page(organisation, digits, accepted, late_files=late_files)


def _again(
    organisation: Listing,
    posted: Posted,
    draft: dict[str, Any],
    filled: Filled,
    status: int,
    problem: str,
) -> Response:
    """The receipt if it was sent before; else the check page, which says what is wrong.

    Where nobody can tell it offers to send the same again and not to change it: changed it would be
    another report, beside one that may be there.
    """
    unsure = False
    try:
        before = _sent_before(organisation, posted, draft)
    except OperationalError:
        before, unsure = None, True
    if before is not None:
        return before
    if unsure and status == 503:
        problem = with_files(unsure_words(), posted)
    return checking.check_page(
        organisation, filled, posted.one("draft"), status, problem, unsure=unsure
    )


def _sent_before(organisation: Listing, posted: Posted, draft: dict[str, Any]) -> Response | None:
    """The receipt of a draft that was sent before: it is there, whatever is wrong with this time.

    Asked only then: a new report, the common case, is known by its insert. Raises
    `OperationalError` where nobody can tell.
    """
    known = submission.known_draft(organisation.slug, unb64(draft["report_id"]))
    if known is None:
        return None
    return receipt_page(organisation, draft["receipt"], known, late_files=bool(posted.files))


def unsure_words() -> str:
    """What is said when the database stayed away: it may be there."""
    return str(
        gettext(
            "We could not find out whether it was sent. Your answers are still here. "
            "Please try again."
        )
    )


def derive(digits: str) -> Receipt:
    """What the digits open, for this request only."""
    instance: Instance = current_app.extensions["instance"]
    return receipt.derive_receipt(digits, instance.instance_id)


def store(
    organisation: Listing,
    key: Key,
    kind: str,
    report_id: bytes,
    content_key: bytes,
    body: bytes,
    derived: Receipt,
    files: list[SealedFile],
    *,
    known_by: bytes,
    place: Sequence[bytes] = (),
) -> Accepted:
    """Seal a body to the current key and submit it with files that were sealed on arrival.

    The same body sent again is sealed afresh: `known_by` tells that it came, `place` where it lies.
    """
    envelope = Envelope(
        kind=kind,
        report_id=report_id,
        key_id=key.key_id,
        sealed_key=seal_content_key(key.public_key, report_id, key.key_id, content_key),
        body=seal_body(content_key, report_id, body),
        mailbox_token=derived.mailbox_token,
        attachments=tuple(Part(i, file.incoming.length) for i, file in enumerate(files)),
    )
    return submission.submit(
        organisation,
        envelope,
        [file.incoming for file in files],
        known_by=known_by,
        place=place,
    )


def file_problem(posted: Posted) -> str:
    """What was wrong with the files, in words."""
    return {
        "": "",
        "file-too-large": gettext("One file is larger than 20 MB. Choose a smaller one."),
        "too-many-files": gettext("You can send 5 files at once. Choose fewer."),
        "draft-first": gettext("The files could not be read. Please choose them again."),
    }[posted.problem]


def with_files(problem: str, posted: Posted) -> str:
    """No page can hold files: without a word of it they would be missing from what comes next."""
    choose_again = gettext("Please choose your files again.")
    return f"{problem} {choose_again}" if posted.files or posted.problem else problem


def receipt_page(
    organisation: Listing, digits: str, accepted: Accepted, *, late_files: bool = False
) -> Response:
    """The receipt, shown this once, with the acknowledgement behind a choice."""
    word = accepted.acknowledgement
    return page(
        "reporting/receipt.html",
        organisation=organisation,
        number=receipt.grouped(digits),
        repeated=accepted.repeated,
        late_files=late_files,
        acknowledgement=json.dumps(word) if word else "",
        today=clock.today(),
    )

"""Coming back with a receipt: read, add, change consent, delete. The pages without script.

The digits are read for the request that brings them and travel on only boxed in the page. Known and
unknown numbers get the same page: no answer here says whether a report exists.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, current_app, render_template, request
from flask_babel import gettext
from sqlalchemy.exc import OperationalError

from reporting import clock, i18n, mailbox, organisations, receipt, submission
from reporting.access import PUBLIC, audience
from reporting.draft import open_draft, seal_draft
from reporting.envelope import open_to_reporter
from reporting.models import Message
from reporting.multipart import MultipartRefused
from reporting.posted import Posted, read_posted
from reporting.questions import FORM, Filled, body_json, is_too_long, parse
from reporting.receipt import Receipt
from reporting.sealing import SealingRefused, b64, derive, random_id, random_key, unb64
from reporting.strict_json import parse_json
from reporting.submission import SubmissionRefused
from reporting.views import blueprint, sending
from reporting.views.mailbox import erase_steadily
from reporting.views.pages import cached_page, page

DRAFT = "inbox"
ADDRESS = f"{i18n.PATH}/return"
STATUSES = ("being_read", "question", "finished")
STEPS = ("open", "add", "consent", "erase", "erase-now")


@dataclass(frozen=True)
class Opened:
    """A message as its reader sees it; `text` is empty where it could not be opened.

    `organisation` is the short name of who wrote it, empty in messages that do not say.
    """

    day: str
    number: int
    text: str
    status: str
    organisation: str


@blueprint.get(ADDRESS)
@audience(PUBLIC)
def ask_receipt(locale: str) -> Response:
    """Asks for the receipt number. With script, everything after it happens in this page."""
    values = _values()
    chosen_from = (str(values["organisations"]), values["only_one"])
    return cached_page(
        ("return", locale, clock.today(), *chosen_from),
        lambda: render_template("reporting/return.html", **values),
    )


@blueprint.post(ADDRESS)
@audience(PUBLIC)
def inbox(locale: str) -> Response:
    """The way without script: open the mailbox, or do something with it."""
    request.max_content_length = None
    if (request.content_length or 0) > sending.MAX_REQUEST:
        abort(413)
    content_key, report_id = random_key(), random_id()
    opened: dict[str, Any] = {}

    def keys(fields: Mapping[str, Sequence[str]]) -> tuple[bytes, bytes] | None:
        if not opened:
            opened.update(open_draft(DRAFT, fields.get("draft", [""])[-1]) or {})
        return (content_key, report_id) if opened else None

    try:
        posted = read_posted(request.stream, request.headers.get("Content-Type", ""), keys)
    except MultipartRefused as refused:
        abort(413 if refused.reason == "too-large" else 400)
    try:
        step = posted.one("step") or "open"
        if step not in STEPS:
            abort(400)
        keys(posted.fields)
        if opened:
            return _do(step, locale, posted, opened, (content_key, report_id))
        return _open_typed(posted)
    finally:
        posted.discard()


def open_messages(derived: Receipt, rows: Sequence[Message]) -> list[Opened]:
    """Messages opened with the receipt, oldest first. One that cannot be opened stops no other."""
    messages = [_opened(derived, row) for row in rows]
    return sorted(messages, key=lambda message: (message.day, message.number))


def _opened(derived: Receipt, row: Message) -> Opened:
    day = row.day.isoformat()
    try:
        said = parse_json(
            open_to_reporter(derived.reply_seed, row.report_id, row.message_id, row.sealed)
        )
        text, status, number = said.get("text", ""), said.get("status", ""), said.get("number", 0)
        organisation = said.get("organisation", "")
        if not isinstance(text, str) or not isinstance(number, int):
            raise SealingRefused("message")
    except (SealingRefused, AttributeError):
        return Opened(day, 0, "", "", "")
    return Opened(
        day,
        number,
        text,
        status if status in STATUSES else "",
        organisation if isinstance(organisation, str) else "",
    )


def _open_typed(posted: Posted) -> Response:
    """Read the digits a person typed; a wrong one is said without asking the database."""
    typed = posted.one("receipt")
    try:
        digits = receipt.read_digits(typed)
    except SealingRefused as refused:
        if posted.one("draft"):
            problem = gettext("This page is too old. Please type your number again.")
        elif refused.reason == "receipt-check":
            problem = gettext("One digit is not right. Please compare them once more.")
        else:
            problem = gettext("The number has 24 digits. Please type all of them.")
        return _page("return", 422, typed=typed, problem=problem)
    return _inbox(digits, sending.derive(digits))


def _do(
    step: str, locale: str, posted: Posted, opened: dict[str, Any], keys: tuple[bytes, bytes]
) -> Response:
    digits = str(opened["receipt"])
    if step == "erase":
        return _page("erase", draft=posted.one("draft"))
    derived = sending.derive(digits)
    if step == "erase-now":
        erase_steadily(derived.mailbox_token)
        return _page("erased")
    if step == "open":
        return _inbox(digits, derived)
    return _add(step, locale, posted, opened, derived, keys)


def _add(
    step: str,
    locale: str,
    posted: Posted,
    opened: dict[str, Any],
    derived: Receipt,
    keys: tuple[bytes, bytes],
) -> Response:
    """Seal an addition and store it once; on a problem the page keeps what was typed."""
    digits = str(opened["receipt"])
    filled = _read(step, posted)
    problem, at = _problem(step, filled, posted)
    if problem:
        status = 413 if posted.problem else 422
        return _inbox(digits, derived, status, problem=problem, at=at, posted=posted)
    sent = gettext("We have what you added.")
    organisation = organisations.find(posted.one("organisation"))
    lying = mailbox.count(derived.mailbox_token)
    known_by = _known_by(opened, step, filled, posted, lying)
    # A repeat comes before what may have changed since: its key may have retired.
    again = _known_by(opened, step, filled, posted, lying - 1)
    if organisation and submission.is_known(again):
        return _inbox(digits, derived, notice=sent, chosen=organisation.slug)
    key = organisation.open_key if organisation else None
    if organisation is None:
        problem, at = gettext("Choose the organisation you wrote to."), f"{step}-organisation"
        return _inbox(digits, derived, 422, problem=problem, at=at, posted=posted)
    if key is None:
        problem = gettext("This organisation cannot take reports at the moment.")
        return _inbox(digits, derived, 503, problem=problem, posted=posted)
    content_key, report_id = keys
    body = _body(step, filled, locale, posted, derived)
    files = posted.files
    try:
        sending.store(
            *(organisation, key, "addition", report_id, content_key, body, derived, files),
            known_by=known_by,
        )
    except (OperationalError, OSError, SubmissionRefused):
        problem = gettext("It was not sent. Your answers are still here. Please try again.")
        return _inbox(digits, derived, 503, problem=problem, posted=posted)
    return _inbox(digits, derived, notice=sent, chosen=organisation.slug)


def _known_by(
    opened: dict[str, Any], step: str, filled: Filled, posted: Posted, lying: int
) -> bytes:
    """By what an addition is known when it comes again: all that was sent, in its place.

    All forms of a page hold one draft, and a page may be gone back to: its draft alone would take a
    withdrawal of consent for a repeat of the words before it. The place is how many lay there
    before: no, yes, no is three words, and the last one counts. Under a key that only the page has:
    "no" would be guessed from the database otherwise.
    """
    files = [[one.name, one.media_type, one.size, one.sha256.hex()] for one in posted.files]
    sent = [posted.one("organisation"), step, filled.answers, filled.consent, files, lying]
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


def _inbox(
    digits: str,
    derived: Receipt,
    status: int = 200,
    *,
    notice: str = "",
    problem: str = "",
    at: str = "",
    posted: Posted | None = None,
    chosen: str = "",
) -> Response:
    messages = open_messages(derived, mailbox.read(derived.mailbox_token))
    told = [message for message in messages if message.status]
    latest = told[-1].status if told else ""
    # Who answered has the report. A wrong choice would hand the reporter's words to strangers.
    answered = ["", *(message.organisation for message in messages if message.organisation)]
    return _page(
        "inbox",
        status,
        messages=messages,
        latest=latest,
        asked=told[-1] if latest == "question" else None,
        draft=seal_draft(DRAFT, {"receipt": digits, "key": b64(random_key())}),
        notice=notice,
        problem=problem,
        at=at,
        kept=posted is not None,
        fields=posted.fields if posted else {"organisation": [chosen or answered[-1]]},
    )


def _page(name: str, code: int = 200, **values: Any) -> Response:
    return page(f"reporting/{name}.html", code, **{**_values(), **values})


def _values() -> dict[str, Any]:
    every = organisations.every()
    return {
        "organisations": [(o.slug, o.name) for o in every if o.open_key],
        # Only then is there nothing to choose: where others are closed, the report may be theirs.
        "only_one": len(every) == 1,
        "q": {q.id: q for q in (*FORM.questions, *FORM.consents)},
        "fields": {},
        "kept": False,
        "at": "",
        "problems": {},
        "encrypted": current_app.extensions["settings"].encrypted,
        "instance_id": b64(current_app.extensions["instance"].instance_id),
        "form": FORM,
        "today": clock.today().isoformat(),
    }

"""Coming back with a receipt: read, add, change consent, delete. The pages without script.

The digits are read for the request that brings them and travel on only boxed in the page. Known and
unknown numbers get the same page: no answer here says whether a report exists.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, abort, render_template, request
from flask_babel import gettext
from sqlalchemy.exc import OperationalError

from reporting import clock, i18n, receipt
from reporting.access import PUBLIC, audience
from reporting.draft import open_draft
from reporting.multipart import MultipartRefused
from reporting.posted import Posted, read_posted
from reporting.receipt import Receipt
from reporting.sealing import SealingRefused, random_id, random_key
from reporting.views import adding, blueprint, sending
from reporting.views.inbox import DRAFT, inbox_page, page_of, unread_page, values_of_pages
from reporting.views.mailbox import erase_steadily
from reporting.views.pages import cached_page, page

ADDRESS = f"{i18n.PATH}/return"
STEPS = ("open", "add", "consent", "erase", "erase-now")
# What somebody typed or chose in a page that is too old by now.
TYPED = ("what_happened", "consent.statistics", "consent.reply")


@blueprint.get(ADDRESS)
@audience(PUBLIC)
def ask_receipt(locale: str) -> Response:
    """Asks for the receipt number. With script, everything after it happens in this page."""
    values = values_of_pages()
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


def _open_typed(posted: Posted) -> Response:
    """Read the digits a person typed; a wrong one is said without asking for a mailbox.

    What else came, from a page that was too old, goes along until the number is right.
    """
    typed = posted.one("receipt")
    kept = any(posted.one(name) for name in TYPED)
    try:
        digits = receipt.read_digits(typed)
    except SealingRefused as refused:
        if posted.one("draft"):
            old = gettext("This page is too old. Please type your number again.")
            lost = "" if not kept else gettext("What you typed is not lost.")
            problem = " ".join(filter(None, [old, lost, sending.file_problem(posted)]))
        elif refused.reason == "receipt-check":
            problem = gettext("One digit is not right. Please compare them once more.")
        else:
            problem = gettext("The number has 24 digits. Please type all of them.")
        carried = [name for name in ("organisation", *TYPED) if kept and posted.one(name)]
        return page_of(
            "return",
            422,
            typed=typed,
            problem=problem,
            carried=carried,
            kept=kept,
            fields=posted.fields if kept else {},
        )
    derived = sending.derive(digits)
    if not kept:
        return _read(digits, derived, posted)
    # Not "it was not sent": what was loaded again hours later may well have been.
    problem = gettext("Your answers are still here. Send them if you have not done so yet.")
    at = "t-add" if posted.one("what_happened") else "t-consent"
    try:
        return inbox_page(digits, derived, problem=problem, at=at, posted=posted)
    except OperationalError:
        return unread_page(digits, posted, problem=problem, at=at)


def _do(
    step: str, locale: str, posted: Posted, opened: dict[str, Any], keys: tuple[bytes, bytes]
) -> Response:
    digits = str(opened["receipt"])
    if step == "erase":
        return page("reporting/erase.html", draft=posted.one("draft"))
    derived = sending.derive(digits)
    if step == "erase-now":
        return _erase(derived, posted)
    if step == "open":
        return _read(digits, derived, posted)
    try:
        return adding.add(step, locale, posted, opened, derived, keys)
    except OperationalError:
        # An error page would say that nothing was stored, and have none of what was typed.
        return adding.unsure(step, posted, opened)


def _read(digits: str, derived: Receipt, posted: Posted) -> Response:
    """The messages; without the database a page that has the number, to try again from."""
    try:
        return inbox_page(digits, derived)
    except OperationalError:
        return unread_page(digits, posted)


def _erase(derived: Receipt, posted: Posted) -> Response:
    """Say that it is gone only where somebody knows; erasing is safe to repeat."""
    try:
        erase_steadily(derived.mailbox_token)
    except (OperationalError, OSError):
        # An error page would say that nothing was stored, to somebody who asks what is gone.
        problem = gettext("We could not find out whether it is deleted. Please try again.")
        draft = posted.one("draft")
        return page("reporting/erase.html", 503, draft=draft, problem=problem)
    return page("reporting/erased.html")

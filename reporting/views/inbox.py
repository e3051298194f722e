"""The page of a mailbox without script: what came, and the forms for what can be done with it.

The digits go into it only boxed. Whatever was typed and not taken stands in it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app

from reporting import clock, mailbox, organisations
from reporting.draft import seal_draft
from reporting.envelope import open_to_reporter
from reporting.models import Message
from reporting.posted import Posted
from reporting.questions import FORM
from reporting.receipt import Receipt
from reporting.sealing import SealingRefused, b64, random_key
from reporting.strict_json import parse_json
from reporting.views.pages import page

DRAFT = "inbox"
STATUSES = ("being_read", "question", "finished")


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


def inbox_page(
    digits: str,
    derived: Receipt,
    status: int = 200,
    *,
    notice: str = "",
    problem: str = "",
    at: str = "",
    posted: Posted | None = None,
    chosen: str = "",
    key: str = "",
) -> Response:
    """The messages and the forms; `posted` is what was sent and is to stand there again.

    `key` is the one it was sent under, where the same sent from here is to be the same addition.
    """
    messages = open_messages(derived, mailbox.read(derived.mailbox_token))
    told = [message for message in messages if message.status]
    latest = told[-1].status if told else ""
    # Who answered has the report. A wrong choice would hand the reporter's words to strangers.
    answered = ["", *(message.organisation for message in messages if message.organisation)]
    return page_of(
        "inbox",
        status,
        messages=messages,
        latest=latest,
        asked=told[-1] if latest == "question" else None,
        draft=_boxed(digits, key),
        notice=notice,
        problem=problem,
        at=at,
        kept=posted is not None,
        fields=posted.fields if posted else {"organisation": [chosen or answered[-1]]},
    )


def unread_page(
    digits: str, posted: Posted, *, problem: str = "", at: str = "", key: str = ""
) -> Response:
    """The same without a question to the database: no messages, the forms with what was typed.

    Nor is there a choice of organisations: the one that was chosen goes along. Where nothing was
    typed there is nothing to type into, and a way to try again.
    """
    return page(
        "reporting/inbox.html",
        503,
        **{
            **_values([], only_one=True),
            "unread": True,
            "messages": [],
            "draft": _boxed(digits, key),
            "problem": problem,
            "at": at,
            "kept": bool(problem),
            "fields": posted.fields,
        },
    )


def _boxed(digits: str, key: str) -> str:
    return seal_draft(DRAFT, {"receipt": digits, "key": key or b64(random_key())})


def page_of(name: str, code: int = 200, **values: Any) -> Response:
    """A page of somebody who came back."""
    return page(f"reporting/{name}.html", code, **{**values_of_pages(), **values})


def values_of_pages() -> dict[str, Any]:
    """What each of these pages asks for."""
    every = organisations.every()
    # Only then is there nothing to choose: where others are closed, the report may be theirs.
    return _values([(o.slug, o.name) for o in every if o.open_key], only_one=len(every) == 1)


def _values(choices: list[tuple[str, str]], *, only_one: bool) -> dict[str, Any]:
    return {
        "organisations": choices,
        "only_one": only_one,
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

"""The questions of the first form, and what is made of the answers.

Answers are hostile input and never kept here: they come in as form fields and go out as the JSON
that is sealed. Only *what happened* must be there; nothing is ever asked twice or for proof.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from reporting import vocabulary
from reporting.receipt import Receipt
from reporting.sealing import b64

# JSON of a body before it is padded and sealed.
MAX_JSON = 256 * 1024
FIRST_YEAR = 1900
PRECISIONS = ("today", "yesterday", "week", "other", "unknown")
MONTHS = tuple(str(number) for number in range(1, 13))
REQUESTS = ("more", "files", "consent")


def N_(text: str) -> str:
    """Mark a source string for translation where it cannot be translated yet."""
    return text


@dataclass(frozen=True)
class Question:
    """One question: its id is the form field's name and the key of the answer."""

    id: str
    type: str
    wording: str
    hint: str = ""
    options: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Form:
    """A set of questions that never changes its meaning under one id and version."""

    id: str
    version: int
    questions: tuple[Question, ...]
    consents: tuple[Question, ...]

    def question(self, question_id: str) -> Question:
        """The question of an id."""
        return next(q for q in (*self.questions, *self.consents) if q.id == question_id)


@dataclass
class Filled:
    """What was understood of a filled-in form, and what has to be put right (field -> message)."""

    answers: dict[str, Any] = field(default_factory=dict)
    consent: dict[str, bool] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


FORM = Form(
    id="first",
    version=1,
    questions=(
        Question(
            "what_happened",
            "text",
            N_("What happened?"),
            N_(
                "Write what you saw or heard, in any language. A few words are enough. "
                "Please leave out names and phone numbers."
            ),
            required=True,
        ),
        Question("when", "when", N_("When did it happen?"), options=PRECISIONS),
        Question("country", "country", N_("Country"), options=vocabulary.countries()),
        Question("area", "line", N_("Town or area"), N_("Please do not give a home address.")),
        Question("setting", "choice", N_("Kind of place"), options=vocabulary.ids("loc")),
        Question(
            "grounds",
            "choices",
            N_("Why do you think it happened?"),
            N_("Choose all that fit. It is fine to guess."),
            vocabulary.ids("reporter_ground"),
        ),
        Question(
            "acts",
            "choices",
            N_("What kind of thing happened?"),
            N_("Choose all that fit."),
            vocabulary.ids("reporter_group"),
        ),
        Question(
            "role",
            "choice",
            N_("How do you know about it?"),
            # Staff who write down a call say so on their own pages.
            options=tuple(i for i in vocabulary.ids("reporter_role") if i != "rr.staff"),
        ),
    ),
    consents=(
        Question(
            "statistics",
            "yes_no",
            N_("May we count it in our numbers?"),
            N_("We publish numbers only, never what you wrote. No answer means no."),
        ),
        Question(
            "reply",
            "yes_no",
            N_("May we write back to you?"),
            N_("You read our answer here with your receipt number. No answer means no."),
        ),
    ),
)
PRECISION_WORDS = {
    "today": N_("Today"),
    "yesterday": N_("Yesterday"),
    "week": N_("In the last 7 days"),
    "other": N_("Another time"),
    "unknown": N_("I am not sure"),
}
WHEN_FIELDS = ("when.precision", "when.year", "when.month", "when.day")
CONSENT_FIELDS = tuple(f"consent.{c.id}" for c in FORM.consents)
FIELDS = frozenset(
    [*(q.id for q in FORM.questions if q.id != "when"), *WHEN_FIELDS, *CONSENT_FIELDS]
)
_WORDLESS = N_("Write a few words about what happened.")
_TOO_LONG = N_("This is too long to send at once. Please shorten it, or send the rest later.")
_CHOICE = N_("Choose one of the answers listed.")
_YEAR = N_("Write the year with four digits, for example 2025.")
_DAY = N_("Check the day and the month.")


def parse(
    fields: Mapping[str, Sequence[str]], day: date, *, required: frozenset[str] | None = None
) -> Filled:
    """Read form fields. `day` is the day of receipt, against which *today* is understood."""
    filled = Filled()
    needed = {q.id for q in FORM.questions if q.required} if required is None else required
    for question in FORM.questions:
        given = [lf(value) for value in fields.get(question.id, ())]
        if question.type == "when":
            _read_when(fields, day, filled)
        elif question.type in {"text", "line"}:
            _read_text(question, given, filled, needed=question.id in needed)
        else:
            _read_choice(question, given, filled)
    for consent in FORM.consents:
        value = _one(fields, f"consent.{consent.id}")
        if value in {"yes", "no"}:
            filled.consent[consent.id] = value == "yes"
        elif value:
            filled.problems[f"consent.{consent.id}"] = _CHOICE
    return filled


def lf(text: str) -> str:
    """Line ends as LF; nothing else about a text is changed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def body_json(
    kind: str,
    answers: Mapping[str, Any],
    consent: Mapping[str, bool],
    locale: str,
    files: Sequence[Mapping[str, Any]],
    receipt: Receipt,
    day: date,
    request: str | None = None,
) -> bytes:
    """The JSON that is sealed (sealing.md 3). `files`: name, media_type, true size, in order."""
    body = {
        "schema": 1,
        "kind": kind,
        "form": {"id": FORM.id, "version": FORM.version},
        "submitted_on": day.isoformat(),
        "language": locale,
        "answers": dict(answers),
        "consent": dict(consent),
        "reply_public_key": b64(receipt.reply_public_key),
        "follow_up": b64(receipt.follow_up),
        "attachments": [dict(one) for one in files],
    }
    if request is not None:
        body["request"] = request
    # A lone surrogate cannot be UTF-8; fields are decoded with replacement, so there is none.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def is_too_long(filled: Filled) -> bool:
    """Whether the answers alone pass the limit. Marks the text as the problem."""
    size = len(json.dumps(filled.answers, ensure_ascii=False).encode())
    # Keys, consents and names of files need room in the same JSON.
    if size <= MAX_JSON - 8 * 1024:
        return False
    filled.problems["what_happened"] = _TOO_LONG
    return True


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    values = fields.get(name, ())
    return values[-1].strip() if values else ""


def _read_text(question: Question, given: list[str], filled: Filled, *, needed: bool) -> None:
    text = given[-1] if given else ""
    if text.strip():
        filled.answers[question.id] = text
    elif needed:
        filled.problems[question.id] = _WORDLESS


def _read_choice(question: Question, given: list[str], filled: Filled) -> None:
    chosen = list(dict.fromkeys(value.strip() for value in given if value.strip()))
    if any(value not in question.options for value in chosen):
        filled.problems[question.id] = _CHOICE
    elif chosen:
        several = question.type == "choices"
        filled.answers[question.id] = chosen if several else chosen[-1]


def _read_when(fields: Mapping[str, Sequence[str]], day: date, filled: Filled) -> None:
    precision = _one(fields, "when.precision")
    year, month, monthday = (_one(fields, f"when.{part}") for part in ("year", "month", "day"))
    if precision in {"", "other", "day", "month", "year"}:
        if not precision and not (year or month or monthday):
            return
        value = _read_date(year, month, monthday, day, filled)
        if value is not None:
            parts = value.count("-") + 1 if value else 0
            filled.answers["when"] = {
                "value": value,
                "precision": ("unknown", "year", "month", "day")[parts],
            }
    elif precision in {"today", "yesterday"}:
        then = day - timedelta(days=precision == "yesterday")
        filled.answers["when"] = {"value": then.isoformat(), "precision": "day"}
    elif precision == "week":
        # The seven days that end on this day.
        filled.answers["when"] = {"value": day.isoformat(), "precision": "week"}
    elif precision == "unknown":
        filled.answers["when"] = {"value": "", "precision": "unknown"}
    else:
        filled.problems["when.precision"] = _CHOICE


def _read_date(year: str, month: str, monthday: str, day: date, filled: Filled) -> str | None:
    """`2025-03-14`, `2025-03`, `2025`, or empty; `None` where the numbers make no date."""
    numbers = [_number(text) for text in (year, month, monthday)]
    y, m, d = numbers
    if not (year or month or monthday):
        return ""
    if y is None or not FIRST_YEAR <= y <= day.year + 1:
        filled.problems["when.year"] = _YEAR
        return None
    if not month and not monthday:
        return f"{y:04}"
    if m is None or not 1 <= m <= 12:
        filled.problems["when.month"] = _DAY
        return None
    if not monthday:
        return f"{y:04}-{m:02}"
    try:
        return date(y, m, d or 0).isoformat()
    except ValueError:
        filled.problems["when.day"] = _DAY
        return None


def _number(text: str) -> int | None:
    """A number in the digits of any script."""
    digits = [unicodedata.decimal(char, None) for char in text]
    if not digits or len(digits) > 4 or None in digits:
        return None
    return int("".join(str(digit) for digit in digits))

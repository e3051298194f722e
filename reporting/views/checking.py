"""The check page: answers in words, nothing sent yet. The one place where they are shown back."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from flask_babel import gettext

from reporting import i18n
from reporting.organisations import Listing
from reporting.questions import FORM, Filled, Question
from reporting.views.pages import page


def shown_answers(filled: Filled, locale: str) -> list[tuple[Question, list[str]]]:
    """Each question with its answer in words; no words where there is none."""
    rows = [(q, _in_words(q, filled.answers.get(q.id), locale)) for q in FORM.questions]
    for consent in FORM.consents:
        said = filled.consent.get(consent.id)
        words = [] if said is None else [gettext("Yes") if said else gettext("No")]
        rows.append((consent, words))
    return rows


def check_page(
    organisation: Listing,
    filled: Filled,
    draft: str,
    status: int = 200,
    problem: str = "",
    *,
    unsure: bool = False,
) -> Response:
    """The answers as they will be sent, with files still to be chosen.

    `unsure`: they may have been sent, so that they are not to be changed any more.
    """
    return page(
        "reporting/check.html",
        status,
        organisation=organisation,
        rows=shown_answers(filled, i18n.chosen()),
        draft=draft,
        problem=problem,
        unsure=unsure,
    )


def _in_words(question: Question, given: Any, locale: str) -> list[str]:
    if not given:
        return []
    if question.type == "when":
        return [when_in_words(given)]
    if question.type == "country":
        return [i18n.country_name(given, locale)]
    if question.type in {"choice", "choices"}:
        return [i18n.label(i) for i in ([given] if isinstance(given, str) else given)]
    return [str(given)]


def when_in_words(given: Mapping[str, str]) -> str:
    """A date with its precision, in the page's language, in Latin digits."""
    value, precision = given["value"], given["precision"]
    if precision == "week":
        return str(gettext("In the last 7 days"))
    return i18n.long_date(value) if value else str(gettext("I am not sure"))

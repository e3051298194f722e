"""Addresses at fixed names, so that others can build clients and compare keys: public facts."""

from functools import cache
from typing import Any

from flask import Response, abort, current_app
from flask_babel import force_locale, gettext

from reporting import i18n, organisations
from reporting.access import PUBLIC, audience
from reporting.instance import Instance
from reporting.questions import FORM, PRECISION_WORDS, Question
from reporting.sealing import FORMAT, b64, public_of_signing
from reporting.views import blueprint
from reporting.views.pages import answer

ROOT = "/.well-known/upstander"


@blueprint.get(f"{ROOT}/instance.json")
@audience(PUBLIC)
def instance_facts() -> Response:
    """What this instance is: needed to derive a receipt and to check an acknowledgement."""
    own: Instance = current_app.extensions["instance"]
    return answer(
        {
            "format": FORMAT,
            "instance_id": b64(own.instance_id),
            "acknowledgement_key": b64(public_of_signing(own.acknowledgement)),
            "organisations": [o.slug for o in organisations.every()],
        }
    )


@blueprint.get(f"{ROOT}/<slug>.json")
@audience(PUBLIC)
def organisation_facts(slug: str) -> Response:
    """An organisation's identity key and the intake key to seal to; null while it takes none."""
    found = organisations.find(slug) or abort(404)
    key = found.open_key
    return answer(
        {
            "organisation": found.slug,
            "name": found.name,
            "identity_key": b64(found.identity_key),
            "intake_key": organisations.published_key(key) if key else None,
        }
    )


@blueprint.get(f"{ROOT}/<slug>/form.json")
@audience(PUBLIC)
def form_questions(slug: str) -> Response:
    """The questions of the current form, with every wording in every language."""
    if organisations.find(slug) is None:
        abort(404)
    return answer(_form())


@cache
def _form() -> dict[str, Any]:
    return {
        "form": {"id": FORM.id, "version": FORM.version},
        "questions": [_question(q) for q in FORM.questions],
        "consents": [_question(q) for q in FORM.consents],
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "type": question.type,
        "required": question.required,
        "wording": _in_all(lambda _locale: gettext(question.wording)),
        "hint": _in_all(lambda _locale: gettext(question.hint) if question.hint else ""),
        "options": [
            {"id": option, "wording": _in_all(_option(question, option))}
            for option in question.options
        ],
    }


def _option(question: Question, option: str) -> Any:
    if question.type == "country":
        return lambda locale: i18n.country_name(option, locale)
    if question.type == "when":
        return lambda _locale: gettext(PRECISION_WORDS[option])
    return lambda _locale: i18n.label(option)


def _in_all(wording: Any) -> dict[str, str]:
    said = {}
    for locale in i18n.LOCALES:
        with force_locale(locale):
            said[locale] = wording(locale)
    return said

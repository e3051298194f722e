"""The form: shown, checked, changed. Sending it without script is `sending`'s.

What a person typed travels only in the answer to the request that brought it, boxed in the page.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from flask import Response, abort, current_app, render_template, request

from reporting import clock, i18n, organisations, receipt, vocabulary
from reporting.access import PUBLIC, audience
from reporting.draft import open_draft, seal_draft
from reporting.multipart import MultipartRefused
from reporting.organisations import Listing
from reporting.posted import Posted, read_posted
from reporting.questions import FIELDS, FORM, Filled, is_too_long, parse
from reporting.sealing import b64, random_id, random_key, unb64
from reporting.views import blueprint, checking, sending
from reporting.views.pages import cached_page, let_go, page

DRAFT = "report"
ADDRESS = f"{i18n.PATH}/report/<slug>"


@blueprint.get(ADDRESS)
@audience(PUBLIC)
def form(locale: str, slug: str) -> Response:
    """The empty form; the same bytes for everybody until the day changes."""
    today = clock.today()
    organisation = organisations.find(slug) or abort(404)
    if organisation.open_key is None:
        return _closed(organisation, locale)
    facts = (organisation.name, organisation.about)
    return cached_page(
        ("form", locale, slug, today, facts),
        lambda: render_template(
            "reporting/report.html", **_form_values(organisation, today, takes=True)
        ),
    )


@blueprint.post(ADDRESS)
@audience(PUBLIC)
def post_form(locale: str, slug: str) -> Response:
    """The way without script: check, change, send."""
    organisation = organisations.find(slug) or abort(404)
    request.max_content_length = None
    if (request.content_length or 0) > sending.MAX_REQUEST:
        abort(413)
    let_go()
    # Files are sealed on arrival under these; the id is the draft's, known before them.
    content_key = random_key()
    opened: dict[str, Any] = {}

    def keys(fields: Mapping[str, Sequence[str]]) -> tuple[bytes, bytes] | None:
        if not opened:
            opened.update(_draft(fields.get("draft", [""])[-1], slug) or {})
        return (content_key, unb64(opened["report_id"])) if opened else None

    try:
        posted = read_posted(request.stream, request.headers.get("Content-Type", ""), keys)
    except MultipartRefused as refused:
        abort(413 if refused.reason == "too-large" else 400)
    try:
        step = posted.one("step") or ("send" if posted.files else "check")
        if step not in {"check", "change", "send"}:
            abort(400)
        if step == "check":
            return _check(organisation, locale, posted)
        keys(posted.fields)
        if not opened:
            return page("reporting/too_old.html", 422, organisation=organisation)
        if step == "change":
            return _show(organisation, opened["fields"], Filled(), 200)
        return sending.send(organisation, locale, posted, opened, content_key)
    finally:
        posted.discard()


def _check(organisation: Listing, locale: str, posted: Posted) -> Response:
    """Read the answers; show them back, with what has to be put right or to be sent."""
    fields = {name: values for name, values in posted.fields.items() if name in FIELDS}
    today = clock.today()
    filled = parse(fields, today)
    if is_too_long(filled):
        return _show(organisation, fields, filled, 413)
    if filled.problems:
        return _show(organisation, fields, filled, 422)
    draft = seal_draft(
        DRAFT,
        {
            "organisation": organisation.slug,
            "locale": locale,
            "day": today.isoformat(),
            "fields": fields,
            "report_id": b64(random_id()),
            "receipt": receipt.make_digits(),
        },
    )
    return checking.check_page(organisation, filled, draft)


def _draft(text: str, slug: str) -> dict[str, Any] | None:
    draft = open_draft(DRAFT, text)
    return draft if draft and draft["organisation"] == slug else None


def _show(
    organisation: Listing,
    fields: Mapping[str, Sequence[str]],
    filled: Filled,
    status: int,
) -> Response:
    """The form filled in, with its problems named. Nothing that was typed is lost."""
    today = clock.today()
    values = _form_values(organisation, today, takes=organisation.open_key is not None)
    values.update(fields=fields, problems=filled.problems)
    return page("reporting/report.html", status, **values)


def _closed(organisation: Listing, locale: str) -> Response:
    contact = organisations.said(organisation.contact, locale)
    return page("reporting/closed.html", 503, organisation=organisation, contact=contact)


def _form_values(organisation: Listing, today: date, *, takes: bool) -> dict[str, Any]:
    locale = i18n.chosen()
    return {
        "organisation": organisation,
        "form": FORM,
        "q": {q.id: q for q in (*FORM.questions, *FORM.consents)},
        "countries": country_choices(locale),
        "months": i18n.month_names(locale),
        "takes": takes,
        "encrypted": current_app.extensions["settings"].encrypted,
        "instance_id": b64(current_app.extensions["instance"].instance_id),
        "today": today.isoformat(),
        "fields": {},
        "problems": {},
    }


@cache
def country_choices(locale: str) -> tuple[tuple[str, str], ...]:
    """Countries in the language's own alphabet; none is put first on a guess."""
    named = [(code, vocabulary.country_name(code, locale)) for code in vocabulary.countries()]
    return tuple(sorted(named, key=lambda pair: i18n.sort_key(pair[1])))

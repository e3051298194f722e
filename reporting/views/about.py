"""Pages that explain: staying safe, what happens to a report, how to check, and the last page."""

import json
from typing import Any

from flask import Response, abort, current_app, make_response, render_template, request

from reporting import i18n, organisations
from reporting.access import PUBLIC, audience
from reporting.assets import bundle_of
from reporting.envelope import check_acknowledgement
from reporting.multipart import MultipartRefused
from reporting.posted import no_keys, read_posted
from reporting.sealing import SealingRefused, b64, public_of_signing
from reporting.strict_json import parse_json
from reporting.views import blueprint
from reporting.views.pages import cached_page

MAX_ACKNOWLEDGEMENT = 4096


@blueprint.get(f"{i18n.PATH}/safety")
@audience(PUBLIC)
def safety(locale: str) -> Response:
    """Shared devices, private windows, what *Leave this page* can and cannot do."""
    return _fixed("safety", locale)


@blueprint.get(f"{i18n.PATH}/privacy")
@audience(PUBLIC)
def privacy(locale: str) -> Response:
    """Who can read what, how long it stays, how to have it deleted."""
    return _fixed("privacy", locale)


@blueprint.get(f"{i18n.PATH}/done")
@audience(PUBLIC)
def done(locale: str) -> Response:
    """After the receipt: the number is gone from the screen."""
    return _fixed("done", locale)


@blueprint.get(f"{i18n.PATH}/help")
@audience(PUBLIC)
def help_lines(locale: str) -> Response:
    """Emergency first, then the operator's help lines, then how to reach the organisations."""
    given = [
        [part.strip() for part in line.split("|")]
        for line in current_app.extensions["settings"].help_lines
    ]
    told = [(o.name, organisations.said(o.contact, locale)) for o in organisations.every()]
    reached = [(name, contact) for name, contact in told if contact.text]
    return cached_page(
        ("help", locale, json.dumps(reached)),
        lambda: render_template("reporting/help.html", lines=given, organisations=reached),
    )


@blueprint.get(f"{i18n.PATH}/verify")
@audience(PUBLIC)
def verify(locale: str) -> Response:
    """Hashes and fingerprints, and what they can and cannot prove."""
    facts = {
        "bundle": bundle_of(current_app.extensions["assets"]),
        "key": b64(public_of_signing(current_app.extensions["instance"].acknowledgement)),
        "organisations": [(o.name, b64(o.identity_key)) for o in organisations.every()],
    }
    return cached_page(
        ("verify", locale, json.dumps(facts)),
        lambda: render_template("reporting/verify.html", **facts),
    )


@blueprint.post(f"{i18n.PATH}/acknowledgement")
@audience(PUBLIC)
def acknowledgement(locale: str) -> Response:
    """The acknowledgement as a file, for a person without script who asked for it.

    Only what this instance signed comes back, so that the address echoes nothing else.
    """
    request.max_content_length = None
    if (request.content_length or 0) > MAX_ACKNOWLEDGEMENT:
        abort(413)
    try:
        content_type = request.headers.get("Content-Type", "")
        given = read_posted(request.stream, content_type, no_keys).one("acknowledgement")
        word: Any = parse_json(given.encode(), MAX_ACKNOWLEDGEMENT)
        if not isinstance(word, dict):
            abort(422)
        instance = current_app.extensions["instance"]
        check_acknowledgement(public_of_signing(instance.acknowledgement), word)
    except (SealingRefused, MultipartRefused):
        abort(422)
    response = make_response(given)
    response.content_type = "application/octet-stream"
    response.headers["Content-Disposition"] = 'attachment; filename="acknowledgement.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _fixed(name: str, locale: str) -> Response:
    return cached_page((name, locale), lambda: render_template(f"reporting/{name}.html"))

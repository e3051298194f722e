"""Where a reporter arrives: the language, the organisations, and who reads what is sent."""

import json
from typing import Any

from flask import Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from reporting import i18n, organisations
from reporting.access import PUBLIC, audience
from reporting.views import blueprint
from reporting.views.pages import cached_page


@blueprint.get("/")
@audience(PUBLIC)
def choose_language() -> AnyResponse:
    """To the best language; an address that already names one is never redirected."""
    found = i18n.negotiate(request.headers.get("Accept-Language", ""))
    response = redirect(url_for("reporting.landing", locale=found), 302)
    response.headers["Vary"] = "Accept-Language"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get(f"{i18n.PATH}/")
@audience(PUBLIC)
def landing(locale: str) -> Response:
    """The start page: what this is, what it is not, and the organisations."""
    listed = _listed(locale)
    return cached_page(
        ("landing", locale, json.dumps(listed)),
        lambda: render_template("reporting/landing.html", organisations=listed),
    )


@blueprint.get(f"{i18n.PATH}/report")
@audience(PUBLIC)
def choose_organisation(locale: str) -> AnyResponse:
    """To the form where one organisation takes reports; else to the list of them."""
    listed = _listed(locale)
    takes = [o for o in listed if o["open"]]
    if not listed:
        abort(404)
    if len(takes) == 1:
        return redirect(url_for("reporting.form", locale=locale, slug=takes[0]["slug"]), 302)
    return redirect(url_for("reporting.landing", locale=locale, _anchor="organisations"), 302)


def _listed(locale: str) -> list[dict[str, Any]]:
    """Organisations by name, those that take reports first."""
    listed = [
        {
            "slug": o.slug,
            "name": o.name,
            "about": organisations.said(o.about, locale),
            "contact": organisations.said(o.contact, locale),
            "open": o.open_key is not None,
        }
        for o in organisations.every()
    ]
    return sorted(listed, key=lambda one: not one["open"])

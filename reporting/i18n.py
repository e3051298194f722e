"""Languages: which one a page is in, its direction, and names in it.

A public page's language stands in its address and nowhere else: no cookie, nothing kept about a
visitor. Negotiation goes through a table of our own (Werkzeug and Babel send `zh-CN` to English).
"""

import unicodedata
from datetime import date
from functools import cache
from typing import Any

from babel import Locale
from babel.dates import format_date
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_translations, ngettext, npgettext, pgettext
from markupsafe import Markup

from reporting import vocabulary

LOCALES = ("en", "ar")
DEFAULT = "en"
# Start of a public route: `@blueprint.get(f"{PATH}/return")`.
PATH = f"/<any({', '.join(LOCALES)}):locale>"

# What a language tag may be answered with, best first, where cutting it at the hyphen is wrong
# or not enough. Entries of languages not offered yet cost nothing and are not forgotten later.
NEAREST: dict[str, tuple[str, ...]] = {
    "zh": ("zh-Hans",),
    "zh-cn": ("zh-Hans",),
    "zh-sg": ("zh-Hans",),
    "zh-tw": ("zh-Hant",),
    "zh-hk": ("zh-Hant",),
    "zh-mo": ("zh-Hant",),
    "fa-af": ("fa",),
    "prs": ("fa",),
    "ckb": ("ckb", "ar"),
    "arz": ("ar",),
    "ary": ("ar",),
    "apc": ("ar",),
    "ajp": ("ar",),
}
_LONGEST_HEADER = 1000


def negotiate(header: str) -> str:
    """The offered language an `Accept-Language` header likes best, else the site's own."""
    wanted: list[tuple[float, int, str]] = []
    for place, item in enumerate(header[:_LONGEST_HEADER].split(",")):
        tag, _, parameters = item.partition(";")
        weight = _weight(parameters)
        if tag.strip() and weight > 0:
            wanted.append((-weight, place, tag.strip().lower()))
    for _weighted, _place, tag in sorted(wanted):
        for candidate in (*NEAREST.get(tag, ()), tag, tag.partition("-")[0]):
            if candidate in LOCALES:
                return candidate
        if tag == "*":
            return DEFAULT
    return DEFAULT


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def chosen() -> str:
    """Language of this request: a member's own, then the address, then what the browser says."""
    if not has_request_context():
        return DEFAULT
    own = g.get("locale")
    if own in LOCALES:
        return str(own)
    first = request.path.split("/", 2)[1] if "/" in request.path else ""
    if first in LOCALES:
        return first
    return negotiate(request.headers.get("Accept-Language", ""))


@cache
def direction(locale: str) -> str:
    """`ltr` or `rtl`."""
    return Locale.parse(locale).text_direction


@cache
def own_name(locale: str) -> str:
    """A language's name in itself, for the switcher."""
    return (Locale.parse(locale).get_display_name(locale) or locale).capitalize()


def country_name(code: str, locale: str | None = None) -> str:
    """A country's name in the page's language."""
    return vocabulary.country_name(code, locale or chosen())


def label(term_id: str) -> str:
    """A vocabulary term in the page's language: pages of codes ask a hundred times."""
    return _say(vocabulary.label(term_id))


@cache
def month_names(locale: str) -> tuple[str, ...]:
    """The twelve months as they stand alone in a list."""
    names = Locale.parse(locale).months["stand-alone"]["wide"]
    return tuple(names[number] for number in range(1, 13))


def long_date(value: date | str) -> str:
    """A day as "22 November 2026", a month as "March 2025", in the page's language.

    Takes a date or its ISO text. Both languages say the day first, and digits are Latin in both:
    what is read out on the telephone has one form.
    """
    day, pattern = value, "d MMMM y"
    if isinstance(day, str):
        year, _, rest = day.partition("-")
        if "-" not in rest:
            day, pattern = f"{year}-{rest or '01'}-01", "LLLL y" if rest else "y"
        day = date.fromisoformat(day)
    return str(format_date(day, pattern, locale=chosen()))


def sort_key(text: str) -> str:
    """Alphabetical order that ignores accents and the carriers of the Arabic hamza."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(char for char in apart if not unicodedata.combining(char)).casefold()


def in_locale(code: str) -> str:
    """This page's address in another language; the start page where there is none."""
    first, _, rest = request.path.removeprefix("/").partition("/")
    return f"/{code}/{rest}" if first in LOCALES else f"/{code}/"


def _say(text: str) -> str:
    """Gettext for templates: the catalogue is looked up once a request, not once a string."""
    kept: Any = g.get("_flask_babel")
    catalogue = getattr(kept, "babel_translations", None)
    if catalogue is None:
        catalogue = get_translations()
        # Flask-Babel's own place for it: `force_locale` empties and restores it.
        g._flask_babel.babel_translations = catalogue
    return str(catalogue.ugettext(text))


def _words(text: str, /, **values: Any) -> Markup:
    """`_` of templates, which are all HTML: a text of ours, with values escaped into it.

    Jinja's own takes twice the time, and a page calls it some thirty times.
    """
    said = _say(text)
    return Markup(said) % values if values or "%" in said else Markup(said)  # noqa: S704  # ours


def _globals() -> dict[str, Any]:
    locale = chosen()
    return {"locale": locale, "direction": direction(locale)}


def _forget() -> None:
    """A request that shares its context with another (as in the shell) chooses for itself."""
    g.pop("locale", None)
    g.pop("_flask_babel", None)


def init_app(app: Flask) -> None:
    """Set up Babel with the three catalogues, and what templates may ask."""
    app.config["BABEL_DEFAULT_LOCALE"] = DEFAULT
    app.config["BABEL_DOMAIN"] = "public;staff;stats"
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations;translations;translations"
    Babel(app, locale_selector=chosen)
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # by jinja2.ext.i18n
        _say, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    app.jinja_env.globals["_"] = _words
    app.add_template_filter(long_date)
    app.before_request(_forget)
    app.context_processor(_globals)
    app.jinja_env.globals.update(
        LOCALES=LOCALES,
        country_name=country_name,
        direction_of=direction,
        in_locale=in_locale,
        label=label,
        own_name=own_name,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True

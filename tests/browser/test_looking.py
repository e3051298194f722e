"""Twins of the walk: a fault put into a page is found at its size and in its colours."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser import axe_core, walks
from tests.browser.looking import Notes
from tests.browser.reporter_pages import context_of

pytestmark = pytest.mark.browser
BASE = "http://127.0.0.1:9"
WELL = """<!doctype html><html lang="{locale}" dir="{dir}"><head><meta charset="utf-8">
<title>{title} – Upstander</title><meta name="viewport" content="width=device-width">
<style>body {{ background: #fff; color: #000 }} a {{ display: inline-block; min-height: 44px;
  min-width: 44px; color: inherit }} button {{ min-height: 44px; min-width: 44px }}
@media (prefers-color-scheme: dark) {{ body {{ background: #000; color: #fff }} }}</style></head>
<body><a class="skip" href="#main">{title}</a><main id="main"><h1>{title}</h1>{inside}</main></body>
</html>"""
FAULTS = {
    "no name (desktop)": ("<input>", "axe label (desktop)"),
    "no name (phone)": ("<input>", "axe label (phone)"),
    "pale": ("<p style='color: #bbb; background: #fff'>1 2 3</p>", "axe color-contrast (desktop)"),
    # Letters that join are no icon: the contrast of such a word counts.
    "pale and joined": (
        "<p lang='ar' dir='rtl' style='color: #bbb; background: #fff'>الحي الشمالي</p>",
        "axe color-contrast (phone)",
    ),
    "pale on a phone": (
        "<style>@media (width < 400px) { p { color: #bbb } }</style><p>1 2 3</p>",
        "axe color-contrast (phone)",
    ),
    "pale in the dark": (
        "<style>@media (prefers-color-scheme: dark) { p { color: #333 } }</style><p>1 2 3</p>",
        "axe color-contrast (dark)",
    ),
    "crowded on a desktop": (
        "<style>@media (width > 999px) { i button { all: unset; font: 9px serif } }</style><i>"
        + "<button>1</button>" * 3,
        "axe target-size (desktop)",
    ),
    "wide": ("<p style='width: 350px'>1</p>", "wide at 320"),
    "low": ("<button style='all: unset'>1</button>", "small, "),
    "two headings": ("<h1>1</h1>", "2 main headings"),
    "a tab that remembers": ("<script>localStorage.a = 1</script>", "kept in the browser"),
    "elsewhere": ("<img alt='' src='http://127.0.0.2:9/'>", "request elsewhere"),
}
Show = Callable[..., Page]


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    if not axe_core.script():
        axe_core.missing("axe-core cannot be had without Node and npm: no twin was looked at")
    with context_of(browser, reduced_motion="reduce") as context:
        Notes("en").watch(context, BASE)
        yield context.new_page()


@pytest.fixture
def show(tab: Page) -> Iterator[Show]:
    """A well-made page with something put into it."""

    def shown(inside: str = "", locale: str = "en", title: str = "1") -> Page:
        direction = "rtl" if locale == "ar" else "ltr"
        body = WELL.format(locale=locale, dir=direction, title=title, inside=inside)

        def answer(route: Route) -> None:
            route.fulfill(body=body, content_type="text/html; charset=utf-8")

        tab.route(f"{BASE}/page", answer)
        tab.goto(f"{BASE}/page")
        return tab

    yield shown
    tab.evaluate("localStorage.clear()")
    tab.unroute_all()


def looked(page: Page, notes: Notes) -> list[str]:
    notes.look(page, "twin")
    return notes.faults.pop("twin")


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_a_well_made_page_has_no_fault(show: Show, locale: str) -> None:
    assert looked(show("<p>1 2 3</p><button>4</button>", locale), Notes(locale)) == []


@pytest.mark.parametrize("watched", [True, False])
def test_what_a_page_without_script_asks_for_is_seen(tab: Page, watched: bool) -> None:
    """Its own scripts are let go, and nothing else; where nobody sees it, that is a fault."""
    assert tab.context.browser
    inside = "<script src='/a.js'></script><img alt='' src='http://127.0.0.2:9/'><p>1</p>"
    body = WELL.format(locale="en", dir="ltr", title="1", inside=inside)
    notes = Notes("en")
    with walks.without_script(tab.context.browser) as context:
        if watched:
            notes.watch(context, BASE)
        context.route(
            f"{BASE}/page", lambda route: route.fulfill(body=body, content_type="text/html")
        )
        page = context.new_page()
        page.goto(f"{BASE}/page")
        found = looked(page, notes)
    elsewhere = "request elsewhere: http://127.0.0.2:9/"
    unseen = "nobody sees what this context asks for"
    assert [one for one in found if one in {elsewhere, unseen}] == [
        elsewhere if watched else unseen
    ]
    assert not [one for one in found if "ERR_FAILED" in one], found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(show: Show, tab: Page, fault: str) -> None:
    inside, wanted = FAULTS[fault]
    notes = Notes("en")
    notes.watch(tab.context, BASE)
    found = looked(show(inside), notes)
    assert any(wanted in one for one in found), found


def test_a_latin_word_on_an_arabic_page_is_found(show: Show) -> None:
    found = looked(show("<p>word</p><p>Tor</p><bdi>name</bdi>", "ar"), Notes("ar"))
    assert [one for one in found if "Latin" in one] == ["Latin “word” in <p>word</p>"]


def test_what_changes_in_a_document_is_found_at_the_next_look(show: Show) -> None:
    """The rules stay in a document that was looked at; what they saw in it does not."""
    page, notes = show("<p>1 2 3</p><button>4</button>"), Notes("en")
    assert looked(page, notes) == []
    page.evaluate("document.querySelector('button').firstChild.remove()")
    page.evaluate("document.querySelector('p').style.color = '#bbb'")
    found = looked(page, notes)
    for where in ("desktop", "phone"):
        assert any(f"axe button-name ({where}): button: <button></button>" in f for f in found)
        assert any(f"axe color-contrast ({where}): p: <p style" in f for f in found), found
    assert not any("(dark)" in one for one in found), found

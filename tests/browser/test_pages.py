"""Every page and state, in English and Arabic, on phone and desktop, light and dark."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound

import wsgi
from tests.browser import axe_core, walks
from tests.browser.looking import Notes
from tests.conftest import make_settings
from tests.exceptions import excepted
from tests.live import Live, copy_demo, made_demo

pytestmark = pytest.mark.browser
LOCALES = ("en", "ar")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Notes]]:
    """Notes of one walk over everything, by language."""
    if shutil.which("npm") is None or not axe_core.script():
        axe_core.missing("axe-core cannot be had without Node and npm: no page was looked at")
    folder = tmp_path_factory.mktemp("pages")
    live = Live(copy_demo(made_demo(folder / "demo"), folder / "data"))
    live.start()
    try:
        notes = {locale: Notes(locale) for locale in LOCALES}
        walks.everything(
            live,
            {locale: notes[locale].look for locale in LOCALES},
            {locale: notes[locale].watch for locale in LOCALES},
        )
    finally:
        live.stop()
    yield notes
    out = Path(axe_core.INSTALLED).parent / "pages.json"
    out.write_text(json.dumps({locale: notes[locale].faults for locale in LOCALES}, indent=1))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", walks.STATES)
def test_a_page_is_well_made(walked: dict[str, Notes], state: str, locale: str) -> None:
    assert walked[locale].faults[state] == []


def test_no_page_is_forgotten(walked: dict[str, Notes], tmp_path: Path) -> None:
    """Every GET address gives a page that was looked at, in both languages, or says why not."""
    routes = wsgi.create_app(make_settings(tmp_path)).url_map
    addresses = routes.bind("localhost")
    pages = {rule.endpoint for rule in routes.iter_rules() if "GET" in (rule.methods or set())}
    no_page = excepted("no_page", "endpoint")
    assert no_page <= pages, "an address of the list is gone"
    for locale, notes in walked.items():
        assert set(notes.faults) == set(walks.STATES)
        seen = set()
        for address in notes.addresses:
            try:
                seen.add(addresses.match(address)[0])
            except (NotFound, MethodNotAllowed):
                continue
        assert pages - no_page - seen == set(), locale

"""Pictures of every page: `python -m tests.screenshots` starts a demo, walks it, and looks.

All go to `tests/out/pictures`; the two best of each side replace those in `docs/pictures`.
"""

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from playwright.sync_api import BrowserContext, Error, Page

from tests.browser import walks
from tests.browser.looking import DESKTOP, PHONE
from tests.live import ROOT, Live

OUT = ROOT / "tests" / "out" / "pictures"
DOCS = ROOT / "docs" / "pictures"
# The picture in the docs, and the one it is made from: a language, a state and a size.
BEST = {
    "form-phone-arabic": "ar-form-phone",
    "receipt-phone": "en-receipt-phone",
    "queue-desktop": "en-queue-desktop",
    "incident-desktop": "en-incident-coded-desktop",
    "statistics-desktop": "en-statistics-desktop",
    "release-desktop": "en-release-built-desktop",
}


def picture(page: Page, name: str, *, whole: bool = True) -> None:
    """One file. A whole page cannot be captured now and then: once more."""
    path = OUT / f"{name}.png"
    try:
        page.screenshot(path=path, full_page=whole)
    except Error:
        page.screenshot(path=path, full_page=whole)


def shoot(locale: str, page: Page, state: str) -> None:
    """A state on phone, phone in the dark and desktop; what the docs show as a screen shows it."""
    name = f"{locale}-{state}"
    for size, viewport in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size(viewport)
        picture(page, f"{name}-{size}")
        for best, source in BEST.items():
            if source == f"{name}-{size}":
                page.evaluate("scrollTo(0, 0)")
                picture(page, f"best-{best}", whole=False)
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    picture(page, f"{name}-dark")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def nothing(_context: BrowserContext, _base: str) -> None:
    """Pictures do not listen to the console."""


def main() -> int:
    """Every page of a fresh demo."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    DOCS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        live = Live(Path(folder) / "data")
        live.start()
        try:
            looks = {locale: partial(shoot, locale) for locale in walks.SLUGS}
            walks.everything(live, looks, dict.fromkeys(looks, nothing))
        finally:
            live.stop()
    for best in BEST:
        (OUT / f"best-{best}.png").rename(DOCS / f"{best}.png")
    print(f"{len(list(OUT.iterdir()))} pictures in {OUT.relative_to(ROOT)}, {len(BEST)} in docs")
    return 0


if __name__ == "__main__":
    sys.exit(main())

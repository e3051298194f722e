"""The browser of the tests: where it is, and how it is started."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

# First the build for machines without a screen: the same engine, and half the work around it.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A fifth of what looking at a page takes is spent between threads and processes.
    "--in-process-gpu",
    "--js-flags=--single-threaded",
]


def program() -> str:
    """Path of the browser; empty where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), "")
    return found or (str(MAC) if MAC.exists() else "")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of one's own, without a screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=ARGUMENTS)
        yield browser
        browser.close()

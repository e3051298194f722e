"""The browser of the tests: where it is, how it is started, and what it is waited for."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

# All tests share two processors at once, and those of the browser give way to the others: there
# Playwright's own five seconds are short. Only a test that fails waits so long.
expect.set_options(timeout=20_000)

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


def press(page: Page, button: str) -> None:
    """Press what leads to another page, and be there: all of it, its scripts run.

    A bare click ends when the answer begins: whoever looks then may see half a page, or nothing.
    """
    with page.expect_navigation():
        page.click(button)


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A browser of one's own, without a screen. Of two arguments of one name, the later counts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program(), args=[*ARGUMENTS, *arguments]
        )
        yield browser
        browser.close()

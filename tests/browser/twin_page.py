"""A page of real Chromium with seal.js loaded, under the headers of every page of the house."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from playwright.sync_api import Browser, Page

from reporting import assets
from reporting.headers import HEADERS

SCRIPT = assets.read_assets()["seal.js"]
# What people and attackers write.
TEXTS = {
    "ar": "صرخ رجل في وجهها في الحافلة.\nثم نزل.",
    "zh": "他在公交车上对她大喊。",
    "emoji": "✊🏽 👩‍👩‍👧‍👦 \U0001f1e9\U0001f1ea",
    "combining": "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "controls": "\u202eabc\u202c \u200b\u00a0\ufeff \u0000 \u0007 \\u0000 \\n \"'</script>",
    "long": "a narrative " * 20_000,
}


class Server(BaseHTTPRequestHandler):
    """One page that loads seal.js as the form does, with the headers of every page."""

    page: ClassVar[str] = (
        '<!doctype html><html lang="en"><title>twins</title>'
        f'<script type="module" src="{SCRIPT.address}" integrity="{SCRIPT.integrity}"></script>'
    )

    def do_GET(self) -> None:  # the name http.server calls
        found = {"/": (self.page.encode(), "text/html; charset=utf-8")}
        found[SCRIPT.address] = (SCRIPT.content, SCRIPT.media_type)
        content, media_type = found.get(self.path, (b"", "text/plain"))
        self.send_response(200 if self.path in found else 404)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """No log: the house has none either."""


@contextmanager
def seal_page(browser: Browser) -> Iterator[Page]:
    """A page of real Chromium with seal.js loaded; at its end nothing was refused by the policy."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    said: list[str] = []
    try:
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_function("globalThis.upstanderSeal !== undefined")
        yield page
        page.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    # Not of interest here: an icon this server does not have, a sensor this browser does not know.
    other = ("404", "Permissions-Policy")
    assert [line for line in said if not any(word in line for word in other)] == []

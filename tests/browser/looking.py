"""Looks at one page as it stands: rules of accessibility, sizes, words, and what it left behind.

Notes every fault with the state it was found in; the tests read the notes.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from weakref import WeakSet

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, ViewportSize

from tests.browser import axe_core
from tests.exceptions import entries

HERE = Path(__file__).parent
LOOKING = (HERE / "looking.js").read_text(encoding="utf-8")
NARROW = (HERE / "narrow.js").read_text(encoding="utf-8")
PHONE: ViewportSize = {"width": 360, "height": 740}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
SMALLEST: ViewportSize = {"width": 320, "height": 640}
# The source of an element is written for a fault only: axe would write it for each it looked at.
# It paints words to tell them from an icon font's, and takes Arabic letters that join for such an
# icon, whose contrast nobody judges. No font here has icons: it is told so, and paints nothing.
AXE = """async (options) => {
  axe._cache.set("fonts", new Proxy({}, {get: () => ({occurrences: Infinity, numLigatures: 0})}));
  return (await axe.run(document, options)).violations.map(
    (rule) => [rule.id, rule.nodes.map(
      (node) => node.target.join(" ") + ": " + node.element.outerHTML.slice(0, 90))])
}"""
# Half a megabyte is slow to read: only where somebody looks, and faster as a document's own script.
LATER = (
    "window.readRules = () => {{ if (!window.axe) {{ {axe}; axe.configure({{noHtml: true}}) }} }}"
)
# Films are all that a rule waits for: axe would read every style sheet once more, for none.
BASE: dict[str, Any] = {
    "resultTypes": ["violations"],
    "elementRef": True,
    "preload": {"assets": ["media"]},
}
EVERY_RULE = {**BASE, "rules": {"target-size": {"enabled": True}}}
CONTRAST = {
    **BASE,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
# Chromium says each answer of 400 and above as an error; in this walk they are meant.
MEANT = re.compile(r"responded with a status of (4\d\d|503)")
# What it says of a script that `walks.without_script` lets nobody load.
UNLOADED = "net::ERR_FAILED"
LEFT = """async () => ({
  local: localStorage.length, session: sessionStorage.length, violations: window.violations,
  databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
})"""


@dataclass(frozen=True)
class Allowed:
    """What `tests/exceptions.toml` lets pass: rules of axe on a page, and Latin words."""

    rules: frozenset[tuple[str, str]]
    latin: tuple[str, ...]

    @classmethod
    def read(cls) -> "Allowed":
        """The entries of the one file, each with its reason."""
        return cls(
            frozenset((entry["page"], entry["rule"]) for entry in entries("axe")),
            tuple(entry["word"] for entry in entries("latin")),
        )


@dataclass
class Notes:
    """All faults of one walk by state, and the addresses that were looked at."""

    locale: str
    faults: dict[str, list[str]] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)
    allowed: Allowed = field(default_factory=Allowed.read)
    # Said by the browser since the last look.
    said: list[str] = field(default_factory=list)
    # Of all walks: some are watched in one language and looked at in both.
    watched: ClassVar[WeakSet[BrowserContext]] = WeakSet()

    def watch(self, context: BrowserContext, base: str) -> None:
        """Hear what the console says, see every request, have the rules of axe at hand."""

        def heard(message: ConsoleMessage) -> None:
            unloaded = UNLOADED in message.text and message.location["url"].endswith(".js")
            meant = unloaded or MEANT.search(message.text)
            if message.type in {"error", "warning"} and not meant:
                self.said.append(f"console: {message.text}")

        def asked(request: Request) -> None:
            if not request.url.startswith((base, "blob:" + base)):
                self.said.append(f"request elsewhere: {request.url}")

        self.watched.add(context)
        context.add_init_script(LATER.format(axe=axe_core.script()))
        context.on("console", heard)
        context.on("request", asked)

    def look(self, page: Page, state: str) -> None:
        """Every check at every size; leaves the page as it was, on a phone."""
        found = self.faults.setdefault(state, [])
        self.addresses.add(urlsplit(page.url).path)
        staff = page.locator("body.staff").count() > 0
        if page.context not in self.watched:
            found.append("nobody sees what this context asks for")
            return
        found += self.said
        self.said.clear()
        found += self._left(page, staff)
        page.evaluate("readRules()")
        page.set_viewport_size(DESKTOP)
        # Scrolled to a fragment, the bar would lie over whatever happens to stand there.
        page.evaluate("scrollTo(0, 0)")
        found += self._rules(page, state, "desktop", EVERY_RULE)
        page.set_viewport_size(SMALLEST)
        found += page.evaluate(NARROW)
        page.set_viewport_size(PHONE)
        found += self._rules(page, state, "phone", EVERY_RULE)
        found += page.evaluate(
            LOOKING, {"latin": self.allowed.latin, "staff": staff, "locale": self.locale}
        )
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        found += self._rules(page, state, "dark", CONTRAST)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")

    def _rules(self, page: Page, state: str, where: str, options: dict[str, Any]) -> list[str]:
        return [
            f"axe {rule} ({where}): {'; '.join(nodes[:3])}"
            for rule, nodes in page.evaluate(AXE, options)
            if (state, rule) not in self.allowed.rules
        ]

    def _left(self, page: Page, staff: bool) -> list[str]:
        left = page.evaluate(LEFT)
        violations = left.pop("violations")
        cookies = [] if staff else [c["name"] for c in page.context.cookies() if "name" in c]
        found = [f"content policy: {violation}" for violation in violations]
        if any(left.values()):
            found.append(f"kept in the browser: {json.dumps(left)}")
        return found + [f"cookie on a public page: {name}" for name in cookies]

"""Real input: naughty strings, 40 languages and files come back byte-exact, sent each way.

With script: the page's own in Chromium, and another client's sealing; without: over HTTP. Each of
these sends every text and every file; a Chromium that runs no script sends some. Line ends are LF
in the end and nothing else is changed, by Chromium neither: of zero bytes, form feeds and other
characters without a shape it keeps each one. Half a surrogate pair is no character and stands in no
text here; `test_seal_twins.py` has what becomes of it.
"""

import csv
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import form_pages, reporter
from tests.browser.reporter_pages import CLEAN, context_of, traces
from tests.journey.conftest import Prepared, starting
from tests.live import Live
from tests.page import Page, Visitor
from tests.staff import Staff

pytestmark = [pytest.mark.journey, pytest.mark.database]
DATA = Path(__file__).parent.parent / "data"
SAID = re.compile(r'<div class="said-box"[^>]*>(.*?)</div>', re.DOTALL)
SLUG = "demo-two"
# Between two texts of a report, and in none of them.
NEXT = "\n~~~ the next text\n"
# So that as few reports hold all as the files need.
TEXTS, FILES = 190, 5
# What the shared texts lack: all line ends, the characters that a browser might drop or a program
# end at, and white space at an end that somebody might trim.
OWN = [
    "a\rb\r\nc\n\rd\ne",
    "before\0after",
    "page\fpage\vline\u0085line",
    "\ufeffmark\ufffe",
    " \t\n \n",
]


@pytest.fixture(scope="module")
def live(
    prepared: Prepared, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """One instance for both: they only add."""
    with starting(prepared, request, tmp_path_factory.mktemp("input")) as begin:
        yield begin()


@dataclass(frozen=True)
class Batch:
    """What one report holds: many texts, one after the other, and up to five files."""

    texts: tuple[str, ...]
    files: tuple[Path, ...]

    @property
    def joined(self) -> str:
        """The whole text as it is typed in."""
        return NEXT.join(self.texts)


def texts() -> list[str]:
    """Each language, each naughty string (the empty one too), and those of our own."""
    with (DATA / "udhr" / "article-1.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        languages = [row["text"] for row in rows]
    assert len(languages) == 40
    naughty: list[str] = json.loads((DATA / "naughty" / "blns.json").read_text())
    return [*languages, *naughty, *OWN]


def batches() -> list[Batch]:
    """All texts and all files, no licence texts among these, on as few reports as hold them."""
    found = sorted((DATA / "attachments").rglob("*.*"))
    files = tuple(path for path in found if path.suffix != ".txt")
    every = texts()
    assert not any(NEXT.strip() in one for one in every)
    count = -(-len(every) // TEXTS)
    assert count * FILES >= len(files) > FILES
    return [
        Batch(tuple(every[n * TEXTS : (n + 1) * TEXTS]), files[n * FILES : (n + 1) * FILES])
        for n in range(count)
    ]


def headed(way: str, some: Sequence[Batch]) -> dict[str, Batch]:
    """By the first line that they get, by which the caseworker's side finds each again."""
    return {f"[{way} {number}]": batch for number, batch in enumerate(some)}


def typed(head: str, batch: Batch) -> dict[str, str]:
    """The one answer of a report."""
    return {"what_happened": f"{head}\n{batch.joined}"}


def lf(text: str) -> str:
    """LF line ends; nothing else is changed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def said(page: Page) -> str:
    """The reporter's words as the page holds them, character by character."""
    found = SAID.search(page.body.decode())
    assert found, page.text[:300]
    return html.unescape(found[1])


def downloaded(staff: Staff, page: Page) -> list[bytes]:
    """The bytes of a report's files, none of which a browser would open by itself."""
    found = []
    for link in dict.fromkeys(x for x in page.links if "/files/" in x):
        answer = staff.fetch(link)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        found.append(answer.body)
    return found


def come_back(live: Live, sent: Mapping[str, Batch], steps: int = 0) -> None:
    """A caseworker reads every text and file as it was sent; `sent` are batches by first line."""
    staff = Staff(live.base)
    staff.sign_in(live.sign_ins("caseworker", SLUG)[0], steps)
    wanted = dict(sent)
    for report_id in list(staff.waiting_reports()):
        page = staff.open(f"/staff/reports/{report_id}")
        head, _, text = said(page).partition("\n")
        if (batch := wanted.pop(head, None)) is None:
            continue  # one of the demo's own reports, or of another way
        # Text by text first: that says which one was changed.
        for got, given in zip(text.split(NEXT), batch.texts, strict=True):
            assert got == lf(given), head
        assert text == lf(batch.joined), head
        assert sorted(downloaded(staff, page)) == sorted(x.read_bytes() for x in batch.files), head
        assert all(path.name in page.text for path in batch.files), head
    assert not wanted, sorted(wanted)


def test_text_and_files_come_back_byte_exact(live: Live) -> None:
    """Sealed by a client, and typed into the form without script."""
    visitor, every = Visitor(live.base), batches()
    sealed, plain = headed("sealed", every), headed("plain", every)
    for head, batch in (sealed | plain).items():
        files = [(x.name, "application/octet-stream", x.read_bytes()) for x in batch.files]
        words = typed(head, batch)
        if head in plain:
            reporter.report_without_script(visitor, SLUG, words, files)
            continue
        own = {"what_happened": lf(words["what_happened"])}
        answer = reporter.send(visitor, SLUG, reporter.seal(visitor, SLUG, own, {}, files))
        assert answer.status == 201
    come_back(live, sealed | plain)


@pytest.mark.browser
def test_text_and_files_come_back_byte_exact_from_chromium(live: Live, browser: Browser) -> None:
    """Through the page's own script, and some through a browser that runs none."""
    url, every = f"{live.base}/en/report/{SLUG}", batches()
    scripted, plain = headed("script", every), headed("no script", every[-1:])
    for some in (scripted, plain):
        with context_of(browser, java_script_enabled=some is scripted) as context:
            page = context.new_page()
            for head, batch in some.items():
                if some is plain:
                    form_pages.send_without_script(page, url, typed(head, batch), batch.files)
                    continue
                form_pages.send_with_script(page, url, typed(head, batch), batch.files)
                assert traces(page) == CLEAN
                # What was sent asks nobody whether to stay.
                page.goto("about:blank")
    come_back(live, scripted | plain, steps=1)


def test_one_changed_character_would_be_noticed() -> None:
    """The twin: what the page holds is compared as it is, white space and all."""
    body = '<div class="said-box" dir="auto">a&lt;b&amp;amp; \u200f\n c</div>'.encode()
    page = Page(200, "/", {}, body)
    assert said(page) == "a<b&amp; \u200f\n c"
    assert said(page) != "a<b& \u200f\n c"

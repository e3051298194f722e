"""Real input: naughty strings, 40 languages and files come back byte-exact, sent both ways."""

import csv
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import reporter
from tests.live import Live
from tests.page import Page, Visitor
from tests.staff import Staff

pytestmark = [pytest.mark.journey, pytest.mark.database]
DATA = Path(__file__).parent.parent / "data"
SAID = re.compile(r'<div class="said-box"[^>]*>(.*?)</div>', re.DOTALL)
TOGETHER = 20


def texts() -> dict[str, str]:
    """Text by name: each language alone, naughty strings so many to a report."""
    with (DATA / "udhr" / "article-1.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = {row["code"]: row["text"] for row in rows}
    naughty = [one for one in json.loads((DATA / "naughty" / "blns.json").read_text()) if one]
    for start in range(0, len(naughty), TOGETHER):
        found[f"naughty-{start}"] = "\n".join(naughty[start : start + TOGETHER])
    return found


def files() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the attachments, no licence texts."""
    for path in sorted((DATA / "attachments").rglob("*.*")):
        if path.suffix != ".txt":
            yield path.name, path.read_bytes()


def marked(name: str, way: str, text: str) -> str:
    """A first line by which the caseworker's side finds the text again."""
    return f"[{name} {way}]\n{text}"


def said(page: Page) -> str:
    """The reporter's words as the page holds them, character by character."""
    found = SAID.search(page.body.decode())
    assert found, page.text[:300]
    return html.unescape(found[1])


def expected(text: str) -> str:
    """LF line ends; nothing else is changed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_text_and_files_come_back_byte_exact(live: Live) -> None:
    """Sealed by a client, and typed into the form without script."""
    visitor = Visitor(live.base)
    sent: dict[str, str] = {}
    for name, text in texts().items():
        sealed_text, plain_text = marked(name, "sealed", text), marked(name, "plain", text)
        sealed = reporter.seal(visitor, "demo-two", {"what_happened": expected(sealed_text)})
        assert reporter.send(visitor, "demo-two", sealed).status == 201
        reporter.report_without_script(visitor, "demo-two", {"what_happened": plain_text})
        sent |= {one.split("\n")[0]: expected(one) for one in (sealed_text, plain_text)}
    known = list(files())
    for start in range(0, len(known), 5):
        some = known[start : start + 5]
        given = [(name, "application/octet-stream", data) for name, data in some]
        sealed = reporter.seal(visitor, "demo-two", {"what_happened": "[files sealed]"}, {}, given)
        assert reporter.send(visitor, "demo-two", sealed).status == 201
        reporter.report_without_script(
            visitor, "demo-two", {"what_happened": "[files plain]"}, given
        )

    staff = Staff(live.base)
    staff.sign_in(live.sign_ins("caseworker", "demo-two")[0])
    downloaded: list[bytes] = []
    for report_id in list(staff.waiting_reports()):
        page = staff.open(f"/staff/reports/{report_id}")
        text = said(page)
        head = text.split("\n")[0]
        if head.startswith("[files"):
            for link in [x for x in page.links if "/files/" in x]:
                answer = staff.fetch(link)
                assert answer.headers["Content-Type"] == "application/octet-stream"
                assert answer.headers["Content-Disposition"].startswith("attachment")
                downloaded.append(answer.body)
        elif head in sent:
            assert text == sent.pop(head), head
    assert not sent, sorted(sent)[:5]
    assert sorted(downloaded) == sorted(2 * [data for _name, data in known])


def test_one_changed_character_would_be_noticed() -> None:
    """The twin: what the page holds is compared as it is, white space and all."""
    body = '<div class="said-box" dir="auto">a&lt;b&amp;amp; \u200f\n c</div>'.encode()
    page = Page(200, "/", {}, body)
    assert said(page) == "a<b&amp; \u200f\n c"
    assert said(page) != "a<b& \u200f\n c"

"""A person without a browser: fetches pages of a running instance, fills in and submits forms.

Standard library only and nothing of the project, so that a journey made with it proves the served
pages. Refuses a page without title, language or main heading.
"""

import http.cookiejar
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser

VOID = {"input", "meta", "link", "br", "hr", "img"}
Values = Mapping[str, str | Sequence[str]]


@dataclass
class Form:
    """One form as served: where it goes, what it already holds, which buttons it has."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str) -> str:
        """The value a field was served with."""
        return next(value for key, value in self.fields if key == name)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.form: Form | None = None
        self.text: list[str] = []
        self.links: list[str] = []
        self.title = ""
        self.lang = ""
        self._inside: list[str] = []
        self._select = ""
        self._area: tuple[str, list[str]] | None = None
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag not in VOID:
            self._inside.append(tag)
        if tag == "html":
            self.lang = given.get("lang", "")
        if tag == "h1":
            self.headings.append("")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form":
            self.form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self.form)
        if self.form is not None:
            self._field(self.form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        kind = given.get("type", "text" if tag == "input" else "submit").lower()
        if tag == "select":
            self._select = name
        if tag == "textarea":
            self._area = (name, [])
        if name:
            form.names.add(name)
        if tag == "button" and kind == "submit":
            form.buttons.append((name, given.get("value", "")))
        elif tag == "option" and "selected" in given and self._select:
            form.fields.append((self._select, given.get("value", "")))
        elif tag == "input" and name and _is_sent(kind, given):
            form.fields.append((name, given.get("value", "on" if kind == "checkbox" else "")))

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass
        if tag == "textarea" and self._area and self.form:
            text = "".join(self._area[1])
            self.form.fields.append((self._area[0], text.removeprefix("\n")))
            self._area = None
        if tag == "select":
            self._select = ""
        if tag == "form":
            self.form = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)
        elif "title" in self._inside:
            self.title += data
        elif "script" not in self._inside and "style" not in self._inside:
            self.text.append(data)
            if "h1" in self._inside:
                self.headings[-1] += data


def _is_sent(kind: str, given: Mapping[str, str]) -> bool:
    """Whether a browser sends an input that nobody touched."""
    if kind in {"radio", "checkbox"}:
        return "checked" in given
    return kind not in {"file", "submit", "button"}


@dataclass
class Page:
    """What came back: status, address, bytes, and the parsed page when it is one."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def _reader(self) -> _Reader:
        reader = _Reader()
        if "text/html" in self.headers.get("Content-Type", ""):
            reader.feed(self.body.decode())
            assert reader.title.strip(), f"{self.url}: no title"
            assert reader.lang, f"{self.url}: no language"
            assert reader.headings, f"{self.url}: no main heading"
        return reader

    # Once: a caseworker looks for each of hundreds of stories in it.
    @cached_property
    def text(self) -> str:
        """Visible words with white space folded."""
        return re.sub(r"\s+", " ", "".join(self._reader.text)).strip()

    @property
    def forms(self) -> list[Form]:
        """All forms of the page."""
        return self._reader.forms

    @property
    def links(self) -> list[str]:
        """Addresses of all links."""
        return self._reader.links

    def form(self, has: str) -> Form:
        """The one form that has a field named so, a button `name=value`, or an `/action` so."""
        name, _, value = has.partition("=")
        found = [
            f
            for f in self.forms
            if (has.startswith("/") and f.action.split("?")[0].endswith(has))
            or (not value and name in f.names)
            or (value and (name, value) in f.buttons)
        ]
        assert len(found) == 1, f"{self.url}: {len(found)} forms with {has!r}: {self.text[:300]}"
        return found[0]


class Visitor:
    """One person's cookie jar and address. Follows redirects as a browser does."""

    def __init__(self, base: str, headers: Mapping[str, str] | None = None) -> None:
        self.base = base
        self.instance_id = b""
        # Of organisations, by their short names.
        self.keys: dict[str, dict[str, str]] = {}
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), urllib.request.ProxyHandler({})
        )
        self._opener.addheaders = list((headers or {}).items())

    def fetch(
        self, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Page:
        """GET, or POST when there is data."""
        url = urllib.parse.urljoin(self.base + "/", path)
        request = urllib.request.Request(url, data=data, headers=dict(headers or {}))
        try:
            with self._opener.open(request, timeout=120) as answer:
                return Page(answer.status, answer.url, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.code, error.url, dict(error.headers), error.read())

    def submit(
        self,
        page: Page,
        form: Form,
        values: Values,
        *,
        files: Sequence[tuple[str, str, bytes]] = (),
        multipart: bool = False,
    ) -> Page:
        """Fill in fields over what the form holds and send it. Unknown names are an error."""
        fields = [(k, v) for k, v in form.fields if k not in values]
        for name, value in values.items():
            assert name in form.names, f"{page.url}: no field {name!r} in {sorted(form.names)}"
            for one in [value] if isinstance(value, str) else value:
                fields.append((name, one))
        url = urllib.parse.urljoin(page.url, form.action or page.url)
        if form.method == "get":
            return self.fetch(url.split("?")[0] + "?" + urllib.parse.urlencode(fields))
        if files or multipart:
            return self.fetch(url, *encode(fields, files))
        return self.fetch(url, urllib.parse.urlencode(fields).encode())


def encode(
    fields: Sequence[tuple[str, str]], files: Sequence[tuple[str, str, bytes]]
) -> tuple[bytes, dict[str, str]]:
    """`multipart/form-data` bytes and header, fields before files as a browser sends them."""
    mark = secrets.token_hex(16)
    parts: list[bytes] = []
    for name, value in fields:
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        # A browser sends the line ends of a text area as CRLF.
        parts.append(head.encode() + re.sub(r"\r?\n", "\r\n", value).encode() + b"\r\n")
    for name, filename, data in files:
        safe = filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{safe}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n")
        parts += [data, b"\r\n"]
    parts.append(f"--{mark}--\r\n".encode())
    return b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={mark}"}

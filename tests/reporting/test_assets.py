"""Assets: names from content, integrity, caching, and nothing served but the three folders."""

import gzip
import hashlib
from base64 import b64encode
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from reporting import assets

STYLE = b"body { margin: 0 }" * 50
SCRIPT = b"console.log(1)"


@pytest.fixture
def served(tmp_path: Path) -> Flask:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "u.css").write_bytes(STYLE)
    (two / "form.js").write_bytes(SCRIPT)
    (two / "notes.txt").write_bytes(b"not served")
    app = Flask("assets-under-test", static_folder=None)
    assets.init_app(app, (one, two, tmp_path / "missing"))
    return app


@pytest.fixture
def browser_like(served: Flask) -> FlaskClient:
    return served.test_client()


def sri(content: bytes) -> str:
    return "sha384-" + b64encode(hashlib.sha384(content).digest()).decode()


def test_templates_get_address_and_integrity(served: Flask) -> None:
    with served.test_request_context("/"):
        text = render_template_string("{{ asset('u.css') }} {{ integrity('u.css') }}")
    assert text == f"/static/u-{hashlib.sha256(STYLE).hexdigest()[:16]}.css {sri(STYLE)}"


def test_an_unknown_asset_is_an_error_not_an_empty_tag(served: Flask) -> None:
    with served.test_request_context("/"), pytest.raises(KeyError):
        render_template_string("{{ asset('missing.css') }}")


def test_served_for_ever_under_the_hash(served: Flask, browser_like: FlaskClient) -> None:
    asset = served.extensions["assets"]["form.js"]
    answer = browser_like.get(asset.address)
    assert answer.status_code == 200
    assert answer.data == SCRIPT
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "zipped"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_zipped_where_asked(
    served: Flask, browser_like: FlaskClient, asked: str, zipped: bool
) -> None:
    address = served.extensions["assets"]["u.css"].address
    answer = browser_like.get(address, headers={"Accept-Encoding": asked})
    assert (answer.headers.get("Content-Encoding") == "gzip") is zipped
    assert (gzip.decompress(answer.data) if zipped else answer.data) == STYLE
    assert len(answer.data) < len(STYLE) or not zipped


@pytest.mark.parametrize(
    "name",
    ["u.css", "u-0000000000000000.css", "notes.txt", "../one/u.css", "%2e%2e/one/u.css", "a/b.css"],
)
def test_any_other_name_is_not_found(browser_like: FlaskClient, name: str) -> None:
    assert browser_like.get(f"/static/{name}").status_code == 404


def test_bundle_lists_what_a_browser_runs(browser_like: FlaskClient) -> None:
    listed = browser_like.get("/.well-known/upstander/bundle.json").get_json()
    assert listed["format"] == "upstander/1"
    assert listed["scripts"]["form.js"]["integrity"] == sri(SCRIPT)
    assert listed["style_sheets"]["u.css"]["integrity"] == sri(STYLE)
    assert browser_like.get(listed["scripts"]["form.js"]["address"]).data == SCRIPT


def test_one_name_in_two_folders_is_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "u.css").write_bytes(STYLE)
    with pytest.raises(RuntimeError, match=r"u\.css"):
        assets.read_assets((tmp_path / "a", tmp_path / "b"))


def test_the_icon_is_there() -> None:
    app = Flask("assets-under-test", static_folder=None)
    assets.init_app(app)
    answer = app.test_client().get("/favicon.ico")
    assert answer.status_code == 200
    assert answer.data.startswith(b"\0\0\1\0")
    assert answer.content_type == "image/x-icon"


def test_no_icon_is_not_found(browser_like: FlaskClient) -> None:
    assert browser_like.get("/favicon.ico").status_code == 404

"""Templates and style: visible strings translatable, nothing inline, no left or right."""

import re
from pathlib import Path

import pytest
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment

from tests.exceptions import excepted

ROOT = Path(__file__).parents[2]
PACKAGES = ("reporting", "analytics", "casework")
TEMPLATES = [p for f in PACKAGES for p in sorted((ROOT / f / "templates").rglob("*.html"))]
STYLES = [p for f in PACKAGES for p in sorted((ROOT / f / "static").glob("*.css"))]
SCRIPTS = [p for f in PACKAGES for p in sorted((ROOT / f / "static").glob("*.js"))]
OWN_SCRIPTS = [p for p in SCRIPTS if not p.name.startswith("seal")]
ENVIRONMENT = SandboxedEnvironment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"])
WORDS = re.compile(r"[^\W\d_]{2,}")
SPOKEN = re.compile(r"""\b(?:alt|title|placeholder|aria-label|aria-description|label)="([^"]*)\"""")
MAX_LINES = 150


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def constant_text(path: Path) -> str:
    """The template without its expressions and statements: what goes out as it stands."""
    # Blocks named *_class fill an attribute.
    source = re.sub(r"{% block \w+_class %}.*?{% endblock %}", "", path.read_text())
    tree = ENVIRONMENT.parse(source)
    return "\x00".join(part.data for part in tree.find_all(nodes.TemplateData))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_visible_strings_are_translatable(path: Path) -> None:
    text = constant_text(path)
    # Attributes people hear or see.
    spoken = [found for found in SPOKEN.findall(text) if WORDS.search(found)]
    text = re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.DOTALL)
    # A tag may be interrupted by expressions: everything from < to > goes.
    text = re.sub(r"<[^>]*>", "\n", text)
    # What is left of attributes where expressions stand between the tag's ends.
    text = re.sub(r'[\w-]+="[^"]*"', "", text)
    text = re.sub(r"&[a-z]+;|&#\d+;", " ", text)
    for allowed in excepted("string", "text"):
        text = text.replace(allowed, "")
    bare = [w.strip() for w in re.split(r"[\n\x00]", text) if WORDS.search(w)]
    assert bare + spoken == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_paragraph_holds_a_block(path: Path) -> None:
    # The parser would end the paragraph there, and its field falls apart.
    for inside in re.findall(r"<p\b[^>]*>((?:(?!</p>).)*)", path.read_text(), re.DOTALL):
        assert not re.search(r"<(?:p|div|ul|ol|dl|table|form)\b|{{ wrong\(", inside), inside[:200]


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_list_is_stacked_on_a_phone(path: Path) -> None:
    for classes in re.findall(r'<table class="list\b([^"]*)"', path.read_text()):
        assert {"stack", "lines"} & set(classes.split())


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_nothing_is_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=", text), "the content policy refuses inline styles"
    assert not re.search(r"\son[a-z]+=", text), "the content policy refuses inline handlers"
    assert not re.search(r"<style\b", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "no inline script"
    assert "javascript:" not in text
    assert not re.search(r"\|\s*safe\b", text), "nothing is marked safe in a template"
    assert "autoescape false" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_assets_are_named_by_content_and_checked(path: Path) -> None:
    for tag in re.findall(r"<(?:script|link)\b[^>]*>", path.read_text()):
        if "stylesheet" in tag or tag.startswith("<script"):
            assert "asset(" in tag, tag
            assert "integrity(" in tag, tag


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_other_place_is_asked_for_anything(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", text)
    assert "<iframe" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_fits_on_a_few_screens(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_style_knows_no_left_and_right(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    allowed = excepted("direction", "rule")
    found = [line.strip() for line in text.splitlines() if re.search(r"\b(left|right)\b", line)]
    assert [line for line in found if line not in allowed] == []


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_style_fetches_nothing(path: Path) -> None:
    text = path.read_text()
    assert "@import" not in text
    assert "url(" not in text
    assert "@font-face" not in text


@pytest.mark.parametrize("path", OWN_SCRIPTS, ids=name)
def test_scripts_keep_nothing_and_make_no_markup(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    for banned in (
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
        "localStorage", "sessionStorage", "indexedDB", "document.cookie", "Math.random",
        "serviceWorker", "sendBeacon",
    ):  # fmt: skip
        assert banned not in text, banned

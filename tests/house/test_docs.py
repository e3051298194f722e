"""Documentation fails the build when it lies."""

import re
from pathlib import Path

import pytest
from flask import Flask

import wsgi
from reporting.settings import Settings
from tests import generate

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCS = sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", ["states.md", "commands.md", "routes.md"])
def test_a_generated_page_is_current(name: str, app: Flask) -> None:
    page = generate.pages(app)[name]()
    assert (ROOT / "docs" / name).read_text() == page, "make docs"


def test_the_readme_has_the_hashes_of_now() -> None:
    assert generate.readme() == README, "make docs"


def test_every_setting_stands_in_the_readme() -> None:
    source = (ROOT / "reporting" / "settings.py").read_text()
    names = {f"UPSTANDER_{name}" for name in re.findall(r'get\(\s*"([A-Z_]+)"', source)}
    assert len(names) > 8
    for name in names:
        assert f"`{name}`" in README, name
    for told in re.findall(r"`(UPSTANDER_[A-Z_]+)`", README):
        assert told in names, told


def test_a_setting_without_a_value_is_the_default() -> None:
    assert Settings.from_env({}).port == Settings.from_env({"UPSTANDER_PORT": "8000"}).port


def test_every_make_target_stands_in_the_readme() -> None:
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"run", "test", "check", "fix", "docs", "translations", "help"} == set(targets)
    for target in targets:
        assert f"make {target}" in README, target


def test_every_command_named_anywhere_exists() -> None:
    known = set(wsgi.cli.commands)
    for page in [ROOT / "README.md", *DOCS]:
        for told in re.findall(r"`upstander ([a-z]+)", page.read_text()):
            assert told in known, f"{page.name}: upstander {told}"


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target


def test_decisions_are_numbered_and_complete() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert len({path.name[:4] for path in records}) == len(records) >= 8
    for path in records:
        text = path.read_text()
        for part in ("## Context", "## Decision", "## Consequences"):
            assert part in text, f"{path.name}: {part}"
        assert len(text.splitlines()) < 60, f"{path.name}: one page"


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda p: p.name)
def test_no_page_names_a_machine(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"/(work|root|home|tmp)/", text)

"""The house keeps its shape: sizes, names, docstrings, locks without addresses."""

import ast
import json
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.exceptions import excepted

ROOT = Path(__file__).parents[2]
PACKAGES = ("reporting", "analytics", "casework")
TOP = {
    "pyproject.toml", "reporting", "casework", "analytics", "migrations", "tests", "wsgi.py",
    "README.md", "Makefile", "requirements.lock", "CHANGELOG.md", "LICENSE", "docs", "deploy",
    ".ci", ".gitignore",
}  # fmt: skip
DRAWERS = {"utils", "helpers", "common", "core", "base", "misc", "services", "managers"}
MAX_FILE, MAX_FUNCTION = 300, 50
# Leaves of the request: only views may take anything from them.
OF_THE_REQUEST = {"request", "session", "render_template", "redirect", "url_for", "make_response"}


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "node_modules" not in path.parts]


SOURCES = [*sources(*PACKAGES), ROOT / "wsgi.py"]
TESTS = sources("tests", "migrations")
# What people wrote; the built ones beside them are longer.
SCRIPTS = sorted(
    path
    for folder, names in {
        "reporting/scripts": "*.src.*",
        "casework/static": "*.js",
        "tests/browser": "*.js",
    }.items()
    for path in (ROOT / folder).glob(names)
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def says_nothing(path: Path) -> bool:
    """Whether a module lacks its docstring; an empty package of tests needs none."""
    tree = ast.parse(path.read_text())
    if path.name == "__init__.py" and not tree.body:
        return "tests" not in path.parts
    return not ast.get_docstring(tree)


# Over all files at once: as a test each, a thousand cost more than they look at.
def test_a_module_says_what_it_is_for() -> None:
    assert [name(path) for path in SOURCES + TESTS if says_nothing(path)] == []


def test_a_module_that_says_nothing_is_found(tmp_path: Path) -> None:
    """The twin."""
    module, package = tmp_path / "a.py", tmp_path / "__init__.py"
    module.write_text("A = 1\n")
    package.write_text("")
    assert says_nothing(module)
    assert says_nothing(package)
    module.write_text('"""What it is for."""\nA = 1\n')
    assert not says_nothing(module)


def too_long(path: Path) -> list[str]:
    """What of a file is over the measure; of a script its lines only."""
    text = path.read_text()
    long = [f"{text.count(chr(10))} lines"] if text.count("\n") > MAX_FILE else []
    for node in ast.walk(ast.parse(text if path.suffix == ".py" else "")):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            long += [f"{node.name} {lines}"] if lines > MAX_FUNCTION else []
    return long


def test_files_and_functions_stay_small() -> None:
    """A file that was split since is no exception any more."""
    found = {name(path): long for path in SOURCES + TESTS + SCRIPTS if (long := too_long(path))}
    assert set(found) == excepted("long", "file"), found


def test_what_is_too_long_is_found(tmp_path: Path) -> None:
    """The twin."""
    script, module = tmp_path / "a.src.js", tmp_path / "a.py"
    script.write_text("// line\n" * (MAX_FILE + 1))
    module.write_text("def long():\n" + "    pass\n" * MAX_FUNCTION + "# line\n" * MAX_FILE)
    assert too_long(script) == ["301 lines"]
    assert too_long(module) == ["351 lines", "long 51"]


def is_a_drawer(path: Path) -> bool:
    """Split by subject, not by number; each package has one refusal, beside the rule it is of."""
    errors = path.stem == "errors" and path.parent.name != "views"
    return errors or path.stem in DRAWERS or path.stem[-1].isdigit()


def test_there_is_no_drawer() -> None:
    assert [name(path) for path in SOURCES if is_a_drawer(path)] == []


@pytest.mark.parametrize("path", ["casework/utils.py", "casework/errors.py", "casework/keys2.py"])
def test_a_drawer_is_found(path: str) -> None:
    """The twin."""
    assert is_a_drawer(Path(path))
    assert not is_a_drawer(Path("casework/views/errors.py"))


def of_the_request(text: str) -> set[str]:
    """What a module takes from the request."""
    return OF_THE_REQUEST & {
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module == "flask"
        for alias in node.names
    }


def test_rules_do_not_depend_on_a_request() -> None:
    """Where a service takes from the request, its rule can no longer be tested or trusted alone."""
    edges = {"health", "access", "logs", "headers", "i18n", "assets", "sessions", "multipart",
             "posted", "translate", "views"}  # fmt: skip
    rules = [p for p in SOURCES if p.parent.name in PACKAGES and p.stem not in edges]
    assert [name(path) for path in rules if of_the_request(path.read_text())] == []


def test_a_rule_that_depends_on_a_request_is_found() -> None:
    """The twin."""
    assert of_the_request("from flask import current_app, request") == {"request"}
    assert not of_the_request("from flask import current_app")


LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def test_nothing_is_left_for_later() -> None:
    assert [name(path) for path in SOURCES if LATER.search(path.read_text())] == []


def loose_lines(text: str) -> list[str]:
    """Log lines with undeclared keys, or with words that are put together."""
    from reporting.logs import KEYS

    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"log", "logger"}
        and (
            {k.arg for k in node.keywords} - KEYS - {"exc_info"}
            or not all(isinstance(a, ast.Constant) for a in node.args)
        )
    ]


def test_log_lines_carry_declared_keys_only() -> None:
    assert [line for path in SOURCES for line in loose_lines(path.read_text())] == []


@pytest.mark.parametrize("line", ["log.info('a', secret=1)", "log.info(f'a {b}')", "log.info(a)"])
def test_a_loose_log_line_is_found(line: str) -> None:
    """The twin."""
    assert loose_lines(line)
    assert LATER.search(f"{line}  # {'TO' + 'DO'}")
    assert not loose_lines("log.info('a', job='b')")


def top_level(folder: Path) -> set[str]:
    """What is kept. Git says it; where there is none, what it would leave out is passed over."""
    listed = subprocess.run(["git", "ls-files"], cwd=folder, capture_output=True, text=True)
    if not listed.returncode:
        return {line.split("/")[0] for line in listed.stdout.splitlines()}
    left_out = [line.strip("/") for line in (folder / ".gitignore").read_text().splitlines()]
    found = {path.name for path in folder.iterdir()}
    return {one for one in found if not any(fnmatch(one, each) for each in left_out)}


def test_the_top_level_holds_what_the_plan_lists() -> None:
    assert top_level(ROOT) <= TOP


def test_a_copy_that_is_no_checkout_is_looked_at_too(tmp_path: Path) -> None:
    for made in ("tests", "data", ".venv", "stray"):
        (tmp_path / made).mkdir()
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    assert top_level(tmp_path) - TOP == {"stray"}


def skips(text: str) -> bool:
    """Whether a test file passes over a test."""
    ways = {"skip", "skipif", "xfail", "importorskip"}
    names = {n.attr for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Attribute)}
    return bool(names & ways)


def test_what_is_passed_over_stands_in_the_one_file() -> None:
    allowed = excepted("skip_at_home", "file") | {
        entry.split("::", 1)[0].replace(".", "/") + ".py" for entry in excepted("skip", "test")
    }
    assert {name(path) for path in TESTS if skips(path.read_text())} == allowed


def test_passing_over_a_test_is_found() -> None:
    """The twin."""
    assert skips("import pytest\ndef f():\n    pytest.skip('x')")
    assert skips("import pytest\n@pytest.mark.xfail\ndef f(): ...")
    assert not skips("import pytest\n@pytest.mark.browser\ndef f(): 'skip'")


@pytest.mark.parametrize(
    "lock",
    [
        "requirements.lock",
        "reporting/scripts/package-lock.json",
        "tests/browser/axe/package-lock.json",
    ],
)
def test_a_lock_names_packages_and_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--find-links" not in text
    assert "--index" not in text
    assert "file:" not in text


def test_every_locked_package_has_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 40
    for entry in entries:
        assert re.match(r"^[a-z0-9._-]+(\[[a-z,-]+\])?==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
    packages = json.loads((ROOT / "reporting/scripts/package-lock.json").read_text())["packages"]
    assert all(p.get("integrity") or not path for path, p in packages.items())


def test_every_dependency_says_why() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    named = [line for line in lines if re.match(r'^  "[a-z][a-z0-9-]+(\[\w+\])?[><=]', line)]
    assert len(named) > 20
    assert all("#" in line for line in named)


def test_version_stands_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_the_affero_licence() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in text
    assert "13. Remote Network Interaction" in text
    assert len(text) > 34_000

"""The Makefile: from an empty clone, with one clear line for what is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("run", "test", "check", "fix", "docs", "translations", "help")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """An empty clone, as far as make looks at it."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # Of a make that runs this suite, nothing may reach the one that is looked at.
    env = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def fake_python(folder: Path, script: str) -> str:
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"PYTHON={path}"


def own_lines(said: str) -> list[str]:
    return [line for line in said.splitlines() if not line.startswith("make")]


def test_help_names_every_target(clone: Path) -> None:
    said = make(clone, "help").stdout
    assert all(f"make {target} " in said for target in TARGETS)
    assert make(clone).stdout == said


@pytest.mark.parametrize("target", ["run", "test"])
def test_a_missing_python_is_one_clear_line(clone: Path, target: str) -> None:
    done = make(clone, target, "PYTHON=")
    assert done.returncode != 0
    (line,) = own_lines(done.stderr)
    assert "Python 3.11" in line
    assert done.stdout == ""


def test_a_missing_venv_module_is_one_clear_line(clone: Path) -> None:
    done = make(clone, "run", fake_python(clone, "exit 1"))
    assert done.returncode != 0
    (line,) = own_lines(done.stderr)
    assert "python3-venv" in line
    assert not (clone / ".venv").exists()


def test_a_lock_without_a_build_for_this_python_is_one_clear_line(clone: Path) -> None:
    """Of a package that has none, pip would fetch what builds it, and no hash covers that."""
    (clone / ".venv" / "bin").mkdir(parents=True)
    pip = 'case "$*" in *pip*) echo "$*" >>asked; exit 1;; *version*) echo Python 3.99.1;; esac'
    fake_python(clone, pip)
    (clone / "fake-python").rename(clone / ".venv" / "bin" / "python")
    done = make(clone, "run", fake_python(clone, ""))
    assert done.returncode != 0
    (line,) = own_lines(done.stderr)
    assert "Python 3.99.1" in line
    assert "PYTHON=" in line
    (asked,) = (clone / "asked").read_text().splitlines()
    assert "--only-binary :all:" in asked
    assert not (clone / ".venv" / ".ready").exists()


def test_what_is_built_is_not_built_again(clone: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / ".ready").write_text("")
    done = make(clone, "--dry-run", "docs", fake_python(clone, "exit 1"))
    assert "pip" not in done.stdout


def test_the_lock_changed_and_it_is_built_again(clone: Path) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv" / ".ready").write_text("")
    os.utime(clone / "requirements.lock", (4_102_444_800, 4_102_444_800))
    done = make(clone, "--dry-run", "docs")
    assert "--require-hashes" in done.stdout
    assert "--no-deps" in done.stdout


def test_ci_ends_badly_when_the_suite_does(tmp_path: Path) -> None:
    """The last command of `.ci/run` is the suite, and the shell stops at the first failure."""
    text = (ROOT / ".ci" / "run").read_text()
    assert "set -eu" in text
    assert text.rstrip().endswith("make test")
    assert "CI=true" in text
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111

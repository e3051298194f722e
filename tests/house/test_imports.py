"""The import contracts hold, and each deliberate violation is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")

# Contract, file, and what somebody might one day add to it.
VIOLATIONS = {
    "one-rule": ("reporting/settings.py", "import casework.models"),
    "no-reports-in-statistics": ("analytics/menu.py", "import reporting.mailbox"),
    "one-door": ("casework/triage.py", "from analytics import records"),
    "reporting-layers": ("reporting/utils.py", '"""A drawer."""'),
    "casework-layers": ("casework/helpers.py", '"""A drawer."""'),
    "analytics-layers": ("analytics/common.py", '"""A drawer."""'),
    "pure": ("casework/policy.py", "import sqlalchemy"),
    # A module that nobody has put on any list yet.
    "services": ("casework/latecomer.py", '"""A rule."""\nimport werkzeug.exceptions'),
    "acyclic": ("reporting/database.py", "import reporting.models"),
    "composition-root": ("analytics/release.py", "import wsgi"),
}


def lint(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(LINT), "--no-logo", "--no-cache", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def copy_sources(to: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", to)
    shutil.copy(ROOT / "wsgi.py", to)
    for package in ("reporting", "analytics", "casework"):
        for source in (ROOT / package).rglob("*.py"):
            target = to / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def test_contracts_hold() -> None:
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout[-3000:]


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_is_found(contract: str, tmp_path: Path) -> None:
    copy_sources(tmp_path)
    name, line = VIOLATIONS[contract]
    with (tmp_path / name).open("a") as source:
        source.write(f"\n{line}\n")
    found = lint(tmp_path, "--contract", contract)
    assert found.returncode == 1, found.stdout[-3000:]
    assert "BROKEN" in found.stdout


def test_there_is_a_violation_for_every_contract() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert all(f'id = "{contract}"' in text for contract in VIOLATIONS)
    assert text.count("[[tool.importlinter.contracts]]") == len(VIOLATIONS)

"""axe-core as npm has it, pinned: the accessibility rules run on every page.

Installed beside the test results, never into the tree; without Node or npm there is nothing to run.
"""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "axe"
INSTALLED = Path(__file__).parents[1] / "out" / "axe"
VERSION = json.loads((FOLDER / "package.json").read_text())["devDependencies"]["axe-core"]


def missing(what: str) -> None:
    """Skip aloud; never where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@cache
def script() -> str:
    """The source of the pinned version; empty where it cannot be had."""
    package = INSTALLED / "node_modules" / "axe-core"
    described = package / "package.json"
    if not described.exists() or json.loads(described.read_text())["version"] != VERSION:
        if shutil.which("npm") is None:
            return ""
        shutil.copytree(FOLDER, INSTALLED, dirs_exist_ok=True)
        done = subprocess.run(["npm", "ci", "--prefer-offline"], cwd=INSTALLED, capture_output=True)
        if done.returncode:
            return ""
    return (package / "axe.min.js").read_text(encoding="utf-8")

"""The served scripts and style sheet of the public pages are what their sources build to."""

import shutil
import subprocess
from pathlib import Path

from tests.reporting.test_bundle import SCRIPTS, missing

STATIC = SCRIPTS.parent / "static"
NAMES = ("boot.js", "exit.js", "form.js", "return.js", "u.css")


def test_pages_are_what_their_sources_build_to(tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing("Node and npm are missing: the page scripts were not rebuilt")
    copy = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, copy, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run(
        ["npm", "ci", "--prefer-offline"], cwd=copy, capture_output=True, text=True, check=False
    )
    if installed.returncode:
        missing(f"npm could not install the pinned packages: {installed.stderr[-500:]}")
    built = tmp_path / "built"
    subprocess.run(["node", "build_pages.mjs", str(built)], cwd=copy, check=True)
    for name in NAMES:
        assert (built / name).read_bytes() == (STATIC / name).read_bytes(), name

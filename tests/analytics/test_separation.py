"""Analytics works where nothing of a report, an incident or a case can be imported at all."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# Refuses, before anything is imported, whatever knows reports.
FENCE = """
import importlib, pkgutil, sys

FENCED = {fenced!r}

class Fence:
    def find_spec(self, name, path=None, target=None):
        if name in FENCED or name.partition(".")[0] == "casework":
            raise ImportError("fenced: " + name)

sys.meta_path.insert(0, Fence())
"""
FENCED = [
    f"reporting.{name}"
    for name in [
        "attachments",
        "draft",
        "envelope",
        "mailbox",
        "models",
        "multipart",
        "organisations",
        "posted",
        "questions",
        "receipt",
        "submission",
        "stream",
        "views",
    ]
]
ALL_OF_ANALYTICS = """
import analytics
for module in pkgutil.walk_packages(analytics.__path__, "analytics."):
    importlib.import_module(module.name)
print(len([name for name in sys.modules if name.startswith("analytics.")]))
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    text = FENCE.format(fenced=FENCED) + code
    return subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_all_of_analytics_loads_behind_the_fence() -> None:
    done = run(ALL_OF_ANALYTICS)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 15


def test_the_fence_holds() -> None:
    """The twin: what does know reports cannot be loaded behind it."""
    for name in ("casework.handover", "casework.views.releases", "reporting.views"):
        done = run(f"importlib.import_module({name!r})")
        assert done.returncode != 0
        assert "fenced: " in done.stderr

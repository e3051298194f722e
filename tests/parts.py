"""The parts of `make test`, all at once: the time of each, and what was left out.

A journey mostly waits, for a process or for the next minute, while others compute. Goes on after a
failure, so that one run says everything; ends non-zero when anything failed.
"""

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests import exceptions
from tests.chromium import program

ROOT = Path(__file__).parent.parent
OUT = ROOT / "tests" / "out"
BIN = Path(sys.executable).parent
CI = os.environ.get("CI") == "true"

CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    # A cache nobody comes back to costs a fifth of the time.
    "types": ["mypy", *(["--cache-dir=/dev/null"] if CI else [])],
    "contracts": ["lint-imports", "--no-logo"],
    "translations": ["python", "-m", "reporting.translate", "check"],
}


@dataclass
class Part:
    """One run of pytest over some of the suite."""

    name: str
    chosen: str
    # Where to look: reading every test costs seconds, in each part.
    where: str = "tests"
    # Gives way to the other parts.
    patient: bool = False
    env: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    processor: float = 0.0
    failed: bool = False
    tests: int = 0
    skipped: list[str] = field(default_factory=list)


POSTGRESQL = {"UPSTANDER_TEST_DATABASE": "postgresql"}
# Journeys wait for minutes to pass, and the unit tests are two long lines: none of these is to wait
# for a processor too.
JOURNEYS = [
    Part("journey, SQLite", "journey", "tests/journey"),
    Part("journey, PostgreSQL", "journey and database", "tests/journey", env=POSTGRESQL),
]
OTHERS = [
    Part("browser, SQLite", "browser and not journey", patient=True),
    Part(
        "browser, PostgreSQL",
        "browser and database and not journey",
        env=POSTGRESQL,
        patient=True,
    ),
    Part("unit, SQLite", "not browser and not journey"),
    Part(
        "unit, PostgreSQL",
        "database and not browser and not journey",
        env=POSTGRESQL,
    ),
]


PARTS = [*JOURNEYS, *OTHERS]


def check() -> list[tuple[str, float, bool]]:
    """Every check, also after one has failed."""
    found = []
    for name, command in CHECKS.items():
        print(f"== check: {name}", flush=True)
        began = time.monotonic()
        done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT)
        found.append((f"check: {name}", time.monotonic() - began, done.returncode != 0))
    return found


def read() -> None:
    """Have pytest rewrite the asserts of a fresh clone once, not in each part at the same time."""
    command = [str(BIN / "python"), "-m", "pytest", "-q", "--collect-only", "tests"]
    # What is wrong with a test file is said by the parts, which fail of it.
    subprocess.run(command, cwd=ROOT, capture_output=True)


def run(part: Part) -> None:
    """Run one part; what pytest said is printed when it ends."""
    print(f"== {part.name} begins", flush=True)
    name = part.name.replace(", ", "-")
    result, said = OUT / f"{name}.xml", OUT / f"{name}.log"
    result.unlink(missing_ok=True)
    command = [str(BIN / "python"), "-m", "pytest", "-q", "-m", part.chosen, part.where]
    command = [*(["nice", "-n", "10"] if part.patient else []), *command, f"--junitxml={result}"]
    began = time.monotonic()
    # One demo for all parts: each works on a copy.
    env = {**os.environ, "UPSTANDER_TEST_DEMO": str(OUT / "demo"), **part.env}
    with said.open("w") as out:
        started = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out)
        # What its own children took is in it: web servers, browsers, databases.
        _, state, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(state)
    part.processor = used.ru_utime + used.ru_stime
    part.seconds = time.monotonic() - began
    # 5: pytest found no test of this part.
    part.failed = started.returncode not in {0, 5}
    if result.exists():
        for case in ET.parse(result).iter("testcase"):
            part.tests += 1
            for skip in case.iter("skipped"):
                where = f"{case.get('classname')}::{case.get('name')}"
                part.skipped.append(f"{where}: {skip.get('message')}")
    print(f"\n== {part.name}\n{said.read_text(errors='replace')}", flush=True)


def equip() -> list[str]:
    """Say what is missing for the whole suite; fetch Chromium where that is allowed."""
    if not program() and os.geteuid() == 0 and shutil.which("apt-get"):
        print("== Chromium is missing: asking Debian for it", flush=True)
        subprocess.run(["apt-get", "update", "-qq"])
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"])
    missing = [] if program() else ["Chromium"]
    return missing + ([] if shutil.which("node") and shutil.which("npm") else ["Node with npm"])


def report(checks: list[tuple[str, float, bool]], missing: list[str], total: float) -> bool:
    """Print times, counts and exceptions; whether all is well. Parts ran beside each other."""
    print("\n== summary")
    well = True
    for name, seconds, failed in checks:
        well &= not failed
        print(f"{name:<24}{seconds:7.1f} s  {'FAILED' if failed else 'ok'}")
    allowed = exceptions.excepted("skip", "test")
    for part in PARTS:
        well &= not part.failed
        counts = f"{part.tests} tests, {len(part.skipped)} skipped, {part.processor:.0f} s of CPU"
        state = "FAILED" if part.failed else "ok"
        print(f"{part.name:<24}{part.seconds:7.1f} s  {state}  {counts}")
        for skip in part.skipped:
            print(f"    skipped {skip}")
            if CI and not any(skip.startswith(test) for test in allowed):
                print("    (not allowed under CI=true)")
                well = False
    print(f"{'all':<24}{total:7.1f} s")
    print("exceptions: " + ", ".join(f"{n} {kind}" for kind, n in exceptions.counts().items()))
    for what in missing:
        print(f"MISSING: {what}; the tests that need it were skipped")
        well &= not CI
    return well


def main(arguments: list[str]) -> int:
    """`--check`, a path, or nothing for everything."""
    if arguments == ["--check"]:
        return int(any(failed for _, _, failed in check()))
    if arguments:
        return subprocess.run(
            [str(BIN / "python"), "-m", "pytest", *arguments], cwd=ROOT
        ).returncode
    missing = equip()
    began = time.monotonic()
    # Where nothing compiled may be kept, each of hundreds of processes compiles all anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    OUT.mkdir(exist_ok=True)
    shutil.rmtree(OUT / "demo", ignore_errors=True)
    with ThreadPoolExecutor(len(PARTS) + 1) as beside:
        checking = beside.submit(check)
        parts = [beside.submit(run, part) for part in JOURNEYS]
        read()
        parts += [beside.submit(run, part) for part in OTHERS]
        checks = checking.result()
        for part in parts:
            part.result()
    return 0 if report(checks, missing, time.monotonic() - began) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

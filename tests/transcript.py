"""What a new user sees: the two commands of the README in a clean clone, as an unprivileged user.

    python -m tests.transcript [--bare] [--only run]

Clones the committed state into an empty folder, gives it to `nobody` when run by root, types
`make run`, waits until it answers, asks for a page, presses Ctrl-C, starts again and stops, then
types `make test`. Prints what the commands said, each line with the seconds since the command
began. `--bare` hides Chromium and Node, as on a machine that has neither. Ends with the worst of
the exit codes. Opens nothing but the pages it asks for; needs no service and no root.
"""

import argparse
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
HIDDEN = ("chromium", "google-chrome", "node", "npm", "npx")
START_SECONDS = 300
# Where programs are that an unprivileged user can reach.
PLACES = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")


def path_without_browser(folder: Path) -> str:
    """A PATH of links to every program but those that are hidden."""
    folder.mkdir()
    for place in reversed(PLACES):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            if not program.name.startswith(HIDDEN):
                link = folder / program.name
                link.unlink(missing_ok=True)
                link.symlink_to(program)
    return str(folder)


def type_in(
    words: Sequence[str], folder: Path, env: Mapping[str, str], until: str = ""
) -> subprocess.Popen[str]:
    """Run a command and print its lines; returns when it ended, or said `until`."""
    print(f"\n$ {' '.join(words)}", flush=True)
    began = time.monotonic()
    root = os.geteuid() == 0
    started = subprocess.Popen(
        words,
        cwd=folder,
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user="nobody" if root else None,
        group="nogroup" if root else None,
        extra_groups=[] if root else None,
    )
    assert started.stdout
    for line in started.stdout:
        print(f"{time.monotonic() - began:7.1f} s  {line.rstrip()}", flush=True)
        if until and until in line:
            return started
    print(f"{time.monotonic() - began:7.1f} s  ends with {started.wait()}", flush=True)
    return started


def run_and_stop(folder: Path, env: Mapping[str, str]) -> int:
    """`make run` until it answers, one page, Ctrl-C."""
    started = type_in(["make", "run"], folder, env, until="Ctrl-C stops everything")
    if started.poll() is not None:
        return 1
    address = f"http://127.0.0.1:{env['UPSTANDER_PORT']}/en"
    with urllib.request.urlopen(address, timeout=10) as answer:
        print(f"GET {address}: {answer.status}, {len(answer.read())} bytes", flush=True)
    os.killpg(started.pid, signal.SIGINT)
    # make says 130 or 2 for a command that was interrupted; what counts is that it ends.
    print(f"Ctrl-C: ends with {started.wait(60)}", flush=True)
    return 0


def main() -> int:
    """Clone, run twice, test."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--bare", action="store_true", help="hide Chromium and Node")
    ask.add_argument("--only", choices=("run", "test"), help="one of the two commands")
    said = ask.parse_args()
    with tempfile.TemporaryDirectory(prefix="upstander-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        env = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "NPM_", "LANG"))}
        env |= {"HOME": str(folder / "home"), "UPSTANDER_PORT": "8017"}
        env["PATH"] = path_without_browser(folder / "bin") if said.bare else ":".join(PLACES)
        (folder / "home").mkdir()
        clone = folder / "upstander"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (folder / "home", clone, *clone.rglob("*")):
                os.lchown(path, nobody.pw_uid, nobody.pw_gid)
        print(f"in an empty folder, as {'nobody' if os.geteuid() == 0 else 'this user'}:")
        print("$ git clone <this repository> upstander && cd upstander")
        worst = 0
        if said.only != "test":
            worst = max(run_and_stop(clone, env), run_and_stop(clone, env))
        if said.only != "run":
            worst = max(worst, type_in(["make", "test"], clone, env).wait())
    return worst


if __name__ == "__main__":
    sys.exit(main())

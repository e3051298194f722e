"""What a deployment and the release desk may choose, as a list somebody has to change on purpose.

No setting, argument or environment variable turns noise, bands, audit or the second person off
(docs/statistics.md). Whoever adds one here has looked at whether it does.
"""

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from analytics import audit, building, commands, disclosure, noise, release
from reporting.settings import Settings

ROOT = Path(__file__).parents[2]
FIELDS = (
    "argon2_memory_kib argon2_passes data_dir database_url emergency_number exit_address "
    "help_lines host log_level parts port public_url redis_url secrets_dir smtp_from smtp_host "
    "smtp_port"
)
VARIABLES = (
    "DATABASE_URL DATA_DIR EMERGENCY_NUMBER EXIT_ADDRESS HELP_LINES HOST LOG_LEVEL PARTS PORT "
    "PUBLIC_URL REDIS_URL SECRETS_DIR SMTP_FROM SMTP_HOST SMTP_PORT"
)
# The composition root hands it to the settings; a child is given one; WSGI calls a request's so.
READERS = {"wsgi.py", "reporting/forked.py", "reporting/health.py"}
COMMANDS = {"list": "", "verify": ""}
# The way from the desk to a published figure, with all that it can be told.
ARGUMENTS: dict[Callable[..., Any], str] = {
    release.propose: "scope year by scope_name recognisable heads witness",
    release.build: "release_id",
    release.check: "release by published recognisable",
    release.publish: "release_id by recognisable witness",
    building.build: "session scope organisation_id year published recognisable root",
    audit.audit: "case protected spare",
    disclosure.protect: "menu tables counts draw coalition consents carried",
    disclosure.state: "n drawn",
    noise.draw: "k_noise cell skey n vintage",
}


class Asked(Mapping[str, str]):
    """An empty environment that remembers what was looked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the whole environment is read")

    def __len__(self) -> int:
        return 0


def fields(of: type) -> set[str]:
    return {field.name for field in dataclasses.fields(of)}


def variables(read: Callable[[Mapping[str, str]], object]) -> set[str]:
    env = Asked()
    read(env)
    return env.names


def options(group: click.Group) -> dict[str, str]:
    """Arguments and options of each command of a group, and of the group itself."""
    found = {name: one.params for name, one in group.commands.items()}
    found |= {"": group.params} if group.params else {}
    return {name: " ".join(sorted(str(p.name) for p in params)) for name, params in found.items()}


def arguments(function: Callable[..., Any]) -> str:
    return " ".join(inspect.signature(function).parameters)


def readers_of_the_environment(root: Path) -> set[str]:
    """Modules with a word for the process's environment in them."""
    paths = [
        p for part in ("reporting", "analytics", "casework") for p in (root / part).rglob("*.py")
    ]
    paths += root.glob("*.py")
    word = re.compile(r"\b(environb?|getenvb?)\b")
    return {str(p.relative_to(root)) for p in paths if word.search(p.read_text(encoding="utf-8"))}


def test_the_settings_are_those_that_were_looked_at() -> None:
    assert fields(Settings) == set(FIELDS.split())
    assert variables(Settings.from_env) == {f"UPSTANDER_{name}" for name in VARIABLES.split()}


def test_the_commands_of_releases_take_nothing() -> None:
    assert options(commands.command) == COMMANDS


@pytest.mark.parametrize("function", ARGUMENTS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_a_figure_is_made_with_these_arguments_only(function: Callable[..., Any]) -> None:
    assert arguments(function) == ARGUMENTS[function]


def test_nobody_else_reads_the_environment() -> None:
    assert readers_of_the_environment(ROOT) == READERS


def test_one_more_of_each_would_be_noticed(tmp_path: Path) -> None:
    """The twins."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Wider(Settings):
        noise: bool = True

    assert fields(Wider) - set(FIELDS.split()) == {"noise"}
    assert variables(lambda env: env.get("UPSTANDER_NOISE")) == {"UPSTANDER_NOISE"}

    @click.group(params=[click.Option(["--quiet"])])
    def group() -> None: ...

    @group.command("verify")
    @click.option("--skip-audit")
    def verify() -> None: ...

    assert options(group) == {"verify": "skip_audit", "": "quiet"}
    assert arguments(lambda scope, *, audited=True: None) == "scope audited"
    for part in ("reporting", "analytics", "casework"):
        (tmp_path / part).mkdir()
    (tmp_path / "analytics" / "noise.py").write_text(
        'from os import getenv\nON = getenv("NOISE")\n'
    )
    (tmp_path / "analytics" / "judge.py").write_text("ON = True\n")
    assert readers_of_the_environment(tmp_path) == {"analytics/noise.py"}

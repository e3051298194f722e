"""`make docs`: writes again what is generated. House tests compare, so that no page lies."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha384
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from flask import Flask

import wsgi
from casework import policy
from tests.conftest import make_settings

BEGIN, END = "<!-- made by `make docs` -->", "<!-- end -->"
ROOT = Path(__file__).parent.parent


def states() -> str:
    """States of reports and incidents, out of the policy."""
    return policy.diagram()


def commands() -> str:
    """The whole command line, out of its own help."""
    lines = [
        "# Commands",
        "",
        "Made from its own help by `make docs`; a test compares. Do not edit by hand.",
        "",
    ]
    _describe(wsgi.cli, "upstander", lines)
    return "\n".join(lines).rstrip() + "\n"


def _describe(command: click.Command, name: str, lines: list[str]) -> None:
    if not isinstance(command, click.Group):
        context = click.Context(command, info_name=name, max_content_width=100)
        lines += [f"## {name}", "", "```", command.get_help(context), "```", ""]
        return
    # `commands`, not `list_commands`: FlaskGroup's would load the application.
    for each in sorted(command.commands):
        _describe(command.commands[each], f"{name} {each}", lines)


def routes(app: Flask) -> str:
    """Every address, its methods and who may use it."""
    lines = [
        "# Routes",
        "",
        "Made from the application by `make docs`; a test compares. Do not edit by hand.",
        "",
        "| address | methods | who |",
        "|---|---|---|",
    ]
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        view = app.view_functions[rule.endpoint]
        who = ", ".join(sorted(getattr(view, "audience", {"undeclared"})))
        address = rule.rule.replace("<", "‹").replace(">", "›").replace("|", "\\|")
        lines.append(f"| `{address}` | {methods} | {who} |")
    return "\n".join(lines) + "\n"


def hashes() -> str:
    """The table of the README: what a careful reporter compares with the page's `integrity`."""
    lines = ["| file | SHA-384 |", "|---|---|"]
    for folder in ("reporting", "analytics", "casework"):
        for path in sorted((ROOT / folder / "static").iterdir()):
            if path.suffix in {".js", ".css"}:
                digest = b64encode(sha384(path.read_bytes()).digest()).decode()
                lines.append(f"| `{path.name}` | `{digest}` |")
    return "\n".join(lines)


def readme() -> str:
    """The README with the table of now between its two marks."""
    text = (ROOT / "README.md").read_text()
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{hashes()}\n{END}{rest.split(END, 1)[1]}"


def pages(app: Flask) -> dict[str, Callable[[], str]]:
    """Path under `docs/` and what stands in it."""
    return {"states.md": states, "commands.md": commands, "routes.md": lambda: routes(app)}


def main() -> None:
    """Write all of them."""
    with TemporaryDirectory() as folder:
        app = wsgi.create_app(make_settings(Path(folder)))
        for name, page in pages(app).items():
            (ROOT / "docs" / name).write_text(page())
            print(f"docs/{name}")
    (ROOT / "README.md").write_text(readme())
    print("README.md")


if __name__ == "__main__":
    main()

"""The pages and addresses of the reporter's side: public, without cookies, working without script.

No view here may touch `request.form` or `request.files`: the framework would write uploads into
temporary files. Nothing a person typed ever reaches a log, an address or an error page.
"""

from flask import Blueprint, Flask, current_app

blueprint = Blueprint("reporting", __name__)

# Each module adds its routes to the blueprint.
from reporting.views import (  # noqa: E402
    about,
    errors,
    landing,
    mailbox,
    report,
    returning,
    sealed,
    well_known,
)

__all__ = [
    "about",
    "blueprint",
    "errors",
    "init_app",
    "landing",
    "mailbox",
    "report",
    "returning",
    "sealed",
    "well_known",
]


def exit_address() -> str:
    """Where *Leave this page* leads; a blank page when the operator chose none."""
    return current_app.extensions["settings"].exit_address or "about:blank"


def emergency_number() -> str:
    """The operator's emergency number, or nothing: the software never guesses one."""
    number: str = current_app.extensions["settings"].emergency_number
    return number


def init_app(app: Flask) -> None:
    """Error pages, folders, and what templates ask; the caller registers the blueprint."""
    # Made at start: a folder made for the first upload would bear its time on the one above.
    incoming = app.extensions["settings"].attachments_dir / "incoming"
    incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.jinja_env.globals.update(exit_address=exit_address, emergency_number=emergency_number)
    errors.init_app(app)

"""What this package needs of the running application: the root of the noise, and a folder.

The only place here that asks Flask, apart from the pages.
"""

from pathlib import Path

from flask import current_app

from reporting.instance import Instance
from reporting.settings import Settings


def noise_root() -> bytes:
    """K_root of disclosure.md 4.2, from the secrets folder."""
    instance: Instance = current_app.extensions["instance"]
    return instance.noise_root


def releases_dir() -> Path:
    """Where the files of releases lie."""
    settings: Settings = current_app.extensions["settings"]
    return settings.releases_dir


def address() -> str:
    """Where people reach this instance."""
    settings: Settings = current_app.extensions["settings"]
    return settings.address

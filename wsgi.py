"""The composition root: puts the three packages together and holds no rule of its own.

`create_app(settings)` for web servers, `main` for the command line, `run_job` for the worker.
"""

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import click
from flask import Flask
from flask.cli import FlaskGroup
from flask_migrate import Migrate, upgrade

import analytics.commands
import analytics.views
import casework.jobs
import casework.views
import reporting.health
import reporting.views
from analytics import release
from casework import commands, demo
from reporting import assets, headers, i18n, logs
from reporting import commands as processes
from reporting import queue as jobs
from reporting.database import db, engine_options
from reporting.instance import Instance
from reporting.settings import SettingRefused, Settings

MIGRATIONS = Path(__file__).parent / "migrations"


def _settings() -> Settings:
    return Settings.from_env(os.environ)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application of `settings` (default: the environment's).

    Raises `SettingRefused` for a setting that cannot be used and `RuntimeError` when a route does
    not say who may use it.
    """
    settings = settings or _settings()
    app = Flask("reporting", static_folder=None)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    instance = Instance.load(settings.secrets_dir)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        SECRET_KEY=instance.csrf,
    )
    app.extensions["settings"] = settings
    app.extensions["instance"] = instance
    app.extensions["redis"] = jobs.connect(settings.redis_url)
    logs.init_app(app, settings.log_level)
    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS), render_as_batch=True)
    headers.init_app(app)
    i18n.init_app(app)
    assets.init_app(app)
    _register_jobs(app)
    app.extensions["schedule"] = cron_table()
    app.extensions["migrate_now"] = lambda: migrate(app)
    app.register_blueprint(reporting.health.blueprint)
    reporting.views.init_app(app)
    if "reporting" in settings.parts:
        app.register_blueprint(reporting.views.blueprint)
    if "analytics" in settings.parts:
        app.register_blueprint(analytics.views.blueprint)
    if "casework" in settings.parts:
        casework.views.init_app(app)
        app.register_blueprint(casework.views.blueprint)
    _refuse_undeclared(app)
    return app


def _register_jobs(app: Flask) -> None:
    """Give each job its name; `reporting.queue` knows no module above it."""
    table: dict[str, Callable[..., None]] = {"build_release": release.build, **casework.jobs.JOBS}
    for name, function in table.items():
        jobs.job(app, name, function)


def _refuse_undeclared(app: Flask) -> None:
    """An open door is a route nobody decided about."""
    for endpoint, view in app.view_functions.items():
        if not hasattr(view, "audience"):
            raise RuntimeError(f"route {endpoint} does not say who may use it")


def migrate(app: Flask) -> None:
    """Bring the database to the newest schema."""
    with app.app_context():
        upgrade(directory=str(MIGRATIONS))


@cache
def _worker_app() -> Flask:
    return create_app()


def run_job(order: str) -> None:
    """Entry point of the RQ worker: run one job of the outbox by its id."""
    with _worker_app().app_context():
        jobs.run(order)


def run_cron(name: str) -> None:
    """Entry point of the cron scheduler: run one registered job that takes no ids."""
    app = _worker_app()
    with app.app_context(), jobs.named(name):
        if name == "sweep":
            jobs.sweep()
        else:
            app.extensions["jobs"][name]()


def cron_table() -> list[tuple[str, str]]:
    """Name and crontab line of every job that time starts."""
    return [("sweep", "* * * * *"), *casework.jobs.CRON]


@click.group(cls=FlaskGroup, create_app=create_app, add_default_commands=False)
def cli() -> None:
    """Upstander: reports, casework and statistics."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Console script `upstander`, called with the process's arguments or with these."""
    try:
        cli.main(None if arguments is None else list(arguments), prog_name="upstander")
    except SettingRefused as refused:
        raise SystemExit(f"upstander: {refused}") from None


for _command in (
    *commands.groups,
    analytics.commands.command,
    demo.command,
    *processes.commands(_settings, main),
):
    cli.add_command(_command)

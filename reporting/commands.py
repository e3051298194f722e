"""Commands of those who run an instance: `run`, `doctor`, and the children `run` starts.

None prints a secret or opens anything. `run` works before the application can be made, so that
what is wrong with a folder or a port is said in one line.
"""

from collections.abc import Callable, Sequence

import click
import redis
from flask import current_app
from flask.cli import with_appcontext

from reporting import doctor, processes, scheduler
from reporting.family import StartRefused
from reporting.settings import SettingRefused, Settings


def commands(
    load_settings: Callable[[], Settings], main: Callable[[Sequence[str]], None]
) -> list[click.Command]:
    """All of them; `wsgi.py` says where settings come from and how one of them is run."""

    @click.command("run")
    @click.option("--demo", is_flag=True, help="With invented organisations, people and reports.")
    def run(*, demo: bool) -> None:
        """Start Valkey, web server, worker and cron; Ctrl-C stops all."""
        try:
            processes.supervise(load_settings(), main, demo=demo, say=click.echo)
        except (StartRefused, SettingRefused) as refused:
            raise SystemExit(f"upstander: {refused}") from None

    @click.command("doctor")
    @click.pass_context
    def examine(context: click.Context) -> None:
        """Say what is wrong or unwise about this installation."""
        findings = doctor.outside(load_settings())
        if not any(f.bad for f in findings):
            findings += context.invoke(with_appcontext(doctor.inside))
        for finding in findings:
            click.echo(str(finding))
        context.exit(1 if any(f.bad for f in findings) else 0)

    return [run, examine, worker, cron, migrate]


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Run jobs (started by `run`; in production any number of them)."""
    scheduler.work(_patient_connection())


@click.command("cron")
@with_appcontext
def cron() -> None:
    """Order the jobs of the clock (started by `run`; in production one)."""
    scheduler.keep_time(_patient_connection(), current_app.extensions["schedule"])


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to the newest schema (`run` does it before it starts)."""
    current_app.extensions["migrate_now"]()


def _patient_connection() -> redis.Redis:
    """A connection that waits: the one of requests gives up within seconds."""
    return redis.Redis.from_url(current_app.extensions["settings"].redis_url)

"""Alembic environment: online only, on the application's own engine; SQLite in batch mode."""

from typing import Any, Literal

from alembic import context
from flask import current_app

from reporting.database import Base, UtcTime


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our time type as what the database sees: a migration imports none of our code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcTime) else False


engine = current_app.extensions["migrate"].db.engine

# All of a migration or nothing of it. The one level both databases know.
with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=_render,
    )
    with context.begin_transaction():
        context.run_migrations()

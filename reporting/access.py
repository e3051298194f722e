"""Who may use a route. Every view says so; `wsgi.create_app` refuses one that does not.

A decorator only declares; `casework` enforces the staff roles before its views run. So a route
without a declaration cannot exist, and one declared for staff cannot be forgotten.
"""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
CASEWORKER = "caseworker"
SUPERVISOR = "supervisor"
LEAD = "lead"
ADMINISTRATOR = "administrator"
STAFF = frozenset({CASEWORKER, SUPERVISOR, LEAD, ADMINISTRATOR})
ROLES = STAFF | {PUBLIC}


def audience(*roles: str) -> Callable[[View], View]:
    """Declare the roles a view is for: `PUBLIC` alone, or some of `STAFF`."""
    chosen = frozenset(roles)
    if not chosen or not chosen <= ROLES or (PUBLIC in chosen and len(chosen) > 1):
        raise ValueError(f"not an audience: {roles}")

    def declare(view: View) -> View:
        view.audience = chosen  # type: ignore[attr-defined]  # functions take attributes
        return view

    return declare

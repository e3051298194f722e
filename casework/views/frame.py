"""What the frame of every staff page shows: who is signed in, and where they may go."""

from typing import Any, NamedTuple

from flask import current_app, g, request
from flask_babel import lazy_gettext as _

from casework.policy import Role
from casework.sessions import IDLE
from reporting.i18n import chosen

# Warned two minutes before the lock.
WARNING = 2 * 60


class Place(NamedTuple):
    """An entry of the navigation."""

    path: str
    title: Any
    roles: frozenset[str]


_ORGANISATION = frozenset({Role.CASEWORKER, Role.SUPERVISOR})

PLACES = (
    Place("/staff/queue", _("Queue"), _ORGANISATION),
    Place("/staff/incidents", _("Incidents"), _ORGANISATION),
    Place("/staff/waiting", _("Waiting to be counted"), frozenset({Role.SUPERVISOR})),
    Place("/staff/people", _("People"), frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})),
    Place("/staff/releases", _("Releases"), frozenset({Role.LEAD})),
)
_HOME = {Role.LEAD: "/staff/releases", Role.ADMINISTRATOR: "/staff/people"}

ROLE_NAMES: dict[str, Any] = {
    Role.CASEWORKER: _("Caseworker"),
    Role.SUPERVISOR: _("Supervisor"),
    Role.LEAD: _("Coalition lead"),
    Role.ADMINISTRATOR: _("Administrator"),
}
STATE_NAMES = {
    "invited": _("Invited"),
    "waiting": _("Waiting to be admitted"),
    "active": _("Active"),
}


def home(role: str) -> str:
    """Where a role's work starts."""
    return _HOME.get(Role(role), "/staff/queue")


def frame() -> dict[str, Any]:
    """For `casework/base.html`."""
    if not request.path.startswith("/staff"):
        return {}
    parts = current_app.extensions["settings"].parts
    staff = g.get("staff")
    role = staff.role if staff is not None else ""
    return {
        "staff": staff,
        "places": [place for place in PLACES if role in place.roles],
        # Nothing, where another host serves it.
        "statistics": f"/{chosen()}/statistics" if "analytics" in parts else "",
        "here": request.path,
        "idle_seconds": int(IDLE.total_seconds()),
        "warning_seconds": int(IDLE.total_seconds()) - WARNING,
        # As it stands where it is none: whoever writes to the database must not have it hidden.
        "role_name": lambda name: ROLE_NAMES.get(name, name),
        "state_name": lambda name: STATE_NAMES.get(name, name),
    }

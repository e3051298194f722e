"""Words of the release desk: states, refusals, reasons. No figure is ever in one of them."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from analytics.release import EARLIEST_YEAR

STATES: dict[str, Any] = {
    "proposed": _("Being built"),
    "built": _("To be checked by another lead"),
    "refused": _("Could not be built"),
    "published": _("Published"),
    "rejected": _("Rejected"),
}

REFUSALS: dict[str, Any] = {
    "scope-unknown": _("Choose for whom the release is."),
    "year-unknown": _("Write the year with four digits."),
    "year-too-early": _("The earliest year that can be published is %(year)s.", year=EARLIEST_YEAR),
    "year-not-over": _("This year has not been over for 30 days. Choose an earlier one."),
    "already-published": _("This period is published already. A period is published once."),
    "already-proposed": _("A release of this period is proposed already. Check that one first."),
    "same-person": _("You proposed this release. Another lead must check and publish it."),
    "stale-audit": _(
        "Something else of this year was published since this release was built. Together they "
        "might say more than each alone. Reject this one and propose it again."
    ),
    "agreement-withdrawn": _(
        "An organisation no longer agrees to be recognised, and this was made while it did. It "
        "cannot be published. Reject it and propose it again."
    ),
    "files-missing": _(
        "Files of this release are missing. Tell whoever runs this system: they are in the backup."
    ),
    "state-proposed": _("This release is still being built."),
    "state-refused": _("This release could not be built."),
    "state-published": _("This release is published. It stays as it is."),
    "state-rejected": _("This release was rejected."),
    "unconfirmed": _("Look at the tables first, then tick the box."),
    "no-reason": _("Choose why you reject it."),
    "floor": _("There are too few incidents: fewer than 10 in the protected total."),
    "audit": _("The tables together would give small counts away, even with cells left out."),
}


# Where the link of a problem leads. What is not here is of no field: the state has changed.
_FIELDS = {
    "scope-unknown": "scope",
    "year-unknown": "year",
    "year-too-early": "year",
    "year-not-over": "year",
    "already-published": "year",
    "already-proposed": "year",
    "unconfirmed": "confirm",
    "no-reason": "reason",
}


# What was typed or chosen wrong; every other problem is one of the state.
_MISTYPED = {"scope-unknown", "year-unknown", "year-too-early", "year-not-over"}


def status(problem: str) -> int:
    """The HTTP status of a refusal: 422 for an answer of the form, 409 for a conflict."""
    return 422 if problem in _MISTYPED else 409


def by_field(problem: str) -> dict[str, str]:
    """The words of a problem by the id of its field."""
    return {_FIELDS.get(problem, ""): str(REFUSALS.get(problem, problem))} if problem else {}


def rejections() -> list[tuple[str, str]]:
    """Reasons to reject a release, by code."""
    return [
        ("figures", gettext("The figures do not look right")),
        ("period", gettext("It is the wrong organisation or year")),
        ("later", gettext("Records are still to come; it should wait")),
        ("again", gettext("It must be built again")),
    ]


def ended(year: int) -> str:
    """What the year of the form means."""
    return str(gettext("The latest year that can be published is %(year)s.", year=year))

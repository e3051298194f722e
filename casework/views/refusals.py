"""Refusals in words: what happened, and what to do now. No refusal shows what was in a thing."""

from typing import Any

from flask_babel import lazy_gettext as _

# reason code -> heading, sentence
WORDS: dict[str, tuple[Any, Any]] = {
    "unknown": (_("There is no such page"), _("Your organisation has nothing at this address.")),
    "role": (
        _("This page is not for your role"),
        _("Your role does not open this page. Nothing was changed."),
    ),
    "form": (
        _("This form is too old"),
        _("Go back, load the page again and send it once more. Nothing was changed."),
    ),
    "sessions": (
        _("Staff pages are not available now"),
        _(
            "A part of the system that keeps sessions does not answer. Reports still come in and "
            "wait for you. Try again in a minute; if it stays so, tell whoever runs this system."
        ),
    ),
    "invitation": (
        _("This invitation is not valid"),
        _(
            "It was used already, or it is older than 72 hours, or the link is not complete. "
            "Ask the person who invited you for a new one."
        ),
    ),
    "role-changed": (
        _("The role has changed"),
        _(
            "The role of this person is no longer the one your page showed. Nobody was admitted. "
            "Ask whoever invited this person; if nobody changed it, tell whoever runs this system."
        ),
    ),
    "fingerprint": (
        _("The fingerprint has changed"),
        _(
            "The key of this person is no longer the one your page showed. Nobody was admitted. "
            "Compare again with the person; if they did not set up anew, tell whoever runs this "
            "system."
        ),
    ),
    "keys-changed": (
        _("Keys have just changed"),
        _("Someone changed the keys of your organisation at the same moment. Try once more."),
    ),
    "roster": (
        _("The list of members is not as you last saw it"),
        _(
            "Someone may have changed the system. No keys were given to anybody. Tell the other "
            "supervisors and whoever runs this system by phone or in person, not by a message "
            "through it."
        ),
    ),
    "not-waiting": (
        _("This person is not waiting"),
        _("Somebody else has admitted or removed them in the meantime."),
    ),
    "listed": (
        _("This person is already in the signed list of members"),
        _(
            "Their record was altered: someone may have changed the system. Nobody was admitted. "
            "Tell whoever runs this system by phone or in person."
        ),
    ),
    "yourself": (
        _("You cannot remove yourself"),
        _("Another supervisor or administrator can do that."),
    ),
    "supervisor-only": (
        _("Only a supervisor can do that"),
        _("A new invitation for a member of an organisation comes from its supervisor."),
    ),
}
WORDS |= {
    "version": (
        _("Somebody else was quicker"),
        _("This was changed after your page was made. Load the page again and look."),
    ),
    "erased": (
        _("The reporter has deleted this report"),
        _("Its words, files and keys are gone. Nobody can bring them back."),
    ),
    "file": (
        _("This file cannot be opened"),
        _("It was cut or changed on its way, or is not what the report says. Nothing was saved."),
    ),
    "cannot-open": (
        _("Your keys do not open this"),
        _(
            "Ask a supervisor to look. If they cannot open it either, tell whoever runs this "
            "system."
        ),
    ),
    "altered": (
        _("Something here is not what was written"),
        _(
            "A part of this incident does not match the audit chain. It is not counted. Tell "
            "whoever runs this system before you do anything else."
        ),
    ),
    "no-answer-wanted": (
        _("This reporter cannot be answered"),
        _("They did not ask for answers, or their key cannot be used. Nothing was sent."),
    ),
    "empty-message": (_("The message is empty"), _("Write something, then send it.")),
    "empty-note": (_("The note is empty"), _("Write something, then save it.")),
    "reason": (_("Choose a reason"), _("Go back and say why this report is set aside.")),
    "email": (
        _("This is not an e-mail address"),
        _("Write the whole address, also what comes after the @ sign, or leave the field empty."),
    ),
    "not-yours": (
        _("Somebody else holds this report"),
        _("Only who holds a report, or a supervisor, gives it back."),
    ),
}
_DEFAULT = (
    _("That did not work"),
    _("Something has changed in the meantime. Go back, load the page again and look."),
)
_STATUS = {"unknown": 404, "invitation": 404, "role": 403, "form": 400, "sessions": 503}


def page_of(reason: str) -> dict[str, Any]:
    """Heading and sentence of a refusal's page."""
    heading, sentence = WORDS.get(reason, _DEFAULT)
    return {"heading": heading, "sentence": sentence}


def status_of(reason: str) -> int:
    """HTTP status of a refusal."""
    return _STATUS.get(reason, 409)

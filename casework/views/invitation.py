"""An invitation's page: what the invited person writes down, and the proof that they did.

A link previewer or a curious proxy that opens the address makes nothing: only the button does.
"""

from dataclasses import dataclass
from itertools import groupby

import segno
from flask import render_template, request
from flask_babel import gettext as _

from casework import credentials, invitations
from casework.policy import ActionRefused
from casework.views import blueprint
from reporting.access import PUBLIC, audience


@dataclass(frozen=True)
class Qr:
    """A QR code as one shape of a drawing in the page: no image has to leave it.

    A table of cells was mirrored on Arabic pages, and 2,400 elements for a telephone to lay out.
    """

    cells: int
    path: str

    @classmethod
    def of(cls, text: str) -> "Qr":
        """The code of a text, with its quiet border; dark cells side by side are one rectangle."""
        rows = list(segno.make(text, micro=False, error="m").matrix_iter(border=4))
        path = []
        for y, row in enumerate(rows):
            x = 0
            for dark, run in groupby(row):
                width = len(list(run))
                if dark:
                    path.append(f"M{x} {y}h{width}v1h-{width}z")
                x += width
        return cls(len(rows), "".join(path))


@blueprint.get("/invitation/<token>")
@audience(PUBLIC)
def invitation(token: str) -> str:
    """Say who is invited and what comes next."""
    return render_template("casework/invitation.html", member=invitations.invited(token))


@blueprint.post("/invitation/<token>")
@audience(PUBLIC)
def accept(token: str) -> str | tuple[str, int]:
    """`begin` shows what to write down, once; `accept` takes it back as proof."""
    if request.form.get("step") == "accept":
        return _accept(token)
    made = invitations.begin(token)
    secret = " ".join(made.totp_secret[i : i + 4] for i in range(0, len(made.totp_secret), 4))
    return render_template(
        "casework/invitation_secrets.html",
        made=made,
        secret=secret,
        qr=Qr.of(made.totp_uri),
        problems={},
    )


def _accept(token: str) -> str | tuple[str, int]:
    try:
        member = invitations.accept(
            token, request.form.get("passphrase", ""), request.form.get("code", "")
        )
    except ActionRefused as refused:
        if refused.reason != "not-the-same":
            raise
        problem = _(
            "That is not what was shown. Check the six words and the newest code of your device. "
            "If you no longer have them, make new ones."
        )
        page = render_template(
            "casework/invitation_secrets.html",
            made=None,
            secret="",
            qr=None,
            problems={"passphrase": problem},
        )
        return page, 422
    shown = credentials.fingerprint(member.public_key) if member.public_key is not None else ""
    return render_template("casework/invitation_done.html", member=member, fingerprint=shown)

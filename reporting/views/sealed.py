"""`POST /sealed/<organisation>`: sealed reports from browsers and other clients.

Opens nothing and cannot. Errors are RFC 9457; the answer is given after the commit.
"""

from collections.abc import Iterator

from flask import Response, request

from reporting import organisations
from reporting.access import PUBLIC, audience
from reporting.attachments import MAX_SEALED, AttachmentTooLarge, Incoming
from reporting.envelope import (
    MAX_ATTACHMENTS,
    MAX_ENVELOPE,
    Envelope,
    parse_envelope,
)
from reporting.multipart import FormPart, MultipartRefused, drain, read_parts
from reporting.organisations import Listing
from reporting.questions import MAX_JSON
from reporting.sealing import BOX_OVERHEAD, SealingRefused, padded_length
from reporting.submission import SubmissionRefused, check_key, is_known, submit
from reporting.views import blueprint
from reporting.views.pages import answer, let_go, problem

MAX_REQUEST = MAX_ENVELOPE + MAX_ATTACHMENTS * MAX_SEALED + 64 * 1024
# Read and dropped, so that a client that is still sending sees the answer.
MAX_DRAINED = 2 * MAX_REQUEST
_LONGEST_BODY = padded_length(MAX_JSON) + BOX_OVERHEAD


@blueprint.post("/sealed/<slug>")
@audience(PUBLIC)
def take_sealed(slug: str) -> Response:
    """Store a sealed report: 201, or 200 when these bytes were stored before."""
    request.max_content_length = None
    incoming: list[Incoming] = []
    try:
        organisation = organisations.find(slug)
        if organisation is None:
            raise SubmissionRefused(404, "organisation")
        if (request.content_length or 0) > MAX_REQUEST:
            raise SubmissionRefused(413, "too-large")
        let_go()
        envelope = _read(organisation, incoming)
        if incoming:
            # The upload may have taken an hour, and the key may have retired meanwhile.
            organisation = organisations.find(slug) or organisation
        accepted = submit(organisation, envelope, incoming)
    except SubmissionRefused as refused:
        if (request.content_length or 0) <= MAX_DRAINED:
            drain(request.stream, MAX_DRAINED)
        return problem(refused.status, refused.code, refused.extra)
    finally:
        for file in incoming:
            file.discard()
    status = 200 if accepted.repeated else 201
    return answer({"acknowledgement": accepted.acknowledgement}, status)


def _read(organisation: Listing, incoming: list[Incoming]) -> Envelope:
    try:
        parts = read_parts(request.stream, request.headers.get("Content-Type", ""))
        first = next(parts, None)
        if first is None or first.name != "envelope":
            raise SubmissionRefused(422, "envelope-first")
        envelope = parse_envelope(first.read(MAX_ENVELOPE))
        if len(envelope.body) > _LONGEST_BODY:
            raise SubmissionRefused(413, "too-large")
        # The same bytes are asked for first (by `submit`, once the files are here). Files of what
        # is new and sealed to an old key are not even written: the client seals them again.
        if envelope.attachments and not is_known(envelope.report_id):
            check_key(organisation, envelope.key_id)
        let_go()
        _read_files(parts, envelope, incoming)
    except (MultipartRefused, SealingRefused) as refused:
        status = 413 if refused.reason == "too-large" else 422
        raise SubmissionRefused(status, refused.reason) from None
    except AttachmentTooLarge:
        raise SubmissionRefused(413, "too-large") from None
    return envelope


def _read_files(parts: Iterator[FormPart], envelope: Envelope, incoming: list[Incoming]) -> None:
    for part in parts:
        index = len(incoming)
        if part.name != f"attachment-{index}" or index >= len(envelope.attachments):
            raise SubmissionRefused(422, "attachments")
        file = Incoming()
        incoming.append(file)
        for chunk in part.chunks:
            if file.length + len(chunk) > envelope.attachments[index].length:
                raise SubmissionRefused(422, "attachments")
            file.write(chunk)
        file.finish()

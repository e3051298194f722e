"""Digests: the first words of a report in a box of one length, whatever was written."""

from sqlalchemy import select

from casework import admission, digests
from casework.models import Work
from casework.sessions import Session
from reporting.database import db
from tests.casework import sent


def test_the_first_words_end_with_a_whole_word() -> None:
    said = "She " + "walked on " * 20
    assert digests.first_words(said).removesuffix("…").split()[-1] in {"walked", "on"}
    assert len(digests.first_words("word" * 50)) == 80
    assert len(digests.first_words("她继续走。" * 50)) == 80


def test_all_digests_are_of_one_length(sana: Session) -> None:
    sent.send(answers={"what_happened": "é" * 3000})
    sent.send(answers={"what_happened": "."})
    sent.send(raw=b"?")
    admission.admit_new(sana)
    lengths = {len(d) for d in db.session.scalars(select(Work.digest)) if d}
    assert lengths == {digests.SIZE + 28}


def test_a_digest_never_outgrows_its_box(sana: Session) -> None:
    from reporting import vocabulary

    full = digests.Digest(
        words="\x00" * 80,
        language="xx-" + "y" * 8,
        acts=vocabulary.ids("act"),
        grounds=vocabulary.ids("bias"),
        country="DE",
        told="being_read",
        reason="set_aside_reason.out_of_scope",
    )
    boxed, epoch = digests.box_digest(sana.keyring, b"i" * 16, full)
    assert len(boxed) == digests.SIZE + 28
    back = digests.open_digest(sana.keyring, b"i" * 16, boxed, epoch)
    assert (back.told, back.broken) == ("being_read", "")

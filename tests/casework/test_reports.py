"""Opening: broken reports shown as such, additions under their report, files only when whole."""

from datetime import UTC, datetime, timedelta

import pytest

from casework import admission, bodies, digests, linking, reports
from casework.models import Incident
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting import attachments, mailbox
from reporting.database import db, transaction
from reporting.models import Report
from tests.casework import sent
from tests.casework.decided import opened, work_of
from tests.casework.hostile import BROKEN, STRANGE


@pytest.mark.parametrize(("changes", "broken"), BROKEN)
def test_a_broken_report_is_shown_as_such_and_stops_no_other(
    sana: Session, changes: dict[str, bytes], broken: str
) -> None:
    bad = sent.send(**changes)  # type: ignore[arg-type]  # keyword values of a case
    good = sent.send()
    assert admission.admit_new(sana).count == 2
    assert opened(sana, good).first.body.broken == ""
    work, thread = reports.open_report(sana, bad.report_id)
    assert thread is not None
    assert thread.first.body.broken == broken
    digest = digests.open_digest(sana.keyring, work.report_id, work.digest, work.digest_epoch)
    assert digest.broken == broken
    # It can still be decided about.
    assert linking.new_incident(sana, bad.report_id, work_of(bad).version)


def test_hostile_values_are_kept_as_words_and_guessed_from_nothing(sana: Session) -> None:
    one = sent.send(**STRANGE[0])
    admission.admit_new(sana)
    body = opened(sana, one).first.body
    assert (body.text, body.country, body.setting, body.acts) == ("", "", "", ())
    assert body.grounds == ("rb.ethnic",)
    assert body.consent == {}
    shown = dict(body.unknown)
    assert (shown["hobby"], shown["later"], shown["what_happened"]) == ("chess", "more", "7")
    assert "rb.nobody" in shown["grounds"]


def test_text_comes_back_byte_exact(sana: Session) -> None:
    said = "אב \u202eevil\u0000 <script> 'q' \\ 👩🏾\u200d🚒 é ﷽\n\n\tend "
    one = sent.send(answers={"what_happened": said})
    admission.admit_new(sana)
    assert opened(sana, one).first.body.text == said
    assert "\u202e" not in digests.first_words(said)


def test_an_addition_joins_its_report_and_marks_it_new(sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    opened(sana, one)
    more = sent.add(one)
    assert admission.admit_new(sana).count == 1
    assert work_of(one).fresh
    assert work_of(more).parent_id == one.report_id
    thread = opened(sana, one)
    assert [a.body.text for a in thread.additions] == ["One more thing."]
    assert thread.additions[0].confirmed
    assert not work_of(one).fresh


def test_an_addition_to_a_linked_report_opens_with_the_incident(sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    incident_id = linking.new_incident(sana, one.report_id, work_of(one).version)
    more = sent.add(one)
    admission.admit_new(sana)
    assert work_of(more).incident_id == incident_id
    row = db.session.get(Report, more.report_id)
    assert row is not None
    assert row.boxed_epoch is None
    assert len(opened(sana, one).additions) == 1


def test_an_addition_with_an_unknown_token_enters_the_queue(sana: Session) -> None:
    lost = sent.send(kind="addition", request="more")
    admission.admit_new(sana)
    assert work_of(lost).state == "admitted"
    assert work_of(lost).kind == "addition"
    assert opened(sana, lost).first.body.text


def test_the_latest_consent_wins_also_over_days(sana: Session, clock_at: object) -> None:
    one = sent.send(consent={"statistics": True, "reply": False})
    admission.admit_new(sana)
    sent.add(one, request="consent", consent={"statistics": False, "reply": True})
    admission.admit_new(sana)
    assert not opened(sana, one).consents("statistics")
    assert opened(sana, one).consents("reply")
    sent.add(one, request="more", consent={})
    admission.admit_new(sana)
    assert not opened(sana, one).consents("statistics")
    sent.add(one, request="consent", consent={"statistics": True})
    admission.admit_new(sana)
    assert opened(sana, one).consents("statistics")
    # What an addition does not name stays as it was.
    assert opened(sana, one).consents("reply")


def test_of_two_words_of_one_batch_the_refusal_counts(sana: Session) -> None:
    one = sent.send()
    sent.add(one, request="consent", consent={"statistics": False})
    sent.add(one, request="consent", consent={"statistics": True})
    admission.admit_new(sana)
    assert not opened(sana, one).consents("statistics")


def test_what_a_reporter_erased_is_gone_from_every_page(sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    mailbox.erase(one.receipt.mailbox_token)
    _work, thread = reports.open_report(sana, one.report_id)
    assert thread is None


FILES = [("harm<b>.html\r\nX: y", b"<script>alert(1)</script>" * 4000), ("empty", b"")]


def test_files_come_back_byte_exact(sana: Session) -> None:
    one = sent.send(files=FILES)
    admission.admit_new(sana)
    for index, (name, data) in enumerate(FILES):
        assert opened(sana, one).first.files[index].name == name
        download = reports.open_file(sana, one.report_id, index)
        assert (download.size, b"".join(download.chunks)) == (len(data), data)
    linking.new_incident(sana, one.report_id, work_of(one).version)
    assert b"".join(reports.open_file(sana, one.report_id, 0).chunks) == FILES[0][1]


@pytest.mark.parametrize("harm", ["cut", "flip", "gone", "size"])
def test_a_damaged_file_gives_nothing_at_all(sana: Session, harm: str) -> None:
    data = b"x" * 200_000
    size = 199_999 if harm == "size" else 200_000
    one = sent.send(
        files=[("a", data)], attachments=[{"name": "a", "media_type": "", "size": size}]
    )
    admission.admit_new(sana)
    path = attachments.path(one.report_id, 0)
    sealed = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(sealed[:-65_552])
    elif harm == "flip":
        sealed[-20] ^= 1
        path.write_bytes(sealed)
    elif harm == "gone":
        path.unlink()
    with pytest.raises(ActionRefused) as refused:
        reports.open_file(sana, one.report_id, 0)
    assert refused.value.reason == "file"


def test_follow_up_is_compared_whole() -> None:
    first = bodies.Body(follow_up="a")
    assert bodies.is_confirmed(first, bodies.Body(follow_up="a"))
    assert not bodies.is_confirmed(first, bodies.Body(follow_up="ab"))
    assert not bodies.is_confirmed(bodies.Body(), bodies.Body())


def test_a_day_later_counts_whatever_came_in_together(sana: Session, monkeypatch: object) -> None:
    today = datetime.now(UTC)
    one = sent.send()
    no = sent.add(one, request="consent", consent={"statistics": False})
    yes = sent.add(one, request="consent", consent={"statistics": True})
    with transaction() as database:
        database.get_one(Report, no.report_id).day = (today - timedelta(days=1)).date()
    admission.admit_new(sana)
    assert work_of(yes).day > work_of(no).day
    assert opened(sana, one).consents("statistics")


def test_an_addition_to_an_incident_that_does_not_open_waits_and_stops_no_other(
    sana: Session,
) -> None:
    one = sent.send()
    admission.admit_new(sana)
    incident_id = linking.new_incident(sana, one.report_id, work_of(one).version)
    with transaction() as database:
        database.get_one(Incident, incident_id).object_key = bytes(60)
    sent.add(one)
    other = sent.send()
    assert admission.admit_new(sana).count == 1
    assert opened(sana, other).first.body.text

"""Answers to reporters: told once and kept, with the status they leave, and only where wanted."""

import pytest

from casework import incidents, linking
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting.sealing import random_id
from tests.casework import sent
from tests.casework.decided import closed, incident_of, made, work_of


def test_answers_reach_the_reporter_once_and_are_kept(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    item = random_id()
    for _ in range(2):
        incidents.answer(sana, incident_id, one.report_id, item, "Which line?", "question")
    told = sent.messages(one)
    assert [m.get("status") for m in told] == ["being_read", "question"]
    assert told[1]["text"] == "Which line?"
    # The inbox page chooses it beforehand, for what the reporter adds.
    assert {m["organisation"] for m in told} == {"demo"}
    kept = incidents.open_incident(sana, incident_id).answers
    assert [(k.value["text"], k.value["status"]) for k in kept] == [("Which line?", "question")]


def statuses(one: sent.Sent) -> list[str]:
    """What the reporter's page says of the report, one after the other."""
    return [m["status"] for m in sent.messages(one) if "status" in m]


def test_a_question_that_is_settled_waits_no_longer(sana: Session) -> None:
    """Else the reporter's page would ask them for ever for an answer they have given."""
    one = sent.send()
    incident_id = made(sana, one)
    for text, status in (
        ("We look.", ""),
        ("Which line?", "question"),
        ("Which stop?", "question"),
    ):
        incidents.answer(sana, incident_id, one.report_id, random_id(), text, status)
    assert statuses(one) == ["being_read", "question", "question"]
    for text in ("Thank you.", "We wrote to them."):
        incidents.answer(sana, incident_id, one.report_id, random_id(), text, "")
    assert statuses(one) == ["being_read", "question", "question", "being_read"]
    thanks = sent.messages(one)[4]
    assert (thanks["text"], thanks["status"]) == ("Thank you.", "being_read")
    kept = {
        k.value["text"]: k.value["status"]
        for k in incidents.open_incident(sana, incident_id).answers
    }
    assert (kept["Thank you."], kept["We wrote to them."]) == ("being_read", "")
    closed(sana, incident_id)
    incidents.answer(sana, incident_id, one.report_id, random_id(), "One more word.", "")
    assert statuses(one)[-1] == "finished"


def test_what_is_taken_up_again_is_being_read_again(sana: Session) -> None:
    one, quiet = sent.send(), sent.send(consent={"statistics": True})
    incident_id = made(sana, one)
    linking.link(sana, quiet.report_id, incident_id, work_of(quiet).version)
    closed(sana, incident_id)
    incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    assert statuses(one) == ["being_read", "finished", "being_read"]
    incidents.close(sana, incident_id, incident_of(incident_id).version)
    assert statuses(one)[-1] == "finished"
    # Out of a closed incident, and decided about anew.
    linking.unlink(sana, one.report_id, work_of(one).version)
    linking.new_incident(sana, one.report_id, work_of(one).version)
    assert statuses(one)[2:] == ["being_read", "finished", "being_read"]
    assert statuses(quiet) == []


def test_no_answer_where_none_is_wanted_or_the_key_is_hostile(sana: Session) -> None:
    quiet = sent.send(consent={"statistics": True})
    hostile = sent.send(reply_public_key="A" * 1622)
    for one in (quiet, hostile):
        incident_id = made(sana, one)
        assert sent.messages(one) == []
        with pytest.raises(ActionRefused) as refused:
            incidents.answer(sana, incident_id, one.report_id, random_id(), "Hello", "")
        assert refused.value.reason == "no-answer-wanted"
    thread = incidents.open_incident(sana, incident_id).threads[0][1]
    assert thread.first.body.hostile_reply_key

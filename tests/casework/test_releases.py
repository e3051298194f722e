"""The release desk: two leads propose and decide, nobody else, and each step is in the chain."""

from dataclasses import replace

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import select

import wsgi
from analytics import counting
from analytics.menu import load
from analytics.models import Release
from casework import audit
from casework.models import AuditEntry
from reporting import queue
from reporting.database import db, transaction
from tests.casework.people import add_organisation, post, sign_in
from tests.casework.release_desk import actions, propose, send
from tests.factories_statistics import YEAR, scope_of

pytestmark = pytest.mark.usefixtures("in_november")


def test_one_lead_proposes_and_another_publishes(leads: tuple[FlaskClient, FlaskClient]) -> None:
    first, second = leads
    there = propose(first)
    assert "publish" not in first.get(there).text.lower().split("<main")[1].split("another lead")[0]
    assert send(first, f"{there}/publish", confirm="yes").status_code == 409
    page = second.get(there).text
    assert 'name="confirm"' in page
    assert "Lea One" in page
    assert send(second, f"{there}/publish").status_code == 422
    assert send(second, f"{there}/publish", confirm="yes").status_code == 303
    assert "These figures are public" in second.get(there).text
    public = second.get(there.replace("/staff/releases", "/en/statistics"))
    assert public.status_code == 200
    assert actions() == [
        ("propose_release", {"scope": "world", "year": YEAR}),
        ("check_release", {}),
        ("publish_release", {}),
    ]
    assert audit.verify(audit.CHAIN_INSTANCE) is None


def test_asking_again_is_refused_with_the_reason(leads: tuple[FlaskClient, FlaskClient]) -> None:
    first, second = leads
    there = propose(first)
    again = send(second, "/staff/releases", scope="world", year=str(YEAR))
    assert again.status_code == 409
    assert "proposed already" in again.text
    send(second, f"{there}/publish", confirm="yes")
    again = send(second, "/staff/releases", scope="world", year=str(YEAR))
    assert again.status_code == 409
    assert "published once" in again.text
    assert len(actions()) == 3


def test_what_is_sent_twice_leads_to_what_the_first_did(
    leads: tuple[FlaskClient, FlaskClient],
) -> None:
    """A double click is no problem to read about; another person's step is."""
    first, second = leads
    there = propose(first)
    for client, path, data in (
        (first, "/staff/releases", {"scope": "world", "year": str(YEAR)}),
        (second, f"{there}/reject", {"reason": "figures"}),
    ):
        before = actions()
        for _ in range(2):
            answer = send(client, path, **data)
            assert (answer.status_code, answer.headers.get("Location")) == (303, there)
        assert len(actions()) - len(before) == (path != "/staff/releases")
    assert send(first, f"{there}/reject", reason="figures").status_code == 409
    there = propose(second)
    for _ in range(2):
        answer = send(first, f"{there}/publish", confirm="yes")
        assert (answer.status_code, answer.headers["Location"]) == (303, there)
    answer = send(second, f"{there}/publish", confirm="yes")
    assert answer.status_code == 409
    assert "published already" in answer.text
    # Rejecting what one has published is no repeat.
    assert send(first, f"{there}/reject", reason="figures").status_code == 409
    # Nor is proposing what is out: there is nothing to lead to that this asked for.
    assert send(second, "/staff/releases", scope="world", year=str(YEAR)).status_code == 409
    assert len(actions()) == 5


def test_leads_are_told_when_counting_fails_again_and_again(
    app: Flask, leads: tuple[FlaskClient, FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore with another noise root: nothing of an earlier draft can be opened."""
    first, second = leads
    send(second, f"{propose(first)}/reject", reason="again")
    instance = app.extensions["instance"]
    monkeypatch.setitem(app.extensions, "instance", replace(instance, noise_root=b"?" * 32))
    monkeypatch.setattr(wsgi, "_worker_app", lambda: app)
    connection = redis.Redis.from_url(app.extensions["settings"].redis_url)
    worker = SimpleWorker([queue.QUEUE_NAME], connection=connection, serializer=JSONSerializer)
    there = send(first, "/staff/releases", scope="world", year=str(YEAR)).headers["Location"]
    words, waits = "Counting has failed several times", []
    for times in (1, 2, 3):
        worker.work(burst=True, logging_level="CRITICAL")
        page = second.get(there)
        assert (words in page.text) is (times == 3)
        assert ("are being counted" in page.text) is (times < 3)
        waits.append(int(page.headers["Refresh"]))
        queue.sweep()
    assert waits[0] == waits[1] < waits[2], "it is tried again once in a minute only"
    monkeypatch.setitem(app.extensions, "instance", instance)
    assert words in second.get(there).text
    worker.work(burst=True, logging_level="CRITICAL")
    db.session.rollback()
    page = second.get(there)
    assert words not in page.text
    assert 'name="confirm"' in page.text


def test_a_rejected_release_can_be_proposed_again(leads: tuple[FlaskClient, FlaskClient]) -> None:
    first, second = leads
    there = propose(first)
    assert 'href="#reason"' in send(second, f"{there}/reject").text
    unseen = send(second, f"{there}/publish")
    assert unseen.status_code == 422
    assert 'href="#confirm"' in unseen.text
    assert 'aria-describedby="wrong-confirm" aria-invalid="true"' in unseen.text
    assert send(second, f"{there}/reject", reason="figures").status_code == 303
    page = first.get(there).text
    assert "Rejected by <bdi>Lou Two</bdi> on 22 November" in page
    assert "The figures do not look right." in page
    assert send(second, f"{there}/publish", confirm="yes").status_code == 409
    assert ("refuse_release", {"reason": "figures"}) in actions()
    propose(second)


def test_a_rejected_release_is_shown_though_its_link_cannot_be_read(
    leads: tuple[FlaskClient, FlaskClient],
) -> None:
    """The page must stand in the very case in which somebody has altered the chain."""
    first, second = leads
    there = propose(first)
    assert send(second, f"{there}/reject", reason="figures").status_code == 303
    for broken in (b"no link", b""):
        with transaction() as session:
            last = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
            assert last is not None
            last.entry = broken
        page = first.get(there)
        assert page.status_code == 200
        assert "Rejected by <bdi>Lou Two</bdi> on" in page.text
        assert "The figures do not look right." not in page.text


def test_an_organisations_own_release_bears_its_name(
    leads: tuple[FlaskClient, FlaskClient], client: FlaskClient
) -> None:
    first, second = leads
    counts = counting.count(db.session(), load(YEAR))
    largest = max(counts.organisations, key=lambda o: counts.organisations[o][load(YEAR).total].n)
    there = propose(first, scope_of(largest))
    send(second, f"{there}/publish", confirm="yes")
    page = client.get(there.replace("/staff/releases", "/en/statistics")).text
    assert "Organisation demo" in page


def test_a_consent_to_be_recognised_reaches_the_release(
    leads: tuple[FlaskClient, FlaskClient],
) -> None:
    from reporting.models import Organisation

    first, second = leads
    there = propose(first)
    withheld = second.get(there).text.count("not published")
    send(second, f"{there}/reject", reason="again")
    for one in db.session.scalars(select(Organisation)):
        one.recognisable = True
    db.session.commit()
    assert second.get(propose(first)).text.count("not published") < withheld


@pytest.mark.parametrize("wrong", ["x", "A" * 22, "%00"])
def test_an_unknown_release_is_not_found(
    leads: tuple[FlaskClient, FlaskClient], wrong: str
) -> None:
    assert leads[0].get(f"/staff/releases/{wrong}").status_code == 404
    assert send(leads[0], f"/staff/releases/{wrong}/publish", confirm="yes").status_code == 404


def test_nobody_but_leads_comes_in(app: Flask, leads: tuple[FlaskClient, FlaskClient]) -> None:
    there = propose(leads[0])
    supervisor = app.test_client()
    assert sign_in(supervisor, add_organisation("demo-four").supervisor).status_code == 303
    for path in ("/staff/releases", there):
        assert supervisor.get(path).status_code == 403
        assert app.test_client().get(path).status_code == 303
    page = supervisor.get("/staff/people").text
    assert post(supervisor, f"{there}/publish", {"confirm": "yes"}, page).status_code == 403
    assert actions() == [("propose_release", {"scope": "world", "year": YEAR})]


def test_a_form_without_its_token_changes_nothing(leads: tuple[FlaskClient, FlaskClient]) -> None:
    answer = leads[0].post("/staff/releases", data={"scope": "world", "year": str(YEAR)})
    assert answer.status_code == 400
    assert db.session.scalars(select(Release)).first() is None

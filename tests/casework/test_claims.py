"""Who has a report, over HTTP: claimed, taken over from whoever the page showed, given back."""

from flask.testing import FlaskClient

from casework import audit
from reporting.database import db
from tests.casework import sent
from tests.casework.pages import hidden, post, text
from tests.casework.people import Organisation


def test_the_second_claimer_sees_who_has_it_and_may_take_over(
    desk: FlaskClient, ben: FlaskClient, organisation: Organisation
) -> None:
    one = sent.send()
    first, second = text(desk, "/staff/queue"), text(ben, "/staff/queue")
    path = f"/staff/reports/{one.id}/claim"
    post(desk, path, first, version="1")
    held = post(ben, path, second, 409, version="1")
    assert f"<bdi>{organisation.supervisor.name}</bdi> has this report" in held
    assert post(ben, path, held, version=hidden(held, "version"), take_over="yes").endswith(one.id)
    assert "You hold no report" in text(desk, "/staff/queue?view=mine")
    assert "He shouted" in text(ben, "/staff/queue?view=mine")
    assert [m.get("status") for m in sent.messages(one)] == ["being_read"]
    page = text(ben, f"/staff/reports/{one.id}")
    version = hidden(page, "version", "/release")
    assert "done=released" in post(ben, f"/staff/reports/{one.id}/release", page, version=version)


def take_over(browser: FlaskClient, page: str, one: sent.Sent, status: int = 303) -> str:
    """Press the button of a page that offers it."""
    version = hidden(page, "version", "/claim")
    path = f"/staff/reports/{one.id}/claim"
    return post(browser, path, page, status, version=version, take_over="yes")


def test_taking_over_is_from_the_holder_the_page_showed(
    desk: FlaskClient, ben: FlaskClient, dina: FlaskClient, organisation: Organisation
) -> None:
    one = sent.send()
    post(desk, f"/staff/reports/{one.id}/claim", text(desk, "/staff/queue"), version="1")
    from_sana, seen = text(ben, f"/staff/reports/{one.id}"), text(dina, f"/staff/reports/{one.id}")
    assert f"Take over from <bdi>{organisation.supervisor.name}</bdi>" in from_sana
    take_over(dina, seen, one)
    # Pressed twice, it is held once, and nobody is told of a fault.
    assert take_over(dina, seen, one).endswith(one.id)
    held = take_over(ben, from_sana, one, 409)
    assert "<bdi>Dina</bdi> has this report" in held
    assert "He shouted" in text(dina, "/staff/queue?view=mine")
    take_over(ben, held, one)
    assert "He shouted" in text(ben, "/staff/queue?view=mine")
    # Once for each who took it over.
    chain = audit.of(db.session(), organisation.id, one.report_id)
    assert [action for action, _detail in chain].count("take_over") == 2


def test_who_was_too_late_to_take_over_sees_how_it_stands(
    desk: FlaskClient, ben: FlaskClient
) -> None:
    one = sent.send()
    place = f"/staff/reports/{one.id}"
    post(desk, f"{place}/claim", text(desk, "/staff/queue"), version="1")
    late = text(ben, place)
    mine = text(desk, place)
    post(desk, f"{place}/release", mine, version=hidden(mine, "version", "/release"))
    free = take_over(ben, late, one, 409)
    assert "This report has changed" in free
    assert "Nobody holds it now." in free
    # What is offered is to claim it, and that refuses again when somebody is quicker.
    assert 'name="take_over"' not in free
    version = hidden(free, "version", "/claim")
    page = text(desk, place)
    reason = "set_aside_reason.out_of_scope"
    post(desk, f"{place}/set-aside", page, version=version, reason=reason)
    aside = post(ben, f"{place}/claim", free, 409, version=version)
    assert '<span class="tag">Set aside</span>' in aside
    assert 'name="version"' not in aside
    assert f'href="{place}"' in aside
    assert "Set aside:" in text(ben, place)

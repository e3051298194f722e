"""Releases follow who agreed to be recognisable: what readers get after `agree` and `disagree`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from analytics import release
from analytics.heads import FILE
from analytics.models import Release
from casework import audit, heads, organisations
from reporting.database import db
from reporting.sealing import b64
from tests.casework.conftest import Run
from tests.casework.people import Organisation as Place
from tests.casework.people import add_lead, add_organisation, post, sign_in
from tests.factories_statistics import YEAR, make_world, store


class TestRelease:
    """A release of the coalition, proposed after the commands."""

    @pytest.fixture
    def places(self, app: Flask, clock_at: Callable[[datetime], None]) -> list[Place]:
        """Three organisations with records of last year."""
        clock_at(datetime(YEAR + 1, 11, 22, 12, tzinfo=UTC))
        found = [add_organisation(slug) for slug in ("demo", "demo-two", "demo-three")]
        store(make_world(1, dict(zip((one.id for one in found), (270, 198, 132), strict=True))))
        return found

    @pytest.fixture
    def leads(self, app: Flask, places: list[Place]) -> list[FlaskClient]:
        """Two leads who are signed in."""
        clients = [app.test_client(), app.test_client()]
        for client, name in zip(clients, ("Lea One", "Lou Two"), strict=True):
            assert sign_in(client, add_lead(name)).status_code == 303
        return clients

    def proposed(self, leads: list[FlaskClient]) -> str:
        """Address of a proposal that was built."""
        listed = leads[0].get("/staff/releases").text
        asked = {"scope": "world", "year": str(YEAR)}
        there = post(leads[0], "/staff/releases", asked, listed).headers["Location"]
        waits = select(Release.id).where(Release.state == "proposed")
        release.build(db.session.scalars(waits).one())
        return there

    def told(self, leads: list[FlaskClient], there: str) -> set[str]:
        """Heads in the file that readers get once the other lead has published."""
        page = leads[1].get(there).text
        assert post(leads[1], f"{there}/publish", {"confirm": "yes"}, page).status_code == 303
        answer = leads[1].get(there.replace("/staff/releases", "/statistics") + f"/{FILE}")
        return {entry["head"] for entry in json.loads(answer.data)["heads"]}

    def head(self, place: Place) -> str:
        [found] = [one for one in heads.newest(db.session()) if one.organisation_id == place.id]
        return b64(found.head)

    def test_it_carries_the_head_of_whoever_agreed(
        self, places: list[Place], leads: list[FlaskClient], run: Run
    ) -> None:
        run("agree", "demo-two", "--yes")
        assert self.told(leads, self.proposed(leads)) == {self.head(places[1])}

    def test_it_carries_none_of_whoever_disagreed(
        self, places: list[Place], leads: list[FlaskClient], run: Run
    ) -> None:
        run("agree", "demo", "--yes")
        run("agree", "demo-two", "--yes")
        run("disagree", "demo")
        assert self.told(leads, self.proposed(leads)) == {self.head(places[1])}

    def test_nobody_agreed_nobody_is_told(
        self, places: list[Place], leads: list[FlaskClient]
    ) -> None:
        assert self.told(leads, self.proposed(leads)) == set()

    def test_a_proposal_of_before_it_disagreed_is_not_published(
        self, places: list[Place], leads: list[FlaskClient], run: Run
    ) -> None:
        run("agree", "demo", "--yes")
        there = self.proposed(leads)
        page = leads[1].get(there).text
        assert f'action="{there}/publish"' in page
        assert 'id="audit-title"' in page
        assert "a coalition lead rejects it" in run("disagree", "demo").output
        late = post(leads[1], f"{there}/publish", {"confirm": "yes"}, page)
        assert late.status_code == 409
        for text in (leads[0].get(there).text, leads[1].get(there).text, late.text):
            assert "no longer agrees to be recognised" in text
            assert "To be checked by another lead" not in text
            # Nobody looks at what it would say, and nobody is told whose agreement it was.
            assert f'action="{there}/publish"' not in text
            assert 'id="audit-title"' not in text
            assert "Organisation demo" not in text
        [row] = db.session.scalars(select(Release))
        assert row.state == "built"
        # The period is free again, and is built with what holds now.
        rejected = post(leads[1], f"{there}/reject", {"reason": "again"}, page)
        assert rejected.status_code == 303
        assert self.told(leads, self.proposed(leads)) == set()

    def test_who_agrees_meanwhile_stops_no_proposal(
        self, places: list[Place], leads: list[FlaskClient], run: Run
    ) -> None:
        run("agree", "demo", "--yes")
        there = self.proposed(leads)
        run("agree", "demo-two", "--yes")
        assert self.told(leads, there) == {self.head(places[0])}

    def test_disagreeing_waits_for_a_release_that_is_being_published(
        self,
        app: Flask,
        places: list[Place],
        leads: list[FlaskClient],
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Else its operator is told that nothing can be published, a moment before something is."""
        run("agree", "demo", "--yes")
        there = self.proposed(leads)
        order: list[str] = []

        def disagree() -> None:
            with app.app_context():
                organisations.disagree(places[0].id)
            order.append("disagreed")

        other = Thread(target=disagree)
        real = audit.write

        def slowly(session: Any, chain: bytes, actor: Any, action: str, *rest: Any) -> bytes:
            if action == "publish_release":
                other.start()
                other.join(0.3)
                order.append("published")
            return real(session, chain, actor, action, *rest)

        monkeypatch.setattr(audit, "write", slowly)
        assert self.told(leads, there) == {self.head(places[0])}
        other.join()
        assert order == ["published", "disagreed"]

"""The demo: whole, alike, made by the front door, finished after an interruption, made once."""

import json
import stat
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.serving import make_server

from analytics.models import Record
from casework import demo, demo_people, demo_stories, incidents, members
from casework.models import Incident, Member, Work
from reporting import vocabulary
from reporting.database import db
from reporting.models import Report
from reporting.processes import DEMO_DONE
from reporting.settings import Settings

SMALL = {"demo": 12, "demo-two": 5, "demo-three": 4}


@pytest.fixture
def server(app: Flask) -> Iterator[str]:
    """The application on a port of its own, as the demo's reporters reach it."""
    served = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_stories, "SIZES", SMALL)


def count(model: Any, *where: Any) -> int:
    return int(db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0)


def test_the_six_hundred_are_what_the_demo_promises() -> None:
    stories = list(demo_stories.last_year(2025))
    assert Counter(s.organisation for s in stories) == {
        "demo": 270,
        "demo-two": 198,
        "demo-three": 132,
    }
    assert len({s.number for s in stories}) == 600
    for slug in demo_stories.SIZES:
        own = [s.coding for s in stories if s.organisation == slug and s.coding]
        assert {vocabulary.gravest(c.acts) for c in own} == set(vocabulary.ids("act_family"))
        families = {vocabulary.ground_family(g) for c in own for g in c.grounds}
        assert families >= set(vocabulary.ids("ground_family"))
        assert {c.country for c in own} == {"DE", "GB", "FR", "ES", "US"}
        assert {c.month for c in own} >= {f"{month:02}" for month in range(1, 13)}
        assert {c.year for c in own} == {"2025"}
        # All are to be counted.
        assert {c.certainty for c in own} <= {"V1", "V2", "V3", "V4"}
    assert all(s.consent["statistics"] for s in stories)
    assert {s.language for s in stories} == {"en", "ar"}
    for story in stories:
        assert story.coding is not None
        assert story.coding.to_json()["acts"]
        assert set(story.coding.acts) <= set(vocabulary.ids("act"))
        assert set(story.coding.grounds) <= set(vocabulary.ids("bias"))
        assert story.coding.setting in vocabulary.ids("loc")
        assert set(story.answers["acts"]) <= set(vocabulary.ids("reporter_group"))
        assert set(story.answers["grounds"]) <= set(vocabulary.ids("reporter_ground"))
        assert 20 < len(story.answers["what_happened"]) < 1000


def test_every_demo_is_alike() -> None:
    assert list(demo_stories.last_year(2025)) == list(demo_stories.last_year(2025))


def test_hostile_strings_wait_to_be_read() -> None:
    waiting = list(demo_stories.waiting())
    assert len(waiting) == 25
    assert {s.language for s in waiting} == {"en", "ar"}
    together = "".join(s.answers["what_happened"] for s in waiting)
    for hostile in ("<script>", "\u202e", "DROP TABLE", "=cmd|", "{{ 7*7 }}", "%00"):
        assert hostile in together
    assert len({s.answers["what_happened"] for s in waiting}) == 25


@pytest.mark.usefixtures("small")
def test_an_interrupted_demo_is_finished_and_made_once(
    app: Flask, settings: Settings, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = incidents.close, []

    def cut(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 8:
            raise KeyboardInterrupt
        real(*arguments)

    with app.app_context():
        monkeypatch.setattr(incidents, "close", cut)
        with pytest.raises(KeyboardInterrupt):
            demo.make_demo(settings, server)
        monkeypatch.setattr(incidents, "close", real)
        assert not (settings.data_dir / DEMO_DONE).exists()
    for _again in range(2):
        # A new process knows no seeds: it signs in as its people do.
        with app.app_context():
            demo.make_demo(settings, server)
            total = sum(SMALL.values())
            assert count(Incident, Incident.state == "closed") == count(Incident) == total
            assert count(Record) == total
            assert count(Work) == total
            assert count(Report, Report.sealed_key.is_not(None)) == 25
            assert count(Member, Member.state == members.ACTIVE) == 12


@pytest.mark.usefixtures("small")
def test_sign_ins_are_written_for_the_demo_only(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        book = demo_people.Book.load(settings.data_dir)
        demo_people.make_people(book)
        path = settings.data_dir / demo_people.FILE
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        rows = json.loads(path.read_text())
        roles = Counter((row["role"], row["organisation"]) for row in rows)
        assert roles == {
            **{("supervisor", slug): 1 for slug in SMALL},
            **{("caseworker", slug): 2 for slug in SMALL},
            ("lead", ""): 2,
            ("administrator", ""): 1,
        }
        for row in rows:
            assert len(row["passphrase"].split()) == 6
        # Made again, nobody is new.
        demo_people.make_people(demo_people.Book.load(settings.data_dir))
        assert json.loads(path.read_text()) == rows
        session = demo_people.Book.load(settings.data_dir).session_of("Mona Lind")
        assert session.role == "supervisor"
        assert session.keyring.identity is not None

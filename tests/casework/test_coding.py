"""The coding of an incident: codes only, nobody's overwritten, no earlier one put back unseen."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from casework import coding, incidents
from casework.bodies import Body
from casework.models import Item
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting.database import transaction
from tests.casework import sent
from tests.casework.decided import coded, incident_of, made


def test_the_second_coder_is_refused_and_the_first_coding_stays(sana: Session) -> None:
    incident_id = made(sana, sent.send())
    opened = incidents.open_incident(sana, incident_id)
    seen = opened.incident.version
    first = replace(opened.coding, certainty="V3")
    incidents.save_coding(sana, incident_id, seen, first)
    with pytest.raises(ActionRefused) as refused:
        incidents.save_coding(sana, incident_id, seen, replace(opened.coding, country="FR"))
    assert refused.value.reason == "version"
    assert incidents.open_incident(sana, incident_id).coding == first


def test_an_old_revision_does_not_come_back_unseen(sana: Session) -> None:
    incident_id = made(sana, sent.send())
    coded(sana, incident_id)
    with transaction() as database:
        coding_items = select(Item).where(Item.kind == "coding").order_by(Item.revision.desc())
        database.delete(database.scalars(coding_items).all()[0])
    opened = incidents.open_incident(sana, incident_id)
    assert [one.kind for one in opened.altered] == ["coding"]
    with pytest.raises(ActionRefused) as refused:
        incidents.close(sana, incident_id, incident_of(incident_id).version)
    assert refused.value.reason == "altered"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"year": ["2999"]}, "year"),
        ({"year": ["25"]}, "year"),
        ({"month": ["13"], "year": ["2025"]}, "month"),
        ({"month": ["03"]}, "year"),
        ({"setting": ["loc.moon"]}, "setting"),
        ({"acts": ["act.verbal", "act.nothing"]}, "acts"),
        ({"country": ["ZZ"]}, "country"),
        ({"certainty": ["V9"]}, "certainty"),
    ],
)
def test_coding_takes_codes_only(app: Flask, fields: Any, problem: str) -> None:
    _chosen, problems = coding.from_form(fields)
    assert list(problems) == [problem]


def test_a_year_in_any_digits_is_the_same_year(app: Flask) -> None:
    """From an Arabic keyboard, or from a foreign client that sealed it so."""
    chosen, problems = coding.from_form({"year": ["٢٠٢٥"], "month": ["03"]})
    assert problems == {}
    assert (chosen.year, chosen.month) == ("2025", "03")
    assert coding.propose(Body(when="٢٠٢٥", precision="year")).year == ""
    assert coding.propose(Body(when="2025", precision="year")).year == "2025"

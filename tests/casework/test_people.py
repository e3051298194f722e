"""The people page over HTTP: from an invitation to an admitted member, and back out."""

import re
from datetime import timedelta
from html import unescape

import pyotp
import pytest
import segno
from flask import Flask
from flask.testing import FlaskClient

from casework import audit, credentials, invitations
from casework.audit import CHAIN_INSTANCE
from casework.models import Member
from reporting import clock
from reporting.database import db
from reporting.sealing import b64
from tests.casework.pages import page
from tests.casework.people import (
    Organisation,
    add_administrator,
    add_lead,
    add_member,
    add_organisation,
    post,
    session_of,
    sign_in,
)


def send(client: FlaskClient, path: str, data: dict[str, str]) -> tuple[int, str]:
    answer = post(client, path, data, page(client, "/staff/profile"))
    return answer.status_code, answer.get_data(as_text=True)


def invite(client: FlaskClient, name: str, role: str) -> str:
    """Path of the link that the page shows once."""
    status, text = send(client, "/staff/people/invite", {"name": name, "role": role})
    assert status == 200
    found = re.search(r"/staff/invitation/[A-Za-z0-9_-]{43}", text)
    assert found is not None
    assert found.group() not in page(client, "/staff/people")
    return found.group()


def set_up(client: FlaskClient, path: str) -> tuple[str, str, str]:
    """Follow a link as the invited person: words, TOTP secret and the last page."""
    first = page(client, path)
    shown = post(client, path, {"step": "begin"}, first).get_data(as_text=True)
    words = re.search(r'class="words"[^>]*>([a-z -]+)<', shown)
    secret = re.search(r"<code dir=\"ltr\">([A-Z2-7 ]+)</code>", shown)
    assert words is not None
    assert secret is not None
    plain = secret.group(1).replace(" ", "")
    fields = {
        "step": "accept",
        "passphrase": words.group(1),
        "code": pyotp.TOTP(plain).at(clock.now()),
    }
    done = post(client, path, fields, shown)
    assert done.status_code == 200
    return words.group(1), plain, done.get_data(as_text=True)


@pytest.fixture
def organisation(app: Flask, client: FlaskClient) -> Organisation:
    """An organisation whose supervisor is signed in with `client`."""
    made = add_organisation()
    sign_in(client, made.supervisor)
    return made


def test_from_invitation_to_the_members_first_sign_in(
    app: Flask, client: FlaskClient, organisation: Organisation
) -> None:
    path = invite(client, "Karim", "caseworker")
    visitor = app.test_client()
    words, secret, done = set_up(visitor, path)
    member = db.session.query(Member).filter_by(name="Karim").one()
    fingerprint = credentials.fingerprint(member.public_key or b"")
    assert fingerprint in done
    assert fingerprint in page(client, "/staff/people")
    admit = f"/staff/people/{b64(member.id)}/admit"
    status, _ = send(client, admit, {"fingerprint": fingerprint})
    assert status == 422, "not without saying that it was compared"
    shown = {"fingerprint": fingerprint, "role": "caseworker", "compared": "yes"}
    status, text = send(client, admit, {**shown, "role": "supervisor"})
    assert status == 409
    assert "no longer the one your page showed" in text
    status, _ = send(client, admit, shown)
    assert status == 303
    code = pyotp.TOTP(secret).at(clock.now() + timedelta(seconds=30))
    answer = post(visitor, "/staff/sign-in", {"name": "karim", "passphrase": words, "code": code})
    assert answer.location == "/staff/queue"
    actions = [action for action, _ in audit.of(db.session(), organisation.id, member.id)]
    assert actions == ["invite", "accept_invitation", "admit_member", "sign_in"]


def test_opening_the_link_alone_makes_nothing(
    app: Flask, client: FlaskClient, organisation: Organisation
) -> None:
    path = invite(client, "Karim", "caseworker")
    text = page(app.test_client(), path)
    assert "Karim" in text
    assert 'class="words"' not in text
    member = db.session.query(Member).filter_by(name="Karim").one()
    assert member.sign_in is None


def test_wrong_proof_shows_no_secret_again(
    app: Flask, client: FlaskClient, organisation: Organisation
) -> None:
    path = invite(client, "Karim", "caseworker")
    visitor = app.test_client()
    shown = post(visitor, path, {"step": "begin"}, page(visitor, path)).get_data(as_text=True)
    answer = post(visitor, path, {"step": "accept", "passphrase": "x", "code": "1"}, shown)
    assert answer.status_code == 422
    assert 'class="words"' not in answer.get_data(as_text=True)


def test_qr_code_on_the_page_is_the_second_factor(
    app: Flask, client: FlaskClient, organisation: Organisation
) -> None:
    path = invite(client, "Karim", "caseworker")
    visitor = app.test_client()
    shown = post(visitor, path, {"step": "begin"}, page(visitor, path)).get_data(as_text=True)
    drawing = shown[shown.index('<svg class="qr"') : shown.index("</svg>")]
    size = int(re.findall(r'viewBox="0 0 (\d+) \1"', drawing)[0])
    cells = [[False] * size for _ in range(size)]
    shape = re.findall(r' d="([^"]*)"', drawing)[0]
    for x, y, width, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", shape):
        assert width == back
        cells[int(y)][int(x) : int(x) + int(width)] = [True] * int(width)
    secret = unescape(shown.split('<code dir="ltr">')[1].split("<")[0]).replace(" ", "")
    uri = pyotp.TOTP(secret).provisioning_uri(name="Karim", issuer_name=credentials.ISSUER)
    wanted = segno.make(uri, micro=False, error="m").matrix_iter(border=4)
    assert cells == [[bool(cell) for cell in row] for row in wanted]
    assert "style=" not in shown
    assert "data:" not in shown


def test_changed_fingerprint_is_refused_in_words(
    client: FlaskClient, organisation: Organisation
) -> None:
    new = invitations.enrol(organisation.id, "caseworker", "Karim")
    fields = {"fingerprint": credentials.fingerprint(bytes(1216)), "compared": "yes"}
    status, text = send(client, f"/staff/people/{b64(new.member_id)}/admit", fields)
    assert status == 409
    assert "no longer the one your page showed" in text


def test_removing_asks_first(client: FlaskClient, organisation: Organisation) -> None:
    karim = add_member(organisation, "caseworker", "Karim")
    path = f"/staff/people/{b64(karim.member_id)}/remove"
    assert "cannot be undone" in page(client, path)
    assert "Karim" in page(client, "/staff/people")
    status, _ = send(client, path, {})
    assert status == 303
    assert "Karim" not in page(client, "/staff/people")
    assert session_of(organisation.supervisor).keyring.newest_epoch() == 2
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("target", ["A" * 22, "x", "%00", "..", "A" * 300])
def test_unknown_person_is_not_found(
    client: FlaskClient, organisation: Organisation, target: str
) -> None:
    assert client.get(f"/staff/people/{target}/remove").status_code == 404


def test_another_organisations_person_is_not_found(
    client: FlaskClient, organisation: Organisation
) -> None:
    other = add_organisation("other")
    path = f"/staff/people/{b64(other.supervisor.member_id)}/remove"
    assert client.get(path).status_code == 404
    assert send(client, path, {})[0] == 404
    assert other.supervisor.name not in page(client, "/staff/people")


def test_taken_name_keeps_what_was_typed(client: FlaskClient, organisation: Organisation) -> None:
    name = organisation.supervisor.name
    status, text = send(client, "/staff/people/invite", {"name": name, "role": "caseworker"})
    assert status == 422
    assert "already called that" in text
    assert f'value="{name}"' in text
    assert 'href="#name"' in text
    assert 'aria-describedby="name-hint wrong-name" aria-invalid="true"' in text
    assert 'name="email"' in text
    # After a mistake elsewhere on the page, too, a role is chosen.
    assert text.count(" checked") == 1


def test_supervisor_cannot_make_an_administrator(
    client: FlaskClient, organisation: Organisation
) -> None:
    status, _ = send(client, "/staff/people/invite", {"name": "X", "role": "administrator"})
    assert status == 403


def test_administrator_looks_after_leads_and_sees_no_organisations_people(
    app: Flask, client: FlaskClient
) -> None:
    organisation, lead = add_organisation(), add_lead("Lea")
    sign_in(client, add_administrator())
    text = page(client, "/staff/people")
    assert "Lea" in text
    assert organisation.supervisor.name not in text
    # Without a queue there is nothing to be told about.
    assert 'name="email"' not in text
    path = invite(client, "Second Lead", "lead")
    set_up(app.test_client(), path)
    status, _ = send(client, f"/staff/people/{b64(lead.member_id)}/remove", {})
    assert status == 303
    second = db.session.query(Member).filter_by(name="Second Lead").one()
    done = audit.of(db.session(), CHAIN_INSTANCE, second.id)
    assert done[0] == ("invite", {"name": "Second Lead", "role": "lead"})

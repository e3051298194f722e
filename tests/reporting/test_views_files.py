"""Files in the form without script: sealed, limited, never taken before their report is known."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reporting import receipt
from reporting.questions import MAX_JSON
from tests.factories_reporting import make_organisation, stored, stored_files
from tests.page import encode
from tests.reporting.plain_form import FORM, check, draft_of, post
from tests.reporting.test_views_returning import come_back, turn

CHOOSE_AGAIN = "Please choose your files again."


def test_files_are_sealed_and_come_back(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    north = make_organisation()
    files = [("صورة.jpg", b"\xff\xd8" + bytes(range(256)) * 999), ("empty.txt", b"")]
    page = post(
        client,
        {
            "draft": check(client),
            "step": "send",
            "file": files,
        },
    )
    assert page.status_code == 200
    [report] = stored()
    described = north.open(report)["attachments"]
    assert [(d["name"], d["size"]) for d in described] == [(n, len(d)) for n, d in files]
    for index, (_name, data) in enumerate(files):
        assert north.file(report, index, len(data)) == data


def test_file_field_left_empty_is_no_file(app: Flask, client: FlaskClient) -> None:
    make_organisation()
    data = {"draft": check(client), "step": "send", "file": [("", b"")]}
    assert post(client, data).status_code == 200
    assert stored_files() == []


def test_file_too_large_keeps_the_answers(app: Flask, client: FlaskClient, settings: Any) -> None:
    make_organisation()
    draft = check(client)
    large = b"x" * (20 * 1024 * 1024 + 1)
    page = post(client, {"draft": draft, "step": "send", "file": [("large.bin", large)]})
    assert page.status_code == 413
    assert "larger than 20 MB" in page.text
    assert draft_of(page) == draft
    assert stored() == []
    left = [p for p in settings.attachments_dir.rglob("*") if p.is_file()]
    assert left == []
    assert post(client, {"draft": draft, "step": "send"}).status_code == 200


def test_sixth_file_is_refused(app: Flask, client: FlaskClient) -> None:
    make_organisation()
    files = [(f"{n}.txt", b"x") for n in range(6)]
    page = post(client, {"draft": check(client), "step": "send", "file": files})
    assert page.status_code == 413
    assert "5 files" in page.text
    assert stored() == []


def test_files_before_the_draft_are_not_taken(app: Flask, client: FlaskClient) -> None:
    """Nothing is written for a file whose report is not known: it could not be sealed."""
    make_organisation()
    draft = check(client)
    _none, headers = encode([], [])
    mark = headers["Content-Type"].partition("boundary=")[2]
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'
        f'--{mark}\r\nContent-Disposition: form-data; name="draft"\r\n\r\n{draft}\r\n'
        f'--{mark}\r\nContent-Disposition: form-data; name="step"\r\n\r\nsend\r\n--{mark}--\r\n'
    )
    page = client.post(FORM, data=body.encode(), headers=headers)
    assert page.status_code == 413
    assert draft_of(page) == draft
    assert stored() == []


@pytest.mark.parametrize(
    ("where", "changes", "status", "at"),
    [
        ("add", {"what_happened": "x" * MAX_JSON}, 422, "more"),
        ("add", {"organisation": ""}, 422, "add-organisation"),
        ("add", {"organisation": "shut"}, 503, "t-add"),
        ("first", {}, 503, ""),
    ],
    ids=["too-long", "no-organisation", "closed", "closed-first"],
)
def test_no_page_loses_files_without_a_word(
    app: Flask, client: FlaskClient, where: str, changes: dict[str, str], status: int, at: str
) -> None:
    """No page can hold files: whoever sends from the next one would believe they had gone along."""
    north = make_organisation()
    make_organisation("shut", "Shut House", closed=True)
    first = {"draft": check(client), "step": "send"}
    draft = draft_of(come_back(client, receipt.make_digits()))
    addition = {"draft": draft, "step": "add", "organisation": "north", "what_happened": "words"}
    if where == "first":
        turn(north.organisation_id, closed=True)

    def sent(**files: Any) -> str:
        if where == "first":
            page = post(client, {**first, **files})
        else:
            page = post(client, {**addition, **changes, **files}, "/en/return")
        assert page.status_code == (413 if "file" in files and len(files["file"]) > 5 else status)
        return page.text

    with_file = sent(file=[("a.txt", b"photo")])
    assert with_file.count(CHOOSE_AGAIN) == 1
    said = re.search(r'role="alert"><h2>[^<]*</h2><p>(?:<a href="#([^"]*)">)?', with_file)
    assert said
    assert (said[1] or "") == at
    # The twins: nothing was chosen, or what is wrong with the files says it already.
    assert CHOOSE_AGAIN not in sent()
    assert CHOOSE_AGAIN not in sent(file=[("a.txt", b"photo")] * 6)
    assert stored() == []

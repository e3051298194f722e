"""Public statistics: pages without script, files for good, nothing before publication."""

import io
import json
import re

import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient

from analytics import deployment, release
from reporting.sealing import b64
from tests.factories_statistics import (
    CHECKER,
    SIZES,
    make_release,
    make_world,
    organisation,
    scope_of,
    store,
)

LARGEST_PAGE = 20 * 1024


pytestmark = pytest.mark.usefixtures("in_november")


@pytest.fixture
def world(app: Flask) -> bytes:
    store(make_world(1, SIZES))
    return make_release()


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_before_the_first_release_the_page_says_so(client: FlaskClient, locale: str) -> None:
    answer = client.get(f"/{locale}/statistics")
    assert answer.status_code == 200
    assert "<table" not in answer.text


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_the_page_is_small_and_has_no_script_style_or_picture(
    client: FlaskClient, world: bytes, locale: str
) -> None:
    answer = client.get(f"/{locale}/statistics")
    assert answer.status_code == 200
    assert len(answer.data) <= LARGEST_PAGE
    main = answer.text[answer.text.index("<main") : answer.text.index("</main>")]
    for unwanted in ("<script", "<svg", "<img", " style=", "<canvas"):
        assert unwanted not in main
    assert main.count("<table") == 6
    assert "Set-Cookie" not in answer.headers


def test_every_number_on_the_page_is_one_of_the_file(client: FlaskClient, world: bytes) -> None:
    page = client.get("/en/statistics").text
    table = page[page.index('id="setting"') :]
    table = table[: table.index("</table>")]
    shown = [int(n) for n in re.findall(r"<td>(\d+)</td>", table)]
    rows = client.get(f"/statistics/{b64(world)}/setting.csv").text.splitlines()[1:]
    values = [int(row.split(",")[4]) for row in rows if row.split(",")[4]]
    assert shown == values
    assert table.count("10 or fewer, possibly none") == sum(",band," in row for row in rows)


def test_bars_are_as_long_as_their_numbers(client: FlaskClient, world: bytes) -> None:
    page = client.get("/en/statistics").text
    table = page[page.index('id="months"') :]
    table = table[: table.index("</table>")]
    pairs = re.findall(r'<td>(\d+)</td>.*?class="w(\d+)"', table)
    largest = max(int(value) for value, _ in pairs)
    assert all(int(width) == round(100 * int(value) / largest) for value, width in pairs)
    assert max(int(width) for _, width in pairs) == 100


def test_one_line_of_pandas_reads_the_table(client: FlaskClient, world: bytes) -> None:
    answer = client.get("/statistics/latest/statistics.csv", follow_redirects=True)
    frame = pd.read_csv(io.BytesIO(answer.data))
    assert list(frame.columns[:2]) == ["period", "geo"]
    assert list(frame.columns[-5:]) == ["status", "value", "low", "high", "as_of"]
    assert set(frame["status"]) <= {"shown", "band", "withheld"}
    assert frame.loc[frame["status"] == "shown", "value"].ge(6).all()
    assert not frame["geo"].isna().any()


def test_the_latest_file_is_a_redirect_and_the_file_itself_is_for_good(
    client: FlaskClient, world: bytes
) -> None:
    answer = client.get("/statistics/latest/datapackage.json")
    assert answer.status_code == 302
    there = answer.headers["Location"]
    assert there == f"/statistics/{b64(world)}/datapackage.json"
    file = client.get(there)
    assert file.headers["Content-Type"].startswith("application/json")
    assert "immutable" in file.headers["Cache-Control"]
    assert json.loads(file.data)["id"] == b64(world)


@pytest.mark.parametrize(
    "name", ["audit.json", "..%2f..%2fupstander.db", "nothing.csv", "../upstander.db", "%00"]
)
def test_no_other_file_is_served(client: FlaskClient, world: bytes, name: str) -> None:
    assert client.get(f"/statistics/{b64(world)}/{name}").status_code == 404
    assert client.get(f"/statistics/latest/{name}").status_code == 404


@pytest.mark.parametrize("change", ["other", "empty", "missing", "folder"])
def test_a_file_that_is_not_as_it_was_published_is_not_served(
    client: FlaskClient, world: bytes, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number that was changed on the disk is worse than none."""
    path = deployment.releases_dir() / b64(world) / "months.csv"
    there = f"/statistics/{b64(world)}/months.csv"
    assert client.get(there).status_code == 200
    data = path.read_bytes()
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change != "missing":
        path.write_bytes(data.replace(b"3", b"4", 1) if change == "other" else b"")
    capsys.readouterr()
    answer = client.get(there)
    assert answer.status_code == 503
    assert answer.content_type.startswith("text/html")
    assert "immutable" not in answer.headers.get("Cache-Control", "")
    assert "ETag" not in answer.headers
    assert "published file" in capsys.readouterr().err
    assert client.get(f"/statistics/{b64(world)}/type.csv").status_code == 200


def test_nothing_unpublished_is_served(client: FlaskClient, app: Flask) -> None:
    store(make_world(1, SIZES))
    release_id = make_release(publish=False)
    there = f"/statistics/{b64(release_id)}/statistics.csv"
    for address in (
        there,
        f"/en/statistics/{b64(release_id)}",
        "/statistics/latest/statistics.csv",
    ):
        assert client.get(address).status_code == 404
    release.publish(release_id, CHECKER)
    assert client.get(there).status_code == 200
    assert client.get(f"/en/statistics/{b64(release_id)}").status_code == 200


@pytest.mark.parametrize("wrong", ["AAAA", "A" * 22, "x", "%20"])
def test_an_unknown_release_is_not_found(client: FlaskClient, world: bytes, wrong: str) -> None:
    assert client.get(f"/en/statistics/{wrong}").status_code == 404
    assert client.get(f"/statistics/{wrong}/statistics.csv").status_code == 404


def test_scopes_stand_beside_each_other(client: FlaskClient, world: bytes) -> None:
    mine = scope_of(organisation(1))
    own = make_release(mine, scope_name="<b>Rights & First</b>")
    page = client.get("/en/statistics").text
    assert f"/en/statistics/{b64(own)}" in page
    assert "<b>Rights" not in page
    assert "&lt;b&gt;Rights &amp; First" in page
    assert (
        f"/statistics/{b64(own)}/statistics.csv" in client.get(f"/en/statistics?scope={mine}").text
    )
    assert client.get("/en/statistics?scope=org:nobody").status_code == 404


def test_ranges_keep_their_direction_in_arabic(client: FlaskClient, world: bytes) -> None:
    page = client.get("/ar/statistics").text
    assert 'dir="rtl"' in page
    assert re.search(r'<bdi dir="ltr">\d+–\d+</bdi>', page)
    make_release(scope_of(organisation(1)), scope_name="North")
    assert re.search(r"<bdi>North</bdi>، \d{4}</a>", client.get("/ar/statistics").text)


def test_the_style_sheet_knows_every_width_and_only_logical_directions(
    client: FlaskClient, world: bytes
) -> None:
    page = client.get("/en/statistics").text
    address = re.search(r'href="(/static/charts-[0-9a-f]{16}\.css)"', page)
    assert address
    sheet = client.get(address[1]).text
    assert all(f".w{width} " in sheet for width in range(101))
    assert not re.search(r"\b(left|right)\b", sheet)

"""The files of a release: as described, written once, without a true count or a key in any."""

import csv
import hashlib
import io
import json

import pytest
from flask import Flask

from analytics import counting, deployment, files, noise, release
from analytics.menu import load
from analytics.tables import WORLD
from reporting.database import db
from reporting.sealing import b64
from tests.analytics.released import get, get_only, read_csv
from tests.factories_statistics import (
    SIZES,
    YEAR,
    make_coded,
    make_release,
    make_world,
    organisation,
    store,
)

pytestmark = pytest.mark.usefixtures("in_november")


def test_files_are_as_their_checksums_say_and_never_written_again(app: Flask) -> None:
    store(make_world(1, SIZES))
    release_id = make_release()
    folder = deployment.releases_dir() / b64(release_id)
    lines = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    sums = {name: checksum for checksum, name in lines}
    listed = json.loads(get(release_id).files)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    for name, checksum in sums.items():
        assert hashlib.sha256(before[name]).hexdigest() == checksum == listed[name]
    assert set(sums) == set(before) - {"SHA256SUMS", "audit.json", ".published"}
    store([make_coded()])
    release.build(release_id)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_the_data_package_describes_every_csv(app: Flask) -> None:
    store(make_world(1, SIZES))
    folder = deployment.releases_dir() / b64(make_release())
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    for resource in package["resources"]:
        data = (folder / resource["path"]).read_bytes()
        assert len(data) == resource["bytes"]
        assert resource["hash"] == "sha256:" + hashlib.sha256(data).hexdigest()
        if resource["path"].endswith(".csv"):
            reader = csv.DictReader(io.StringIO(data.decode()))
            fields = resource["schema"]["fields"]
            assert reader.fieldnames == [field["name"] for field in fields]
            allowed = {f["name"]: f.get("constraints", {}).get("enum") for f in fields}
            for row in reader:
                for name, value in row.items():
                    assert allowed[name] is None or value in allowed[name]
    about = package["upstander"]
    assert (about["T"], about["D"], about["V"]) == (6, 5, 3)
    assert sum(about["cells"].values()) == len(read_csv(get_only().id))


@pytest.mark.parametrize(("locale", "words"), [("en", "never more than 5"), ("ar", "لا أشخاصًا")])
def test_the_method_note_goes_out_in_both_languages(app: Flask, locale: str, words: str) -> None:
    """T30."""
    store(make_world(1, SIZES))
    release_id = make_release(scope_name="Rights First")
    folder = deployment.releases_dir() / b64(release_id)
    text = (folder / f"method.{locale}.md").read_text(encoding="utf-8")
    assert words in text
    assert files.paragraph(locale) in text
    cells_by_status = json.loads(get(release_id).parameters)["cells"]
    assert " / ".join(str(cells_by_status[s]) for s in ("shown", "band", "withheld", "na")) in text
    assert "T = 6" in text
    assert "Rights First" in text
    assert "{" not in text


def test_no_true_count_sum_of_keys_or_key_leaves_the_build(
    app: Flask, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """T21. Counts are made so large that they are numbers of their own; a twin plants one."""
    caplog.set_level(0)
    one = [make_coded(organisation_id=organisation(1 + i % 3)) for i in range(1537)]
    two = [make_coded(setting="loc.home", acts={"act.threat"}) for _ in range(1213)]
    store([*one, *two])
    release_id = make_release()
    menu = load(YEAR)
    counts = counting.count(db.session(), menu)
    root = app.extensions["instance"].noise_root
    keys = [root, noise.record_key(root), noise.noise_key(root, WORLD, YEAR)]
    keys.append(noise.reference_key(root))
    shown = {row["value"] for row in read_csv(release_id)}
    secret = {str(c.skey) for c in counts.world.values()} | {k.hex() for k in keys}
    secret |= {b64(k) for k in keys} | {b64(organisation(i)) for i in (1, 2, 3)}
    secret |= {str(c.n) for c in counts.world.values() if c.n > 1000} - shown
    secret |= {str(c.top) for c in counts.world.values() if c.top > 1000} - shown
    secret -= {v for row in read_csv(release_id) for v in (row["low"], row["high"])}
    assert any(len(s) == 4 for s in secret)

    folder = deployment.releases_dir() / b64(release_id)
    places = {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir()}
    # Any four digits stand in some checksum sooner or later.
    sums = {hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}

    def leaks(places: dict[str, str]) -> set[str]:
        told = places
        for checksum in sums:
            told = {name: text.replace(checksum, "") for name, text in told.items()}
        return {name for name, text in told.items() if any(s in text for s in secret)}

    audit = json.loads(places.pop(files.AUDIT))
    assert set(audit) == {"passed", "rounds", "views", "withheld", "refused_tables"}
    told = get(release_id)
    places |= {"parameters": told.parameters, "files": told.files, "log": caplog.text}
    out, err = capsys.readouterr()
    places |= {"out": out, "err": err}
    assert leaks(places) == set()
    for name, text in places.items():
        assert leaks({name: text + min(secret)}) == {name}
    sums.add(checksum := hashlib.sha256().hexdigest()[:60] + min(secret, key=len))
    beside = {"key": keys[0].hex(), "number": f"{checksum} {min(secret, key=len)}"}
    assert leaks({"checksum": checksum, **beside}) == set(beside)

"""Signed audit heads in a release: carried away whole, and telling nothing they must not."""

import hashlib
import json
from typing import Any

import pytest
from flask import Flask

from analytics import deployment, heads, release
from analytics.heads import Head
from analytics.models import Release
from analytics.tables import WORLD
from reporting.database import db, transaction
from reporting.sealing import SealingRefused, b64
from tests.factories_statistics import (
    CHECKER,
    PROPOSER,
    SIZES,
    YEAR,
    make_world,
    organisation,
    scope_of,
    store,
)


def head_of(number: int) -> Head:
    """An invented head; the higher the number, the lower its hash."""
    key, head, signature = (bytes([base - number]) for base in (50, 100, 150))
    return Head(organisation(number), key * 32, head * 32, signature * 64)


ALL = [head_of(number) for number in (1, 2, 3)]
AGREED = frozenset(SIZES)


class TestPure:
    """What is said of heads, and how it is read again."""

    def test_the_coalition_does_not_say_whose_a_head_is(self) -> None:
        entries = heads.told(ALL, None, AGREED)
        assert [set(entry) for entry in entries] == [{"head", "signature"}] * 3
        text = heads.compose(entries).decode()
        for one in ALL:
            assert b64(one.organisation_id) not in text
            assert b64(one.identity_key) not in text

    def test_the_coalition_carries_only_whoever_agreed_to_be_recognisable(self) -> None:
        """Of three, two with releases of their own: the third's would be known by elimination."""
        (entry,) = heads.told(ALL, None, {organisation(2), organisation(4)})
        assert entry["head"] == b64(ALL[1].head)
        assert heads.told(ALL, None, ()) == []

    def test_their_order_is_that_of_the_hashes(self) -> None:
        told = heads.told(ALL, None, AGREED)
        assert told == heads.told(reversed(ALL), None, AGREED)
        assert [entry["head"] for entry in told] == sorted(b64(one.head) for one in ALL)

    def test_an_organisation_carries_its_own_only_and_can_be_verified(self) -> None:
        (entry,) = heads.told(ALL, organisation(2), ())
        assert entry == {
            "organisation": b64(organisation(2)),
            "identity_key": b64(ALL[1].identity_key),
            "head": b64(ALL[1].head),
            "signature": b64(ALL[1].signature),
        }
        assert heads.told(ALL, organisation(4), AGREED) == []

    @pytest.mark.parametrize("field", ["organisation_id", "identity_key", "head", "signature"])
    def test_what_is_no_head_is_not_carried(self, field: str) -> None:
        known = {name: getattr(ALL[0], name) for name in Head.__dataclass_fields__}
        assert heads.told([Head(**known)], None, AGREED)
        with pytest.raises(ValueError, match="signed head"):
            heads.told([Head(**{**known, field: known[field] + b"1"})], None, ())

    @pytest.mark.parametrize("scope", [None, organisation(1)])
    def test_a_file_is_read_as_it_was_written(self, scope: bytes | None) -> None:
        data = heads.compose(heads.told(ALL[:1], scope, AGREED))
        assert heads.read(data) == [(ALL[0].head, ALL[0].signature)]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"[]",
            b'{"format":"upstander/2","heads":[]}',
            b'{"format":"upstander/1"}',
            b'{"format":"upstander/1","heads":[1]}',
            b'{"format":"upstander/1","heads":[{"head":"AA","signature":"AA"}]}',
            b'{"format":"upstander/1","heads":[{"head":null,"signature":"AA"}]}',
            b'{"format":"upstander/1","heads":[{}]}',
        ],
    )
    def test_anything_else_is_refused(self, data: bytes) -> None:
        with pytest.raises(SealingRefused):
            heads.read(data)


@pytest.mark.usefixtures("in_november")
class TestRelease:
    """The file of a release."""

    def propose(self, scope: str = WORLD) -> bytes:
        return release.propose(scope, YEAR, PROPOSER, recognisable=iter(AGREED), heads=ALL)

    def file(self, release_id: bytes) -> bytes:
        return (deployment.releases_dir() / b64(release_id) / heads.FILE).read_bytes()

    def listed(self, release_id: bytes) -> dict[str, Any]:
        folder = deployment.releases_dir() / b64(release_id)
        package = json.loads((folder / "datapackage.json").read_text())
        return next(each for each in package["resources"] if each["path"] == heads.FILE)

    @pytest.mark.parametrize("scope", [WORLD, scope_of(organisation(1))])
    def test_a_release_has_the_file_and_every_checksum_of_it(self, app: Flask, scope: str) -> None:
        store(make_world(1, SIZES))
        release_id = self.propose(scope)
        release.build(release_id)
        data = self.file(release_id)
        own = release.organisation_of(scope)
        assert data == heads.compose(heads.told(ALL, own, AGREED))
        assert len(heads.read(data)) == (1 if own else 3)
        checksum = hashlib.sha256(data).hexdigest()
        assert self.listed(release_id)["hash"] == f"sha256:{checksum}"
        assert self.listed(release_id)["mediatype"] == "application/json"
        sums = (deployment.releases_dir() / b64(release_id) / "SHA256SUMS").read_text()
        assert f"{checksum}  {heads.FILE}\n" in sums
        row = db.session.get_one(Release, release_id, populate_existing=True)
        assert json.loads(row.files)[heads.FILE] == checksum
        assert "heads" not in json.loads(row.parameters)

    def test_what_was_checked_is_what_is_published(self, app: Flask) -> None:
        store(make_world(1, SIZES))
        release_id = self.propose()
        release.build(release_id)
        checked = self.file(release_id)
        release.build(release_id)
        release.publish(release_id, CHECKER, recognisable=lambda _session: AGREED)
        assert self.file(release_id) == checked
        answer = app.test_client().get(f"/statistics/{b64(release_id)}/{heads.FILE}")
        assert (answer.data, answer.mimetype) == (checked, "application/json")

    def test_a_proposal_from_before_there_were_heads_is_built(self, app: Flask) -> None:
        store(make_world(1, SIZES))
        release_id = self.propose()
        with transaction() as session:
            row = session.get_one(Release, release_id)
            asked = json.loads(row.parameters)
            del asked["heads"]
            row.parameters = json.dumps(asked)
        release.build(release_id)
        assert heads.read(self.file(release_id)) == []

    def test_a_release_from_before_is_still_served(self, app: Flask) -> None:
        store(make_world(1, SIZES))
        release_id = self.propose()
        release.build(release_id)
        release.publish(release_id, CHECKER, recognisable=lambda _session: AGREED)
        (deployment.releases_dir() / b64(release_id) / heads.FILE).unlink()
        with transaction() as session:
            row = session.get_one(Release, release_id)
            known = json.loads(row.files)
            del known[heads.FILE]
            row.files = json.dumps(known)
        client = app.test_client()
        there = f"/statistics/{b64(release_id)}"
        assert client.get(f"/en{there}").status_code == 200
        assert client.get(f"{there}/statistics.csv").status_code == 200
        assert client.get(f"{there}/{heads.FILE}").status_code == 404

"""`upstander audit verify`: the signed heads of every chain, and those of a kept release."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from analytics import release
from analytics.heads import FILE
from analytics.models import Release
from casework import audit_commands, heads
from reporting import sealing
from reporting.database import db
from reporting.models import Organisation as OrganisationRow
from reporting.sealing import b64
from tests.casework.people import Organisation, add_lead, add_organisation, enter, post, sign_in
from tests.casework.rewritten import change, rewrite, signed
from tests.factories_statistics import YEAR, make_world, scope_of, store


class TestCommand:
    """`upstander audit verify`, and a release that somebody kept."""

    @pytest.fixture
    def run(self, app: Flask) -> Callable[..., Result]:
        runner = app.test_cli_runner()

        def call(*arguments: str) -> Result:
            return runner.invoke(
                audit_commands.audit_group, ["verify", *arguments], catch_exceptions=False
            )

        return call

    @pytest.fixture
    def places(self, app: Flask, clock_at: Callable[[datetime], None]) -> list[Organisation]:
        """Three organisations with records of last year."""
        clock_at(datetime(YEAR + 1, 11, 22, 12, tzinfo=UTC))
        found = [add_organisation(slug) for slug in ("demo", "demo-two", "demo-three")]
        store(make_world(1, dict(zip((one.id for one in found), (270, 198, 132), strict=True))))
        return found

    def published(self, app: Flask, scope: str) -> bytes:
        """The file of a release that one lead proposed and another published, as readers get it."""
        clients = []
        for name in ("Lea One", "Lou Two"):
            clients.append(app.test_client())
            sign_in(clients[-1], add_lead(name))
        asked = {"scope": scope, "year": str(YEAR)}
        listed = clients[0].get("/staff/releases").text
        there = post(clients[0], "/staff/releases", asked, listed).headers["Location"]
        release.build(db.session.scalars(select(Release.id)).one())
        page = clients[1].get(there).text
        assert post(clients[1], f"{there}/publish", {"confirm": "yes"}, page).status_code == 303
        answer = app.test_client().get(there.replace("/staff/releases", "/statistics") + f"/{FILE}")
        assert answer.status_code == 200
        return bytes(answer.data)

    def test_signed_heads_are_told_for_each_organisation(
        self, places: list[Organisation], run: Callable[..., Result]
    ) -> None:
        done = run()
        assert done.exit_code == 0
        for one in places:
            assert f"{one.slug}: 1 signed heads, all in the chain" in done.output

    def test_the_first_wrong_one_is_named(
        self, places: list[Organisation], run: Callable[..., Result]
    ) -> None:
        (row,) = signed(places[0])
        rewrite(places[0], row.seq, "claim")
        change("DELETE FROM signed_head WHERE organisation_id = :o", places[1])
        done = run()
        assert done.exit_code == 1
        assert f"demo: {row.seq} links, whole" in done.output
        assert f"demo: signed head {row.seq} is not in the chain" in done.output
        assert "demo-two: no head is signed" in done.output
        assert "demo-three: 1 signed heads, all in the chain" in done.output

    def test_a_chain_that_is_gone_is_missed(
        self, places: list[Organisation], run: Callable[..., Result]
    ) -> None:
        change("DELETE FROM audit_entry WHERE chain = :o", places[0])
        done = run()
        assert done.exit_code == 1
        assert "demo: signed head" in done.output

    @pytest.mark.parametrize("own", [False, True], ids=["coalition", "organisation"])
    def test_a_kept_release_shows_what_was_rewritten_with_its_signed_heads(
        self,
        app: Flask,
        places: list[Organisation],
        run: Callable[..., Result],
        tmp_path: Path,
        own: bool,
    ) -> None:
        for one in places:
            change("UPDATE organisation SET recognisable = :y WHERE id = :o", one, y=True)
        data = self.published(app, scope_of(places[0].id) if own else "world")
        kept = tmp_path / FILE
        kept.write_bytes(data)
        whole = run("--release", str(kept))
        assert whole.exit_code == 0
        assert f"{1 if own else 3} heads, all in their chains" in whole.output
        (row,) = signed(places[0])
        rewrite(places[0], row.seq, "claim")
        # Root cleans up: the old head goes, and the first supervisor to come signs what is there.
        change("DELETE FROM signed_head WHERE organisation_id = :o", places[0])
        change("UPDATE member SET member_state = NULL WHERE organisation_id = :o", places[0])
        enter(places[0].supervisor)
        assert run().exit_code == 0
        found = run("--release", str(kept))
        assert found.exit_code == 1
        assert f"head {b64(row.head)} of demo is not in its chain" in found.output

    def test_a_coalition_release_carries_whoever_agreed_and_names_nobody(
        self, app: Flask, places: list[Organisation]
    ) -> None:
        for one in places[:2]:
            change("UPDATE organisation SET recognisable = :y WHERE id = :o", one, y=True)
        told = json.loads(self.published(app, "world"))
        assert set(told) == {"format", "heads"}
        assert [set(entry) for entry in told["heads"]] == [{"head", "signature"}] * 2
        agreed = {b64(signed(one)[0].head) for one in places[:2]}
        assert {entry["head"] for entry in told["heads"]} == agreed
        keys = [db.session.get_one(OrganisationRow, one.id).identity_key for one in places]
        for entry in told["heads"]:
            head, signature = sealing.unb64(entry["head"]), sealing.unb64(entry["signature"])
            # What an outsider can try: every published key over what the file shows.
            for key in keys:
                with pytest.raises(sealing.SealingRefused):
                    sealing.verify(key, heads.LABEL, head, signature)

    def test_many_kept_files_walk_the_chains_once(
        self,
        run: Callable[..., Result],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        real, calls = heads.signers, []

        def signers() -> list[heads.Signer]:
            calls.append(True)
            return real()

        monkeypatch.setattr(heads, "signers", signers)
        kept = tmp_path / FILE
        kept.write_bytes(b'{"format":"upstander/1","heads":[]}')
        assert run().exit_code == 0
        assert calls == []
        assert run("--release", str(kept), "--release", str(kept)).exit_code == 0
        assert calls == [True]

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"x", "not the audit heads of a release"),
            (b'{"format":"upstander/1","heads":[]}', "0 heads, all in their chains"),
        ],
    )
    def test_other_files(
        self, app: Flask, run: Callable[..., Result], tmp_path: Path, data: bytes, words: str
    ) -> None:
        kept = tmp_path / FILE
        kept.write_bytes(data)
        assert words in run("--release", str(kept)).output

    def test_a_head_nobody_here_signed_is_named(
        self, places: list[Organisation], run: Callable[..., Result], tmp_path: Path
    ) -> None:
        entry = {"head": b64(bytes(32)), "signature": b64(bytes(64))}
        kept = tmp_path / FILE
        kept.write_text(json.dumps({"format": "upstander/1", "heads": [entry]}))
        done = run("--release", str(kept))
        assert done.exit_code == 1
        assert "is signed by no organisation of this instance" in done.output

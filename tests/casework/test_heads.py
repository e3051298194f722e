"""Signed heads: made by supervisors only, and what a chain rewritten by root cannot have."""

import hashlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from analytics import release
from analytics.heads import FILE
from analytics.models import Release
from casework import audit, audit_commands, demo_people, heads, members, signing_in
from casework.keys import Keyring
from casework.models import AuditEntry, SignedHead
from casework.policy import ActionRefused
from reporting import sealing
from reporting.database import db, transaction
from reporting.models import Organisation as OrganisationRow
from reporting.sealing import b64, label, public_of_signing, random_key
from tests.casework.hands import Hands
from tests.casework.people import (
    Organisation,
    add_lead,
    add_member,
    add_organisation,
    enter,
    post,
    session_of,
    sign_in,
)
from tests.factories_statistics import YEAR, make_world, scope_of, store

# Ed25519 under the secret 00 01 … 1f over "upstander/1/audit-head", a zero byte, 16 o, 32 h.
KNOWN = (
    "1fa159a11df25da4be2027320041edbfe91aead3752f76e9debb093196712eda"
    "2f18e80c3618dc71c1844b6b9cbaa51a241f966811ae3bbdf2269044f1e55b08"
)
# The highest number a place can have.
LAST_PLACE = 2**31 - 1


def signed(organisation: Organisation) -> list[Any]:
    """Its signed heads, oldest first."""
    db.session.expire_all()
    query = select(SignedHead.seq, SignedHead.head, SignedHead.signature)
    mine = query.where(SignedHead.organisation_id == organisation.id)
    return list(db.session.execute(mine.order_by(SignedHead.seq)))


def checked(organisation: Organisation) -> heads.Checked:
    db.session.expire_all()
    return heads.verify(db.session.get_one(OrganisationRow, organisation.id))


def work(organisation: Organisation, hands: Hands, times: int = 3) -> None:
    """A supervisor comes and goes, and each time something is done."""
    for _ in range(times):
        hands.forward(minutes=1)
        enter(organisation.supervisor)
        with transaction() as session:
            audit.write(session, organisation.id, organisation.supervisor.member_id, "search")


def rewrite(organisation: Organisation, seq: int, action: str) -> None:
    """What root does: put another action into one link, and hash all after it anew."""
    with transaction() as session:
        before = bytes(32)
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.chain == organisation.id).order_by(AuditEntry.seq)
        )
        for row in rows:
            if row.seq == seq:
                parts = json.loads(row.entry)
                parts[3] = action
                row.entry = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
            row.hash = hashlib.sha256(label("audit") + before + row.entry).digest()
            before = row.hash
    db.session.expire_all()


def change(statement: str, organisation: Organisation, **values: Any) -> None:
    with transaction() as session:
        session.execute(sqlalchemy.text(statement), {"o": organisation.id, **values})
    db.session.expire_all()


def plant(organisation: Organisation, head: bytes, signature: bytes) -> None:
    text = "INSERT INTO signed_head (organisation_id, seq, head, signature) VALUES (:o, :n, :h, :s)"
    change(text, organisation, n=LAST_PLACE, h=head, s=signature)


class TestSigning:
    """Who signs, when, and what."""

    def test_the_signature_covers_organisation_and_head(self, app: Flask) -> None:
        organisation = add_organisation()
        (row,) = signed(organisation)
        key = db.session.get_one(OrganisationRow, organisation.id).identity_key
        assert (row.seq, row.head) == audit.tip(db.session(), organisation.id)
        sealing.verify(key, "audit-head", organisation.id + row.head, row.signature)

    def test_known_answer(self) -> None:
        secret, organisation_id, head = bytes(range(32)), b"o" * 16, b"h" * 32
        made = sealing.sign(secret, heads.LABEL, heads.message(organisation_id, head))
        assert made.hex() == KNOWN
        with pytest.raises(sealing.SealingRefused):
            heads.message(organisation_id + b"h", head[1:])

    def test_a_supervisor_signs_at_each_sign_in_and_out(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        client = app.test_client()
        sign_in(client, organisation.supervisor)
        assert len(signed(organisation)) == 2
        post(client, "/staff/sign-out", {}, client.get("/staff/people").text)
        assert len(signed(organisation)) == 3
        last = signed(organisation)[-1]
        assert (last.seq, last.head) == audit.tip(db.session(), organisation.id)
        assert checked(organisation) == heads.Checked(3)

    def test_nobody_else_does(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        for new in (karim, add_lead()):
            enter(new)
        assert len(signed(organisation)) == 1
        second = add_member(organisation, "supervisor", "Second")
        enter(second)
        assert len(signed(organisation)) == 2

    def test_a_replaced_key_signs_no_more(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        member, seed = enter(organisation.supervisor)
        before = len(signed(organisation))
        signing_in.remember(member.id, seed, "sign_out", Keyring(identity=random_key()))
        assert len(signed(organisation)) == before

    def test_a_new_identity_key_signs_at_once_and_old_heads_stay_good(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        work(organisation, hands)
        for name in ("Second", "Third"):
            gone = add_member(organisation, "supervisor", name)
            members.remove(session_of(organisation.supervisor), gone.member_id)
            (newest,) = heads.newest(db.session())
            key = db.session.get_one(OrganisationRow, organisation.id).identity_key
            assert newest.identity_key == key
            message = heads.message(organisation.id, newest.head)
            sealing.verify(key, heads.LABEL, message, newest.signature)
        work(organisation, hands)
        assert checked(organisation) == heads.Checked(len(signed(organisation)))

    def test_the_demo_signs_for_all_its_organisations(self, app: Flask) -> None:
        demo_people.make_people(demo_people.Book.load(app.extensions["settings"].data_dir))
        assert len(heads.newest(db.session())) == len(demo_people.ORGANISATIONS)


class TestRewriting:
    """What root can do to a chain, and who notices."""

    def test_a_chain_hashed_anew_walks_well_and_lacks_the_signed_head(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation, twin = add_organisation(), add_organisation("twin")
        for each in (organisation, twin):
            work(each, hands)
        places = [row.seq for row in signed(organisation)]
        assert checked(organisation) == heads.Checked(4)
        rewrite(organisation, places[2], "claim")
        rewrite(twin, places[2], "sign_in")  # the same words as before: nothing is changed
        for each in (organisation, twin):
            assert audit.verify(each.id) is None
        assert checked(organisation) == heads.Checked(2, heads.MISSING, places[2])
        assert checked(twin) == heads.Checked(4)

    def test_a_supervisor_who_remembers_nothing_is_told(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        second = add_member(organisation, "supervisor", "Second")
        work(organisation, hands)
        rewrite(organisation, 7, "claim")
        with pytest.raises(ActionRefused, match="member-state"):
            enter(second)

    def test_and_does_so_in_the_twin_where_nothing_was_changed(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        second = add_member(organisation, "supervisor", "Second")
        work(organisation, hands)
        enter(second)

    def test_a_rewrite_during_a_session_is_not_signed_at_its_end(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        member, seed = enter(organisation.supervisor)
        before = len(signed(organisation))
        rewrite(organisation, 3, "claim")
        ring = session_of(organisation.supervisor).keyring
        signing_in.remember(member.id, seed, "sign_out", ring)
        assert len(signed(organisation)) == before

    def test_a_head_replaced_by_the_new_hash_has_a_wrong_signature(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        work(organisation, hands)
        last = signed(organisation)[-1]
        rewrite(organisation, last.seq, "claim")
        new = db.session.get_one(AuditEntry, (organisation.id, last.seq)).hash
        text = "UPDATE signed_head SET head = :h WHERE organisation_id = :o AND seq = :n"
        change(text, organisation, h=new, n=last.seq)
        assert checked(organisation) == heads.Checked(3, heads.SIGNATURE, last.seq)

    def test_whoever_left_with_the_old_key_cannot_sign_what_comes_after(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        old = session_of(organisation.supervisor).keyring.identity
        assert old is not None
        gone = add_member(organisation, "supervisor", "Gone")
        members.remove(session_of(organisation.supervisor), gone.member_id)
        seq, head = audit.tip(db.session(), organisation.id)
        forged = sealing.sign(old, heads.LABEL, heads.message(organisation.id, head))
        change(
            "UPDATE signed_head SET signature = :s WHERE seq = :n", organisation, s=forged, n=seq
        )
        assert checked(organisation) == heads.Checked(1, heads.SIGNATURE, seq)

    def test_a_foreign_key_put_in_place_does_not_make_old_heads_good(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        work(organisation, hands)
        key = public_of_signing(random_key())
        change("UPDATE organisation SET identity_key = :k WHERE id = :o", organisation, k=key)
        assert checked(organisation).wrong == heads.SIGNATURE

    def test_no_signed_head_at_all_is_wrong(self, app: Flask) -> None:
        organisation = add_organisation()
        change("DELETE FROM signed_head WHERE organisation_id = :o", organisation)
        assert checked(organisation) == heads.Checked(0, heads.NONE)

    def test_a_link_that_is_no_entry_breaks_nothing_else(self, app: Flask) -> None:
        organisation = add_organisation()
        text = "UPDATE audit_entry SET entry = :e WHERE chain = :o AND seq = 2"
        change(text, organisation, e=b"\xff")
        assert audit.verify(organisation.id) == 2
        assert checked(organisation) == heads.Checked(1)


class TestPlanted:
    """Rows that somebody put there who can write to the database and holds no key."""

    def test_a_row_nobody_signed_shuts_nobody_out_and_goes_nowhere(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        work(organisation, hands)
        (known,) = heads.newest(db.session())
        plant(organisation, random_key(), bytes(64))
        assert heads.newest(db.session()) == [known]
        work(organisation, hands)
        (newest,) = heads.newest(db.session())
        assert newest.head == signed(organisation)[-2].head != known.head
        assert checked(organisation) == heads.Checked(7, heads.MISSING, LAST_PLACE)

    def test_a_signed_row_copied_to_a_higher_place_neither(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        old = signed(organisation)[0]
        work(organisation, hands)
        (known,) = heads.newest(db.session())
        plant(organisation, old.head, old.signature)
        assert heads.newest(db.session()) == [known]
        work(organisation, hands, 1)
        assert checked(organisation) == heads.Checked(5, heads.MISSING, LAST_PLACE)

    def test_it_hides_no_loss(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        old = signed(organisation)[0]
        work(organisation, hands)
        plant(organisation, old.head, old.signature)
        plant(organisation, random_key(), bytes(64))
        rewrite(organisation, signed(organisation)[1].seq, "claim")
        change("UPDATE member SET member_state = NULL WHERE organisation_id = :o", organisation)
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            enter(organisation.supervisor)

    def test_a_new_key_does_not_make_a_loss_forgotten(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        gone = add_member(organisation, "supervisor", "Gone")
        work(organisation, hands)
        rewrite(organisation, signed(organisation)[-1].seq, "claim")
        before = signed(organisation)
        members.remove(session_of(organisation.supervisor), gone.member_id)
        assert signed(organisation) == before
        assert not heads.stands(db.session(), organisation.id)

    def test_more_planted_rows_than_are_read_at_once(self, app: Flask) -> None:
        organisation = add_organisation()
        (known,) = heads.newest(db.session())
        for _ in range(50):
            plant(organisation, random_key(), bytes(64))
        assert heads.newest(db.session()) == [known]
        assert heads.stands(db.session(), organisation.id)


class TestMeanwhile:
    """A key is replaced in another process while a long chain is walked."""

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_key_replaced_during_the_walk_is_no_alarm(
        self, app: Flask, hands: Hands, monkeypatch: pytest.MonkeyPatch, when: str
    ) -> None:
        organisation = add_organisation()
        gone = add_member(organisation, "supervisor", "Gone")
        work(organisation, hands)
        real, done = audit.since, []

        def replace() -> None:
            with app.app_context():
                members.remove(session_of(organisation.supervisor), gone.member_id)
                done.append(True)

        def since(*asked: Any) -> list[tuple[int, dict[str, Any]]]:
            found = real(*asked) if when == "after" else []
            if not done:
                thread = threading.Thread(target=replace)
                thread.start()
                thread.join()
            return found if when == "after" else real(*asked)

        db.session.expire_all()
        row = db.session.get_one(OrganisationRow, organisation.id)
        monkeypatch.setattr(audit, "since", since)
        assert heads.verify(row) == heads.Checked(4)
        assert done
        db.session.commit()
        assert checked(organisation) == heads.Checked(5)


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

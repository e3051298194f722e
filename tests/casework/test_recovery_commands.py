"""`organisation recover`, and split kits, as an operator and a new supervisor use them."""

import re
import warnings
from getpass import GetPassWarning

import click
import pyotp
import pytest
import sqlalchemy
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from casework import audit, heads, kits, members, organisations, roster
from casework.kits import Kit, Split
from casework.policy import ActionRefused
from reporting import clock
from reporting.database import db
from reporting.models import Organisation
from reporting.sealing import public_of
from tests.casework.conftest import Run

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW = ("--supervisor-name", "Rana Rashid")


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command of the group; each of `typed` is a line at a prompt."""
    monkeypatch.setattr(pyotp, "random_base32", lambda: SECRET)

    def call(*arguments: str, typed: tuple[str, ...] = ()) -> Result:
        return run(*arguments, answer="".join(f"{line}\n" for line in typed))

    return call


@pytest.fixture
def kit(app: Flask) -> Kit:
    """The kit of the organisation `help`."""
    return organisations.add("help", "Help Now", "Sana Said").kit


def code() -> str:
    """What the app shows that has scanned the code."""
    return pyotp.TOTP(SECRET).at(clock.now())


def printed(text: str) -> list[str]:
    """The kit or the shares in an output, as somebody writes them down."""
    _, *parts = re.split(r"\nRECOVERY KIT|\nShare \d+ of", text.partition("INSTANCE KIT")[0])
    found = (re.findall(r"(?:^|  )[ \d]\d\. ([a-z]+)", part, re.MULTILINE) for part in parts)
    return [" ".join(words) for words in found if words]


def everything() -> list[tuple[object, ...]]:
    return [
        tuple(row)
        for table in db.metadata.sorted_tables
        for row in db.session.execute(sqlalchemy.select(table))
    ]


def key() -> bytes:
    organisation_id = db.session.scalars(select(Organisation.id)).one()
    return roster.recovery_key(db.session(), organisation_id)


def test_from_adding_to_recovering_twice(run: Run) -> None:
    """The kit that each printed is the kit of the next."""
    added = run(
        "add", "--slug", "help", "--name", "Help", "--supervisor-name", "S", typed=(code(),)
    )
    [first] = printed(added.output)
    done = run("recover", "help", *NEW, typed=(first, "y", code()))
    assert done.exit_code == 0, done.output
    [second] = printed(done.output)
    assert public_of(kits.read(second.split())) == key()
    assert "destroy it" in done.output
    assert "/staff/people" in done.output
    assert done.output.count("█") > 100
    words = re.search(r"\n    ((?:[a-z-]+ ){5}[a-z-]+)\n", done.output)
    assert words is not None
    soon = pyotp.TOTP(SECRET).at(int(clock.now().timestamp()) + 30)
    member, _seed = members.sign_in("rana rashid", words.group(1), soon)
    assert (member.role, member.state) == ("supervisor", "active")
    again = ("recover", "help", "--supervisor-name", "Third")
    refused = run(*again, typed=(first, "y", code()))
    assert refused.exit_code == 1
    assert "this kit is not the organisation's, or not any more" in refused.output
    assert "For Third" not in refused.output
    assert run(*again, typed=(second, "y", code())).exit_code == 0
    assert audit.verify(db.session.scalars(select(Organisation.id)).one()) is None


def test_words_are_not_shown_as_they_are_typed(run: Run, kit: Kit) -> None:
    [text] = kit.texts
    now = code()
    done = run("recover", "help", *NEW, typed=(text, "y", now))
    assert done.exit_code == 0
    assert " ".join(text.split()[:3]) not in done.output
    # The twin: what is typed at an open prompt is.
    assert f"Code from the app: {now}\n" in done.output


def test_without_a_terminal_that_hides_the_words_none_are_asked(
    run: Run, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(_prompt: str, **_options: object) -> str:
        warnings.warn("Can not control echo on the terminal.", GetPassWarning, stacklevel=2)
        return kit.texts[0]

    monkeypatch.setattr(click, "prompt", shown)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GetPassWarning)
        done = run("recover", "help", *NEW)
    assert done.exit_code == 1
    assert "cannot be hidden here" in done.output
    assert "shown only now" not in done.output


def test_a_kit_is_typed_as_it_is_printed(run: Run, kit: Kit) -> None:
    words = kit.texts[0].upper().split()
    lines = [
        "  ".join(f"{at + 1:2}. {words[at]}" for at in range(start, start + 6))
        for start in range(0, 24, 6)
    ]
    typed = (lines[0], lines[1].replace(words[7], "qwertz"), *lines[1:], "y", code())
    done = run("recover", "help", *NEW, typed=typed)
    assert done.exit_code == 0, done.output
    assert "6 words so far" in done.output
    assert "Word 2 of this line is in no list of words" in done.output
    assert "qwertz" not in done.output


def wrong_kits(text: str) -> dict[str, tuple[tuple[str, ...], str]]:
    words = text.split()
    return {
        "exchanged": ((" ".join(["zoo"] * 24),), "do not belong together"),
        "23 words": ((" ".join(words[:23]), ""), "a kit has 24 words"),
        "garbage": (("x y z 1 2 3 قف", ""), "a kit has 24 words"),
        "nothing": (("",), "a kit has 24 words"),
    }


@pytest.mark.parametrize("which", ["exchanged", "23 words", "garbage", "nothing"])
def test_what_is_no_kit_is_refused_before_anything_is_asked(run: Run, kit: Kit, which: str) -> None:
    typed, said = wrong_kits(kit.texts[0])[which]
    before = everything()
    done = run("recover", "help", *NEW, typed=typed)
    assert done.exit_code == 1
    assert said in done.output
    assert "nothing was changed" in done.output
    assert "shown only now" not in done.output
    assert everything() == before


def test_the_kit_of_another_organisation_is_refused(run: Run, kit: Kit) -> None:
    other = organisations.add("twin", "Twin", "Tala").kit.texts[0]
    before = everything()
    done = run("recover", "help", *NEW, typed=(other, "y", code()))
    assert done.exit_code == 1
    assert "this kit is not the organisation's" in done.output
    assert everything() == before
    assert run("recover", "twin", *NEW, typed=(other, "y", code())).exit_code == 0


def test_three_wrong_codes_change_nothing(run: Run, kit: Kit) -> None:
    before = everything()
    done = run("recover", "help", *NEW, typed=(kit.texts[0], "y", "1", "2", "3"))
    assert done.exit_code == 1
    assert "nothing was made" in done.output
    assert everything() == before
    assert "RECOVERY KIT" not in done.output
    assert run("recover", "help", *NEW, typed=(kit.texts[0], "y", code())).exit_code == 0


def test_a_kit_is_not_shown_before_it_holds(
    run: Run, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step of the transaction fails: a kit printed before would open nothing, ever."""

    def fail(*_: object) -> None:
        raise ActionRefused("keys-changed")

    before = everything()
    with monkeypatch.context() as broken:
        broken.setattr(heads, "sign", fail)
        done = run("recover", "help", *NEW, typed=(kit.texts[0], "y", code()))
    assert done.exit_code == 1
    assert "For Rana Rashid" in done.output
    assert "RECOVERY KIT" not in done.output
    assert everything() == before


@pytest.mark.parametrize(
    ("slug", "name", "said"),
    [
        ("nowhere", "Rana", "there is no organisation nowhere"),
        ("help", "sana SAID", "already called"),
        ("help", "", "printable"),
        ("help", "x" * 81, "printable"),
    ],
)
def test_a_name_that_cannot_be_is_told_before_the_words_are_asked(
    run: Run, kit: Kit, slug: str, name: str, said: str
) -> None:
    done = run("recover", slug, "--supervisor-name", name)
    assert done.exit_code == 1
    assert said in done.output
    assert "Words" not in done.output


class TestSplit:
    """SLIP-39 shares."""

    def test_added_split_and_recovered_from_two_shares(self, run: Run) -> None:
        added = run(
            "add", "--slug", "help", "--name", "Help", "--supervisor-name", "S",
            "--split", "2-of-3", typed=(code(),),
        )  # fmt: skip
        shares = printed(added.output)
        assert [len(text.split()) for text in shares] == [33, 33, 33]
        assert "24 words" not in added.output.partition("INSTANCE KIT")[0]
        done = run("recover", "help", *NEW, typed=(shares[2], shares[0], "y", code()))
        assert done.exit_code == 0, done.output
        assert "Taken. 1 more to go." in done.output
        [text] = printed(done.output)
        again = ("recover", "help", "--supervisor-name", "Third", "--split", "3-of-5")
        done = run(*again, typed=(text, "y", code()))
        assert len(printed(done.output)) == 5
        shares = [" ".join(one.split()) for one in printed(done.output)]
        together = kits.Shares()
        for one in shares[2:]:
            together.add(one.split())
        assert public_of(together.seed()) == key()

    def test_a_wrong_share_may_be_typed_again(self, run: Run, app: Flask) -> None:
        mine = organisations.add("help", "Help", "Sana", split=Split(2, 3)).kit.texts
        other = organisations.add("twin", "Twin", "Tala", split=Split(2, 3)).kit.texts
        words = mine[1].split()
        exchanged = " ".join([*words[:10], "academic", *words[11:]])
        typed = (
            mine[0],
            other[1],
            mine[0],
            exchanged,
            " ".join(words[:20]),
            "",
            mine[1],
            "y",
            code(),
        )
        done = run("recover", "help", *NEW, typed=typed)
        assert done.exit_code == 0, done.output
        refusals = ["of another kit", "typed already", "do not belong together", "has 33 words"]
        assert re.findall("|".join(refusals), done.output) == refusals

    def test_too_few_shares_and_shares_of_another_organisation(self, run: Run, app: Flask) -> None:
        mine = organisations.add("help", "Help", "Sana", split=Split(2, 3)).kit.texts
        other = organisations.add("twin", "Twin", "Tala", split=Split(2, 3)).kit.texts
        before = everything()
        done = run("recover", "help", *NEW, typed=(mine[0], ""))
        assert done.exit_code == 1
        assert "too few shares; nothing was changed" in done.output
        done = run("recover", "help", *NEW, typed=(other[0], other[1], "y", code()))
        assert done.exit_code == 1
        assert "this kit is not the organisation's" in done.output
        assert everything() == before

    @pytest.mark.parametrize("split", ["1-of-2", "two"])
    def test_a_split_that_cannot_be_is_refused_at_once(
        self, run: Run, kit: Kit, split: str
    ) -> None:
        done = run("recover", "help", *NEW, "--split", split)
        assert done.exit_code == 2
        assert "a kit is split like 2-of-3" in done.output

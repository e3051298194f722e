"""`upstander organisation describe`: what an organisation's pages say, in each language."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from casework import audit, audit_actions, commands, organisations
from casework.models import AuditEntry
from reporting.database import db
from reporting.models import Organisation

Run = Callable[..., Result]
ENGLISH = ("We go with you to court.", "Call 0100 200.")
ARABIC = "اتصلوا بالرقم 0100 200"


@pytest.fixture
def run(app: Flask) -> Run:
    """Run one command of the group in the application's context."""

    def call(*arguments: str) -> Result:
        runner = app.test_cli_runner()
        return runner.invoke(commands.organisation, list(arguments), catch_exceptions=False)

    return call


@pytest.fixture
def place(app: Flask) -> bytes:
    """Id of an organisation that is described in English only."""
    about, contact = ({"en": text} for text in ENGLISH)
    return organisations.add("help", "Help Now", "Sana Said", about, contact).organisation_id


def texts(place: bytes) -> tuple[dict[str, str], dict[str, str]]:
    db.session.expire_all()
    row = db.session.get_one(Organisation, place)
    return json.loads(row.about), json.loads(row.contact)


def told(place: bytes) -> list[list[str]]:
    """Language and field of every link that `describe` wrote; nothing else may be in one."""
    query = select(AuditEntry.entry).where(AuditEntry.chain == place).order_by(AuditEntry.seq)
    entries = [json.loads(entry) for entry in db.session.scalars(query)]
    links = [entry[2:] for entry in entries if entry[3] == "describe_organisation"]
    assert all(
        (actor, subject, set(detail)) == (None, None, {"language", "field"})
        for actor, _action, subject, detail in links
    )
    return [[detail["language"], detail["field"]] for *_, detail in links]


def test_one_text_is_set_and_the_others_stay(place: bytes, run: Run) -> None:
    done = run("describe", "help", "--language", "ar", "--contact", f" {ARABIC} ")
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "The pages of Help Now say:",
        f"en about: {ENGLISH[0]}",
        f"en contact: {ENGLISH[1]}",
        f"ar about: {ENGLISH[0]} (in en)",
        f"ar contact: {ARABIC}",
    ]
    assert texts(place) == ({"en": ENGLISH[0]}, {"en": ENGLISH[1], "ar": ARABIC})
    assert told(place) == [["ar", "contact"]]
    assert audit.verify(place) is None


def test_both_are_changed_with_a_link_each(place: bytes, run: Run) -> None:
    run("describe", "help", "--language", "en", "--about", "We listen.", "--contact", "Write.")
    assert texts(place) == ({"en": "We listen."}, {"en": "Write."})
    assert told(place) == [["en", "about"], ["en", "contact"]]


def test_an_empty_text_removes_it(place: bytes, run: Run) -> None:
    done = run("describe", "help", "--language", "en", "--contact", " ")
    assert "en contact: (nothing)\n" in done.output
    assert "ar contact: (nothing)\n" in done.output
    assert texts(place) == ({"en": ENGLISH[0]}, {})
    assert told(place) == [["en", "contact"]]


@pytest.mark.parametrize(
    "given", [(), ("--contact", ENGLISH[1]), ("--about", ENGLISH[0], "--contact", ENGLISH[1])]
)
def test_repeating_it_writes_no_link(place: bytes, run: Run, given: tuple[str, ...]) -> None:
    done = run("describe", "help", "--language", "en", *given)
    assert done.exit_code == 0
    assert done.output.startswith("nothing was changed\nThe pages of Help Now say:\n")
    assert told(place) == []


def test_the_chain_never_holds_the_text(place: bytes, run: Run) -> None:
    run("describe", "help", "--language", "en", "--about", "Unmistakable words.")
    entries = db.session.scalars(select(AuditEntry.entry).where(AuditEntry.chain == place))
    assert not any(b"Unmistakable" in entry for entry in entries)


def test_what_the_chain_refuses_is_not_done(place: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(audit_actions.ACTIONS, "describe_organisation")
    with pytest.raises(ValueError, match="undeclared"):
        organisations.describe(place, "ar", {"contact": ARABIC})
    assert texts(place)[1] == {"en": ENGLISH[1]}


def test_two_at_once_undo_nothing_of_each_other(app: Flask, place: bytes) -> None:
    db.session.commit()

    def set_one(language: str) -> list[str]:
        with app.app_context():
            return organisations.describe(place, language, {"contact": f"New {language}"})

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(set_one, ("en", "ar"))) == [["contact"]] * 2
    assert texts(place)[1] == {"en": "New en", "ar": "New ar"}
    assert audit.verify(place) is None


def test_an_unknown_slug_is_one_clear_line(place: bytes, run: Run) -> None:
    done = run("describe", "nowhere", "--language", "ar", "--about", "x")
    assert (done.exit_code, done.output) == (1, "Error: there is no organisation nowhere\n")


def test_only_languages_of_the_pages_are_taken(place: bytes, run: Run) -> None:
    done = run("describe", "help", "--language", "de", "--about", "x")
    assert done.exit_code == 2
    assert told(place) == []


def test_readers_see_it_at_once(place: bytes, run: Run, client: FlaskClient) -> None:
    assert ARABIC not in client.get("/ar/help").text
    run("describe", "help", "--language", "ar", "--contact", ARABIC)
    assert ARABIC in client.get("/ar/help").text
    assert ARABIC not in client.get("/en/help").text


@pytest.mark.parametrize(
    ("contact", "missing"),
    [
        ({}, ["en", "ar"]),
        ({"ar": ARABIC}, ["en"]),
        ({"en": "Call."}, ["ar"]),
        ({"en": "Call.", "ar": ARABIC}, []),
    ],
)
def test_close_and_open_name_the_command_for_each_language_without_words_of_its_own(
    app: Flask, run: Run, contact: dict[str, str], missing: list[str]
) -> None:
    organisations.add("bare", "Bare House", "Bo Ek", None, contact)
    for command in ("close", "open"):
        said = run(command, "bare").output
        for locale in ("en", "ar"):
            hint = f"upstander organisation describe bare --language {locale} --contact TEXT\n"
            assert (hint in said) is (locale in missing)
        assert ("its page names none" in said) is (len(missing) == 2)
        # Arabic pages show the English words; no page in English shows Arabic ones.
        borrowed = "Readers of /ar/ are told how else to reach it only in another language (en)"
        assert (borrowed in said) is (missing == ["ar"])
        for locale in missing:
            told_nothing = f"Readers of /{locale}/ are not told how else to reach it"
            assert (told_nothing in said) is (missing != ["ar"])

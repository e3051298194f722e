"""Nothing leaks: unique words through every entrance, then every byte left behind is searched."""

import fnmatch
import os
import re
import secrets
import time
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
import redis
import sqlalchemy

from tests import leaks, reporter
from tests.journey import places
from tests.journey.conftest import Prepared, Start, starting
from tests.journey.planted import Planted, Reporter, unique
from tests.live import Live
from tests.staff import Staff

pytestmark = [pytest.mark.journey, pytest.mark.database]


def report_both_ways(live: Live, planted: Planted) -> tuple[str, str]:
    """Every field and file, without script and sealed. Returns both receipts."""
    visitor = Reporter(live.base, planted)
    word = planted.word
    _page, plain = reporter.report_without_script(
        visitor,
        "demo",
        {
            "what_happened": f"{word('story')} قصة",
            "area": word("area"),
            "country": "DE",
            "consent.statistics": "yes",
            "consent.reply": "yes",
        },
        [(f"{word('filename')}.txt", "text/plain", word("content").encode() * 5000)],
    )
    sealed = reporter.seal(
        visitor,
        "demo",
        {"what_happened": word("sealedstory"), "area": word("sealedarea")},
        {"statistics": True, "reply": True},
        [(f"{word('sealedname')}.bin", "x/y", word("sealedcontent").encode())],
    )
    assert reporter.send(visitor, "demo", sealed).status == 201
    wrong = visitor.fetch("/en/report/demo")
    visitor.submit(
        wrong, wrong.form("what_happened"), {"what_happened": " ", "area": word("refused")},
        multipart=True,
    )  # fmt: skip
    visitor.fetch(f"/en/{word('path')}?q={word('query')}")
    visitor.fetch("/mailbox", b'{"mailbox_token": "' + word("badtoken").encode() + b'"}')
    for name, digits in (("receipt", plain), ("sealedreceipt", sealed.receipt)):
        planted.keep(name, digits)
        planted.keep(name + "grouped", " ".join(re.findall("....", digits)))
    return plain, sealed.receipt


def staff_work(live: Live, planted: Planted) -> None:
    """Every report opened with its files, a note and an answer for each, a colleague invited."""
    word = planted.word
    supervisor = Staff(live.base)
    supervisor.sign_in(live.sign_ins("supervisor", "demo")[0])
    for report_id in list(supervisor.waiting_reports()):
        page = supervisor.open(f"/staff/reports/{report_id}")
        if planted.words["story"] in page.text or planted.words["sealedstory"] in page.text:
            for link in [x for x in page.links if "/files/" in x]:
                assert supervisor.fetch(link).status == 200
            incident = supervisor.make_incident(page)
            supervisor.act(incident, "/notes", {"text": word("note" + report_id)})
            again = supervisor.open(incident.url)
            supervisor.act(again, "/answers", {"text": word("answer" + report_id)})
    people = supervisor.open("/staff/people")
    supervisor.act(people, "/people/invite", {"name": "New Colleague", "role": "caseworker"})
    invited = supervisor.open("/staff/people")
    assert "New Colleague" in invited.text


def invite(live: Live, planted: Planted) -> None:
    """Set up a passphrase: the six words and the second factor's secret are planted words."""
    administrator = Staff(live.base)
    administrator.sign_in(live.sign_ins("administrator")[0])
    people = administrator.open("/staff/people")
    answer = administrator.act(people, "/people/invite", {"name": "Another Lead", "role": "lead"})
    link = re.search(r"/staff/invitation/[A-Za-z0-9_-]+", answer.body.decode())
    assert link, answer.text
    planted.keep("invitation", link[0].rsplit("/", 1)[1])
    guest = Staff(live.base)
    shown = guest.act(guest.open(link[0]), "step=begin", {"step": "begin"})
    html = shown.body.decode()
    found = re.search(r'class="words"[^>]*>([a-z -]+)<', html)
    code = re.search(r"<code[^>]*>([A-Z2-7 ]+)<", html)
    assert found, html[:2000]
    assert code, html[:2000]
    secret = code[1].replace(" ", "")
    planted.keep("passphrase", found[1])
    planted.keep("totp", secret)
    values = {"passphrase": found[1], "code": pyotp.TOTP(secret).now(), "step": "accept"}
    guest.act(shown, "step=accept", values)


def come_back(live: Live, planted: Planted, receipt: str) -> None:
    """Read the answer without script, add something, and look at the other mailbox sealed."""
    visitor = Reporter(live.base, planted)
    page = visitor.fetch("/en/return")
    inbox = visitor.submit(
        page, page.form("receipt"), {"receipt": receipt, "step": "open"}, multipart=True
    )
    assert any(w in inbox.text for k, w in planted.words.items() if k.startswith("answer"))
    added = visitor.submit(
        inbox,
        inbox.form("step=add"),
        {"organisation": "demo", "what_happened": planted.word("addition"), "step": "add"},
        files=[("file", planted.word("addedname"), planted.word("addedcontent").encode())],
    )
    assert added.status == 200, added.text[:300]


def talking(start: Start, folder: Path) -> Live:
    """An instance that logs as much as it can, its temporary files in a folder of its own."""
    folder.mkdir()
    return start(UPSTANDER_LOG_LEVEL="DEBUG", TMPDIR=str(folder))


@pytest.fixture
def untouched(start: Start, tmp_path: Path) -> Live:
    """One that nobody has used."""
    return talking(start, tmp_path / "temporary")


@pytest.fixture(scope="module")
def debugging(
    prepared: Prepared, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """One for all twins: each plants words and seconds of its own."""
    folder = tmp_path_factory.mktemp("planted")
    with starting(prepared, request, folder) as start:
        yield talking(start, folder / "temporary")


def next_minute() -> None:
    """Staff and reporters act in separate minutes, so that a hit says whose second it was."""
    time.sleep(60 - time.time() % 60)


def test_nothing_leaks(untouched: Live) -> None:
    """After the journey no word, address, agent or second of a reporter is found anywhere."""
    live, since = untouched, time.time()
    planted = Planted(taken=frozenset(places.all_born(live)))
    receipt, _sealed = report_both_ways(live, planted)
    next_minute()
    staff_work(live, planted)
    invite(live, planted)
    next_minute()
    come_back(live, planted, receipt)
    time.sleep(2)  # looking around is an access too, and must not bear a reporter's second
    times = places.times(live)
    places.settle(live)
    assert list(places.words_left(live, planted.words.values(), since)) == []
    moments = {m for s in planted.seconds for m in leaks.moments(datetime.fromtimestamp(s, UTC))}
    assert list(places.moments_left(live, planted.seconds, moments, times)) == []


def plant(live: Live, word: str) -> Iterator[str]:
    """Put the word into each kind of place where clock times are looked for too; names them."""
    engine = places._engine(live)
    with engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE organisation SET about = :w WHERE slug = 'demo'"), {"w": word}
        )
    engine.dispose()
    yield "organisation.about"
    client = redis.Redis.from_url(places.valkey_url(live))
    client.set("planted", word)
    client.hset("rq:job:packed", "data", zlib.compress(word.encode()))
    yield "valkey b'planted'"
    yield "valkey b'rq:job:packed'"
    client.hset("rq:job:gone", "data", zlib.compress(f"gone {word}".encode()))
    client.delete("rq:job:gone")
    yield f"{live.data_dir}/*/appendonlydir/*"
    yield f"unpacked {live.data_dir}/*/appendonlydir/*"
    folders = [live.data_dir / name for name in ("attachments", "tmp", "secrets")]
    for folder in [*folders, places.temporary(live)]:
        path = folder / "planted"
        path.parent.mkdir(exist_ok=True)
        path.write_text(word)
        yield str(path)
    with live.log.open("a") as log:
        log.write(f"DEBUG {word}\n")
    yield str(live.log)
    # Not the write-ahead log: that may be emptied at any time.
    yield from [f"{found}/base/*" for found in places.cluster(live)] or [
        str(live.data_dir / "upstander.db")
    ]


def missed(wanted: Iterable[str], found: Iterable[leaks.Found]) -> list[str]:
    """Patterns of places that no hit fits as a whole: a file is not its neighbour `-wal`."""
    said = {one.place for one in found}
    return [one for one in wanted if not fnmatch.filter(said, one.replace("[", "[[]"))]


def test_what_is_planted_is_found_in_each_place(debugging: Live) -> None:
    """The twin: a word in one place of each kind."""
    live = debugging
    since, word = time.time() - 1, unique("planted")
    wanted = list(plant(live, word))
    outside = [p / f"planted-{secrets.token_hex(4)}" for p in places.TEMPORARY]  # removed below
    try:
        for path in outside:
            path.write_text(word)
        places.settle(live)
        found = places.words_left(live, [word], since)
        assert missed([*wanted, *map(str, outside)], found) == []
    finally:
        for path in outside:
            path.unlink(missing_ok=True)


def test_what_valkey_forgot_is_found_in_its_file(debugging: Live) -> None:
    """The twin of jobs that are done: their payload, packed or not, is written and removed."""
    live = debugging
    client = redis.Redis.from_url(places.valkey_url(live))
    plain, packed = unique("plain"), unique("packed")
    client.hset("rq:job:done", mapping={"a": plain, "b": zlib.compress(packed.encode())})
    client.delete("rq:job:done")
    places.settle(live)
    found = list(places.words_left(live, [plain, packed], time.time()))
    for word, place in ((plain, ""), (packed, "unpacked ")):
        hits = [one for one in found if one.word == word]
        assert missed([f"{place}{live.data_dir}/*/appendonlydir/*"], hits) == [], word


def test_what_valkey_forgot_still_takes_its_second(debugging: Live) -> None:
    """It stays in the file: who asks in that second later would be found there without a leak."""
    soon = int(time.time()) + 30
    client = redis.Redis.from_url(places.valkey_url(debugging))
    client.set("soon", 1, exat=soon)
    assert client.expiretime("soon") == soon
    assert client.delete("soon") == 1
    taken = places.all_born(debugging)
    assert soon in taken
    assert soon + 1_000 not in taken


def test_a_planted_second_is_found_in_each_place(debugging: Live) -> None:
    """The twin: a clock time in each shape and place, and files bearing a reporter's second."""
    live = debugging
    second, other = 1_700_000_123, 1_600_000_000
    said = leaks.moments(datetime.fromtimestamp(second, UTC))
    wanted = list(plant(live, " | ".join(said)))
    written, read, folder = (live.data_dir / "attachments" / name for name in ("w", "r", "f"))
    written.write_bytes(b"")
    read.write_bytes(b"x")
    folder.mkdir()
    os.utime(written, (other, second))
    # Read before it was written, it is one whose reading the system would note.
    os.utime(read, (second, second + 1))
    os.utime(folder, (other, second))
    times = places.times(live)
    places.settle(live)
    assert read.read_bytes() == b"x"
    told = list(places.moments_left(live, [second], said, times))
    for shape in said:
        hits = [one for one in told if one.word == shape]
        assert missed(wanted, hits) == [], shape
    bearing = {written: "mtime", read: "atime", folder: "mtime"}
    by_times = [one for one in told if one.place in map(str, bearing)]
    assert {(one.place, one.encoding) for one in by_times} == {
        (str(path), name) for path, name in bearing.items()
    }

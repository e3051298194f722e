"""The whole journey: sealed reports become incidents become published numbers."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import psycopg
import pytest
import sqlalchemy
from playwright.sync_api import Browser

from tests import form_pages, reporter
from tests.browser.reporter_pages import CLEAN, context_of, traces
from tests.conftest import POSTGRESQL
from tests.data.narratives import Narrative, load
from tests.journey import published
from tests.journey.desk import publish, work_through
from tests.live import Live
from tests.page import Visitor
from tests.staff import Staff

pytestmark = [pytest.mark.journey, pytest.mark.database]
SLUGS = ("demo", "demo-two", "demo-three")
IN_CHROMIUM = 4 if POSTGRESQL else 20


def records(live: Live, year: int) -> int:
    """Rows of the record table itself: what only a test may look at."""
    url = live.env.get("UPSTANDER_DATABASE_URL")
    query = f"SELECT count(*) FROM record WHERE ref_year = {year}"  # a number
    if url:
        with psycopg.connect(url) as connection:
            row = connection.execute(query.encode()).fetchone()
            assert row
            return int(row[0])
    engine = sqlalchemy.create_engine(f"sqlite:///{live.data_dir / 'upstander.db'}")
    with engine.connect() as connection:
        found = int(connection.execute(sqlalchemy.text(query)).scalar_one())
    engine.dispose()
    return found


def last_year(live: Live) -> int:
    """The year the running instance names at its start."""
    line = next(x for x in live.log.read_text().splitlines() if "released first:" in x)
    return int(line.rsplit(" ", 1)[1])


def test_a_report_is_counted_and_the_year_published(live: Live) -> None:
    """The thin journey: one report, three people, one public table."""
    year = last_year(live)
    assert records(live, year) == 600
    visitor = Visitor(live.base)
    words = "They shouted at us on the night bus. صرخوا علينا"
    _page, receipt = reporter.report_without_script(
        visitor,
        "demo",
        {
            "what_happened": words,
            "when.precision": "other",
            "when.year": str(year),
            "when.month": "3",
            "country": "DE",
            "setting": "loc.transport",
            "acts": ["rg.words"],
            "grounds": ["rb.ethnic"],
            "consent.statistics": "yes",
            "consent.reply": "yes",
        },
    )
    assert reporter.read_mailbox(visitor, receipt) == []
    worker = Staff(live.base)
    worker.sign_in(live.sign_ins("caseworker", "demo")[0])
    one = Narrative(
        id="thin", text=words, language="en", month=f"{year}-03", country="DE", area="",
        acts=("act.verbal",), reporter_groups=(), grounds=("b.race.black",), reporter_grounds=(),
        setting="loc.transport", type="af.verbal", ground_families=("bf.race",),
    )  # fmt: skip
    work_through(worker, [one])
    assert records(live, year) == 600, "counted before anybody handed it over"
    supervisor = Staff(live.base)
    supervisor.sign_in(live.sign_ins("supervisor", "demo")[0])
    supervisor.hand_over()
    assert records(live, year) == 601
    told = sorted(reporter.read_mailbox(visitor, receipt), key=lambda message: message["number"])
    assert [message["status"] for message in told] == ["being_read", "finished"]

    release = publish(live, "world", year)
    frame = published.read(f"{live.base}/statistics/latest/statistics.csv")
    published.complete(frame, str(year))
    total = frame[(frame.period.astype(str) == str(year)) & (frame.status == "shown")]
    assert abs(int(total.iloc[0].value) - 601) <= 5
    page = visitor.fetch(f"/en/statistics/{release}")
    assert f"All incidents{int(total.iloc[0].value)}probably" in page.text
    assert (
        "we change every figure by a small random amount, never more than 5 and usually no more "
        "than 3, and we show a figure that is under 6, before or after this change, only as "
        "'10 or fewer', which includes none."
    ) in page.text
    again = Staff(live.base)
    again.sign_in(live.sign_ins("lead")[0], steps=1)
    refused = again.submit(
        desk := again.open("/staff/releases"),
        desk.form("/releases"),
        {"scope": "world", "year": str(year)},
    )
    assert refused.status in {409, 422}, refused.status


def send_all(live: Live, browser: Browser, narratives: Sequence[Narrative]) -> None:
    """Some through the form in Chromium, half of them without script, the rest sealed."""
    in_chromium = narratives[:: len(narratives) // IN_CHROMIUM][:IN_CHROMIUM]
    for number, one in enumerate(in_chromium):
        script = number % 2 == 0
        send = form_pages.send_with_script if script else form_pages.send_without_script
        with context_of(browser, java_script_enabled=script) as context:
            page = context.new_page()
            send(page, f"{live.base}/en/report/{slug_of(one)}", answers(one))
            if script:
                assert traces(page) == CLEAN
    rest = [n for n in narratives if n not in in_chromium]
    visitor = Visitor(live.base)
    for one in rest:
        precision = "month" if len(one.month) == 7 else "year"
        body = {
            "what_happened": one.text,
            "when": {"value": one.month, "precision": precision},
            "country": one.country,
            "setting": one.setting,
            "acts": list(one.reporter_groups),
            "grounds": list(one.reporter_grounds),
        }
        consent = {"statistics": True, "reply": False}
        sealed = reporter.seal(visitor, slug_of(one), body, consent, comes_back=False)
        assert reporter.send(visitor, slug_of(one), sealed).status == 201


def answers(one: Narrative) -> form_pages.Answers:
    """What a person would tick for a narrative."""
    given: dict[str, str | tuple[str, ...]] = {
        "what_happened": one.text,
        "when.precision": "other",
        "when.year": one.month[:4],
        "country": one.country,
        "setting": one.setting,
        "acts": one.reporter_groups,
        "grounds": one.reporter_grounds,
        "consent.statistics": "yes",
    }
    if len(one.month) == 7:
        given["when.month"] = str(int(one.month[5:]))
    return given


def slug_of(one: Narrative) -> str:
    """Each narrative goes to one of the three organisations, always the same."""
    return SLUGS[sum(one.id.encode()) % len(SLUGS)]


@pytest.mark.browser
def test_narratives_of_2016_become_the_table_of_2016(live: Live, browser: Browser) -> None:
    """Every shown figure within the noise of the input file, every band honest."""
    narratives = load()[::5] if POSTGRESQL else load()
    send_all(live, browser, narratives)

    def organisation(slug: str) -> None:
        worker, supervisor = Staff(live.base), Staff(live.base)
        worker.sign_in(live.sign_ins("caseworker", slug)[0])
        work_through(worker, [n for n in narratives if slug_of(n) == slug])
        supervisor.sign_in(live.sign_ins("supervisor", slug)[0])
        supervisor.hand_over()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(organisation, SLUGS))
    assert records(live, 2016) == len(narratives)
    release = publish(live, "world", 2016)
    frame = published.read(f"{live.base}/statistics/{release}/statistics.csv")
    published.complete(frame, "2016")
    truth = published.true_counts(narratives)
    statuses = published.compare(frame, truth)
    print(f"cells: {statuses}")
    assert statuses.get("shown", 0) >= 3
    assert truth["2016|total|total|total|total"] == len(narratives)


def test_a_wrong_figure_would_be_noticed() -> None:
    """The twin: one figure moved beyond the noise, one band too large, and the reader fails."""
    narratives = load()
    truth = published.true_counts(narratives, ["DE"])
    row = {"period": "2016", "geo": "total", "status": "shown", "value": len(narratives) + 5}
    good = pd.DataFrame([row])
    assert published.compare(good, truth) == {"shown": 1}
    with pytest.raises(AssertionError):
        published.compare(good.assign(value=len(narratives) + 6), truth)
    with pytest.raises(AssertionError):
        published.compare(good.assign(status="band", value=None), truth)


@pytest.mark.parametrize("total", [600, 60, 20])
def test_a_row_that_is_not_there_would_be_noticed(total: int) -> None:
    """The twin: one row less, one table less, one row twice, one of no table, one without words."""

    def frame_of(cells: Iterable[str]) -> pd.DataFrame:
        rows = pd.DataFrame([cell.split("|") for cell in cells], columns=published.DIMENSIONS)
        return rows.assign(status="band", value=None)

    whole = "2016|total|total|total|total"
    menu = sorted(published.menu("2016", total))
    assert (
        len(menu) == {600: 1 + 13 + 9 + 5 + 29 + 7 + 45, 60: 1 + 13 + 9 + 5 + 29 + 7, 20: 1}[total]
    )
    good = frame_of(menu)
    good.loc[menu.index(whole), ["status", "value"]] = ["shown", total]
    published.complete(good, "2016")
    others = [good.drop(number) for number in range(len(menu))]
    others += [good[good.setting == "total"], good[good.geo == "total"]] if total > 20 else []
    others += [pd.concat([good, good[:1]]), pd.concat([good, frame_of([whole.replace("6", "7")])])]
    others += [good.assign(status="na")]
    for bad in others:
        with pytest.raises(AssertionError):
            published.complete(bad, "2016")

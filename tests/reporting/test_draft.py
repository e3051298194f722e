"""Drafts open on every worker for a few hours, and never for another purpose."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Flask

from reporting.draft import open_draft, seal_draft

START = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def test_draft_opens_this_hour_and_the_three_before(
    app: Flask, clock_at: Callable[[datetime], None]
) -> None:
    clock_at(START)
    draft = seal_draft("report", {"words": "مرحبا"})
    for hours in range(4):
        clock_at(START + timedelta(hours=hours))
        assert open_draft("report", draft) == {"purpose": "report", "words": "مرحبا"}
    clock_at(START + timedelta(hours=4))
    assert open_draft("report", draft) is None


def test_draft_dies_with_its_days_secret(app: Flask, clock_at: Callable[[datetime], None]) -> None:
    clock_at(START)
    draft = seal_draft("report", {})
    for path in (app.extensions["settings"].secrets_dir / "days").iterdir():
        path.unlink()
    assert open_draft("report", draft) is None


def test_draft_of_another_purpose_or_altered_is_none(
    app: Flask, clock_at: Callable[[datetime], None]
) -> None:
    clock_at(START)
    draft = seal_draft("report", {"words": "x"})
    assert open_draft("inbox", draft) is None
    last = "A" if draft[-1] != "A" else "Q"
    for text in (draft[:-1] + last, draft[1:], "", "=", draft + "A"):
        assert open_draft("report", text) is None


def test_words_are_not_in_the_draft(app: Flask) -> None:
    assert "unusualword" not in seal_draft("report", {"words": "unusualword"})

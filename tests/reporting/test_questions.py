"""What is understood of a filled-in form, and what is asked again."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.questions import FIELDS, FORM, body_json, is_too_long, lf, parse
from reporting.receipt import derive_receipt, make_digits

DAY = date(2026, 3, 1)
Fields = dict[str, list[str]]


def when(**fields: str) -> object:
    filled = parse({f"when.{name}": [value] for name, value in fields.items()}, DAY)
    return filled.answers.get("when")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"precision": "today"}, ("2026-03-01", "day")),
        ({"precision": "yesterday"}, ("2026-02-28", "day")),
        ({"precision": "week"}, ("2026-03-01", "week")),
        ({"precision": "unknown"}, ("", "unknown")),
        ({"precision": "other"}, ("", "unknown")),
        ({"precision": "other", "year": "2025"}, ("2025", "year")),
        ({"precision": "month", "year": "2025", "month": "3"}, ("2025-03", "month")),
        ({"precision": "day", "year": "2024", "month": "02", "day": "29"}, ("2024-02-29", "day")),
        ({"year": "٢٠٢٥", "month": "12", "day": "۳"}, ("2025-12-03", "day")),
        ({"year": "२०२५"}, ("2025", "year")),
    ],
    ids=str,
)
def test_when_is_kept_with_its_precision(fields: dict[str, str], expected: tuple[str, str]) -> None:
    assert when(**fields) == {"value": expected[0], "precision": expected[1]}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"precision": "other", "year": "25"}, "when.year"),
        ({"precision": "other", "year": "20255"}, "when.year"),
        ({"precision": "other", "month": "3"}, "when.year"),
        ({"precision": "other", "year": "2025", "day": "3"}, "when.month"),
        ({"precision": "other", "year": "2025", "month": "13"}, "when.month"),
        ({"precision": "other", "year": "2025", "month": "2", "day": "29"}, "when.day"),
        ({"precision": "other", "year": "two thousand"}, "when.year"),
        ({"precision": "soon"}, "when.precision"),
    ],
    ids=str,
)
def test_dates_that_are_none_are_asked_again(fields: dict[str, str], name: str) -> None:
    filled = parse({f"when.{key}": [value] for key, value in fields.items()}, DAY)
    assert name in filled.problems
    assert "when" not in filled.answers


def test_nothing_about_when_is_no_answer() -> None:
    assert when() is None
    assert when(precision="", year=" ", month="", day="") is None


def test_one_character_is_enough_and_a_space_is_not() -> None:
    assert parse({"what_happened": ["."]}, DAY).problems == {}
    assert "what_happened" in parse({"what_happened": [" \n\t\u00a0"]}, DAY).problems
    assert parse({}, DAY, required=frozenset()).problems == {}


def test_choices_are_ids_of_the_list_and_each_once() -> None:
    filled = parse({"what_happened": ["x"], "acts": ["rg.hurt", "rg.hurt", "rg.words", ""]}, DAY)
    assert filled.answers["acts"] == ["rg.hurt", "rg.words"]
    for name, value in {
        "acts": "rb.ethnic",
        "grounds": "b.race.black",
        "setting": "street",
        "role": "rr.staff",
        "country": "XX",
        "consent.reply": "maybe",
    }.items():
        assert name in parse({"what_happened": ["x"], name: [value]}, DAY).problems


def test_consent_is_never_assumed() -> None:
    assert parse({"what_happened": ["x"]}, DAY).consent == {}
    filled = parse({"consent.statistics": ["no"], "consent.reply": ["yes"]}, DAY)
    assert filled.consent == {"statistics": False, "reply": True}


@given(st.text())
def test_nothing_but_line_ends_is_changed(text: str) -> None:
    assert lf(text.replace("\r", "").replace("\n", "\r\n")) == text.replace("\r", "")


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.lists(st.text(), max_size=3)))
def test_any_fields_are_read(fields: Fields) -> None:
    """Whatever a client sends, the answers fit into the JSON that is sealed."""
    filled = parse(fields, DAY)
    body = body_json("report", filled.answers, filled.consent, "en", [], RECEIPT, DAY)
    assert json.loads(body)["answers"] == filled.answers


RECEIPT = derive_receipt(make_digits(), bytes(16))


def test_body_has_the_keys_of_the_format() -> None:
    body = json.loads(body_json("addition", {}, {}, "ar", [], RECEIPT, DAY, "files"))
    assert set(body) == {
        "schema",
        "kind",
        "form",
        "submitted_on",
        "language",
        "answers",
        "consent",
        "reply_public_key",
        "follow_up",
        "attachments",
        "request",
    }
    assert body["submitted_on"] == "2026-03-01"
    assert (body["kind"], body["request"]) == ("addition", "files")


def test_too_long_answers_are_named() -> None:
    filled = parse({"what_happened": ["é" * 130_000]}, DAY)
    assert is_too_long(filled)
    assert "what_happened" in filled.problems
    assert not is_too_long(parse({"what_happened": ["x" * 200_000]}, DAY))


def test_ids_of_the_first_form_are_fixed() -> None:
    assert [q.id for q in FORM.questions] == [
        "what_happened",
        "when",
        "country",
        "area",
        "setting",
        "grounds",
        "acts",
        "role",
    ]
    assert [c.id for c in FORM.consents] == ["statistics", "reply"]

"""The catalogues are complete, current and safe, and the checker that says so can tell."""

import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.support import Translations
from flask import Flask
from flask_babel import force_locale, gettext, ngettext

from reporting import i18n, translate, vocabulary

EVERY = [(locale, domain) for locale in translate.LOCALES for domain in translate.DOMAINS]


@pytest.mark.parametrize(("locale", "domain"), EVERY)
def test_nothing_is_missing_stale_or_unsafe(locale: str, domain: str) -> None:
    assert translate.problems(locale, domain) == []


@pytest.mark.parametrize(("locale", "domain"), EVERY)
def test_a_draft_says_that_nobody_has_reviewed_it(locale: str, domain: str) -> None:
    text = translate.po_path(locale, domain).read_text(encoding="utf-8")
    assert "Not yet reviewed by a person" in text
    assert "#, fuzzy" not in text
    assert "#~" not in text


def test_every_language_offered_has_its_catalogues() -> None:
    assert set(i18n.LOCALES) == {"en", *translate.LOCALES}


def test_arabic_plurals_are_in_the_order_of_cldr() -> None:
    forms = {0: 0, 1: 1, 2: 2, 3: 3, 10: 3, 11: 4, 99: 4, 100: 5, 101: 5, 102: 5, 103: 3, 111: 4}
    for domain in translate.DOMAINS:
        catalog = translate.read("ar", domain)
        assert catalog.num_plurals == 6
        rule = catalog.plural_expr.replace("&&", " and ").replace("||", " or ")
        for number, form in forms.items():
            assert _chosen(rule, number) == form, number


def _chosen(rule: str, number: int) -> int:
    """Evaluate `a ? b : c ? d : e` of a plural rule."""
    condition, question, rest = rule.strip().strip("()").partition("?")
    if not question:
        return int(condition)
    value, _colon, otherwise = rest.partition(":")
    return int(value) if eval(condition, {"n": number}) else _chosen(otherwise, number)


def test_one_string_is_one_translation_in_all_catalogues() -> None:
    # Flask-Babel joins the three: of two translations of one string, one would never be seen.
    seen: dict[tuple[object, object], object] = {}
    for domain in translate.DOMAINS:
        for message in translate.read("ar", domain):
            if message.id:
                key = (message.id, message.context)
                assert seen.setdefault(key, message.string) == message.string, key


def test_the_built_catalogues_are_what_the_pages_show(app: Flask) -> None:
    for domain in translate.DOMAINS:
        built = translate.po_path("ar", domain).with_suffix(".mo")
        assert isinstance(Translations.load(str(translate.FOLDER), ["ar"], domain), Translations)
        assert built.exists()
    with app.test_request_context("/ar/"), force_locale("ar"):
        assert gettext("What happened?") == "ماذا حدث؟"
        assert i18n.label("af.violence") == "عنف ضد أشخاص"
        assert ngettext("%(num)s report", "%(num)s reports", 2) == "بلاغان"
        for name in vocabulary.lists():
            for term in vocabulary.ids(name):
                assert i18n.label(term) != vocabulary.label(term), term


def _catalog(source: Any, translation: Any) -> Catalog:
    catalog = Catalog(locale="ar")
    catalog.mime_headers = [("Plural-Forms", translate.PLURALS["ar"])]
    catalog.add(source, translation)
    return catalog


@pytest.mark.parametrize(
    ("source", "translation", "fault"),
    [
        ("Save", "", "untranslated"),
        ("Call %(number)s", "اتصلوا", "placeholders"),
        ("Step {n}", "الخطوة {m}", "placeholders"),
        ("Read <b>this</b>", "اقرؤوا هذا", "placeholders"),
        ("Save", "حفظ Save", "Latin"),
        ("Save", "\u202eحفظ", "direction"),
        ("Save", "حفظ ", "spaces"),
        (("%(num)s day", "%(num)s days"), ("يوم", "أيام"), "plural"),
    ],
)
def test_a_bad_translation_is_found(
    source: object, translation: object, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translate, "template", lambda _domain: _catalog(source, None))
    monkeypatch.setattr(translate, "read", lambda _l, _d: _catalog(source, translation))
    found = translate.problems("ar", "public")
    assert len(found) == 1
    assert fault in found[0]


def test_a_stale_and_a_missing_string_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translate, "template", lambda _domain: _catalog("New", None))
    monkeypatch.setattr(translate, "read", lambda _l, _d: _catalog("Old", "قديم"))
    assert translate.problems("ar", "public") == ["missing: 'New'", "stale: 'Old'"]


# Words in templates that no reader of the language needs: marks, and names of this software.
_BARE = re.compile(r">([^<>{}]*[A-Za-z]{2,}[^<>{}]*)<")
# "Language" stands beside the translated word, for who does not read the page's language.
_NAMES = {"Upstander", "UTC", "Enter", "CSV", "JSON", "Language"}


def test_no_template_holds_bare_words() -> None:
    found = []
    for package in translate.DOMAINS.values():
        for path in sorted((translate.ROOT / package / "templates").rglob("*.html")):
            text = _without_code(path)
            for words in _BARE.findall(text):
                # Attributes that a macro writes, and addresses.
                if '="' in words or words.startswith("/"):
                    continue
                left = set(re.findall(r"[A-Za-z]{2,}", words)) - _NAMES
                # Character references are marks, not words.
                if left - set(re.findall(r"&([A-Za-z]+);", words)):
                    found.append(f"{path.relative_to(translate.ROOT)}: {words.strip()}")
    assert found == []


def _without_code(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\{% block main_class %\}.*?\{% endblock %\}", "", text)
    return re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)

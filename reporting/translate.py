"""Catalogues: find every visible string, keep the languages complete, build what runs.

`python -m reporting.translate` updates the catalogues and builds them; `compile` only builds;
`check` says what is missing, stale or unsafe. Source files are read, never imported, so this page
of the foundation knows nothing of the packages above it. Texts of reporters never come here.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "reporting" / "translations"
# A catalogue per package, so that the public side never loads a word of the staff's.
DOMAINS = {"public": "reporting", "staff": "casework", "stats": "analytics"}
# English is the source and needs no catalogue.
LOCALES = ("ar",)
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**/templates/**.txt", "jinja2"),
    ("data/vocabulary-*.json", "reporting.translate:extract_labels"),
]
KEYWORDS: dict[str, Any] = {
    **DEFAULT_KEYWORDS,
    "lazy_gettext": None,
    "lazy_ngettext": (1, 2),
    "lazy_pgettext": ((1, "c"), 2),
    "_l": None,
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}|</?[a-z][^>]*>")
IDENTIFIER = re.compile(r"[a-z]+(_[a-z]+)+")
# Direction is the page's business; a control in a text can show it other than it reads.
BIDI_CONTROL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Words of the Latin script an Arabic page may show: names of formats and of this software.
LATIN_WORDS = frozenset(
    {"Upstander", "English", "Tor", "CSV", "JSON", "QR", "UTC", "CC", "BY", "Shift"}
)
LATIN = re.compile(r"[A-Za-z][A-Za-z-]*")
# In the order of CLDR (zero, one, two, few, many, other); Babel's own table has another for Arabic.
PLURALS = {
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : "
    "n%100>=11 ? 4 : 5);"
}
HEADER = """\
# Arabic catalogue of Upstander, Modern Standard Arabic.
# Not yet reviewed by a person. Before a language goes live, a second speaker from the community
# reads all safety and consent texts; until then these are drafts.
# Address is plural or neutral throughout: no gendered verb or adjective about the reader."""


def extract_labels(
    file: IO[bytes], _keywords: Any, _comments: Any, options: Any
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Babel extractor of the vocabulary: labels and definitions, one entry a line."""
    pattern = re.compile(r'"(?:label|definition|unknown)": "((?:[^"\\]|\\.)*)"')
    for number, line in enumerate(file.read().decode("utf-8").splitlines(), start=1):
        for found in pattern.finditer(line):
            yield number, "gettext", found.group(1), []


def template(domain: str) -> Catalog:
    """Every string the package of a domain shows now."""
    package = ROOT / DOMAINS[domain]
    catalog = Catalog(project="Upstander", charset="utf-8")
    found = extract_from_dir(package, METHODS, {}, KEYWORDS, comment_tags=("Translators:",))
    for name, _line, message, comments, context in found:
        if isinstance(message, str) and IDENTIFIER.fullmatch(message):
            # An id inside a call, as in `_(FORM.question("what_happened").wording)`.
            continue
        where = f"{DOMAINS[domain]}/{Path(name).as_posix()}"
        catalog.add(message, None, [(where, 0)], auto_comments=comments, context=context)
    return catalog


def po_path(locale: str, domain: str) -> Path:
    """Where the catalogue of a language and domain lies."""
    return FOLDER / locale / "LC_MESSAGES" / f"{domain}.po"


def read(locale: str, domain: str) -> Catalog:
    """The catalogue as it is kept; an empty one where there is none yet."""
    path = po_path(locale, domain)
    if not path.exists():
        catalog = Catalog(locale=locale, domain=domain, project="Upstander")
        catalog.mime_headers = [("Plural-Forms", PLURALS[locale])]
        return catalog
    with path.open("rb") as file:
        return read_po(file, locale=locale, domain=domain)


def update(locale: str, domain: str) -> None:
    """Bring a catalogue in line with the source; nothing is guessed from likeness."""
    catalog = read(locale, domain)
    created = catalog.creation_date
    catalog.update(template(domain), no_fuzzy_matching=True)
    catalog.creation_date = created
    catalog.obsolete.clear()
    catalog.fuzzy = False
    catalog.header_comment = HEADER
    path = po_path(locale, domain)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=100, sort_output=True, include_lineno=False)


def build() -> None:
    """Build the binary catalogues that run; they are never kept in the repository."""
    for locale in LOCALES:
        for domain in DOMAINS:
            with po_path(locale, domain).with_suffix(".mo").open("wb") as file:
                write_mo(file, read(locale, domain))


def problems(locale: str, domain: str) -> list[str]:
    """What keeps a catalogue from going out, a line each; empty when it is complete and safe."""
    wanted = {(m.id, m.context): m for m in template(domain) if m.id}
    kept = {(m.id, m.context): m for m in read(locale, domain) if m.id}
    found = [f"missing: {key[0]!r}" for key in wanted.keys() - kept.keys()]
    found += [f"stale: {key[0]!r}" for key in kept.keys() - wanted.keys()]
    plurals = read(locale, domain).num_plurals
    for key in sorted(wanted.keys() & kept.keys(), key=repr):
        found += [f"{what}: {key[0]!r}" for what in _faults(kept[key], plurals)]
    return found


def _faults(message: Message, plurals: int) -> Iterator[str]:
    """What is wrong with one translated message."""
    sources = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
    given = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
    texts = [text or "" for text in given]
    if not all(texts):
        yield "untranslated"
        return
    if len(sources) > 1 and len(texts) != plurals:
        yield f"{len(texts)} plural forms instead of {plurals}"
    wanted = sorted(PLACEHOLDER.findall(sources[-1]))
    for text in texts:
        # A singular or dual may leave the number out: the word itself says it.
        has = sorted(PLACEHOLDER.findall(text))
        if has != wanted and (len(sources) == 1 or not set(has) <= set(wanted)):
            yield f"other placeholders or marks {has}"
        if BIDI_CONTROL.search(text):
            yield "direction control"
        latin = set(LATIN.findall(PLACEHOLDER.sub(" ", text))) - LATIN_WORDS
        if latin:
            yield f"Latin words {sorted(latin)}"
        if (text[:1].isspace(), text[-1:].isspace()) != (
            sources[0][:1].isspace(),
            sources[0][-1:].isspace(),
        ):
            yield "other spaces at its ends"


def main(arguments: list[str]) -> int:
    """Command line: nothing (update and build), `compile` or `check`."""
    if arguments not in ([], ["compile"], ["check"]):
        sys.stderr.write("usage: python -m reporting.translate [compile|check]\n")
        return 2
    for locale in LOCALES:
        for domain in DOMAINS if not arguments else ():
            update(locale, domain)
    if arguments != ["check"]:
        build()
    if arguments == ["compile"]:
        return 0
    count = 0
    for locale in LOCALES:
        for domain in DOMAINS:
            for line in problems(locale, domain):
                sys.stdout.write(f"{locale}/{domain}: {line}\n")
                count += 1
    sys.stdout.write(f"{count} strings need a translator\n")
    return 1 if count and arguments == ["check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

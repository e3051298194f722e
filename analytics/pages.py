"""What the pages show of a release: rows with words, bars and ranges, made of statements only."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from analytics import files, heads
from analytics.disclosure import BAND, NA, WITHHELD, Statement
from analytics.menu import OTHER, UNKNOWN, Cell, Menu, Table
from reporting import i18n


@dataclass(frozen=True)
class Row:
    """One line of a table: label, statement, and the length of its bar in percent."""

    label: str
    said: Statement
    bar: int


@dataclass(frozen=True)
class Figures:
    """One table of one dimension, which is its own bar chart."""

    name: str
    title: str
    head: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Cross:
    """One table of two dimensions."""

    name: str
    title: str
    head: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Statement, ...]], ...]


def title(name: str) -> str:
    """Heading of a table."""
    titles: dict[str, str] = {
        "total": _("All incidents"),
        "months": _("Incidents by month"),
        "quarters": _("Incidents by quarter"),
        "type": _("Incidents by gravest act"),
        "motive_group": _("Incidents by motive"),
        "setting": _("Incidents by kind of place"),
        "country": _("Incidents by country"),
        "type-motive_group": _("Incidents by gravest act and motive"),
    }
    return titles[name]


def file_title(name: str) -> str:
    """What a file of a release is."""
    stem, _dot, kind = name.partition(".")
    known: dict[str, str] = {
        files.ALL_TABLES: _("All figures (CSV)"),
        "codes.csv": _("What the codes mean (CSV)"),
        files.PACKAGE: _("Description of the files (JSON)"),
        heads.FILE: _("Signed check values (JSON)"),
        files.SUMS: _("Checksums of the files"),
    }
    if stem == "method":
        language = i18n.own_name(kind.removesuffix(".md"))
        return str(_("How the figures are made (%(language)s)", language=language))
    return known.get(name) or title(stem)


def reason(code: str) -> str:
    """Why a table is not published, or a release was refused."""
    words: dict[str, str] = {
        "floor": _("too few incidents"),
        "gate": _("too few incidents for so fine a table"),
        "audit": _("could give small counts away"),
    }
    return words.get(code, code)


def head(dim: str) -> str:
    """Heading of a column of codes."""
    heads: dict[str, str] = {
        "month": _("Month"),
        "quarter": _("Quarter"),
        "type": _("Gravest act"),
        "motive_group": _("Motive"),
        "setting": _("Kind of place"),
        "geo": _("Country"),
    }
    return heads[dim]


def label(dim: str, code: str) -> str:
    """A code in the page's language."""
    if dim in {"month", "quarter"}:
        number = code.partition("-")[2]
        if number == UNKNOWN:
            return i18n.label(UNKNOWN)
        if dim == "month":
            return i18n.month_names(i18n.chosen())[int(number) - 1]
        return str(_("Quarter %(number)s", number=number.removeprefix("Q")))
    if dim == "geo" and code == OTHER:
        return str(_("Other country"))
    if dim == "geo" and code != UNKNOWN:
        return i18n.country_name(code)
    return i18n.label(code)


def says(statement: Statement) -> str:
    """The words that stand for a statement without a number."""
    words: dict[str, str] = {
        BAND: _("10 or fewer, possibly none"),
        WITHHELD: _("not published"),
        NA: _("cannot occur"),
    }
    return words.get(statement.status, "")


def figures(menu: Menu, table: Table, statements: Mapping[Cell, Statement]) -> Figures:
    """A table of one dimension. The longest bar is the largest number of the same table."""
    (dim,) = table.dims
    said = [(code, statements[menu.cell(table, (code,))]) for code in menu.codes(dim)]
    largest = max((s.value or 0 for _code, s in said), default=0) or 1
    rows = tuple(
        Row(label(dim, code), s, round(100 * (s.value or 0) / largest)) for code, s in said
    )
    return Figures(table.name, title(table.name), head(dim), rows)


def cross(menu: Menu, table: Table, statements: Mapping[Cell, Statement]) -> Cross:
    """A table of two dimensions."""
    down, along = table.dims
    rows = tuple(
        (
            label(down, code),
            tuple(statements[menu.cell(table, (code, other))] for other in menu.codes(along)),
        )
        for code in menu.codes(down)
    )
    columns = tuple(label(along, other) for other in menu.codes(along))
    return Cross(table.name, title(table.name), head(down), columns, rows)

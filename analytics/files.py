"""The files of a release: tables, data package, method, audit report, checksums. Written once.

Holds statements only. True counts, sums of keys, numbers of organisations and keys never come here:
the functions take no argument that has them.
"""

import csv
import hashlib
import io
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import structlog

from analytics import disclosure, heads, noise
from analytics.disclosure import STATUSES, Protected
from analytics.menu import PERIODS, Cell, Menu, Table
from reporting import vocabulary

log = structlog.get_logger()
METHOD_VERSION = 1
LOCALES = ("en", "ar")
LICENCE = {"name": "CC-BY-4.0", "path": "https://creativecommons.org/licenses/by/4.0/"}
ALL_TABLES = "statistics.csv"
# For the leads who check; no part of the download.
AUDIT = "audit.json"
SUMS = "SHA256SUMS"
PACKAGE = "datapackage.json"
# Lies beside the files of what was published: an older database, restored, does not know of it.
PUBLISHED = ".published"
# Carry-forward threshold and least batch of a revision (disclosure.md 4.8).
RESTATE = (noise.LEAST_MOVE, noise.LEAST_MOVE + noise.MOVES - 1)
BATCH = {"least": 25, "share": 0.025}
_VALUES = ("status", "value", "low", "high", "as_of")
# Read at the start: read at a visit, the file's access time would tell of the visitor.
_PARAGRAPHS: Mapping[str, str] = json.loads(
    files("analytics").joinpath(f"data/paragraph-{METHOD_VERSION}.json").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class About:
    """What a reader may know of a release beside its numbers."""

    release: str
    scope: str
    scope_name: str
    vintage: int
    as_of: date
    contact: str
    # Cells that repeat what an earlier draft stated, and its day.
    older: Mapping[Cell, date] = field(default_factory=dict)
    # Signed heads of audit chains, as `heads.told` says them.
    heads: Sequence[Mapping[str, str]] = ()


def parameters(protected: Protected) -> dict[str, Any]:
    """What the method is set to, and how many cells came out how. Public on purpose."""
    found = Counter(made.status for made in protected.statements.values())
    return {
        "T": noise.LEAST_SHOWN,
        "D": noise.MOST,
        "V": noise.VARIANCE,
        "H": list(RESTATE),
        "B": BATCH,
        "method_version": METHOD_VERSION,
        "tables": [table.name for table in protected.tables],
        "left_out": [{"table": name, "reason": reason} for name, reason in protected.left_out],
        "cells": {status: found[status] for status in STATUSES},
    }


def compose(
    menu: Menu, protected: Protected, about: About, audit: dict[str, Any]
) -> dict[str, bytes]:
    """All files of a release by name."""
    made = {ALL_TABLES: _csv(menu, protected.tables, protected, about)}
    for table in protected.tables:
        made[f"{table.name}.csv"] = _csv(menu, (table,), protected, about)
    made["codes.csv"] = _codes(menu)
    for locale in LOCALES:
        made[f"method.{locale}.md"] = _method(locale, menu, protected, about).encode()
    made[heads.FILE] = heads.compose(about.heads)
    made[PACKAGE] = _json(_package(menu, protected, about, made))
    made[SUMS] = "".join(
        f"{sha256(data)}  {name}\n" for name, data in sorted(made.items())
    ).encode()
    made[AUDIT] = _json(audit)
    return made


def sha256(data: bytes) -> str:
    """Checksum as `sha256sum` prints it."""
    return hashlib.sha256(data).hexdigest()


def keep(folder: Path, made: dict[str, bytes]) -> None:
    """Write all files or none: into a new folder that takes its name when it is whole and on disk.

    A folder of that name is what a build left that was cut off before its commit: it never counted,
    unless it was published.
    """
    folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    fresh.mkdir(mode=0o755)
    for name, data in made.items():
        with (fresh / name).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync(fresh)
    if folder.exists():
        _clear(folder)
    fresh.rename(folder)
    _sync(folder.parent)


def mark_published(folder: Path) -> None:
    """Say so where the files are. Before the commit: a draft marked in vain is kept."""
    (folder / PUBLISHED).touch()
    _sync(folder)


def discard(folder: Path) -> None:
    """Delete the files of a draft that was rejected, if it has any and nobody else is at it."""
    try:
        _clear(folder)
    except FileNotFoundError:
        return
    _sync(folder.parent)


def _clear(folder: Path) -> None:
    """Delete a folder; set it aside if it was published, for people cite what is in it."""
    if not (folder / PUBLISHED).exists():
        shutil.rmtree(folder)
        return
    aside = folder.with_name(f"{folder.name}~{secrets.token_hex(8)}")
    folder.rename(aside)
    log.error("published release set aside", where=aside.name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def columns(tables: tuple[Table, ...]) -> tuple[str, ...]:
    """Columns of a CSV of these tables: period, country, other dimensions, then the statement."""
    dims = {dim: None for table in tables for dim in table.dims if dim not in {*PERIODS, "geo"}}
    return ("period", "geo", *dims, *_VALUES)


def _csv(menu: Menu, tables: tuple[Table, ...], protected: Protected, about: About) -> bytes:
    """One row per cell; a dimension that is not told apart reads `total`."""
    names = columns(tables)
    rows: dict[Cell, None] = {cell: None for table in tables for cell in menu.cells(table)}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for cell in rows:
        said = protected.statements[cell]
        codes = [cell.code(name) for name in names[: -len(_VALUES)]]
        as_of = about.older.get(cell, about.as_of).isoformat()
        writer.writerow([*codes, said.status, said.value, said.low, said.high, as_of])
    return text.getvalue().encode()


def _codes(menu: Menu) -> bytes:
    """Code list: every code of every dimension with its English label."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("dimension", "code", "label"))
    for dim in ("geo", "type", "motive_group", "setting"):
        writer.writerows((dim, code, label(dim, code)) for code in menu.codes(dim))
    return text.getvalue().encode()


def label(dim: str, code: str) -> str:
    """English label of a code."""
    if dim == "geo" and code in vocabulary.countries():
        return vocabulary.country_name(code)
    return "Other country" if code == "other" else vocabulary.label(code)


def _package(
    menu: Menu, protected: Protected, about: About, made: dict[str, bytes]
) -> dict[str, Any]:
    """Frictionless data package with a table schema for each CSV."""
    by_name = {f"{table.name}.csv": (table,) for table in protected.tables}
    return {
        "profile": "data-package",
        "name": f"upstander-statistics-{menu.year}-{about.release.lower().replace('_', '.')}",
        "id": about.release,
        "title": f"Reported racist incidents, {about.scope_name or about.scope}, {menu.year}",
        "description": paragraph("en"),
        "version": str(about.vintage),
        "created": about.as_of.isoformat() + "T00:00:00Z",
        "licenses": [LICENCE],
        "contributors": [{"title": "Upstander", "path": about.contact, "role": "publisher"}],
        "resources": [
            _resource(menu, name, data, by_name.get(name, protected.tables))
            for name, data in made.items()
        ],
        "upstander": {
            "scope": about.scope,
            "ref_year": menu.year,
            "vintage": about.vintage,
            "menu_version": menu.version,
            "vocabulary": vocabulary.VERSION,
            "checksums": SUMS,
            "contact": about.contact,
            **parameters(protected),
        },
    }


def _resource(menu: Menu, name: str, data: bytes, tables: tuple[Table, ...]) -> dict[str, Any]:
    kinds = {".csv": "text/csv", ".json": "application/json", ".md": "text/markdown"}
    resource: dict[str, Any] = {
        "name": name.removesuffix(".csv").replace("_", "-").lower(),
        "path": name,
        "mediatype": kinds[Path(name).suffix],
        "encoding": "utf-8",
        "bytes": len(data),
        "hash": f"sha256:{sha256(data)}",
    }
    if name == heads.FILE:
        resource["description"] = "Signed heads of audit chains: no statistic, see docs/sealing.md"
    elif name == "codes.csv":
        fields = [{"name": n, "type": "string"} for n in ("dimension", "code", "label")]
        resource |= {"profile": "tabular-data-resource", "schema": {"fields": fields}}
    elif name.endswith(".csv"):
        fields = [_field(menu, column, tables) for column in columns(tables)]
        keys = list(columns(tables)[: -len(_VALUES)])
        schema = {"fields": fields, "primaryKey": keys, "missingValues": [""]}
        resource |= {"profile": "tabular-data-resource", "schema": schema}
    return resource


def _field(menu: Menu, column: str, tables: tuple[Table, ...]) -> dict[str, Any]:
    """Schema of one column. Text stays text: a country code like NA is no missing value."""
    if column in {"value", "low", "high"}:
        return {"name": column, "type": "integer"}
    if column == "as_of":
        return {"name": column, "type": "date"}
    if column == "status":
        return {"name": column, "type": "string", "constraints": {"enum": list(STATUSES)}}
    codes = [menu.total.code("period")] if column == "period" else ["total"]
    for table in tables:
        for dim in table.dims:
            if dim == column or (column == "period" and dim in PERIODS):
                codes += [code for code in menu.codes(dim) if code not in codes]
    return {"name": column, "type": "string", "constraints": {"enum": codes}}


def paragraph(locale: str) -> str:
    """The paragraph for readers (disclosure.md 4.11)."""
    return _PARAGRAPHS[locale]


def _method(locale: str, menu: Menu, protected: Protected, about: About) -> str:
    """The method note in one language, with the parameters and counts of this release."""
    template = files("analytics").joinpath(f"data/method-{METHOD_VERSION}.{locale}.md")
    left_out = ", ".join(f"{name} ({reason})" for name, reason in protected.left_out)
    return template.read_text(encoding="utf-8").format(
        paragraph=paragraph(locale),
        least_shown=noise.LEAST_SHOWN,
        most=noise.MOST,
        variance=noise.VARIANCE,
        band_high=noise.BAND_HIGH,
        gate=disclosure.GATE,
        floor_tables=disclosure.FLOOR_TABLES,
        scope=about.scope_name or about.scope,
        year=menu.year,
        release=about.release,
        as_of=about.as_of.isoformat(),
        menu_version=menu.version,
        vocabulary=vocabulary.VERSION,
        method_version=METHOD_VERSION,
        left_out=left_out or "–",
        contact=about.contact,
        **parameters(protected)["cells"],
    )


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()

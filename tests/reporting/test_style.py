"""The colours of the style sheet can be read: 7:1 for text, 3:1 for edges, light and dark."""

import re
from pathlib import Path

import pytest

SHEET = Path(__file__).parents[2] / "reporting" / "scripts" / "u.src.css"


def tokens() -> dict[str, dict[str, str]]:
    """Colours by scheme; dark ones over the light ones they replace."""
    light, dark = re.findall(r":root \{(.*?)\}", SHEET.read_text(), re.DOTALL)
    pattern = re.compile(r"--([\w-]+): (#[0-9a-f]+);")
    first = dict(pattern.findall(light))
    return {"light": first, "dark": {**first, **dict(pattern.findall(dark))}}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TEXT = [
    ("ink", "paper"),
    ("ink", "panel"),
    ("ink", "ok-soft"),
    ("ink", "accent-soft"),
    ("muted", "paper"),
    ("muted", "panel"),
    ("link", "paper"),
    ("link", "panel"),
    ("accent", "paper"),
    ("accent-ink", "accent"),
    ("accent-ink", "accent-strong"),
    ("danger", "paper"),
    ("danger-ink", "danger"),
    ("warn", "warn-soft"),
    ("ok", "ok-soft"),
]
EDGES = [("edge", "paper"), ("accent", "paper"), ("danger", "paper"), ("warn-edge", "warn-soft")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable(scheme: str) -> None:
    colours = tokens()[scheme]
    for text, ground in TEXT:
        found = contrast(colours[text], colours[ground])
        assert found >= 7, (text, ground, round(found, 2))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_are_seen(scheme: str) -> None:
    colours = tokens()[scheme]
    for edge, ground in EDGES:
        found = contrast(colours[edge], colours[ground])
        assert found >= 3, (edge, ground, round(found, 2))
    # The focus mark is amber with a ring beside it: one of the two is always seen.
    assert max(contrast(colours[c], colours["paper"]) for c in ("focus", "ring")) >= 7

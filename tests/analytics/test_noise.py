"""The noise is the specified one: known answers, distribution, what it must not show."""

import csv
import secrets
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import disclosure, drafts, noise
from analytics.drafts import Drafts, Stated
from analytics.lattice import cells
from analytics.menu import load
from analytics.tables import Count

VECTORS = Path(__file__).parent.parent / "vectors" / "noise-known-answers.csv"
# Chi-square of 10 degrees of freedom, upper 0.1 %.
CHI_SQUARE_LIMIT = 29.588


def test_known_answers_are_met_exactly() -> None:
    with VECTORS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 32
    for row in rows:
        cell = int(row["coord_lo"]).to_bytes(8, "little") + int(row["coord_hi"]).to_bytes(
            8, "little"
        )
        drawn = noise.draw(
            bytes.fromhex(row["key_hex"]),
            cell,
            int(row["sum_key"]),
            int(row["n"]),
            int(row["vintage"]),
        )
        assert drawn == int(row["noise"])
        assert noise.of_random(int(row["low16"])) == int(row["noise"])


def test_every_random_value_together_is_mean_zero_variance_three() -> None:
    """The whole table of 65,536 values, not a sample: the distribution that is published."""
    drawn = Counter(noise.of_random(r) for r in range(65536))
    assert set(drawn) == set(range(-5, 6))
    mean = sum(d * k for d, k in drawn.items()) / 65536
    variance = sum(d * d * k for d, k in drawn.items()) / 65536
    assert abs(mean) < 1e-4
    assert abs(variance - 3) < 1e-3


def test_a_million_draws_follow_the_table() -> None:
    """T26, on draws by the keyed hash itself."""
    key, draws = bytes(range(32)), 1_000_000
    cells = [noise.coord(f"c1|period={i}") for i in range(1000)]
    seen = Counter(noise.draw(key, cells[i % 1000], i * 7919, i % 400, 1) for i in range(draws))
    mean = sum(d * k for d, k in seen.items()) / draws
    variance = sum(d * d * k for d, k in seen.items()) / draws - mean**2
    expected = {
        i - 5: (noise.THRESHOLDS[i] - (noise.THRESHOLDS[i - 1] if i else 0)) / 65536 * draws
        for i in range(11)
    }
    assert abs(mean) < 0.01
    assert abs(variance - 3) < 0.02
    chi_square = sum((seen[d] - e) ** 2 / e for d, e in expected.items())
    assert chi_square < CHI_SQUARE_LIMIT


def test_a_category_that_holds_a_whole_row_rarely_shows_the_rows_number() -> None:
    """T15: keyed on the record set alone this would be always, and would say so."""
    equal = 0
    keys = 20_000
    row, category = noise.coord("c1|period=2025"), noise.coord("c1|period=2025|type=af.threat")
    for i in range(keys):
        key = noise.noise_key(i.to_bytes(32, "big"), "world", 2025)
        n, skey = 6 + i % 95, i * 104_729
        equal += noise.draw(key, row, skey, n, 1) == noise.draw(key, category, skey, n, 1)
    assert 0.14 < equal / keys < 0.19


@given(st.binary(min_size=16, max_size=16))
def test_record_keys_have_36_bits(record_id: bytes) -> None:
    key = noise.record_key(bytes(32))
    assert 0 <= noise.rkey(key, record_id) < 2**36
    assert noise.rkey(key, record_id) == noise.rkey(key, record_id)


def test_keys_of_scopes_years_and_purposes_differ() -> None:
    root = secrets.token_bytes(32)
    keys = [
        noise.record_key(root),
        noise.reference_key(root),
        noise.noise_key(root, "world", 2025),
        noise.noise_key(root, "world", 2024),
        noise.noise_key(root, "org:AAAAAAAAAAAAAAAAAAAAAA", 2025),
        noise.noise_key(root, "world", 2025, "2"),
    ]
    assert len(set(keys)) == len(keys)
    assert {len(k) for k in keys} == {32}


def test_numbers_of_data_with_one_record_more_differ_by_other_than_one() -> None:
    """T20: a vintage made again by mistake does not give the difference away."""
    key = noise.noise_key(bytes(32), "world", 2025)
    by_one = 0
    for i in range(4000):
        cell, n, skey = noise.coord(f"c1|period=2025|x={i}"), 10 + i % 90, i * 7_919
        before = n + noise.draw(key, cell, skey, n, 1)
        after = n + 1 + noise.draw(key, cell, skey + 1_000_003, n + 1, 1)
        by_one += after - before == 1
    assert by_one / 4000 <= 0.25


@pytest.mark.parametrize(
    ("key", "definition", "vintage", "threshold"),
    [
        (bytes(32), "c1|period=2025", 1, 15),
        (bytes(range(32)), "c1|period=2025", 1, 13),
        (bytes(range(32)), "c1|period=2025", 2, 13),
        (bytes(range(32)), "c1|period=2025-03", 1, 13),
        (bytes(range(32)), "c1|motive_group=bf.race|period=2025|type=af.threat", 7, 12),
    ],
)
def test_known_thresholds_are_met_exactly(
    key: bytes, definition: str, vintage: int, threshold: int
) -> None:
    assert noise.threshold(key, noise.coord(definition), vintage) == threshold


def test_thresholds_are_eight_to_fifteen_and_equally_often() -> None:
    key = noise.noise_key(bytes(32), "world", 2025)
    found = [noise.threshold(key, noise.coord(str(i)), i % 3) for i in range(8000)]
    assert set(found) == set(range(8, 16))
    assert all(850 < found.count(h) < 1150 for h in range(8, 16))


@given(st.integers(0, 400), st.integers(-20, 20), st.integers(1, 9), st.integers(0, 100))
def test_a_cell_is_stated_again_from_its_threshold_on(
    n: int, moved: int, vintage: int, number: int
) -> None:
    key = noise.noise_key(bytes(32), "world", 2025)
    cell = cells(load(2025))[number]
    earlier = Drafts(last={cell: Stated(disclosure.state(n, 0), n, vintage)})
    now = max(0, n + moved)
    kept = drafts.carried(earlier, {cell: Count(now, 0, 1, 0)}, key)
    threshold = noise.threshold(key, noise.coord(cell.definition), vintage)
    assert (cell in kept) == (abs(now - n) < threshold)

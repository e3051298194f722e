"""Hostile JSON, read strictly: the one parser for envelopes, bodies and messages.

Refuses what two readers could take differently, and what would exhaust one. Never RecursionError.
"""

import json
import math
import re
from typing import Any, NoReturn

from reporting.sealing import SealingRefused

# A body has 4 levels; deeper ones could exhaust the parser's stack, or that of whoever walks it.
MAX_JSON_DEPTH = 32
MAX_JSON = 1_500_000

# Possessive, and an unclosed string is taken to the end: linear on any input.
_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_json(data: bytes, limit: int = MAX_JSON) -> Any:
    """Parse JSON without deep nesting, a name twice, NaN, infinity or half characters.

    The depth is counted before the parser sees the text: 100,000 brackets would otherwise end in
    RecursionError, or in a stack overflow when the result is walked.
    """
    if len(data) > limit:
        raise SealingRefused("too-large")
    depth = 0
    for token in _BRACKETS.finditer(data):
        first = data[token.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth > MAX_JSON_DEPTH:
            raise SealingRefused("json-depth")
    try:
        parsed = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_name_twice,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        if _SURROGATE_ESCAPE.search(data):
            # Half a surrogate pair cannot be shown, sent or stored.
            json.dumps(parsed, ensure_ascii=False).encode("utf-8")
    except ValueError as refused:
        raise SealingRefused("json") from refused
    return parsed


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) != len(pairs):
        raise SealingRefused("json")
    return given


def _no_constant(_name: str) -> NoReturn:
    raise SealingRefused("json")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise SealingRefused("json")
    return number

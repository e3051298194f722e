"""Bodies that only somebody hostile, or another program, would send."""

from typing import Any

# What does not open or parse, and why the page says so.
BROKEN: tuple[tuple[dict[str, bytes], str], ...] = (
    ({"sealed_key": b"\x07" * 1168}, "key"),
    ({"body": b"\x07" * (4096 + 28)}, "body"),
    ({"raw": b"not json \xff"}, "json"),
    ({"raw": b"[" * 100_000}, "json"),
    ({"raw": b'"only text"'}, "json"),
    ({"raw": b'{"answers":{"area":"\\ud800"},"form":1}'}, "json"),
    ({"raw": b'{"form":1,"answers":{"area":1' + b"0" * 5000 + b"}}"}, "json"),
    ({"raw": b'{"schema":1,"note":"no form"}'}, "plain"),
    ({"raw": b'{"form":1,"answers":"oops"}'}, "plain"),
    ({"raw": b'{"form":1,"answers":"oops","kind":"addition"}'}, "kind"),
    ({"raw": b'{"form":1,"answers":{},"kind":"addition"}'}, "kind"),
    ({"raw": b'{"form":1,"answers":{},"kind":["report"]}'}, "kind"),
)
_HUGE = 10**400
_LONG = "\u202e\0<b>\n" * 4000
_WHENS = ("yesterday", "0000-01-01", "0001", "9999-12-31", "10000-01-01", "2025-13", "2025-W01-1")
_TAGS = (
    "zz",
    "aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa",
    "en-us-posix",
    "x-y",
    "root",
    "de-1996",
    "zh-x",
)
_SIZES: tuple[Any, ...] = (_HUGE, -_HUGE, 2**63, 1e308, 5.5, "5", None, True, [5], {"size": 5})
_DEEP: Any = "end"
for _level in range(27):
    _DEEP = [_DEEP]


def _files(**entry: Any) -> dict[str, Any]:
    return {"files": [("a.txt", b"x")], "attachments": [{"name": "a", "media_type": "b", **entry}]}


def _when(value: Any, precision: Any = "day") -> dict[str, Any]:
    when = {"value": value, "precision": precision}
    return {"answers": {"what_happened": "x", "when": when}}


# What parses, and is not what the form makes.
STRANGE: tuple[dict[str, Any], ...] = (
    {
        "answers": {
            "what_happened": 7,
            "when": "yesterday",
            "country": {"a": 1},
            "grounds": ["rb.ethnic", "rb.nobody", 4],
            "acts": "rg.words",
            "setting": ["loc.home"],
            "hobby": "chess",
        },
        "consent": ["statistics"],
        "attachments": [{"name": 5, "size": True}, "x"],
        "later": "more",
    },
    *(_files(size=size) for size in _SIZES),
    _files(size=1, name=_LONG, media_type=_LONG),
    _files(size=1, name=_HUGE, media_type=_DEEP),
    {"files": [("a.txt", b"x")], "attachments": {"0": "x"}},
    {"attachments": [{"size": 1}] * 5000},
    *(_when(value) for value in (*_WHENS, _LONG, _HUGE, _DEEP, None)),
    _when("2025-03", _HUGE),
    *({"language": tag} for tag in (*_TAGS, _LONG, _HUGE)),
    *({name: _HUGE} for name in ("schema", "says", "form", "submitted_on", "request", "follow_up")),
    *({name: _DEEP} for name in ("says", "form", "request", "follow_up", "reply_public_key")),
    {"request": "__class__", "reply_public_key": _HUGE, "consent": {_LONG: True, "reply": _HUGE}},
    {"follow_up": "\0\u202eض", "reply_public_key": "AA", _LONG: _DEEP, "": {"": _HUGE}},
    {"answers": {"what_happened": _LONG, "area": _LONG, "country": "XX", "role": "rr.nobody"}},
    {"answers": {"country": "de", "setting": "rb.ethnic", "grounds": [[], {}, None, _HUGE] * 500}},
    {"answers": {"what_happened": _DEEP, "area": _HUGE, "acts": [_LONG, "rg.words", "rg.words"]}},
    {"answers": {}},
)

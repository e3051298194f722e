"""What an audit entry may say: each action with its details and their shapes.

What is not declared here cannot be written. Ids, codes and counts: never a word of a report, a note
or a search.
"""

import re
from collections.abc import Mapping
from typing import Any

# Shapes of detail values. Only NAME may hold what a person typed, and only of a member.
_SHAPES = {
    "id": re.compile(r"[A-Za-z0-9_-]{22}"),
    "hash": re.compile(r"[A-Za-z0-9_-]{43}"),
    "code": re.compile(r"[A-Za-z0-9._:-]{1,64}"),
    "name": re.compile(r"[^\x00-\x1f\x7f]{1,120}"),
    "signature": re.compile(r"[A-Za-z0-9_-]{86}"),
}

# action -> detail keys and their shapes.
ACTIONS: dict[str, dict[str, str]] = {
    # people and keys
    "sign_in": {},
    "sign_in_failed": {"reason": "code"},
    "sign_out": {},
    "add_organisation": {"slug": "code"},
    "close_organisation": {},
    "open_organisation": {},
    "describe_organisation": {"language": "code", "field": "code"},  # no free text, even public
    "agree_recognisable": {},
    "disagree_recognisable": {},
    "invite": {"role": "code", "name": "name"},
    "accept_invitation": {"key": "id"},
    "admit_member": {"key": "id", "count": "number"},
    "remove_member": {},
    "change_address": {},
    "new_intake_key": {"key": "id"},
    "new_casework_key": {"key": "id", "epoch": "number"},
    "new_identity_key": {"old": "hash", "new": "hash", "signature": "signature"},
    "delete_intake_key": {"key": "id"},
    "use_kit": {"old": "id", "new": "id", "missing": "number"},
    # reports and incidents
    "admit": {"count": "number"},
    "open_report": {},
    "open_incident": {},
    "download": {"index": "number"},
    "claim": {},
    "release": {},
    "take_over": {"from": "id"},
    "set_aside": {},
    "take_back": {},
    "new_incident": {"report": "id"},
    "link": {"report": "id"},
    "unlink": {"report": "id"},
    "move": {"report": "id", "to": "id"},
    "item": {"item": "id", "revision": "number", "sha256": "hash", "kind": "code"},
    "delete_item": {"item": "id"},
    "close": {},
    "reopen": {},
    "message": {"report": "id"},
    "hand_over": {"count": "number"},
    "settle_erasure": {"count": "number"},
    "search": {},
    # releases
    "propose_release": {"scope": "code", "year": "number"},
    "check_release": {},
    "publish_release": {},
    "refuse_release": {"reason": "code"},
    "download_table": {},
}


def checked(action: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """The detail, if its shape is the declared one. Anything else is a fault in the caller."""
    shape = ACTIONS.get(action)
    if shape is None:
        raise ValueError(f"undeclared audit action {action}")
    if set(detail) != set(shape):
        raise ValueError(f"audit action {action} takes {sorted(shape)}, not {sorted(detail)}")
    for key, value in detail.items():
        kind = shape[key]
        if kind == "number":
            fits = isinstance(value, int) and not isinstance(value, bool)
        else:
            fits = isinstance(value, str) and _SHAPES[kind].fullmatch(value) is not None
        if not fits:
            raise ValueError(f"audit detail {action}.{key} is not a {kind}")
    return dict(detail)

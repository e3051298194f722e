"""Makes tests/vectors/sealing-refused-1.json: `python -m tests.refused.make`.

Run only when the format changes: sealing is random, so every run gives other bytes. Keys and ids
are those of sealing-1.json.
"""

import json

from tests.refused.changes import FOLDER
from tests.refused.given import envelopes, json_texts, receipts, texts_in_b64
from tests.refused.public_keys import acknowledgements, reply_keys
from tests.refused.sealed import attachments, bodies, content_keys, messages


def main() -> None:
    """Write the file."""
    groups = [
        texts_in_b64(),
        json_texts(),
        content_keys(),
        bodies(),
        attachments(0, {}),
        attachments(70000, {"cut at a chunk": [0], "exchanged": [1, 0], "repeated": [0, 0, 1]}),
        attachments(
            196608,
            {
                "cut at a full chunk": [0, 1],
                "first one gone": [1, 2],
                "middle one gone": [0, 2],
                "exchanged": [1, 0, 2],
                "repeated": [0, 1, 1, 2],
                "last one twice": [0, 1, 2, 2],
            },
        ),
        messages(),
        reply_keys(),
        acknowledgements(),
        envelopes(),
        *receipts(),
    ]
    text = json.dumps({"format": "upstander/1", "groups": groups}, indent=1, ensure_ascii=True)
    (FOLDER / "sealing-refused-1.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

"""The two twins of sealing against each other, in real Chromium under the house's own policy.

What the browser seals opens in Python, what Python seals opens in the browser, and neither opens
what `tests/vectors/sealing-refused-1.json` says must be refused.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from reporting import envelope, receipt, sealing
from reporting.sealing import b64, unb64
from tests.browser.twin_page import TEXTS, seal_page
from tests.refused import cases

pytestmark = pytest.mark.browser

KNOWN = cases.known_answers()
INTAKE = KNOWN["intake"]
INSTANCE_ID = unb64(KNOWN["receipt"]["instance_id"])
CALLS = (Path(__file__).parent / "twin_calls.js").read_text()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all tests here."""
    with seal_page(browser) as made:
        yield made


def answers(page: Page, chosen: list[cases.Case]) -> list[dict[str, Any]]:
    """The browser's answers to the calls, a few at a time."""
    calls = [
        [c.call, {k: {"$b": b64(v)} if isinstance(v, bytes) else v for k, v in c.arguments.items()}]
        for c in chosen
    ]
    got: list[dict[str, Any]] = []
    for at in range(0, len(calls), 20):
        got += page.evaluate(CALLS, calls[at : at + 20])
    return got


def test_the_unchanged_twin_of_every_refusal_opens(page: Page) -> None:
    chosen = [case for case in cases.accepted() if case.browser]
    for case, answer in zip(chosen, answers(page, chosen), strict=True):
        wanted = {"$b": b64(case.result)} if isinstance(case.result, bytes) else case.result
        assert answer == {"result": wanted}, case


def test_refused(page: Page) -> None:
    chosen = [case for case in cases.refused() if case.browser]
    assert len(chosen) > 150
    for case, answer in zip(chosen, answers(page, chosen), strict=True):
        assert answer == {"reason": case.reason}, case


def test_one_frozen_global_and_nothing_stored(page: Page) -> None:
    made = page.evaluate(
        """async () => {
          const before = document.createElement("iframe");
          document.body.append(before);
          const plain = new Set(Object.getOwnPropertyNames(before.contentWindow));
          const added = Object.getOwnPropertyNames(globalThis).filter((x) => !plain.has(x));
          before.remove();
          return {
            // __playwright and the like are the test's own.
            added: added.filter((x) => !x.startsWith("__")),
            frozen: Object.isFrozen(upstanderSeal),
            stored: localStorage.length + sessionStorage.length + document.cookie.length,
            databases: (await indexedDB.databases()).length,
          };
        }"""
    )
    # Frames are numbered on the window that holds them.
    assert [name for name in made["added"] if not name.isdigit()] == ["upstanderSeal"]
    assert made["frozen"] is True
    assert made["stored"] == made["databases"] == 0


SEAL = """async ({ intakePublicKey, keyId, digits, instanceId, kind, body, sizes, names }) => {
  const receipt = await upstanderSeal.deriveReceipt(digits, instanceId);
  const fill = (size, at) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + at) % 251);
  const type = "image/png";
  const files = sizes.map((size, at) => new File([fill(size, at)], names[at], { type }));
  const steps = [];
  const onProgress = (done, total) => steps.push([done, total]);
  const started = performance.now();
  const given = { intakePublicKey, keyId, kind, body, files, receipt, onProgress };
  const sealed = await upstanderSeal.sealReport(given);
  const time = performance.now() - started;
  const parts = [];
  for (const part of sealed.parts) {
    parts.push(upstanderSeal.b64(new Uint8Array(await part.arrayBuffer())));
  }
  return { ...sealed, parts, steps, time };
}"""


def sealed_in_browser(page: Page, body: dict[str, Any], **other: Any) -> dict[str, Any]:
    given = {
        "intakePublicKey": INTAKE["public_key"],
        "keyId": INTAKE["key_id"],
        "digits": KNOWN["receipt"]["digits"],
        "instanceId": KNOWN["receipt"]["instance_id"],
        "kind": "report",
        "body": body,
        "sizes": [],
        "names": [],
        **other,
    }
    return dict(page.evaluate(SEAL, given))


def opened(made: dict[str, Any]) -> tuple[envelope.Envelope, bytes, dict[str, Any]]:
    """The envelope, content key and body of what the browser sealed."""
    e = envelope.parse_envelope(made["envelopeJson"].encode())
    key = envelope.open_content_key(unb64(INTAKE["seed"]), e.report_id, e.key_id, e.sealed_key)
    return e, key, envelope.parse_json(envelope.open_body(key, e.report_id, e.body))


def test_a_report_sealed_in_the_browser_opens_in_python(page: Page) -> None:
    body = {
        "form": {"id": "first", "version": 1},
        "submitted_on": "2026-11-21",
        "language": "ar",
        "answers": {"what_happened": TEXTS["ar"], **TEXTS},
        "consent": {"statistics": True},
    }
    sizes = [0, 1, 65_536, 70_000, 2_500_000]
    names = ["empty", "../../etc/passwd", "صورة.png", "a\u202egnp.exe", "5"]
    made = sealed_in_browser(page, body, sizes=sizes, names=names)
    e, key, read = opened(made)
    given = receipt.derive_receipt(KNOWN["receipt"]["digits"], INSTANCE_ID)
    assert e.kind == read["kind"] == "report"
    assert e.mailbox_token == given.mailbox_token
    assert {name: read[name] for name in body} == body
    assert unb64(read["reply_public_key"]) == given.reply_public_key
    assert unb64(read["follow_up"]) == given.follow_up
    assert read["attachments"] == [
        {"name": name, "media_type": "image/png", "size": size}
        for name, size in zip(names, sizes, strict=True)
    ]
    assert b64(e.report_id) == made["reportId"]
    assert b64(envelope.commitment(e.report_id, e.sealed_key, e.body)) == made["commitment"]
    for at, (size, part) in enumerate(zip(sizes, made["parts"], strict=True)):
        sealed = unb64(part)
        assert len(sealed) == e.attachments[at].length
        envelope.verify_attachment(key, e.report_id, at, [sealed], size)
        content = b"".join(envelope.open_attachment(key, e.report_id, at, [sealed], size))
        assert content == bytes((i * 7 + at) % 251 for i in range(size))
    assert made["steps"][-1] == [sum(sizes), sum(sizes)]


def test_each_sealing_has_its_own_id_and_key(page: Page) -> None:
    body = {"answers": {"what_happened": "a"}}
    one, other = (opened(sealed_in_browser(page, body)) for _ in range(2))
    assert one[0].report_id != other[0].report_id
    assert one[1] != other[1]
    assert len(one[0].body) == len(other[0].body) == 4096 + sealing.BOX_OVERHEAD


def test_half_a_character_is_mended_before_it_is_sealed(page: Page) -> None:
    made = page.evaluate(
        """async (given) => {
          const receipt = await upstanderSeal.makeReceipt(given.instanceId);
          const body = { answers: { what_happened: "cut " + String.fromCharCode(0xd83d) } };
          return upstanderSeal.sealReport({ ...given, kind: "report", body, receipt });
        }""",
        {
            "intakePublicKey": INTAKE["public_key"],
            "keyId": INTAKE["key_id"],
            "instanceId": KNOWN["receipt"]["instance_id"],
        },
    )
    assert opened(made)[2]["answers"]["what_happened"] == "cut \ufffd"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keyId": b64(bytes(16))}, "key-id"),
        ({"intakePublicKey": b64(bytes(1215))}, "key-id"),
        ({"sizes": [1] * 6, "names": ["x"] * 6}, "too-large"),
        ({"sizes": [20 * 1024 * 1024 + 1], "names": ["x"]}, "too-large"),
        ({"body": {"answers": {"what_happened": "x" * 1_100_000}}}, "too-large"),
        ({"digits": KNOWN["receipt"]["digits"][:-1]}, "receipt-length"),
    ],
)
def test_what_the_browser_does_not_seal(page: Page, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=rf"SealingRefused: {re.escape(reason)}"):
        sealed_in_browser(page, **{"body": {}, **changes})


@pytest.mark.parametrize(
    "slice_", ["new Blob(['12345'])", "{ arrayBuffer: () => Promise.reject() }"]
)
def test_a_file_that_changes_while_it_is_read_is_refused(page: Page, slice_: str) -> None:
    """The bytes sealed would not be those the reporter chose, or not of the length announced."""
    reason = page.evaluate(
        f"""async () => {{
          const file = {{ size: 10, slice: () => ({slice_}) }};
          const key = upstanderSeal.randomKey();
          try {{
            await upstanderSeal.sealAttachment(key, upstanderSeal.randomId(), 0, file);
          }} catch (refused) {{
            return refused.reason;
          }}
        }}"""
    )
    assert reason == "file"


def test_receipts_made_in_the_browser_are_those_of_python(page: Page) -> None:
    made = page.evaluate(
        """async (instanceId) => {
          const written = {};
          const receipt = await upstanderSeal.makeReceipt(instanceId);
          for (const [name, value] of Object.entries(receipt)) {
            written[name] = typeof value === "string" ? value : upstanderSeal.b64(value);
          }
          return { ...written, grouped: upstanderSeal.grouped(receipt.digits) };
        }""",
        b64(INSTANCE_ID),
    )
    assert receipt.read_digits(made["grouped"]) == made["digits"]
    assert receipt.grouped(made["digits"]) == made["grouped"]
    derived = receipt.derive_receipt(made["digits"], INSTANCE_ID)
    assert made["mailboxToken"] == b64(derived.mailbox_token)
    assert made["replySeed"] == b64(derived.reply_seed)
    assert made["followUp"] == b64(derived.follow_up)
    assert made["replyPublicKey"] == b64(derived.reply_public_key)


def test_digits_drawn_in_the_browser_are_even(page: Page) -> None:
    drawn = page.evaluate("() => Array.from({ length: 2000 }, () => upstanderSeal.makeDigits())")
    counts = [sum(digits[:-1].count(str(digit)) for digits in drawn) for digit in range(10)]
    assert len(set(drawn)) == 2000
    # 4600 of each are expected; six standard deviations are about 390.
    assert all(abs(count - 4600) < 390 for count in counts)


@pytest.mark.parametrize("text", list(TEXTS.values()), ids=list(TEXTS))
def test_an_answer_sealed_in_python_opens_in_the_browser(page: Page, text: str) -> None:
    given = receipt.derive_receipt(KNOWN["receipt"]["digits"], INSTANCE_ID)
    report_id, message_id = sealing.random_id(), sealing.random_id()
    content = json.dumps({"text": text, "status": "question"}, ensure_ascii=False).encode()
    sealed = envelope.seal_to_reporter(given.reply_public_key, report_id, message_id, content)
    read = page.evaluate(
        """async ([digits, instanceId, message]) => {
          const receipt = await upstanderSeal.deriveReceipt(digits, instanceId);
          return upstanderSeal.openMessage(receipt, message);
        }""",
        [
            KNOWN["receipt"]["digits"],
            b64(INSTANCE_ID),
            {"message_id": b64(message_id), "report_id": b64(report_id), "sealed": b64(sealed)},
        ],
    )
    assert read == {"text": text, "status": "question"}


def test_the_browser_checks_the_acknowledgement(page: Page) -> None:
    made = sealed_in_browser(page, {"answers": {}}, sizes=[5, 5000], names=["a", "b"])
    secret = unb64(KNOWN["acknowledgement"]["secret"])

    def answer(hashes: list[bytes], day: str = "2026-11-21") -> dict[str, Any]:
        commitment = unb64(made["commitment"])
        return envelope.acknowledgement(INSTANCE_ID, "demo", day, commitment, hashes, secret)

    true = answer([hashlib.sha256(unb64(part)).digest() for part in made["parts"]])
    check = """async ([sealed, answer, key]) => {
      const parts = sealed.parts.map((part) => new Blob([upstanderSeal.unb64(part)]));
      try {
        return await upstanderSeal.checkAnswer({ ...sealed, parts }, answer, key);
      } catch (refused) {
        return refused.reason;
      }
    }"""
    key = KNOWN["acknowledgement"]["public_key"]
    assert page.evaluate(check, [made, true, key]) is True
    assert page.evaluate(check, [made, {**true, "day": "2026-11-20"}, key]) == "signature"
    assert page.evaluate(check, [made, true, KNOWN["identity"]["public_key"]]) == "signature"
    assert page.evaluate(check, [made, answer([]), key]) == "acknowledgement"
    other = {**true, "commitment": b64(bytes(32))}
    assert page.evaluate(check, [made, other, key]) == "acknowledgement"


def test_sealing_takes_little_time(page: Page) -> None:
    body = {"answers": {"what_happened": "a"}}
    first = sealed_in_browser(page, body)["time"]
    rest = sorted(sealed_in_browser(page, body)["time"] for _ in range(9))
    large = sealed_in_browser(page, body, sizes=[10 * 1024 * 1024], names=["film"])["time"]
    print(f"seal: first {first:.0f} ms, then {rest[4]:.1f} ms; with 10 MiB {large:.0f} ms")
    assert rest[0] < 500, "the quickest: other tests run beside this one"

"""The committed script is what its sources build to, and the two twins read alike."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPORTING = Path(__file__).parents[2] / "reporting"
SCRIPTS = REPORTING / "scripts"
BUILT = REPORTING / "static" / "seal.js"

# What only the server does: it reads envelopes, signs, and seals answers.
SERVER_ONLY = {
    "sealing": {"sign", "public_of_signing", "stretch"},
    "strict_json": set(),
    "stream": {
        "StreamSealer", "StreamOpener", "AttachmentSealer", "AttachmentOpener",
        "is_sealed_length", "open_stream", "verify_attachment",
    },
    "envelope": {
        "Part", "Envelope", "parse_envelope", "acknowledgement", "intake_signature_message",
        "seal_to_reporter",
    },
    "receipt": {"Receipt", "mailbox_of"},
}  # fmt: skip
# What only the browser needs: the standard library of one is written out in the other.
BROWSER_ONLY = {
    "sealing": {"concat", "sha256", "importAes"},
    "stream": {"sealAttachment"},
}


def missing(what: str) -> None:
    """Skip aloud; never where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def test_the_script_is_what_its_sources_build_to(tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing("Node and npm are missing: seal.js was not rebuilt")
    copy = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, copy, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run(
        ["npm", "ci", "--prefer-offline"], cwd=copy, capture_output=True, text=True, check=False
    )
    if installed.returncode:
        missing(f"npm could not install the pinned packages: {installed.stderr[-500:]}")
    subprocess.run(["node", "build.mjs", str(tmp_path / "seal.js")], cwd=copy, check=True)
    assert (tmp_path / "seal.js").read_bytes() == BUILT.read_bytes(), (
        "reporting/static/seal.js is not what its sources build to:"
        " cd reporting/scripts && npm ci && node build.mjs"
    )


def test_the_script_has_no_eval_import_or_assembly() -> None:
    text = BUILT.read_bytes().decode("ascii")
    for forbidden in ("import(", "eval(", "new Function", "WebAssembly", "innerHTML", "://"):
        assert forbidden not in text


def test_the_lock_names_packages_versions_and_hashes_only() -> None:
    lock = (SCRIPTS / "package-lock.json").read_text()
    assert "://" not in lock
    assert "resolved" not in lock
    named, hashed = lock.count('"node_modules/'), lock.count('"integrity": "sha512-')
    assert named == hashed > 0


def test_versions_are_exact() -> None:
    text = (SCRIPTS / "package.json").read_text()
    versions = re.findall(r'"(?:@hpke/[a-z-]+|esbuild)": "([^"]+)"', text)
    assert versions == ["1.9.0", "0.7.0", "0.28.2"]


@pytest.mark.parametrize("module", SERVER_ONLY)
def test_twins_have_the_same_functions_in_the_same_order(module: str) -> None:
    python = re.findall(
        r"^(?:class|def) ([A-Za-z]\w*)", (REPORTING / f"{module}.py").read_text(), re.MULTILINE
    )
    script = re.findall(
        r"^export (?:async )?(?:class|function) (\w+)",
        (SCRIPTS / f"{module}.src.js").read_text(),
        re.MULTILINE,
    )
    wanted = [_camel(name) for name in python if name not in SERVER_ONLY[module]]
    assert [name for name in script if name not in BROWSER_ONLY.get(module, set())] == wanted


@pytest.mark.parametrize("module", ["sealing", "strict_json", "envelope", "receipt", "stream"])
def test_twins_have_the_same_numbers(module: str) -> None:
    python = dict(
        re.findall(
            r"^([A-Z][A-Z_0-9]+) = ([^\n]+)$",
            (REPORTING / f"{module}.py").read_text(),
            re.MULTILINE,
        )
    )
    script = re.findall(
        r"^export const ([A-Z][A-Z_0-9]+) = ([^\n]+);$",
        (SCRIPTS / f"{module}.src.js").read_text(),
        re.MULTILINE,
    )
    assert script
    for name, value in script:
        assert value == re.sub(r"(?<=\d)_(?=\d)", "", python[name])


def _camel(name: str) -> str:
    if name[0].isupper():
        return name
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)

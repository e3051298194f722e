"""Scripts and style sheets: content-hash names, integrity, immutable caching.

Reads three folders at start and serves nothing else: no path from a request touches a disk. What a
browser runs is published at `/.well-known/upstander/bundle.json`, so that anybody can compare.
"""

import gzip
import hashlib
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import NotFound

from reporting.access import PUBLIC, audience
from reporting.sealing import FORMAT

blueprint = Blueprint("assets", __name__)

_ROOT = Path(__file__).resolve().parent.parent
FOLDERS = tuple(_ROOT / part / "static" for part in ("reporting", "analytics", "casework"))

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
}
# The name changes with the content, so a browser never needs to ask again.
_IMMUTABLE = "public, max-age=31536000, immutable"
_A_DAY = "public, max-age=86400"


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    name: str
    content: bytes

    @cached_property
    def served_name(self) -> str:
        """`stem-<first 16 hex of SHA-256>.ext`."""
        stem, dot, extension = self.name.rpartition(".")
        return f"{stem}-{hashlib.sha256(self.content).hexdigest()[:16]}{dot}{extension}"

    @cached_property
    def address(self) -> str:
        """Where it is served."""
        return f"/static/{self.served_name}"

    @cached_property
    def integrity(self) -> str:
        """For the `integrity` attribute: a changed file does not run."""
        return "sha384-" + b64encode(hashlib.sha384(self.content).digest()).decode("ascii")

    @cached_property
    def gzipped(self) -> bytes:
        """Compressed once; no secret is ever compressed with it (BREACH)."""
        return gzip.compress(self.content, 9, mtime=0)

    @property
    def media_type(self) -> str:
        """From the name; files of other kinds are not served."""
        return _MEDIA_TYPES[Path(self.name).suffix]


def read_assets(folders: tuple[Path, ...] = FOLDERS) -> dict[str, Asset]:
    """All assets of the folders by their own name; a name in two folders is an error."""
    assets: dict[str, Asset] = {}
    for folder in folders:
        for path in sorted(folder.glob("*")):
            if path.suffix not in _MEDIA_TYPES or not path.is_file():
                continue
            if path.name in assets:
                raise RuntimeError(f"two assets are named {path.name}")
            assets[path.name] = Asset(path.name, path.read_bytes())
    return assets


def init_app(app: Flask, folders: tuple[Path, ...] = FOLDERS) -> None:
    """Serve the assets and give templates `asset(name)` and `integrity(name)`."""
    assets = read_assets(folders)
    app.extensions["assets"] = assets
    app.extensions["assets_served"] = {asset.served_name: asset for asset in assets.values()}
    app.jinja_env.globals.update(
        asset=lambda name: assets[name].address,
        integrity=lambda name: assets[name].integrity,
    )
    app.register_blueprint(blueprint)


@blueprint.get("/static/<name>")
@audience(PUBLIC)
def static(name: str) -> Response:
    """A file under its hashed name; any other name, old ones too, is not found."""
    asset = current_app.extensions["assets_served"].get(name)
    if asset is None:
        raise NotFound
    return _serve(asset, _IMMUTABLE)


@blueprint.get("/favicon.ico")
@audience(PUBLIC)
def favicon() -> Response:
    """The sign that browsers ask for on their own."""
    asset = current_app.extensions["assets"].get("favicon.ico")
    if asset is None:
        raise NotFound
    return _serve(asset, _A_DAY)


@blueprint.get("/.well-known/upstander/bundle.json")
@audience(PUBLIC)
def bundle() -> Response:
    """Hashes of all scripts and style sheets, to compare with README and posters."""
    response = jsonify(bundle_of(current_app.extensions["assets"]))
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def bundle_of(assets: dict[str, Asset]) -> dict[str, Any]:
    """What `bundle.json` says: address and SHA-384 of each script and style sheet."""

    def listed(extension: str) -> dict[str, dict[str, str]]:
        return {
            name: {"address": asset.address, "integrity": asset.integrity}
            for name, asset in sorted(assets.items())
            if name.endswith(extension)
        }

    return {"format": FORMAT, "scripts": listed(".js"), "style_sheets": listed(".css")}


def _serve(asset: Asset, caching: str) -> Response:
    zipped = request.accept_encodings.quality("gzip") > 0
    response = Response(asset.gzipped if zipped else asset.content, content_type=asset.media_type)
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = caching
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response

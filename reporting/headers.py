"""Every response header of the house, as data (ux.md D11, sealing.md 9). A test freezes it.

Nothing here is weakened for one page: a page that needs an inline script or another origin does
not belong into this software.
"""

from flask import Flask, Response, current_app

CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    # blob: shows a reporter the picture just chosen, without sending it anywhere.
    "img-src": "'self' blob:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}

# Sensors and identifiers a page of this kind never asks for.
PERMISSIONS = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "geolocation",
    "gyroscope", "identity-credentials-get", "idle-detection", "magnetometer", "microphone", "midi",
    "payment", "picture-in-picture", "screen-wake-lock", "serial", "storage-access", "usb",
    "xr-spatial-tracking",
)  # fmt: skip

HEADERS = {
    "Content-Security-Policy": "; ".join(f"{k} {v}" for k, v in CONTENT_SECURITY_POLICY.items()),
    # The address of a page here must not reach the page somebody goes to next.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in PERMISSIONS),
}
# What a view may set for itself, here only as the default: nothing stays in the browser's cache.
DEFAULTS = {"Cache-Control": "no-store"}
# Only where people reach the instance by TLS; an onion address or loopback has none.
TRANSPORT_SECURITY = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
# A download is foreign content: opened in the browser all the same, it may do nothing at all.
SANDBOX = "; sandbox"


def init_app(app: Flask) -> None:
    """Put the headers on every answer, errors included."""
    app.after_request(_apply)


def _apply(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    for name, value in DEFAULTS.items():
        response.headers.setdefault(name, value)
    if response.headers.get("Content-Disposition", "").startswith("attachment"):
        response.headers["Content-Security-Policy"] += SANDBOX
    if current_app.extensions["settings"].address.startswith("https://"):
        response.headers[TRANSPORT_SECURITY[0]] = TRANSPORT_SECURITY[1]
    return response

"""Every response header is frozen here: who changes one changes this page, and a reviewer looks."""

from flask import Flask, Response
from flask.testing import FlaskClient

from reporting import headers

FROZEN = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": (
        "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), "
        "geolocation=(), gyroscope=(), identity-credentials-get=(), idle-detection=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
        "screen-wake-lock=(), serial=(), storage-access=(), usb=(), "
        "xr-spatial-tracking=()"
    ),
}


def bare_app(address: str = "http://127.0.0.1:8000") -> FlaskClient:
    """An application that has the headers and nothing else."""

    class Said:
        def __init__(self) -> None:
            self.address = address

    app = Flask("bare")
    app.extensions["settings"] = Said()
    headers.init_app(app)
    app.add_url_rule("/page", "page", lambda: "words")
    app.add_url_rule("/kept", "kept", lambda: Response("x", headers={"Cache-Control": "max-age=1"}))
    app.add_url_rule(
        "/file",
        "file",
        lambda: Response("x", headers={"Content-Disposition": "attachment; filename=a"}),
    )
    return app.test_client()


def test_headers_are_these_and_no_others() -> None:
    assert headers.HEADERS == FROZEN


def test_every_answer_bears_them_errors_too() -> None:
    client = bare_app()
    for path in ("/page", "/not-there"):
        answer = client.get(path)
        for name, value in FROZEN.items():
            assert answer.headers[name] == value
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers


def test_a_view_may_say_what_may_be_kept() -> None:
    assert bare_app().get("/kept").headers["Cache-Control"] == "max-age=1"


def test_a_download_can_do_nothing_when_it_is_opened() -> None:
    policy = bare_app().get("/file").headers["Content-Security-Policy"]
    assert policy == FROZEN["Content-Security-Policy"] + "; sandbox"


def test_tls_is_insisted_on_where_there_is_tls() -> None:
    answer = bare_app("https://report.example.org").get("/page")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_the_real_pages_set_no_cookie_and_bear_them(client: FlaskClient) -> None:
    for path in ("/healthz", "/en/", "/.well-known/upstander/instance.json", "/nowhere"):
        answer = client.get(path)
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Content-Security-Policy"] == FROZEN["Content-Security-Policy"]

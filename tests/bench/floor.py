"""The bare floor: the least a Flask application can do and still be honest.

One form page, one durable insert, one queue page of the newest 50; no ORM, no session, no sealing.
`FLOOR_DB` is a SQLite file, or a `postgresql://` address.
"""

import os
import secrets
import sqlite3
import threading
import time
from typing import Any

import psycopg
from flask import Flask, request

FORM = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Report</title>
<style>body{font:1rem/1.5 system-ui;margin:1rem auto;max-width:40rem}
label{display:block;margin-top:1rem}textarea,input,select{width:100%}</style>
</head><body><main><h1>Report an incident</h1><form method="post" action="/report">
<input type="hidden" name="token" value="{{ token }}">
<label for="narrative">What happened?</label>
<textarea id="narrative" name="narrative" rows="10" required></textarea>
{% for name, choices in fields %}<label for="{{ name }}">{{ name }}</label>
<select id="{{ name }}" name="{{ name }}">{% for c in choices %}
<option value="{{ loop.index }}">{{ c }}</option>{% endfor %}</select>
{% endfor %}<button>Send</button></form></main></body></html>"""
FIELDS = [
    ("setting", ["street", "school", "work", "online", "transport", "home"]),
    ("when", ["today", "this week", "this month", "earlier", "not sure"]),
    ("about", ["me", "someone I know", "someone I saw", "a group"]),
]
QUEUE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Queue</title></head>
<body><h1>Queue ({{ total }})</h1><table>{% for r in rows %}<tr><td><a href="/r/{{ r[0] }}">
{{ r[0] }}</a></td><td>{{ r[1] }}</td><td>{{ r[2] }}</td><td>{{ r[3] }}</td></tr>
{% endfor %}</table></body></html>"""
_local = threading.local()


def _connection(address: str) -> Any:
    known = getattr(_local, "connection", None)
    if known is None:
        if address.startswith("postgresql"):
            known = psycopg.connect(address, autocommit=True)
        else:
            known = sqlite3.connect(address, timeout=30, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                known.execute(f"PRAGMA {pragma}")
        _local.connection = known
    return known


def create_app() -> Flask:
    """The floor on the database of `FLOOR_DB`."""
    address = os.environ["FLOOR_DB"]  # the floor is not the product
    serial, blob, mark = (
        ("bigserial", "bytea", "%s")
        if address.startswith("postgresql")
        else ("integer", "blob", "?")
    )
    app = Flask(__name__)
    setup = _connection(address)
    setup.execute(
        f"CREATE TABLE IF NOT EXISTS floor (id {serial} PRIMARY KEY, created bigint NOT NULL,"
        f" status text NOT NULL, body {blob} NOT NULL)"
    )
    setup.execute("CREATE INDEX IF NOT EXISTS floor_created ON floor (created)")
    setup.close()
    del _local.connection
    # Compiled once: a template from a string would be compiled at each request.
    form_page, queue_page = (app.jinja_env.from_string(t) for t in (FORM, QUEUE))
    insert = f"INSERT INTO floor (created, status, body) VALUES ({mark},{mark},{mark})"

    @app.get("/form")
    def form() -> str:
        return form_page.render(token=secrets.token_urlsafe(24), fields=FIELDS)

    @app.post("/report")
    def report() -> tuple[str, int]:
        row = (int(time.time()) // 3600 * 3600, "new", request.form["narrative"].encode())
        _connection(address).execute(insert, row)
        return "stored", 201

    @app.get("/queue")
    def queue() -> str:
        connection = _connection(address)
        rows = connection.execute(
            "SELECT id, created, status, length(body) FROM floor ORDER BY id DESC LIMIT 50"
        ).fetchall()
        total = connection.execute("SELECT count(*) FROM floor").fetchone()[0]
        return queue_page.render(rows=rows, total=total)

    @app.post("/seed")
    def seed() -> tuple[str, int]:
        connection, body = _connection(address), secrets.token_bytes(2048)
        connection.execute("BEGIN")
        for _ in range(int(request.args["n"])):
            connection.execute(insert, (0, "new", body))
        connection.execute("COMMIT")
        return "seeded", 201

    return app

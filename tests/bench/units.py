"""Units of work: what one visitor of the product or of the floor does, request by request."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests import reporter
from tests.bench.load import Unit
from tests.live import Live
from tests.page import Visitor, encode
from tests.staff import Staff

NARRATIVE = 2048
FORM = "/en/report/demo"
Make = Callable[[int], Unit]


def get(base: str, path: str) -> Make:
    """Fetch one page."""

    def make(_client: int) -> Unit:
        visitor = Visitor(base)

        def unit() -> None:
            assert visitor.fetch(path).status == 200

        return unit

    return make


def floor_post(base: str) -> Make:
    """The floor's form and its durable insert."""

    def make(_client: int) -> Unit:
        visitor = Visitor(base)

        def unit() -> None:
            assert visitor.fetch("/form").status == 200
            data = f"narrative={_narrative()}".encode()
            assert visitor.fetch("/report", data).status == 201

        return unit

    return make


def with_script(base: str) -> Make:
    """Form page, the key, and one sealed report, as the page's script sends it."""

    def make(_client: int) -> Unit:
        visitor = Visitor(base)

        def unit() -> None:
            assert visitor.fetch(FORM).status == 200
            visitor.keys.clear()
            sealed = reporter.seal(visitor, "demo", {"what_happened": _narrative()})
            assert reporter.send(visitor, "demo", sealed).status == 201

        return unit

    return make


def without_script(base: str) -> Make:
    """Form page, check page, receipt page."""

    def make(_client: int) -> Unit:
        visitor = Visitor(base)

        def unit() -> None:
            assert visitor.fetch(FORM).status == 200
            data = encode([("what_happened", _narrative()), ("step", "check")], [])
            draft = visitor.fetch(FORM, *data).form("step=send").get("draft")
            sent = visitor.fetch(FORM, *encode([("draft", draft), ("step", "send")], []))
            assert sent.status in {200, 201}
            assert reporter.digits_on(sent)

        return unit

    return make


def queue_page(staff: list[Staff]) -> Make:
    """The queue's newest fifty, by members who are signed in."""

    def make(client: int) -> Unit:
        member = staff[client % len(staff)]

        def unit() -> None:
            page = member.fetch("/staff/queue?sort=newest")
            assert page.status == 200
            assert "/sign-in" not in page.url

        return unit

    return make


def signed_in(live: Live) -> list[Staff]:
    """The demo's caseworkers and supervisor, each signed in once: a code works once."""
    staff = []
    for person in live.sign_ins("caseworker", "demo") + live.sign_ins("supervisor", "demo"):
        member = Staff(live.base)
        member.sign_in(person)
        staff.append(member)
    return staff


def fill(live: Live, reports: int, member: Staff) -> None:
    """Bring the queue to its size through the public interface, and admit everything."""

    def send(share: int) -> None:
        visitor = Visitor(live.base)
        for number in range(share):
            sealed = reporter.seal(visitor, "demo", {"what_happened": f"report {number}"})
            assert reporter.send(visitor, "demo", sealed).status == 201

    with ThreadPoolExecutor(4) as crowd:
        for one in [crowd.submit(send, reports // 4) for _ in range(4)]:
            one.result()
    while "to be taken in" in member.open("/staff/queue").text:
        pass


def _narrative() -> str:
    return secrets.token_hex(NARRATIVE // 2)

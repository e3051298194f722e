"""A mail server on a port of the loopback: speaks as much SMTP as a client needs, keeps what comes.

A server of its own and not a stand-in for `smtplib`, so that what is said to it is what a real one
would be told.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Mail:
    """One message as it went over the wire: from whom, to whom, and its bytes with line ends."""

    sender: str
    recipients: list[str] = field(default_factory=list)
    data: bytes = b""


class _Conversation(socketserver.StreamRequestHandler):
    server: "Office"

    def handle(self) -> None:
        mail = Mail("")
        self.wfile.write(b"220 loopback\r\n")
        for line in self.rfile:
            word = line.split()[0].upper()
            if word == b"MAIL":
                mail = Mail(_address(line))
            elif word == b"RCPT":
                mail.recipients.append(_address(line))
                if not mail.recipients[-1].endswith("@mail.invalid"):
                    self.wfile.write(b"550 no such person\r\n")
                    continue
            elif word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                mail.data = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.taken.append(mail)
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


def _address(line: bytes) -> str:
    return line.decode("ascii").split("<", 1)[1].split(">", 1)[0]


class Office(socketserver.ThreadingTCPServer):
    """The server, and the mail it has taken."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.taken: list[Mail] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


@contextmanager
def opened() -> Iterator[Office]:
    """An office that is open until the end of the block."""
    with Office() as office:
        thread = threading.Thread(target=office.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield office
        finally:
            office.shutdown()
            thread.join()

"""A small DNS server on this machine, over UDP, that says what it is told to."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class Zone:
    """`texts`: the TXT records by name. A name that is not there does not exist."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.is_broken = False
        self.asked: list[str] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    @property
    def servers(self) -> list[tuple[str, int]]:
        return [self.socket.getsockname()]

    def serve(self) -> None:
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            self.socket.sendto(self.answer(data), peer)

    def answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        name = query.question[0].name.to_text().rstrip(".")
        self.asked.append(name)
        if self.is_broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.texts:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        else:
            quoted = [f'"{one}"' for one in self.texts[name]]
            reply.answer = [dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *quoted)]
        return reply.to_wire()


@contextlib.contextmanager
def zone() -> Iterator[Zone]:
    made = Zone()
    thread = threading.Thread(target=made.serve, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", made.socket.getsockname())
        thread.join()
        made.socket.close()

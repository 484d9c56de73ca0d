# SPDX-License-Identifier: GPL-3.0-or-later
"""servers_check.py: what a check meets besides servers that answer: a DNS server, and hosts that are dead in each of their ways.

A host that drops packets is a listener whose queue is full: the kernel then ignores who else wants to connect, with no help
from a packet filter, which would take privileges and could outlive the bench.
"""

import contextlib
import os
import shutil
import socket
import struct
import time

from lib.measure import Failed, cores, finish, spawn
from lib.servers import READY_SECONDS, Origin, Server, free_ports

DOMAIN = "bench.test"


def host_name(number):
    return f"h{number}.{DOMAIN}"


class Dnsmasq(Server):
    """Knows host_name(0) and so on, at the given addresses; nothing else exists."""

    BINARY = shutil.which("dnsmasq", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    OPTIONS = ("--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--no-resolv", "--no-hosts", "--no-poll")
    WHERE = ("--bind-interfaces", "--listen-address=127.0.0.1", "--log-facility=/dev/null", "--user=", "--local=/#/")

    def __init__(self, place, addresses):
        entries = [f"{address} {host_name(number)}" for number, address in enumerate(addresses)]
        self.file = place.write("names", "".join(f"{entry}\n" for entry in entries))

    @property
    def server(self):
        """For --dns-servers."""
        return f"127.0.0.1:{self.port}"

    def open(self):
        if not self.BINARY:
            raise Failed("dnsmasq is not installed: tools/dev/setup bench")
        # A port that is free for TCP may be taken for UDP.
        for _ in range(5):
            (self.port,) = free_ports(1)
            more = (f"--addn-hosts={self.file}", f"--port={self.port}")
            self.pid = spawn([self.BINARY, *self.OPTIONS, *self.WHERE, *more], cores(server=True))
            if self._comes_up():
                return
        raise Failed("dnsmasq did not start")

    def _comes_up(self):
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                finish(self.pid, 0)
                self.pid = 0
                return False
            if self._answers():
                return True
        self.close()
        return False

    def _answers(self):
        labels = b"".join(bytes([len(label)]) + label.encode() for label in host_name(0).split("."))
        query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker, contextlib.suppress(OSError):
            asker.settimeout(0.1)
            asker.connect(("127.0.0.1", self.port))
            asker.send(query)
            answer = asker.recv(512)
            # Answers among the counts: it has read its file.
            return struct.unpack("!H", answer[6:8])[0] > 0
        return False


class ManyRings(Origin):
    """On the servers' core, with as many rings as what it holds takes."""

    THREADS = ()


class Dead:
    """Ports that refuse, and that never answer SYN, on every loopback address."""

    def __init__(self):
        self._held = contextlib.ExitStack()

    def open(self):
        refusing, full, only = (self._held.enter_context(socket.socket()) for _ in range(3))
        for one in (refusing, full):
            one.bind(("0.0.0.0", 0))
        self.refusing, self.dropping = (one.getsockname()[1] for one in (refusing, full))
        full.listen(0)
        only.connect(("127.0.0.1", self.dropping))
        with socket.socket() as probe:
            probe.settimeout(0.2)
            try:
                probe.connect(("127.0.0.1", self.dropping))
            except TimeoutError:
                return
        raise Failed("a full listener lets others in on this kernel")

    def close(self):
        self._held.close()

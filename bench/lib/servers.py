# SPDX-License-Identifier: GPL-3.0-or-later
"""servers.py: the servers that benches load, each pinned to the servers' core and listening on every loopback address.

nginx serves what can be compared with the world; `ringfetch serve` does what nginx can't (waiting before it answers).
The end-to-end tests' harness was not shared: its servers are made to misbehave, these to be fast and to stay out of the way.
"""

import contextlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import time
import urllib.request

from lib.measure import Failed, cores, finish, spawn

READY_SECONDS = 30


def free_ports(count):
    """Different ones: all are held until the last is found."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("0.0.0.0", 0))
        return [probe.getsockname()[1] for probe in probes]


class Server:
    """What runs from open() to close() as one process on the servers' core."""

    port, pid = 0, 0

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            words = file.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            finish(self.pid, 0, limit=READY_SECONDS)
            self.pid = 0


class Nginx(Server):
    """One worker, no log, sendfile, connections that are never closed; /s answers two bytes without a file."""

    CONNECTIONS, CORES = 8000, None  # with the open files below it stays under a hard limit of 20,000 descriptors
    BINARY = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    CONFIG = """
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000; pid {top}/pid; error_log {top}/error.log;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
    client_body_temp_path {top}/body; proxy_temp_path {top}/proxy; fastcgi_temp_path {top}/fastcgi;
    uwsgi_temp_path {top}/uwsgi; scgi_temp_path {top}/scgi;
    access_log off; default_type application/octet-stream; sendfile on; tcp_nopush on;
    keepalive_requests 1000000000; keepalive_timeout 600s; open_file_cache max=11000;
    server {{
        listen 0.0.0.0:{port} backlog=4096; root {root};
        location = /s {{ return 200 "ok"; }}
        location = /status {{ stub_status; }}
    }}
}}
"""

    def __init__(self, top, root):
        self.top, self.root = top, root

    def open(self):
        if not self.BINARY:
            raise Failed("nginx is not installed: tools/dev/setup bench")
        config = os.path.join(self.top, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(self.config())
        # -e keeps it from opening the system's log before it has read the file above.
        log = os.path.join(self.top, "error.log")
        self.pid = spawn([self.BINARY, "-p", self.top, "-c", config, "-e", log], self.CORES or cores(server=True))
        self._wait()

    def config(self):
        (self.port,) = free_ports(1)
        return self.CONFIG.format(top=self.top, root=self.root, port=self.port, connections=self.CONNECTIONS)

    def _wait(self):
        end = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.requests()
                return
            except OSError:
                if time.monotonic() > end:
                    raise Failed("nginx did not start") from None
                time.sleep(0.02)

    def requests(self):
        """How many requests it has answered so far, these questions included."""
        return int(re.search(r"\n (\d+) (\d+) (\d+)", self._status())[3])

    def in_progress(self):
        """Requests that it has read and not yet answered, this question left out."""
        return int(re.search(r"Writing: (\d+)", self._status())[1]) - 1

    def _status_port(self):
        return self.port

    def _status(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._status_port(), timeout=READY_SECONDS)
        try:
            connection.request("GET", "/status")
            return connection.getresponse().read().decode()
        finally:
            connection.close()


class Origin(Server):
    """`ringfetch serve` on all loopback addresses."""

    THREADS, CORES = ("--threads", "1"), None

    def __init__(self, ringfetch):
        self.ringfetch = ringfetch

    def open(self):
        command = [self.ringfetch, "serve", "--port", "0", "--address", "0.0.0.0", *self.THREADS]
        reading, writing = os.pipe()
        self.pid = spawn(command, self.CORES or cores(server=True), stderr=writing)
        os.close(writing)
        said = self._first_line(reading)
        # The pipe stays open: a server must not die of having something more to say.
        self._reading = reading
        found = re.search(r"listening on \S*:(\d+)", said)
        if not found:
            pid, self.pid = self.pid, 0
            os.kill(pid, signal.SIGTERM)
            finish(pid, 0, limit=READY_SECONDS)
            raise Failed(f"ringfetch serve did not start: {said.strip() or 'it said nothing'}")
        self.port = int(found[1])

    @staticmethod
    def _first_line(reading):
        said, end = b"", time.monotonic() + READY_SECONDS
        while b"\n" not in said and time.monotonic() < end:
            if select.select([reading], [], [], end - time.monotonic())[0]:
                more = os.read(reading, 4096)
                if not more:
                    break
                said += more
        return said.decode("utf-8", "replace")

    def stats(self):
        """Its own counts since it was started."""
        with urllib.request.urlopen(self.url("/stats"), timeout=READY_SECONDS) as answer:
            return json.load(answer)

    def close(self):
        super().close()
        if getattr(self, "_reading", None) is not None:
            os.close(self._reading)
            self._reading = None

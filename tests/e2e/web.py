# SPDX-License-Identifier: GPL-3.0-or-later
"""web.py: a small keep-alive HTTP server for the end-to-end tests, which counts what real servers don't.

Web(respond) calls respond(request) for every request, in its connection's thread; what that returns is sent: a body
(text or bytes), a tuple (status, headers, body), or None when respond has sent (or withheld) everything by itself
through request.connection. Web remembers all requests, how many were in flight at once, and when each came. For servers
that break the protocol itself there is harness.Liar.
"""

import threading
import time

import harness


class Request:
    def __init__(self, connection, head, body):
        self.connection, self.head, self.body = connection, head, body
        first, *lines = head.split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        self.fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            self.fields[name.strip().lower()] = value.strip()
        self.time = time.monotonic()
        self.peer = connection.socket.getpeername()

    @property
    def path(self):
        return self.target.partition("?")[0]


class Web(harness.Liar):
    def __init__(self, respond=None, **options):
        super().__init__(self._converse, **options)
        self.respond = respond or (lambda request: "body of " + request.target)
        self.requests, self.in_flight, self.peak = [], 0, 0
        self._lock = threading.Lock()

    @property
    def targets(self):
        return [request.target for request in self.requests]

    def _converse(self, connection):
        while head := connection.read_head():
            request = Request(connection, head, b"")
            self._note(request)
            try:
                request.body = connection.read_body(int(request.fields.get("content-length", 0)))
                keep = self._answer(request)
            finally:
                with self._lock:
                    self.in_flight -= 1
            if not keep:
                return

    def _note(self, request):
        with self._lock:
            self.requests.append(request)
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)

    def _answer(self, request):
        answer = self.respond(request)
        if answer is None:
            return False
        status, headers, body = answer if isinstance(answer, tuple) else ("200 OK", (), answer)
        if isinstance(body, str):
            body = body.encode()
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
        # The last answered request must not count as in flight when its client has read it.
        with self._lock:
            self.in_flight -= 1
        try:
            request.connection.send("\r\n".join(lines).encode("latin-1") + (b"" if request.method == "HEAD" else body))
        finally:
            with self._lock:
                self.in_flight += 1
        return True

# SPDX-License-Identifier: GPL-3.0-or-later
"""harness.py: what the end-to-end tests share: the real binary, the servers it talks to, and ways to wait.

A test file is tests/e2e/NAME_test.py: it imports this module, derives its classes from harness.Case and ends with
harness.main(). Servers are context managers; Case.start(server) keeps one for the length of a test. Everything listens
on loopback, on ports the kernel picked, below a temporary directory. Nothing here sleeps for luck: wait_until() looks at
a condition until it holds or its time is up. RINGFETCH names the binary (build/ringfetch by default); RINGFETCH_SLOW
multiplies every time limit, because sanitizers need longer.

pytest and its plug-ins were rejected: unittest comes with every Python, and set-up stays two packages shorter.
"""

import contextlib
import getpass
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RINGFETCH = os.path.abspath(os.environ.get("RINGFETCH", os.path.join(ROOT, "build", "ringfetch")))
SLOW = float(os.environ.get("RINGFETCH_SLOW", "1"))

# What a sanitizer leaves behind. Its own exit status would look like one of ringfetch's.
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")

main = unittest.main


# ---- waiting and ports -----------------------------------------------------------------------------------------


def wait_until(condition, seconds=10, what="the condition"):
    """Calls condition() until it returns something true, which is returned; fails the test after `seconds`."""
    end = time.monotonic() + seconds * SLOW
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {seconds * SLOW:g} s")
        time.sleep(0.01)


def free_port(address="127.0.0.1", kind=socket.SOCK_STREAM):
    """A port that was free a moment ago. For servers that can't be told to pick one; try again if it is taken."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def closed_port(address="127.0.0.1"):
    """(socket, port): the port refuses connections for as long as the socket is open, for it never listens."""
    holder = socket.socket()
    holder.bind((address, 0))
    return holder, holder.getsockname()[1]


def accepts(port, address="127.0.0.1"):
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def is_sanitized():
    """Whether the binary was built with AddressSanitizer or ThreadSanitizer, which take memory and threads of their own."""
    with open(RINGFETCH, "rb") as file:
        binary = file.read()
    return b"__asan_init" in binary or b"__tsan_init" in binary


def check_sanitizers(err):
    for mark in SANITIZER_MARKS:
        if mark in err:
            raise AssertionError("a sanitizer complained:\n" + err)


# ---- the client ------------------------------------------------------------------------------------------------


class Result:
    """How a run of the binary ended. code is negative where a signal ended it."""

    def __init__(self, args, code, out, err, seconds):
        self.args, self.code, self.bytes, self.seconds = args, code, out, seconds
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")

    @property
    def records(self):
        """The records in stdout; every line has to be one."""
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"ringfetch {' '.join(self.args)}: exit {self.code}\n{self.out[-2000:]}\n{self.err[-4000:]}"


def _environment(env):
    return {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}


def ringfetch(*args, input=None, timeout=60, env=None, cwd=None):
    """Runs the binary to its end. `input` (text or bytes) becomes stdin, which is empty otherwise."""
    args = [str(arg) for arg in args]
    if isinstance(input, str):
        input = input.encode()
    began = time.monotonic()
    with subprocess.Popen(
        [RINGFETCH, *args],
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(env),
        cwd=cwd,
    ) as process:
        try:
            out, err = process.communicate(input, timeout * SLOW)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            hung = Result(args, None, out, err, time.monotonic() - began)
            raise AssertionError(f"no end within {timeout * SLOW:g} s: {hung}") from None
    result = Result(args, process.returncode, out, err, time.monotonic() - began)
    check_sanitizers(result.err)
    return result


class _Running(subprocess.Popen):
    """`with` waits for the end of the process. Not so in a test that has failed, which may have left it no reason to end."""

    def __exit__(self, kind, *why):
        if kind is not None:
            self.kill()
        super().__exit__(kind, *why)


def ringfetch_start(*args, env=None, cwd=None, **popen):
    """Starts the binary and leaves it running: a Popen with pipes, for tests that interrupt it or feed it slowly."""
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    return _Running(
        [RINGFETCH, *(str(arg) for arg in args)], env=_environment(env), cwd=cwd, **{**pipes, **popen}
    )


# ---- servers ---------------------------------------------------------------------------------------------------


class Server:
    """Something that runs between start() and stop(); use it with `with` or Case.start()."""

    host, port = "127.0.0.1", 0
    scheme = "http"

    def url(self, path="/"):
        return f"{self.scheme}://{self.host}:{self.port}{path}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *why):
        self.stop()


def _end(process, how=signal.SIGTERM, seconds=10):
    """Ends a process that was asked to go; kills it and fails where it won't."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(seconds * SLOW)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args[0]} ignored signal {how}") from None


class Origin(Server):
    """`ringfetch serve`, the project's own test origin. Options are passed on: Origin("--threads", 2)."""

    def __init__(self, *args, preexec_fn=None):
        self.args = [str(arg) for arg in args]
        self.lines = []
        self.preexec_fn = preexec_fn

    def start(self):
        self.process = subprocess.Popen(
            [RINGFETCH, "serve", "--port", "0", *self.args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(None),
            preexec_fn=self.preexec_fn,
        )
        self._heard = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        first = self._first_line()
        if "listening on " not in first:
            _end(self.process)
            self._listener.join()
            raise AssertionError("ringfetch serve did not start:\n" + "".join(self.lines))
        self.scheme, _, where = first.split("listening on ", 1)[1].split()[0].rstrip("/").partition("://")
        host, _, port = where.rpartition(":")
        self.host, self.port = ("127.0.0.1" if host == "0.0.0.0" else host), int(port)

    def _listen(self):
        # Reads on to the end: a server whose stderr is full would stand still.
        for line in self.process.stderr:
            self.lines.append(line.decode("utf-8", "replace"))
            self._heard.put(self.lines[-1])
        self._heard.put("")

    def _first_line(self):
        try:
            return self._heard.get(timeout=10 * SLOW)
        except queue.Empty:
            return ""

    def stop(self):
        code = _end(self.process)
        self._listener.join()
        self.process.stderr.close()
        err = "".join(self.lines)
        check_sanitizers(err)
        if code not in (0, 130, 143, -signal.SIGTERM):
            raise AssertionError(f"ringfetch serve ended with {code}:\n{err}")


class Nginx(Server):
    """A real nginx as the current user: one worker, everything below a temporary directory.

    `server` is put into the server block (locations, limits), `http` beside it. {dir} in both stands for the directory
    (root is {dir}/html: put() writes files there), {port} for the port. `listen` goes on where that line ends, `env` is
    added to the environment.
    """

    listen, env = "", None

    BINARY = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    CONFIG = """
daemon off; master_process off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    access_log {dir}/access.log; default_type application/octet-stream;
    keepalive_requests 1000000;
    {http}
    server {{ listen 127.0.0.1:{port} backlog=4096{listen}; root {dir}/html; {server} }}
}}
"""

    def __init__(self, server="", http="", connections=1024):
        self.server, self.http, self.connections = server, http, connections

    def start(self):
        if not self.BINARY:
            raise unittest.SkipTest("nginx is not installed: tools/dev/setup test")
        self.dir = tempfile.mkdtemp(prefix="rf-nginx-")
        os.mkdir(os.path.join(self.dir, "html"))
        for _ in range(5):
            if self._try_port(free_port()):
                return
        log = self.read("error.log")
        self._remove()
        raise AssertionError("nginx did not start:\n" + log)

    def _try_port(self, port):
        self.port = port
        fill = lambda text: text.replace("{dir}", self.dir).replace("{port}", str(port))
        with open(os.path.join(self.dir, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write(
                self.CONFIG.format(
                    dir=self.dir,
                    port=port,
                    files=self.connections * 2 + 64,
                    connections=self.connections,
                    listen=self.listen,
                    http=fill(self.http),
                    server=fill(self.server),
                )
            )
        # -e keeps it from opening the system's log before it has read the file above.
        log = os.path.join(self.dir, "error.log")
        command = [self.BINARY, "-p", self.dir, "-c", os.path.join(self.dir, "nginx.conf"), "-e", log]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(self.env),
        )
        # The port may be somebody else's by now. nginx writes its pid only once the port is its own.
        mine = lambda: os.path.exists(os.path.join(self.dir, "pid")) and accepts(port)
        wait_until(lambda: self.process.poll() is not None or mine(), 10, "nginx listening")
        return self.process.poll() is None

    def put(self, name, content):
        """Writes html/NAME and returns its URL."""
        path = os.path.join(self.dir, "html", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return self.url("/" + name)

    def read(self, name="access.log"):
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(self.dir, name), encoding="utf-8", errors="replace") as file:
                return file.read()
        return ""

    def stop(self):
        _end(self.process)
        self._remove()

    def _remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Dnsmasq(Server):
    """A real DNS server on loopback that knows only the given names: Dnsmasq({"a.test": ["127.0.0.2", "::1"]}).

    Other names do not exist. `options` are further dnsmasq options.
    """

    BINARY = shutil.which("dnsmasq", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    def __init__(self, names=None, *options):
        self.names, self.options = names or {}, options

    @property
    def server(self):
        """For --dns-servers."""
        return f"{self.host}:{self.port}"

    def start(self):
        if not self.BINARY:
            raise unittest.SkipTest("dnsmasq is not installed: tools/dev/setup test")
        for _ in range(20):
            # It listens on TCP, too, where connections that are closing hold on to many a port.
            if self._try_port(free_port()):
                return
        raise AssertionError("dnsmasq did not start: " + self.complaint)

    def _try_port(self, port):
        self.port = port
        records = [f"--host-record={name},{address}" for name, all in self.names.items() for address in all]
        command = [self.BINARY, "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--no-resolv"]
        command += ["--no-hosts", "--no-poll", "--bind-interfaces", "--listen-address=127.0.0.1", "--log-facility=-"]
        command += [f"--port={port}", f"--user={getpass.getuser()}", "--local=/#/", *records, *self.options]
        with tempfile.TemporaryFile() as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            return self._is_up(log)

    def _is_up(self, log):
        ready = lambda: self.process.poll() is not None or self._answers()
        wait_until(ready, 10, "dnsmasq answering")
        if self.process.poll() is None:
            return True
        log.seek(0)
        self.complaint = log.read().decode("utf-8", "replace")
        return False

    def _answers(self):
        query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x05ready\x04test\0" + struct.pack("!2H", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(0.2)
            with contextlib.suppress(OSError):
                asker.connect((self.host, self.port))
                asker.send(query)
                return asker.recv(512)[:2] == query[:2]
        return False

    def stop(self):
        _end(self.process)


class Connection:
    """What a Liar's behaviour holds: one accepted connection."""

    def __init__(self, sock, number):
        self.socket, self.number = sock, number  # number: how many connections came before this one
        self._ahead = b""

    def read_head(self):
        """The next request's head up to its empty line as text; "" when the client has gone."""
        while b"\r\n\r\n" not in self._ahead:
            more = self.socket.recv(65536)
            if not more:
                return ""
            self._ahead += more
        head, _, self._ahead = self._ahead.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def read_body(self, count):
        """`count` further bytes of the request, fewer when the client has gone."""
        pieces, have = [self._ahead], len(self._ahead)
        while have < count and (more := self.socket.recv(65536)):
            pieces.append(more)
            have += len(more)
        got = b"".join(pieces)
        body, self._ahead = got[:count], got[count:]
        return body

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def answer(self, body=b"", status="200 OK", headers=()):
        """A whole, honest response."""
        body = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + body)

    def wait_for_close(self):
        """Stays until the client closes; returns what it still sent."""
        got = self._ahead
        while more := self.socket.recv(65536):
            got += more
        return got

    def say_goodbye(self):
        """TLS's close_notify, without waiting for the client's."""
        self.socket.setblocking(False)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.socket.unwrap()

    def reset(self):
        """Closes with RST rather than FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Liar(Server):
    """A raw TCP server: behave(connection) is called in a thread of its own for each connection, which is closed after it.

    A client that goes away (OSError) ends the behaviour silently; any other exception fails the test when the server stops.
    With `tls`, an ssl.SSLContext, behave() sees what is inside TLS; closing the connection then says no close_notify.
    """

    def __init__(self, behave, host="127.0.0.1", backlog=1024, tls=None):
        self.behave, self.host, self.backlog, self.tls = behave, host, backlog, tls
        self.scheme = "https" if tls else "http"
        self.connections, self.threads, self.faults = [], [], []
        self._stopping = False

    @property
    def count(self):
        """Connections accepted so far."""
        return len(self.connections)

    def start(self):
        self._listener = socket.create_server((self.host, 0), backlog=self.backlog)
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._stopping:
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, len(self.connections))
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self.connections.append(connection)
            self.threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            if self.tls:
                wrapped = self.tls.wrap_socket(connection.socket, server_side=True, do_handshake_on_connect=False)
                connection.socket = wrapped
                wrapped.do_handshake()
            self.behave(connection)
        except OSError:
            pass
        except Exception as fault:
            self.faults.append(fault)
        finally:
            connection.socket.close()

    def stop(self):
        # shutdown, unlike close, also wakes threads that are inside accept or recv.
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5 * SLOW)
        self._listener.close()
        for connection in self.connections:
            # The plain socket's shutdown: that of TLS would take the other thread's state from under it.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(5 * SLOW)
        if self.faults:
            raise AssertionError("the Liar's behaviour failed") from self.faults[0]


# ---- the test case ---------------------------------------------------------------------------------------------


class Case(unittest.TestCase):
    """A test with a temporary directory (self.tmp) and servers that live as long as it does."""

    maxDiff = 4000

    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="rf-e2e-")
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)

    def start(self, server):
        server.start()
        self.addCleanup(server.stop)
        return server

    def path(self, *parts):
        return os.path.join(self.tmp, *parts)

    def write(self, name, content):
        """Writes a file below self.tmp and returns its path."""
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return self.path(name)

    def read(self, *parts):
        with open(self.path(*parts), "rb") as file:
            return file.read()

    def files(self, *parts):
        """Names of all files below self.tmp/parts, sorted."""
        top = self.path(*parts)
        found = [os.path.join(at, name) for at, _, names in os.walk(top) for name in names]
        return sorted(os.path.relpath(path, top) for path in found)

    def ringfetch(self, *args, exit=0, **options):
        """ringfetch() that must end with `exit` (None: whatever)."""
        result = ringfetch(*args, **options)
        if exit is not None:
            self.assertEqual(result.code, exit, result)
        return result

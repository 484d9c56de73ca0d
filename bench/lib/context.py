# SPDX-License-Identifier: GPL-3.0-or-later
"""context.py: what all works share: the places, the served files, the servers (started when first asked for).

It is a context manager, so that servers end and directories go away however a bench ends.
"""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from lib import place
from lib.certificates import Authority
from lib.measure import Launcher
from lib.servers import Nginx, Origin
from lib.servers_tls import NginxHosts, NginxTls, make_bodies

MEMORY_TOP = "/dev/shm"
PEERS = ("wget2", "curl", "aria2c", "wrk", "h2load", "openssl", "nginx")
MUTE = "hey"

VERSION_OPTION = {"nginx": "-v", "wrk": "-v", "openssl": "version"}


class Context:
    def __init__(self, build, ringfetch, runs, quick, quiet):
        self.build, self.ringfetch = os.path.abspath(build), os.path.abspath(ringfetch)
        self.runs, self.quick, self.quiet = runs, quick, quiet
        self.load = os.getloadavg()[0]
        self.memory_seconds = None  # how long load-memory lasts, where it was asked for
        self._open = []
        Launcher.path = os.path.join(self.build, "bench", "launch")

    def __enter__(self):
        self.memory = place.Place(MEMORY_TOP if os.path.isdir(MEMORY_TOP) else self.build)
        self.disk = place.Place(os.path.join(self.build, "bench"), keeps=True)
        self.html = os.path.join(self.memory.top, "html")
        os.mkdir(self.html)
        return self

    def __exit__(self, *why):
        for server in self._open:
            server.close()
        self.memory.remove()
        self.disk.remove()

    def _start(self, server):
        # One that fails to start may be running all the same.
        self._open.append(server)
        server.open()
        return server

    @functools.cached_property
    def nginx(self):
        place.make_files(self.html)
        place.make_big(self.html)
        return self._start(Nginx(self.memory.top, self.html))

    @functools.cached_property
    def _authority(self):
        return Authority(os.path.join(self.memory.top, "certificates"))

    @functools.cached_property
    def tls(self):
        place.make_big(self.html)
        make_bodies(self.html)
        return self._start(NginxTls(os.path.join(self.memory.top, "tls"), self._authority, self.html, self.origin))

    @contextlib.contextmanager
    def tls_hosts(self, **how):
        """Many https hosts, for one work: thousands of listeners and contexts are nothing to have around in the next."""
        self.say("starting nginx for many hosts")
        with tempfile.TemporaryDirectory(dir=self.memory.top) as top:
            with self.running(NginxHosts(os.path.join(top, "hosts"), self._authority, **how)) as server:
                yield server

    @contextlib.contextmanager
    def running(self, server):
        """A server for one work."""
        self._start(server)
        try:
            yield server
        finally:
            server.close()

    @functools.cached_property
    def origin(self):
        return self._start(Origin(self.ringfetch))

    @functools.cached_property
    def files_list(self):
        return self.memory.write("files", place.lines(place.file_urls(self.nginx)))

    def origin_body_bytes(self, path):
        with urllib.request.urlopen(self.origin.url(path), timeout=10) as response:
            return len(response.read())

    def sync(self):
        """Gives the disk's journal its rest between runs."""
        os.sync()
        time.sleep(0.2)

    def say(self, text):
        """What is going on right now, on a terminal only."""
        if not self.quiet and sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def hush(self):
        self.say("")

    def shorten(self, command):
        """A command line for people: this run's directories and ports are of no interest to them."""
        words = []
        for word in command[1:]:
            word = word.replace(self.memory.top + os.sep, "").replace(self.disk.top + os.sep, "")
            words.append(word.replace(os.path.dirname(os.path.dirname(__file__)) + os.sep, ""))
        return " ".join(words).replace("{out}", "DIR")

    @functools.cached_property
    def version(self):
        return self._first_line([self.ringfetch, "--version"]) or "ringfetch"

    @functools.cached_property
    def peer_versions(self):
        found = {name: self._first_line([name, VERSION_OPTION.get(name, "--version")]) for name in PEERS}
        found[MUTE] = shutil.which(MUTE) and "does not tell its version"
        return {name: line or "not installed: tools/dev/setup bench" for name, line in found.items()}

    @staticmethod
    def _first_line(command):
        path = shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if not path:
            return ""
        run = subprocess.run([path, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return (run.stdout.decode("utf-8", "replace").splitlines() or [""])[0]

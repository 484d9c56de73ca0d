# SPDX-License-Identifier: GPL-3.0-or-later
"""campaign_log.py: a campaign's log: one line of JSON that says what it is, then one for each run, on the disk before the next
begins. A last line that was cut off is a run that never was."""

import json
import os


class Other(Exception):
    """The log is another campaign's."""


class Log:
    def __init__(self, path, fresh):
        self.path, self.header, self.runs = path, None, []
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        if fresh and os.path.exists(path):
            os.unlink(path)
        if os.path.exists(path):
            self._read()

    def _read(self):
        with open(self.path, "r+b") as file:
            text = file.read()
            whole = text.rfind(b"\n") + 1
            file.truncate(whole)
        lines = [json.loads(line) for line in text[:whole].splitlines()]
        if lines:
            self.header, self.runs = lines[0], lines[1:]

    def compare(self, campaign):
        """Runs of other servers, options or builds say nothing about this campaign."""
        then = self.header["campaign"]
        differing = ", ".join(f"{name} {then.get(name)}" for name in campaign if then.get(name) != campaign[name])
        if differing:
            raise Other(f"{self.path} is of another campaign ({differing}): --fresh forgets it, --log names another file")

    def _write(self, line):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def begin(self, campaign, servers, machine):
        self.header = {"v": 1, "campaign": campaign, "servers": servers, "machine": machine}
        self._write(self.header)

    def add(self, run):
        self.runs.append(run)
        self._write(run)

# SPDX-License-Identifier: GPL-3.0-or-later
"""others.py: what the machine's other tasks, the kernel's own threads among them, took of the cores while something ran.

By the scheduler's count of each thread (schedstat, nanoseconds), read before and after. Tasks that end in between are missed,
and so is what interrupts do to whoever is running; a task that began in between counts. /proc/stat was rejected: it counts in
ticks and names nobody.
"""

import os
import time

SHOWN = 3


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().strip()


def _process(pid):
    """(Its name, how long its threads have run). A process's own schedstat would be that of its first thread alone."""
    tasks = f"/proc/{pid}/task"
    ran = sum(int(_read(f"{tasks}/{task}/schedstat").split()[0]) for task in os.listdir(tasks))
    name = _read(f"/proc/{pid}/comm")
    # A worker takes what work there is, and is called by its latest.
    return "kworker" if name.startswith("kworker/") else name, ran


def snapshot(left_out=()):
    """{pid: (name, nanoseconds on a core)} of every process but some."""
    found = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if pid not in left_out:
            try:
                found[pid] = _process(pid)
            except (OSError, IndexError):
                pass  # it has just ended
    return found


class Others:
    """Adds up what all but `server` and the bench itself took during runs. A program that is measured is left out by having
    ended before the second look."""

    def __init__(self, server):
        self.left_out = {server.pid, os.getpid()}
        self.before, self.began = {}, 0
        self.ran_ns, self.seconds = {}, 0

    def settle(self):
        self.before, self.began = snapshot(self.left_out), time.monotonic()

    def verify(self, directory, program):
        self.seconds += time.monotonic() - self.began
        for pid, (name, ran) in snapshot(self.left_out).items():
            earlier = self.before.get(pid, ("", 0))[1]
            # Less than before is another process under the same number, or one of its threads has ended.
            self.ran_ns[name] = self.ran_ns.get(name, 0) + max(0, ran - earlier)

    def note(self):
        shares = {name: ran / 1e9 / self.seconds for name, ran in self.ran_ns.items()} if self.seconds else {}
        if not shares:
            return "what other tasks took of the cores is unknown"
        most = sorted(shares.items(), key=lambda item: -item[1])[:SHOWN]
        text = ", ".join(f"{name} {share:.1%}" for name, share in most)
        return f"other tasks ran for {sum(shares.values()):.1%} of the time of a core: {text}"

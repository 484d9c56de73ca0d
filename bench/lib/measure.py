# SPDX-License-Identifier: GPL-3.0-or-later
"""measure.py: runs programs one at a time on the clients' core and says what each run cost.

Wall time is from the fork to the moment the kernel reports the end, CPU time and memory are the kernel's own count for that
process and all its threads (wait4, in launch.c), so that no program is asked about itself. Contestants of a work take turns (A B C A B
C ...): a neighbour's noise hits all of them, and the median of the rounds leaves it out.
"""

import dataclasses
import os
import signal
import statistics
import tempfile
import threading
import time

LIMIT_SECONDS = 180  # for one run; whatever takes longer has lost anyway


class Failed(Exception):
    """A run that did not do its work: its figures mean nothing."""


@dataclasses.dataclass
class Sample:
    wall: float
    user: float
    system: float
    rss_bytes: int
    figures: dict = dataclasses.field(default_factory=dict)  # what a work counts besides, by its heading
    status: int = 0  # how it ended

    @property
    def cpu(self):
        return self.user + self.system

    def get(self, what):
        return self.figures[what] if what in self.figures else getattr(self, what)


@dataclasses.dataclass
class Program:
    """A contestant. `command` may hold {out}, which stands for the run's own fresh directory."""

    name: str
    command: list
    role: str = "peer"  # "us", "peer" or "floor"
    note: str = ""
    # Added in the warm-up run only, whose stderr then goes to `check`: a look inside that must not cost the timed runs anything.
    check_options: tuple = ()
    check: object = None
    # (sample, stdout) -> the sample's figures; raises Failed. Only a program that has it gets a stdout that is kept.
    figures: object = None
    statuses: tuple = (0,)  # how it may end
    samples: list = dataclasses.field(default_factory=list)
    fault: str = ""

    def median(self, what):
        """The median of "wall", "user", "system", "cpu", "rss_bytes" or a figure; None where no run succeeded."""
        return statistics.median(sample.get(what) for sample in self.samples) if self.samples else None

    @property
    def options(self):
        return self.note or " ".join(self.command[1:])


ALL_CORES = frozenset(os.sched_getaffinity(0))


def cores(server=False):
    """The cores of one side. A machine with a single core shares it, and the report says so."""
    return {min(ALL_CORES)} if server else {sorted(ALL_CORES)[:2][-1]}


def spawn(command, core, stdin=None, stdout=None, stderr=None, report=None):
    """Starts a program on one core and returns its pid. Descriptors not given are the null device; `report` is number 3."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [
        (os.POSIX_SPAWN_DUP2, null if given is None else given, number)
        for number, given in enumerate((stdin, stdout, stderr))
    ]
    if report is not None:
        actions.append((os.POSIX_SPAWN_DUP2, report, 3))
    # The core is inherited: no wrapper whose start would be timed as well.
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, core)
    try:
        return os.posix_spawnp(command[0], command, {**os.environ, "LC_ALL": "C"}, file_actions=actions)
    except OSError as why:
        raise Failed(f"{command[0]} does not start: {why.strerror}") from None
    finally:
        os.sched_setaffinity(0, before)
        os.close(null)


def finish(pid, began, limit=LIMIT_SECONDS):
    """Waits for the end: (exit status, negative for a signal; Sample). Kills what outlives the limit."""
    killer = threading.Timer(limit, os.kill, (pid, signal.SIGKILL))
    killer.start()
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - began
    killer.cancel()
    return os.waitstatus_to_exitcode(status), Sample(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024)


class Launcher:
    """bench/launch, which keeps what a program costs apart from what this interpreter does."""

    path = ""

    @classmethod
    def run(cls, command, limit=LIMIT_SECONDS, listen=False, statuses=(0,)):
        """Runs a program to its end with one of `statuses`: (Sample, its stderr, its stdout where `listen`). Raises Failed."""
        launch = [cls.path, str(*cores()), str(limit), *command]
        reading, writing = os.pipe()
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as prints, open(reading) as report:
            stdout = prints.fileno() if listen else None
            try:
                pid = spawn(launch, cores(server=True), stdout=stdout, stderr=errors.fileno(), report=writing)
            finally:
                os.close(writing)
            words = report.read().split()
            os.waitpid(pid, 0)
            said, printed = (_text(file) for file in (errors, prints))
        if len(words) != 5:
            raise Failed(f"launch said nothing: {said.strip()[-200:]}")
        code, wall, user, system, rss = (int(word) for word in words)
        if code < 0:
            raise Failed(f"no end within {limit:g} s")
        if code not in statuses:
            raise Failed(f"exit status {code}: {' '.join(said.split())[-200:]}")
        return Sample(wall / 1e6, user / 1e6, system / 1e6, rss * 1024, status=code), said, printed


def _text(file):
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def rounds(programs, count, place, verify=None, settle=None, warm=True, say=lambda text: None, limit=LIMIT_SECONDS):
    """One warm-up and `count` counted rounds of all programs in turn. Every run gets a fresh directory from `place`; `verify`
    (given the directory and the program) raises Failed where the work was not done; `settle` runs before each.
    A program that fails once is out: its fault is kept and its samples are dropped."""
    for number in range(-1 if warm else 0, count):
        for program in programs:
            if program.fault:
                continue
            say(f"{program.name}, {'warm-up' if number < 0 else f'run {number + 1} of {count}'}")
            try:
                sample = _one(program, place, verify, settle, warming=number < 0, limit=limit)
            except Failed as why:
                program.fault = str(why)
                program.samples.clear()
                continue
            if number >= 0:
                program.samples.append(sample)


def _one(program, place, verify, settle, warming, limit):
    with place.fresh() as directory:
        command = [*program.command, *(program.check_options if warming else ())]
        if settle:
            settle()
        command = [part.replace("{out}", directory) for part in command]
        sample, said, printed = Launcher.run(command, limit, bool(program.figures), program.statuses)
        if program.figures:
            sample.figures = program.figures(sample, printed)
        if warming and program.check:
            program.check(said)
        if verify:
            verify(directory, program)
    return sample

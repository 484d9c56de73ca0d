# SPDX-License-Identifier: GPL-3.0-or-later
"""env_test.py: environments that can't run it: io_uring forbidden or missing, no memory for it, no threads: exit 3 and why.

A seccomp filter of one's own, put in place between fork and exec, forbids what Docker's default profile does.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import subprocess
import unittest

import harness
from web import Web

# <linux/filter.h>, <linux/seccomp.h>, <linux/prctl.h>
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2

IO_URING_SETUP, IO_URING_REGISTER = 425, 427  # the same number on every architecture


class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def forbid(*calls, error=errno.EPERM):
    """A preexec_fn: these system calls fail with that error."""
    steps = [struct.pack("HBBI", LOAD_WORD, 0, 0, 0)]  # seccomp_data.nr
    for call in calls:
        steps += [struct.pack("HBBI", JUMP_EQUAL, 0, 1, call), struct.pack("HBBI", RETURN, 0, 0, RET_ERRNO | error)]
    steps += [struct.pack("HBBI", RETURN, 0, 0, RET_ALLOW)]
    code = ctypes.create_string_buffer(b"".join(steps))
    program = Program(len(steps), ctypes.cast(code, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)

    def apply(keep=code):
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0):
            os._exit(77)

    return apply


class EnvironmentTest(harness.Case):
    def run_with(self, prepare, *args):
        command = [harness.RINGFETCH, *args]
        run = subprocess.run(command, capture_output=True, text=True, timeout=30 * harness.SLOW, preexec_fn=prepare)
        if run.returncode == 77:
            self.skipTest("seccomp filters are not permitted here")
        harness.check_sanitizers(run.stderr)
        return run

    def refuse(self, prepare, *words):
        target = "http://127.0.0.1:1/"
        for command in (["get", "--output", "jsonl:-", target], ["check", target], ["bench", "-n", "1", target]):
            with self.subTest(command[0]):
                run = self.run_with(prepare, *command)
                self.assertEqual((run.returncode, run.stdout), (3, ""), run)
                self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
                for word in words:
                    self.assertIn(word, run.stderr)

    def test_forbidden(self):
        self.refuse(forbid(IO_URING_SETUP), "io_uring", "seccomp", "kernel.io_uring_disabled")

    def test_missing(self):
        self.refuse(forbid(IO_URING_SETUP, error=errno.ENOSYS), "io_uring", "6.1")

    def test_too_old(self):
        self.refuse(forbid(IO_URING_SETUP, error=errno.EINVAL), "io_uring", "6.1")

    def test_no_memory(self):
        self.refuse(forbid(IO_URING_SETUP, error=errno.ENOMEM), "io_uring", "memory")

    def test_registering_forbidden(self):
        self.refuse(forbid(IO_URING_REGISTER), "io_uring")

    def test_info_says_so(self):
        run = self.run_with(forbid(IO_URING_SETUP), "info")
        self.assertEqual(run.returncode, 3)
        self.assertIn("io_uring", run.stdout)
        self.assertIn("seccomp", run.stdout)

    def test_no_threads(self):
        clone, clone3 = {"x86_64": (56, 435), "aarch64": (220, 435)}.get(platform.machine(), (None, None))
        if harness.is_sanitized():
            self.skipTest("a sanitizer needs threads itself")
        if clone is None:
            self.skipTest("the number of clone is not known here")
        self.refuse(forbid(clone, clone3, error=errno.EAGAIN), "thread")

    def test_usage_comes_first(self):
        run = self.run_with(forbid(IO_URING_SETUP), "get", "--nonsense")
        self.assertEqual(run.returncode, 2)

    def test_closed_standard_streams(self):
        web = self.start(Web())

        def close_all():
            for descriptor in (0, 1, 2):
                os.close(descriptor)

        command = [harness.RINGFETCH, "get", "-P", self.path("out"), web.url("/x")]
        with subprocess.Popen(command, preexec_fn=close_all) as process:
            self.assertEqual(process.wait(20 * harness.SLOW), 0)
        self.assertEqual(self.read("out", "x"), b"body of /x")

    def test_little_locked_memory(self):
        """The kernel counts rings against it no more since 5.12."""
        web = self.start(Web())
        limit = lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        run = self.run_with(limit, "get", "--output", "stdout", web.url("/x"))
        self.assertIn((run.returncode, run.stdout), [(0, "body of /x"), (3, "")])

    def test_without_home_and_environment(self):
        web = self.start(Web())
        run = subprocess.run([harness.RINGFETCH, "get", "--output", "stdout", web.url("/x")], env={},
                             capture_output=True, text=True, timeout=30 * harness.SLOW)
        self.assertEqual((run.returncode, run.stdout), (0, "body of /x"), run)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_not_as_root(self):
        web = self.start(Web())
        binary = self.path("ringfetch")  # the build may be where nobody else can go
        with open(harness.RINGFETCH, "rb") as file:
            self.write("ringfetch", file.read())
        os.chmod(binary, 0o755)
        os.chmod(self.tmp, 0o755)
        env = {**os.environ, "TSAN_OPTIONS": "exitcode=99"}  # so may the file that its options name
        run = subprocess.run([binary, "get", "--output", "stdout", web.url("/x")], user=65534, group=65534, env=env,
                             capture_output=True, text=True, timeout=30 * harness.SLOW)
        self.assertEqual((run.returncode, run.stdout), (0, "body of /x"), run)


if __name__ == "__main__":
    harness.main()

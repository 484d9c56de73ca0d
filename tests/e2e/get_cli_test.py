# SPDX-License-Identifier: GPL-3.0-or-later
"""get_cli_test.py: the command line: refusals, help, messages, progress, signals, exit statuses."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness
from web import Web

SUBCOMMANDS = ("get", "check", "serve", "info")


class UsageTest(harness.Case):
    def refuse(self, *args, names):
        """Exit 2, nothing on stdout, one line on stderr that holds `names`."""
        run = self.ringfetch(*args, exit=2)
        self.assertEqual(run.out, "")
        self.assertEqual(len(run.err.splitlines()), 1, run)
        self.assertIn(names, run.err)

    def test_no_command_and_unknown_ones(self):
        self.refuse(names="no command")
        self.refuse("fetch", names="fetch")
        self.refuse("--nonsense", names="--nonsense")
        self.refuse("get", names="no URL")

    def test_unknown_options(self):
        for option in ("--nonsense", "-Z", "--concurrenc", "--no-head", "-sZ"):
            self.refuse("get", option, "http://h/", names="-Z" if option == "-sZ" else option)

    def test_bad_values(self):
        cases = {"-j": ["0", "-1", "x", "1e3", "99999999999999999999", ""], "--per-host": ["0"], "--rate": ["x", "-1", "1/x"]}
        cases |= {"-t": ["0", "2000"], "--limit-rate": ["1X", "-5"], "--max-time": ["-1", "1y", ""], "--retry": ["-1", "x"]}
        cases |= {"--shard": ["0/4", "5/4", "1", "1/0", "a/b"], "--on-exist": ["maybe"], "--progress": ["loud"]}
        cases |= {"--output": ["nothing", "jsonl", "jsonl:", "stdout:x", "./x.so"], "-H": ["no colon", ": x", "A: b\nC: d"]}
        cases |= {"-X": ["A B", "", "GET\r\nX: y"], "-r": ["x", "5"], "--resolve": ["x", "h:80", "h:80:notanaddress"], "-u": ["nocolon"]}
        cases |= {"--connect-to": ["a:1"], "-A": ["a\nb"], "-e": ["a\rb"], "--name": ["{x}"], "-P": [""], "--max-redirs": ["-1"]}
        cases |= {"-d": ["@/nonexistent"], "--interface": [""], "--dns-servers": ["", "not-an-address"], "--max-filesize": ["k"], "-i": [""]}
        for option, values in cases.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.refuse("get", option, value, "http://127.0.0.1:1/", names=option)

    def test_fields_that_are_ours(self):
        for field in ("Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close", "Range: bytes=0-1"):
            self.refuse("get", "-H", field, "http://h/", names="-H")

    def test_missing_values(self):
        for option in ("-j", "--rate", "--output", "-i"):
            self.refuse("get", "http://h/", option, names=option)

    def test_contradictions(self):
        cases = [("-4", "-6"), ("-I", "-d", "x"), ("-I", "-X", "GET"), ("-s", "-v"), ("--unix-socket", "x", "-4")]
        cases += [("--output", "stdout", "--output", "jsonl:-"), ("--output", "jsonl:x", "--output", "jsonl:x")]
        cases += [("--output", "null", "-o", "x"), ("--output", "null", "--on-exist", "skip"), ("--ordered",)]
        cases += [("--on-exist", "resume", "-r", "0-5"), ("-i", "-", "-d", "@-"), ("--unix-socket", "x", "--interface", "lo")]
        for case in cases:
            with self.subTest(case):
                self.refuse("get", *case, "http://127.0.0.1:1/", names="-")

    def test_known_but_not_yet(self):
        for case in ("-b x", "-c x", "--compressed", "-x http://p/", "--http2", "--cookie x", "--proxy x"):
            with self.subTest(case):
                run = self.ringfetch("get", *case.split(), "http://127.0.0.1:1/", exit=2)
                self.assertRegex(run.err, r"^ringfetch.*" + case.split()[0] + r".* not supported yet\n$")

    def test_help_fits_a_screen(self):
        for args in (("--help",), *((command, "--help") for command in SUBCOMMANDS)):
            run = self.ringfetch(*args)
            lines = run.out.splitlines()
            self.assertLessEqual(len(lines), 60, args)
            self.assertLessEqual(max(map(len, lines)), 80, args)
            self.assertIn("ringfetch", run.out)
            self.assertEqual(run.err, "")
        self.assertEqual(self.ringfetch("get", "-h").out, self.ringfetch("get", "--help").out)
        self.assertIn("Examples:", self.ringfetch("get", "--help").out)

    def test_version(self):
        for args in (("--version",), ("-V",), ("get", "--version"), ("get", "-V")):
            self.assertRegex(self.ringfetch(*args).out, r"^ringfetch \d+\.\d+\.\d+\n$")

    def test_every_option_of_the_help_is_taken(self):
        words = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9.-]*", self.ringfetch("get", "--help").out))
        self.assertGreater(len(words), 40)
        for word in words - {"--help", "--version"}:
            run = self.ringfetch("get", word, exit=2)
            self.assertNotIn("unknown", run.err, word)

    def test_bad_urls_on_the_command_line_fail_alone(self):
        web = self.start(Web())
        run = self.ringfetch("get", "--output", "jsonl:-", "-g", "http://[", web.url(), exit=1)
        self.assertEqual(sorted(record["ok"] for record in run.records), [False, True])


class InfoTest(harness.Case):
    def test_text(self):
        run = self.ringfetch("info")
        for word in ("io_uring", "descriptors", "liburing", "c-ares", "kernel", "TLS"):
            self.assertIn(word, run.out)

    def test_json(self):
        info = json.loads(self.ringfetch("info", "--json", "-j", 1000).out)
        self.assertEqual(info["io_uring"]["usable"], "yes")
        self.assertIn("descriptors", info["limits"])

    def test_refusals(self):
        self.ringfetch("info", "extra", exit=2)
        self.ringfetch("info", "--nonsense", exit=2)


class MessagesTest(harness.Case):
    def get(self, *args, exit=0):
        return self.ringfetch("get", "--retry", 0, "--output", "null", *args, exit=exit)

    def setUp(self):
        super().setUp()
        self.web = self.start(Web(lambda request: ("404 x", [], "") if "bad" in request.target else "ok"))

    def test_quiet_when_all_is_well(self):
        run = self.get(self.web.url())
        self.assertEqual((run.out, run.err), ("", ""))

    def test_failures_are_told(self):
        run = self.get(self.web.url("/bad"), exit=1)
        first, summary = run.err.splitlines()
        self.assertIn("/bad", first)
        self.assertIn("404", first)
        self.assertIn("1 failed", summary)

    def test_many_failures_do_not_flood(self):
        run = self.get(self.web.url("/bad[1-500]"), exit=1)
        self.assertLess(len(run.err.splitlines()), 30)
        self.assertIn("500 failed", run.err)

    def test_silent(self):
        run = self.get("-s", self.web.url("/bad"), exit=1)
        self.assertEqual((run.out, run.err), ("", ""))

    def test_verbose(self):
        run = self.get("-v", self.web.url("/[1-3]"))
        self.assertEqual(run.out, "")
        for i in range(1, 4):
            self.assertIn(self.web.url(f"/{i}") + ": 200", run.err)

    def test_what_servers_send_is_escaped(self):
        self.web.respond = lambda request: ("302 x", ["Location: /\x1b[31mred\x07"], "") if request.target == "/" else "x"
        for args in (["-v"], ["-v", "-P", self.path("out")]):
            run = self.ringfetch("get", *args, self.web.url("/"), self.web.url("/%1b%5b31m"), exit=None, cwd=self.tmp)
            self.assertNotIn("\x1b", run.err + run.out)
            self.assertNotIn("\x07", run.err + run.out)

    def test_progress_json(self):
        run = self.get("--progress", "json", self.web.url("/[1-9]"), self.web.url("/bad"), exit=1)
        objects = [json.loads(line) for line in run.err.splitlines() if line.startswith("{")]
        last = objects[-1]
        self.assertEqual((last["done"], last["ok"], last["failed"], last["queued"]), (10, 9, 1, 10))
        self.assertEqual((last["in_flight"], last["failed_by_kind"]), (0, {"http-status": 1}))
        self.assertEqual(last["body_bytes"], 9 * len("ok"))


class TerminalTest(harness.Case):
    def on_terminal(self, *args, columns=100, env=None, stdout=False):
        """What a terminal as stderr (and stdout, too) gets to see, and the exit status."""
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, columns))
        environment = {**os.environ, "TERM": "xterm", **(env or {})}
        command = [harness.RINGFETCH, "get", *map(str, args)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=slave, env=environment,
                                   stdout=slave if stdout else subprocess.DEVNULL)
        os.close(slave)
        seen = b""
        while select.select([master], [], [], 20 * harness.SLOW)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:  # EIO: the last one has closed it
                break
            seen += piece
        os.close(master)
        return seen.decode("utf-8", "replace"), process.wait(20 * harness.SLOW)

    @staticmethod
    def slow(request):
        time.sleep(0.2)
        return "x" * 1000

    def test_bar(self):
        web = self.start(Web(self.slow))
        seen, code = self.on_terminal("--output", "null", "-j", 2, web.url("/[1-8]"))
        self.assertEqual(code, 0)
        self.assertRegex(seen, r"\d/8 \d+%")
        self.assertIn("in flight", seen)
        self.assertIn("\r", seen)

    def test_bar_fits_the_width(self):
        web = self.start(Web(self.slow))
        seen, _ = self.on_terminal("--output", "null", "-j", 2, web.url("/[1-6]"), columns=30)
        for line in re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)):
            if not line.startswith("ringfetch:"):
                self.assertLess(len(line), 30)

    def test_no_bar(self):
        web = self.start(Web(self.slow))
        cases = [(["--progress", "none"], {}), (["-s"], {}), ([], {"TERM": "dumb"})]
        for args, env in cases:
            seen, code = self.on_terminal("--output", "null", *args, web.url("/[1-3]"), env=env)
            self.assertEqual(code, 0)
            self.assertNotIn("in flight", seen)

    def test_no_color(self):
        web = self.start(Web(self.slow))
        seen, _ = self.on_terminal("--output", "null", web.url("/[1-3]"), env={"NO_COLOR": "1"})
        self.assertNotRegex(seen, r"\x1b\[[0-9;]*m")

    def test_records_on_the_same_terminal_are_not_torn(self):
        web = self.start(Web(self.slow))
        seen, _ = self.on_terminal("--output", "jsonl:-", "-s", web.url("/[1-3]"), stdout=True)
        records = [json.loads(line) for line in seen.replace("\r\n", "\n").splitlines()]
        self.assertEqual(len(records), 3)


class SignalTest(harness.Case):
    def interrupted(self, number, exit, times=1):
        web = self.start(Web(lambda request: "x" if request.target < "/5" else request.connection.wait_for_close() and None))
        file = self.path("records")
        args = ["--output", "null", "--output", "jsonl:" + file, "-t", 1, "-i", "-"]
        with harness.ringfetch_start("get", *args) as process:
            process.stdin.write("".join(web.url(f"/{i}") + "\n" for i in range(1, 8)).encode())
            process.stdin.flush()
            harness.wait_until(lambda: len(web.requests) == 7, what="seven requests")
            harness.wait_until(lambda: len(self.read("records").splitlines()) == 4, what="four records on disk")
            for _ in range(times):
                process.send_signal(number)
                harness.wait_until(lambda: self.caught_none(process.pid, number), what="the signal's delivery")
            code = process.wait(10 * harness.SLOW)
            err = process.stderr.read().decode()
        self.assertEqual(code, exit, err)
        records = sorted((json.loads(line) for line in self.read("records").splitlines()), key=lambda record: record["n"])
        self.assertEqual([record["ok"] for record in records], [True] * 4 + [False] * 3)
        for record in records[4:]:
            self.assertEqual((record["error"]["kind"], record["error"]["fault"]), ("interrupted", "cancelled"))

    def test_interrupted(self):
        self.interrupted(signal.SIGINT, 130)

    def test_terminated(self):
        self.interrupted(signal.SIGTERM, 143)

    def test_a_signal_that_comes_twice_is_one(self):
        """As timeout(1) sends it: to the process, and to its group."""
        self.interrupted(signal.SIGINT, 130, times=2)

    def test_interrupted_while_waiting_for_a_retry(self):
        web = self.start(Web(lambda request: ("503 x", ["Retry-After: 60"], "")))
        with harness.ringfetch_start("get", "--output", "jsonl:-", web.url("/[1-3]")) as process:
            harness.wait_until(lambda: web.requests and web.in_flight == 0, what="an answer")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10 * harness.SLOW)
        self.assertEqual((process.returncode, len(out.splitlines())), (130, 3), err)

    def test_second_signal_ends_at_once(self):
        """The reader of the records doesn't read: the end has to wait for it, until somebody has had enough."""
        nginx = self.start(harness.Nginx("location / { return 204; }"))
        leaves = {"TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"}  # that is the point
        url = nginx.url("/[1-300000]")
        with harness.ringfetch_start("get", "-s", "--output", "jsonl:-", url, env=leaves) as process:
            reader = process.stdout.fileno()
            harness.wait_until(lambda: self.unread(reader) > 60000, what="a full pipe")
            process.send_signal(signal.SIGINT)
            harness.wait_until(lambda: self.caught_none(process.pid, signal.SIGINT), what="the first signal's delivery")
            # Within a moment of the first it would be taken for the same one.
            harness.wait_until(lambda: (process.send_signal(signal.SIGINT), process.poll() is not None)[1], what="the end")
            self.assertEqual(process.wait(5 * harness.SLOW), 130)

    @staticmethod
    def unread(descriptor):
        return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0]

    @staticmethod
    def caught_none(pid, number):
        """Whether no such signal is pending any more, if the process is there at all."""
        try:
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                pending = [int(line.split()[1], 16) for line in file if line.startswith(("SigPnd", "ShdPnd"))]
        except FileNotFoundError:
            return True
        return not any(mask >> (number - 1) & 1 for mask in pending)

    def test_ignored_interrupt_stays_ignored(self):
        """As nohup and background jobs of a shell have it."""
        web = self.start(Web(lambda request: (time.sleep(0.3), "x")[1]))
        ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
        with harness.ringfetch_start("get", "--output", "null", web.url(), preexec_fn=ignore) as process:
            harness.wait_until(lambda: web.requests)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(10 * harness.SLOW), 0)


if __name__ == "__main__":
    harness.main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""check_load_test.py: many hosts at once: connections that serve again while others wait for their turn, and hosts that answer
nobody while others are asked."""

import contextlib
import json
import socket
import urllib.request

import harness
from check_case import CheckCase, records_of

HOSTS, ROUNDS = 2000, 4
SILENT = 600  # more than may be unanswered at once on loopback


def host(index):
    return f"127.4.{index // 250}.{index % 250 + 1}"


class LoadTest(CheckCase):
    def origin(self):
        return self.start(harness.Origin("--address", "0.0.0.0", "--threads", "1"))

    def test_connections_serve_again_while_others_wait_for_their_turn(self):
        """As many at once as there are hosts: far more than may connect at the same time."""
        origin = self.origin()
        lines = [f"http://{host(index)}:{origin.port}/s?{turn}" for turn in range(ROUNDS) for index in range(HOSTS)]
        self.run_check("-j", HOSTS, "--per-host", 1, "-t", 1, "--output", "null", lines=lines)
        with urllib.request.urlopen(f"http://127.0.0.1:{origin.port}/stats", timeout=10) as answer:
            stats = json.load(answer)
        self.assertLessEqual(stats["accepted"], HOSTS * 1.1)

    def test_silent_hosts_keep_nobody_waiting(self):
        origin = self.origin()
        with contextlib.ExitStack() as stack:
            full = stack.enter_context(socket.create_server(("0.0.0.0", 0), backlog=0))
            for _ in range(4):  # a full backlog answers no SYN
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(("127.0.0.1", full.getsockname()[1]))
            silent = [f"http://{host(index)}:{full.getsockname()[1]}/" for index in range(SILENT)]
            well = [f"http://{host(index)}:{origin.port}/s" for index in range(SILENT)]
            lines = [url for pair in zip(silent, well) for url in pair]
            seconds = 3 * harness.SLOW
            run = self.run_check("-j", 2000, "-t", 1, "--connect-timeout", seconds, lines=lines, exit=1)
        records = self.sound(records_of(run))
        self.assertEqual({record["verdict"] for record in records[0::2]}, {"dead"})
        self.assertEqual({record["verdict"] for record in records[1::2]}, {"ok"})
        self.assertEqual({record["passes"] for record in records[1::2]}, {0})
        slowest = max(record["ms"]["total"] for record in records[1::2])
        self.assertLess(slowest, seconds * 1000 / 2, "a healthy host waited for silent ones")


if __name__ == "__main__":
    harness.main()

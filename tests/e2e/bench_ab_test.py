# SPDX-License-Identifier: GPL-3.0-or-later
"""bench_ab_test.py: whether B is worse than A, in short: the same server twice is not blamed, one that is half as slow again is.

bench/campaign.py asks the same questions hundreds of times, of smaller differences and with a bad neighbour.
"""

import os
import shlex
import signal
import threading

import harness
from bench_case import BenchCase

# A request takes so long at the server; under sanitizers more, so that it is still the server that takes it.
WORK_US = round(100 * harness.SLOW)
FEW = ("-t", 1, "-c", 8, "--warmup", "200ms")


class AbTest(BenchCase):
    def server(self, work_us):
        return self.start(harness.Origin("--threads", 1, "--work-us", round(work_us)))

    def test_the_same_twice(self):
        a, b = self.server(WORK_US), self.server(WORK_US)
        for seed in (1, 2, 3):
            with self.subTest(seed):
                said = self.bench(*FEW, "--max-duration", "2500ms", "--seed", seed, a.url("/s"), b.url("/s"))
                self.assertIn(said["verdict"], ("same", "inconclusive"), said["comparison"])
                self.assertEqual(self.last.code, 0 if said["verdict"] == "same" and not said["generator_limited"] else 6)
                for side, server in (("a", a), ("b", b)):
                    self.assertEqual(said[side]["errors"], 0)
                    self.assertEqual(said[side]["url"], server.url("/s"))

    def test_half_as_slow_again(self):
        a, b = self.server(WORK_US), self.server(1.5 * WORK_US)
        most = ["--max-duration", "20s", "--seed", 1, "--metrics", "rps,mean,p50"]
        said = self.bench(*FEW, *most, a.url("/s"), b.url("/s"), exit=5)
        self.assertEqual(said["verdict"], "regressed")
        # It ends with the first that has regressed; which that is, the machine's other work decides.
        metrics = said["comparison"]["metrics"]
        regressed = [name for name in ("rps", "mean", "p50") if metrics[name]["verdict"] == "regressed"]
        self.assertTrue(regressed)
        for name in regressed:
            if name == "rps":
                self.assertLess(metrics[name]["high"], 1)
            else:
                self.assertGreater(metrics[name]["low"], 1)
            self.assertTrue(metrics[name]["low"] <= metrics[name]["change"] <= metrics[name]["high"])
        self.assertGreater(said["a"]["rps"], said["b"]["rps"])

    def test_the_other_way_round(self):
        a, b = self.server(1.5 * WORK_US), self.server(WORK_US)
        said = self.bench(*FEW, "--max-duration", "20s", "--seed", 1, "--metrics", "rps,mean", a.url("/s"), b.url("/s"))
        self.assertEqual(said["verdict"], "improved")

    def test_errors_of_one_side(self):
        a = self.server(WORK_US)
        said = self.bench(*FEW, "--max-duration", "20s", "--metrics", "errors", a.url("/s"), a.url("/status/500"), exit=5)
        errors = said["comparison"]["metrics"]["errors"]
        self.assertEqual((said["verdict"], errors["verdict"]), ("regressed", "regressed"))
        self.assertEqual((errors["a"], errors["b"]), (0, 1))
        self.assertFalse(said["comparison"]["metrics"]["rps"]["judged"])

    def test_both_have_had_their_turns(self):
        """For as long as was said, though all is decided before; half of the time each."""
        a, b = self.server(WORK_US), self.server(3 * WORK_US)
        said = self.bench(*FEW, "-d", "2500ms", "--seed", 5, a.url("/s"), b.url("/s"), exit=(5, 6))
        self.assertGreater(self.last.seconds, 2.5)
        total = said["a"]["duration_s"] + said["b"]["duration_s"]
        self.assertAlmostEqual(said["a"]["duration_s"] / total, 0.5, delta=0.1)
        for side, server in (("a", a), ("b", b)):
            # The warm-up is not counted.
            self.assertGreaterEqual(self.paths(server)["/s"], said[side]["requests"])


class CommandTest(BenchCase):
    """Servers that bench starts itself."""

    def command(self, port, work_us, pid):
        serve = [harness.RINGFETCH, "serve", "--threads", "1", "--port", str(port), "--work-us", str(round(work_us))]
        return f"echo $$ >{shlex.quote(self.path(pid))}; {shlex.join(serve)}; :"

    def urls(self):
        ports = []
        while len(set(ports)) < 2:
            ports = [harness.free_port(), harness.free_port()]
        return ports, [f"http://127.0.0.1:{port}/s" for port in ports]

    def assert_gone(self, *pids):
        """Their whole groups."""
        for pid in pids:
            with self.assertRaises(ProcessLookupError):
                os.killpg(int(self.read(pid)), 0)

    def test_started_and_ended(self):
        ports, urls = self.urls()
        cmd = ["--cmd-a", self.command(ports[0], WORK_US, "a"), "--cmd-b", self.command(ports[1], 2 * WORK_US, "b")]
        said = self.bench(*FEW, "--max-duration", "20s", "--metrics", "rps", *cmd, *urls, exit=5)
        self.assertEqual(said["verdict"], "regressed")
        self.assert_gone("a", "b")

    def test_ended_on_interrupt(self):
        ports, urls = self.urls()
        cmd = ["--cmd-a", self.command(ports[0], WORK_US, "a"), "--cmd-b", self.command(ports[1], WORK_US, "b")]
        with harness.ringfetch_start("bench", *FEW, "-d", "60s", *cmd, *urls) as run:
            harness.wait_until(lambda: os.path.exists(self.path("b")) and harness.accepts(ports[1]), what="server B")
            run.send_signal(signal.SIGINT)
            killer = threading.Timer(20 * harness.SLOW, run.kill)
            killer.start()
            run.communicate()
            killer.cancel()
        self.assertEqual(run.returncode, 130)
        self.assert_gone("a", "b")

    def test_a_server_that_does_not_start(self):
        ports, urls = self.urls()
        err = self.refused(*FEW, "-d", "2s", "--cmd-a", "exit 7", "--cmd-b", "exit 8", *urls, exit=4)
        self.assertIn("7", err)

    def test_a_server_that_ends_in_the_middle(self):
        ports, urls = self.urls()
        dies = f"(sleep 1; kill 0) & {self.command(ports[1], WORK_US, 'b')}"
        run = self.ringfetch(
            "bench", *FEW, "-d", "30s", "--cmd-a", self.command(ports[0], WORK_US, "a"), "--cmd-b", dies, *urls, exit=4
        )
        self.assertLess(run.seconds, 15 * harness.SLOW)
        self.assert_gone("a", "b")


if __name__ == "__main__":
    harness.main()

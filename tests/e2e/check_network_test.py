# SPDX-License-Identifier: GPL-3.0-or-later
"""check_network_test.py: a check whose own network goes away in the middle: no target may be blamed for it.

Each run has network namespaces of its own, one for ringfetch and one for the server, joined by a pair of virtual interfaces:
taking the server's end down makes silence, taking ours away leaves no route. This file runs itself inside of them. Where
the system allows no namespaces to us, the tests say so and are skipped.
"""

import collections
import json
import os
import subprocess
import sys
import time

import harness

OURS, SERVERS, PORT = "10.77.0.1", "10.77.0.2", 8099
URLS, RATE = 60, 30
SETUP = f"""
mount -t tmpfs none /run && ip netns add server && ip link set lo up &&
ip link add ours type veth peer name theirs && ip link set theirs netns server &&
ip addr add {OURS}/24 dev ours && ip link set ours up &&
ip netns exec server sh -c 'ip link set lo up; ip addr add {SERVERS}/24 dev theirs; ip link set theirs up'
"""
CHANGES = {
    "silence": ("ip netns exec server ip link set theirs down", "ip netns exec server ip link set theirs up"),
    "no-route": ("ip addr del {0}/24 dev ours", "ip addr add {0}/24 dev ours"),
}


def shell(command):
    subprocess.run(command, shell=True, check=True)


def inside(change, seconds):
    """In the namespaces: what became of a list during which the network was gone for a while."""
    shell(SETUP)
    server = subprocess.Popen(
        ["ip", "netns", "exec", "server", harness.RINGFETCH, "serve", "--port", str(PORT), "--address", "0.0.0.0"],
        stderr=subprocess.PIPE,
    )
    server.stderr.readline()
    urls = [f"http://{SERVERS}:{PORT}/bytes/10?{number}" for number in range(URLS)]
    limits = ["--rate", str(RATE), "--connect-timeout", "1", "--retry", "0", "--progress", "none", "-s"]
    check = subprocess.Popen(
        [harness.RINGFETCH, "check", "-i", "-", *limits, "--output", "jsonl:-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    check.stdin.write("\n".join(urls))
    check.stdin.close()
    records = []
    away, back = (command.format(OURS) for command in CHANGES[change])
    while len(records) < 10:  # it works at first
        records.append(json.loads(check.stdout.readline()))
    shell(away)
    time.sleep(seconds)  # how long the network is away is what is tested
    shell(back)
    records += [json.loads(line) for line in check.stdout]
    server.kill()
    json.dump({"exit": check.wait(), "records": records}, sys.stdout)


class NetworkTest(harness.Case):
    def check(self, change, seconds):
        command = ["unshare", "-rnm" if os.geteuid() else "-nm", sys.executable, os.path.abspath(__file__)]
        run = subprocess.run(
            [*command, "--inside", change, str(seconds)], capture_output=True, text=True, timeout=120 * harness.SLOW
        )
        if not run.stdout and "not permitted" in run.stderr.lower():
            self.skipTest(f"no network namespaces here: {run.stderr.strip().splitlines()[-1]}")
        self.assertEqual(run.returncode, 0, run.stderr)
        result = json.loads(run.stdout)
        self.assertEqual(sorted(record["n"] for record in result["records"]), list(range(1, URLS + 1)))
        return result["exit"], collections.Counter(record["verdict"] for record in result["records"])

    def test_a_network_that_falls_silent_for_a_while(self):
        self.assertEqual(self.check("silence", 5), (0, {"ok": URLS}))

    def test_a_network_without_a_route_for_a_while(self):
        self.assertEqual(self.check("no-route", 3), (0, {"ok": URLS}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], float(sys.argv[3]))
    else:
        harness.main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""ports_test.py: a machine that has fewer local ports than connections are wanted: requests wait for one, and none fails.

Each run has a network namespace of its own, where few ports may be taken. This file runs itself inside of it. Where the system
allows no namespace to us, the tests say so and are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
import time

import harness

PORTS, WANTED, URLS, DELAY = 64, 200, 300, 0.3
PORT = 8099
ORIGIN = f"http://127.0.0.1:{PORT}"
SETUP = f"ip link set lo up && echo 40000 {40000 + PORTS - 1} > /proc/sys/net/ipv4/ip_local_port_range"
MANY = ["-j", str(WANTED), "--per-host", str(WANTED), "--progress", "none", "-s"]
LISTED = f"{ORIGIN}/delay/{DELAY}?[1-{URLS}]"
COMMANDS = {
    "get": ["get", *MANY, "--output", "jsonl:-", LISTED],
    "check": ["check", *MANY, "--output", "jsonl:-", LISTED],
    "bench": ["bench", "-c", str(WANTED), "-d", "1s", "--json", "-", f"{ORIGIN}/bytes/100"],
    "no-source": ["get", "-s", "--retry", "0", "--output", "jsonl:-", "http://[2001:db8::1]/"],
}
NO_SOURCE = "ip -6 addr del ::1/128 dev lo"  # no other address of that family is there


def inside(name):
    """In the namespace: what became of it."""
    subprocess.run(f"{SETUP} && {NO_SOURCE}" if name == "no-source" else SETUP, shell=True, check=True)
    server = subprocess.Popen([harness.RINGFETCH, "serve", "--port", str(PORT)], stderr=subprocess.PIPE)
    server.stderr.readline()
    began = time.monotonic()
    run = subprocess.run([harness.RINGFETCH, *COMMANDS[name]], capture_output=True, text=True)
    took = time.monotonic() - began
    server.kill()
    json.dump({"exit": run.returncode, "out": run.stdout, "err": run.stderr, "seconds": took}, sys.stdout)


class PortsTest(harness.Case):
    def run_inside(self, name):
        if not shutil.which("ip"):
            self.skipTest("there is no ip command")
        command = ["unshare", "-rn" if os.geteuid() else "-n", sys.executable, os.path.abspath(__file__)]
        run = subprocess.run([*command, "--inside", name], capture_output=True, text=True, timeout=60 * harness.SLOW)
        if not run.stdout and "not permitted" in run.stderr.lower():
            self.skipTest(f"no network namespaces here: {run.stderr.strip().splitlines()[-1]}")
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def records(self, result):
        return [json.loads(line) for line in result["out"].splitlines()]

    def test_requests_wait_for_ports(self):
        for name in ("get", "check"):
            with self.subTest(name):
                result = self.run_inside(name)
                records = self.records(result)
                self.assertEqual((result["exit"], len(records)), (0, URLS), result["err"])
                self.assertTrue(all(record["status"] == 200 and not record["error"] for record in records))

    def test_a_load_has_fewer_connections_and_says_so(self):
        result = self.run_inside("bench")
        report = json.loads(result["out"])
        self.assertEqual((result["exit"], report["errors"], report["limits"]), (6, 0, ["ports"]), result["err"])
        self.assertEqual(report["connections"]["max"], PORTS)

    def test_no_address_to_connect_from_is_no_shortage(self):
        """The kernel says the same of both, EADDRNOTAVAIL; this one time doesn't cure."""
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("this system has no IPv6")
        result = self.run_inside("no-source")
        (record,) = self.records(result)
        self.assertEqual((result["exit"], record["error"]["kind"]), (1, "no-source-address"), record)
        self.assertLess(result["seconds"], 5 * harness.SLOW)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2])
    else:
        harness.main()

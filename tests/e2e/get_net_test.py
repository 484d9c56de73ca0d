# SPDX-License-Identifier: GPL-3.0-or-later
"""get_net_test.py: names and addresses: real DNS, overrides, families, source addresses, hosts that don't answer."""

import contextlib
import os
import socket
import threading
import time

import harness
from web import Web

GET = ("get", "-s", "--retry", "0", "--output", "null", "--output", "jsonl:-")


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


class Web6(Web):
    """On ::1, at a given port if that is free."""

    def __init__(self, respond=None, port=0):
        super().__init__(respond)
        self.wanted = port

    def start(self):
        self._listener = socket.create_server(("::1", self.wanted), family=socket.AF_INET6, backlog=100)
        self.port = self._listener.getsockname()[1]
        self.host = "[::1]"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()


class NetCase(harness.Case):
    def get(self, *args, exit=0, **options):
        return self.ringfetch(*GET, *args, exit=exit, **options).records

    def fail(self, stage, kind, fault, *args):
        (record,) = self.get(*args, exit=1)
        error = record["error"]
        self.assertEqual((error["stage"], error["kind"], error["fault"]), (stage, kind, fault), record)
        return record


class NamesTest(NetCase):
    def test_names(self):
        dns = self.start(harness.Dnsmasq({"a.test": ["127.0.0.2"], "b.test": ["127.0.0.3"]}))
        web = self.start(Web(host="0.0.0.0"))
        records = self.get("--dns-servers", dns.server, f"http://{{a,b}}.test:{web.port}/")
        self.assertEqual({record["ip"] for record in records}, {"127.0.0.2", "127.0.0.3"})
        self.assertEqual({request.fields["host"] for request in web.requests}, {f"a.test:{web.port}", f"b.test:{web.port}"})
        for record in records:
            self.assertGreaterEqual(record["ms"]["dns"], 0)

    def test_no_such_name(self):
        dns = self.start(harness.Dnsmasq())
        record = self.fail("resolve", "no-such-host", "target", "--dns-servers", dns.server, "http://missing.test/")
        self.assertIsNone(record["ip"])

    def test_a_name_is_asked_once(self):
        dns = self.start(harness.Dnsmasq({"a.test": ["127.0.0.1"]}))
        web = self.start(Web())
        records = self.get("-j", 1, "--dns-servers", dns.server, f"http://a.test:{web.port}/[1-20]")
        self.assertEqual(len(records), 20)
        self.assertEqual(web.count, 1)

    def test_server_that_refuses(self):
        with LyingDns(lambda query: query[:2] + b"\x81\x05" + query[4:6] + bytes(6) + query[12:]) as liar:
            self.fail("resolve", "resolver-refused", "local", "--dns-servers", liar.server, "http://a.test/")

    def test_server_that_fails(self):
        with LyingDns(lambda query: query[:2] + b"\x81\x02" + query[4:6] + bytes(6) + query[12:]) as liar:
            self.fail("resolve", "servfail", "target", "--dns-servers", liar.server, "http://a.test/")

    def test_server_that_is_silent(self):
        with LyingDns(lambda query: None) as liar:
            began = time.monotonic()
            (record,) = self.get("--max-time", 2, "--dns-servers", liar.server, "http://a.test/", exit=1)
        self.assertEqual((record["error"]["stage"], record["error"]["fault"]), ("resolve", "local"), record)
        self.assertLess(time.monotonic() - began, 6 * harness.SLOW)

    def test_garbage_answers(self):
        with LyingDns(lambda query: b"\xff" * 100) as liar:
            (record,) = self.get("--max-time", 2, "--dns-servers", liar.server, "http://a.test/", exit=1)
        self.assertEqual(record["error"]["stage"], "resolve")

    def test_no_server_there(self):
        (record,) = self.get("--max-time", 2, "--dns-servers", f"127.0.0.1:{harness.free_port()}", "http://a.test/", exit=1)
        self.assertEqual((record["error"]["stage"], record["error"]["fault"]), ("resolve", "local"), record)

    def test_names_that_can_not_be(self):
        dns = self.start(harness.Dnsmasq())
        lines = ["http://" + "a" * 64 + ".test/", "http://" + "a." * 130 + "test/", "http://a..test/", "http://-/"]
        records = self.get("--dns-servers", dns.server, "-i", "-", input="\n".join(lines), exit=1)
        self.assertEqual(len(records), 4)
        for record in records:
            self.assertIn(record["error"]["stage"], ("input", "resolve"), record)

    def test_localhost_and_the_hosts_file(self):
        web = self.start(Web())
        (record,) = self.get("-4", f"http://localhost:{web.port}/")
        self.assertEqual(record["ip"], "127.0.0.1")


class LyingDns:
    """Answers every query on UDP with what `answer` makes of it."""

    def __init__(self, answer):
        self.answer = answer

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.server = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            if query == b"stop":
                return
            if answer := self.answer(query):
                self.socket.sendto(answer, client)

    def __exit__(self, *why):
        self.socket.sendto(b"stop", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


class OverrideTest(NetCase):
    def test_resolve(self):
        web = self.start(Web(host="0.0.0.0"))
        args = ["--resolve", f"name.test:{web.port}:127.0.0.9", f"http://name.test:{web.port}/"]
        (record,) = self.get(*args)
        self.assertEqual((record["ip"], record["port"]), ("127.0.0.9", web.port))
        self.assertEqual(web.requests[0].fields["host"], f"name.test:{web.port}")

    def test_connect_to(self):
        web = self.start(Web())
        (record,) = self.get("--connect-to", f"name.test:80:127.0.0.1:{web.port}", "http://name.test/")
        self.assertEqual((record["final_url"], record["port"]), ("http://name.test/", web.port))
        self.assertEqual(web.requests[0].fields["host"], "name.test")

    def test_unix_socket(self):
        nginx = self.start(harness.Nginx("listen unix:{dir}/socket; location / { return 200 $http_host$uri; }"))
        (record,) = self.get("--unix-socket", os.path.join(nginx.dir, "socket"), "http://any.test/path")
        self.assertEqual((record["body_bytes"], record["status"]), (len("any.test/path"), 200))
        self.assertIsNone(record["ip"])

    def test_no_unix_socket_there(self):
        (record,) = self.get("--unix-socket", self.path("none"), "http://any.test/", exit=1)
        self.assertEqual(record["error"]["stage"], "connect")

    def test_source_address(self):
        web = self.start(Web())
        self.get("--interface", "127.0.0.77", web.url())
        self.assertEqual(web.requests[0].peer[0], "127.0.0.77")

    def test_device(self):
        web = self.start(Web())
        (record,) = self.get("--interface", "lo", web.url(), exit=None)
        if not record["ok"] and record["error"]["kind"] in ("not-permitted", "forbidden"):
            self.skipTest("binding to a device is not permitted here")
        self.assertTrue(record["ok"], record)

    def test_no_such_device_or_address(self):
        for name in ("no-such-device", "203.0.113.7"):
            for command in (GET, ("check",), ("bench",)):
                run = self.ringfetch(*command, "--interface", name, "http://127.0.0.1:1/", exit=2)
                self.assertEqual(run.out, "")
                self.assertIn(f'this machine has no such interface or address: "{name}"', run.err)

    def test_environment_names_no_proxy(self):
        web = self.start(Web())
        env = {name: "http://127.0.0.1:9/" for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")}
        self.assertTrue(self.get(web.url(), env=env)[0]["ok"])


class ConnectTest(NetCase):
    def test_refused(self):
        holder, port = harness.closed_port()
        with holder:
            record = self.fail("connect", "refused", "target", f"http://127.0.0.1:{port}/")
        self.assertIn("ECONNREFUSED", record["error"]["detail"])

    def test_silence_is_a_connect_timeout(self):
        """A full backlog answers no SYN: the nearest thing to a black hole on loopback."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
            for _ in range(3):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            began = time.monotonic()
            url = "http://127.0.0.1:%d/" % full.getsockname()[1]
            record = self.fail("connect", "timed-out", "target", "--connect-timeout", "0.5", url)
            self.assertLess(time.monotonic() - began, 3 * harness.SLOW)
        self.assertGreater(record["ms"]["total"], 450)
        self.assertIsNone(record["status"])

    def test_a_refused_address_is_no_failure_while_another_answers(self):
        web = self.start(Web(host="127.0.0.3"))
        for order in ("127.0.0.2,127.0.0.3", "127.0.0.3,127.0.0.2"):
            args = ["--resolve", f"name.test:{web.port}:{order}", f"http://name.test:{web.port}/"]
            (record,) = self.get(*args)
            self.assertEqual(record["ip"], "127.0.0.3")

    def test_families(self):
        if not has_ipv6():
            self.skipTest("no IPv6 here")
        six = self.start(Web6(lambda request: "six"))
        try:
            four = socket.create_server(("127.0.0.1", six.port))
        except OSError:
            self.skipTest("the port is taken in the other family")
        four.close()
        dns = self.start(harness.Dnsmasq({"both.test": ["127.0.0.1", "::1"]}))
        url = f"http://both.test:{six.port}/"
        args = ["--dns-servers", dns.server, url]
        self.assertEqual(self.get("-6", *args)[0]["ip"], "::1")
        self.fail("connect", "refused", "target", "-4", *args)
        self.assertEqual(self.get(*args)[0]["ip"], "::1", "the family that answers is found")
        self.fail("resolve", "no-address", "target", "-4", f"http://[::1]:{six.port}/")

    def test_happy_eyeballs(self):
        """IPv6 is silent, IPv4 answers: well before the connect timeout."""
        if not has_ipv6():
            self.skipTest("no IPv6 here")
        web = self.start(Web())
        try:
            full = socket.create_server(("::1", web.port), family=socket.AF_INET6, backlog=0)
        except OSError:
            self.skipTest("the port is taken in the other family")
        with full, contextlib.ExitStack() as stack:
            for _ in range(3):
                client = stack.enter_context(socket.socket(socket.AF_INET6))
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            dns = self.start(harness.Dnsmasq({"both.test": ["127.0.0.1", "::1"]}))
            (record,) = self.get("--dns-servers", dns.server, f"http://both.test:{web.port}/")
            self.assertEqual(record["ip"], "127.0.0.1")
            self.assertLess(record["ms"]["total"], 2000 * harness.SLOW)


if __name__ == "__main__":
    harness.main()

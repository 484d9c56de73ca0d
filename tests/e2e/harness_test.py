# SPDX-License-Identifier: GPL-3.0-or-later
"""harness_test.py: the servers that the other tests lean on do what they promise, asked with Python's own client."""

import http.client
import os
import socket
import urllib.error
import urllib.request

import harness


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read()


class ServersTest(harness.Case):
    def test_nginx_serves_files_and_its_snippet(self):
        nginx = self.start(harness.Nginx("location /teapot { return 418 '{port}'; }"))
        self.assertEqual(fetch(nginx.put("a/b.txt", "hello")), b"hello")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            fetch(nginx.url("/teapot"))
        with caught.exception as teapot:
            self.assertEqual((teapot.code, teapot.read()), (418, str(nginx.port).encode()))
        harness.wait_until(lambda: "GET /teapot" in nginx.read(), what="the line in nginx's log")

    def test_nginx_leaves_nothing(self):
        with harness.Nginx() as nginx:
            place = nginx.dir
            self.assertTrue(harness.accepts(nginx.port))
        self.assertFalse(os.path.exists(place))
        self.assertFalse(harness.accepts(nginx.port))

    def test_nginx_says_why_it_did_not_start(self):
        with self.assertRaisesRegex(AssertionError, "no_such_directive"):
            harness.Nginx("no_such_directive;").start()

    def test_dnsmasq_answers(self):
        dns = self.start(harness.Dnsmasq({"a.test": ["127.0.0.2"]}))
        query = b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\4test\0\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(5)
            asker.sendto(query, (dns.host, dns.port))
            self.assertEqual(asker.recv(512)[-4:], b"\x7f\0\0\2")

    def test_liar_behaves_per_connection(self):
        def behave(connection):
            connection.read_head()
            if connection.number:
                connection.reset()
            else:
                connection.answer("first", headers=["X-A: b"])

        liar = self.start(harness.Liar(behave))
        self.assertEqual(fetch(liar.url()), b"first")
        with self.assertRaises((ConnectionResetError, http.client.RemoteDisconnected)):
            fetch(liar.url())
        self.assertEqual(liar.count, 2)

    def test_liar_reports_a_broken_behaviour(self):
        def behave(connection):
            raise ValueError("on purpose")

        liar = harness.Liar(behave)
        liar.start()
        with socket.create_connection((liar.host, liar.port), timeout=5) as client:
            self.assertEqual(client.recv(1), b"")
        with self.assertRaisesRegex(AssertionError, "behaviour"):
            liar.stop()

    def test_liar_stops_while_a_client_waits(self):
        liar = harness.Liar(lambda connection: connection.wait_for_close())
        liar.start()
        with socket.create_connection((liar.host, liar.port), timeout=5):
            harness.wait_until(lambda: liar.count == 1)
            liar.stop()
        self.assertFalse(harness.accepts(liar.port))

    def test_closed_port_refuses(self):
        holder, port = harness.closed_port()
        with holder:
            self.assertFalse(harness.accepts(port))


if __name__ == "__main__":
    harness.main()

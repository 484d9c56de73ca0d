# SPDX-License-Identifier: GPL-3.0-or-later
"""servers_tls.py: nginx with https: one address with many bodies, and thousands of hosts with a certificate each.

Every host is a loopback address with a server block of its own, because that is what many hosts are to a client: another
address, another certificate, another key, other tickets. One block whose certificate is a variable was rejected: nginx then
reads it from the file at each handshake.
"""

import os

from lib import place
from lib.measure import Failed
from lib.servers import Nginx, free_ports

HOSTS = 3_000
CONNECTIONS = 15_000  # listeners among them; below a hard limit of 20,000 descriptors
BODIES = {"100": 100, "16k": 16 * 1024, "64k": 64 * 1024}
# The order is the server's, so that all clients use the same cipher.
SUITES = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305"

START = """
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000; pid {top}/pid; error_log {top}/error.log;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
    client_body_temp_path {top}/body; proxy_temp_path {top}/proxy; fastcgi_temp_path {top}/fastcgi;
    uwsgi_temp_path {top}/uwsgi; scgi_temp_path {top}/scgi;
    access_log off; default_type application/octet-stream; sendfile on; tcp_nopush on; open_file_cache max=11000;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; ssl_conf_command Ciphersuites {suites};
    ssl_ciphers {ciphers};
"""


class _NginxHttps(Nginx):
    """Its certificates are the authority's; plain_port answers /status over http."""

    plain_port = 0

    def __init__(self, top, authority):
        os.makedirs(top)
        super().__init__(top, root=top)
        self.authority, self.cacert = authority, authority.cacert

    def start(self):
        return START.format(top=self.top, connections=CONNECTIONS, suites=SUITES, ciphers=CIPHERS)

    def _status_port(self):
        return self.plain_port


class NginxTls(_NginxHttps):
    """`port` is https with HTTP/1.1, h2_port offers h2 as well, plain_port is http. /delay/S waits for `origin`, a server that
    can."""

    SERVER = """
    keepalive_requests 1000000000; keepalive_timeout 600s;
    server {{
        listen 0.0.0.0:{port} ssl backlog=4096; listen 0.0.0.0:{h2_port} ssl http2 backlog=4096;
        listen 0.0.0.0:{plain_port} backlog=4096;
        ssl_certificate {file}; ssl_certificate_key {file}; root {root};
        location = /s {{ return 200 "ok"; }}
        location = /status {{ stub_status; }}
        location /delay/ {{ proxy_pass http://127.0.0.1:{origin_port}; proxy_read_timeout 600s; }}
    }}
}}
"""

    def __init__(self, top, authority, root, origin):
        super().__init__(top, authority)
        self.root, self.origin = root, origin

    def config(self):
        self.port, self.h2_port, self.plain_port = free_ports(3)
        return self.start() + self.SERVER.format(
            port=self.port,
            h2_port=self.h2_port,
            plain_port=self.plain_port,
            file=self.authority.host("127.0.0.1"),
            root=self.root,
            origin_port=self.origin.port,
        )

    def url(self, path, host="127.0.0.1"):
        return f"https://{host}:{self.port}{path}"

    def h2_url(self, path):
        return f"https://127.0.0.1:{self.h2_port}{path}"

    def plain_url(self, path):
        return f"http://127.0.0.1:{self.plain_port}{path}"


class NginxHosts(_NginxHttps):
    """`count` hosts that close the connection after each answer. Without `tickets` none are made: they are a fifth of nginx's
    part in a handshake, and where no host is visited twice they would only make the server the limit sooner."""

    SERVER = """
    keepalive_timeout 0; ssl_session_tickets {tickets};
    server {{ listen 127.0.0.1:{plain_port}; location = /status {{ stub_status; }} }}
"""
    HOST = """
    server {{ listen {address}:{port} ssl; ssl_certificate {file}; ssl_certificate_key {file};
        location = /s {{ return 200 "ok"; }} }}"""

    def __init__(self, top, authority, tickets, count=HOSTS):
        super().__init__(top, authority)
        self.tickets, self.addresses = tickets, place.host_addresses(count)

    def config(self):
        self.port, self.plain_port = free_ports(2)
        blocks = [
            self.HOST.format(address=address, port=self.port, file=self.authority.host(address))
            for address in self.addresses
        ]
        server = self.SERVER.format(tickets="on" if self.tickets else "off", plain_port=self.plain_port)
        return self.start() + server + "".join(blocks) + "\n}\n"

    def urls(self, path):
        return [f"https://{address}:{self.port}{path}" for address in self.addresses]

    def give_way(self):
        """Lets everything else on the servers' core go first."""
        try:
            os.setpriority(os.PRIO_PROCESS, self.pid, 19)
        except OSError as why:
            raise Failed(f"nice: {why.strerror}") from None


def make_bodies(root):
    """/100, /16k and /64k."""
    for name, size in BODIES.items():
        with open(os.path.join(root, name), "wb") as file:
            file.write(bytes(index * 7 % 251 for index in range(size)))

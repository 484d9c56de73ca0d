#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""peer_aiohttp.py: the Python program that people write for this job: aiohttp on uvloop, a semaphore, one task a URL.

Body after body goes to a file named after the URL's last part, or nowhere; --head asks for none. Exit status 1 where any request failed.
"""

import argparse
import asyncio
import os
import resource
import ssl

import aiohttp
import uvloop


async def fetch(session, gate, method, url, out):
    async with gate, session.request(method, url) as response:
        response.raise_for_status()
        body = await response.read()
    if out:
        with open(os.path.join(out, url.rpartition("/")[2]), "xb") as file:
            file.write(body)


async def fetch_all(urls, options):
    gate = asyncio.Semaphore(options.at_once)
    trust = {"ssl": ssl.create_default_context(cafile=options.cacert)} if options.cacert else {}
    connector = aiohttp.TCPConnector(limit=options.at_once, force_close=options.new_connections, **trust)
    timeout, method = aiohttp.ClientTimeout(total=None), "HEAD" if options.head else "GET"
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        results = await asyncio.gather(
            *(fetch(session, gate, method, url, options.out) for url in urls), return_exceptions=True
        )
    return [result for result in results if result is not None]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, default=100)
    parser.add_argument("--out", help="directory for the files; bodies are dropped without it")
    parser.add_argument("--head", action="store_true", help="ask with HEAD")
    parser.add_argument("--new-connections", action="store_true", help="close each connection after its request")
    parser.add_argument("--cacert", help="PEM file of the only roots to trust for https")
    parser.add_argument("list", help="a file with a URL a line")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.install()
    with open(options.list, encoding="ascii") as file:
        urls = file.read().split()
    faults = asyncio.run(fetch_all(urls, options))
    if faults:
        raise SystemExit(f"{len(faults)} of {len(urls)} failed, {faults[0]!r} for one")


if __name__ == "__main__":
    main()

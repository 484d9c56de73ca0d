/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tiny_server.h: an HTTP server inside the test, on one port of 127.0.0.1 to 127.0.0.8, so that there are several
 * hosts to ask. A thread a connection, blocking calls, keep-alive: as plain as can be, because the client is what is
 * tested. What the path says is done:
 *
 *   /bytes/N     200 with N bytes 'x'
 *   /method      200 with the request's method as body
 *   /status/N    that status, no body
 *   /to/PATH     302 to /PATH
 *   /over/H/PATH 307 to /PATH at host H
 *   /hang        nothing until tiny_release, then 200 with 4 bytes
 *   /half        half of an 8-byte body, the other half after tiny_release
 *   /close       the connection closes instead of an answer
 */
#ifndef TESTS_TINY_SERVER_H
#define TESTS_TINY_SERVER_H

enum { TINY_HOSTS = 8 };

/* All of it belongs to the process: one server at a time. */
void tiny_open(void);
void tiny_close(void);
/* "http://127.0.0.HOST:PORT/path"; host from 1. Valid until the 64th call from then on, in each thread. */
const char *tiny_url(unsigned host, const char *path);
unsigned tiny_port(void);
/* Waits until so many requests have been hanging at the same time. */
void tiny_wait_hanging(unsigned count);
/* All that hang, now and from now on, go on. */
void tiny_release(void);
unsigned tiny_asked(void);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pair.h: a client and a server that talk through memory, for the tests of room tls. One thread.
 */
#ifndef TESTS_TLS_PAIR_H
#define TESTS_TLS_PAIR_H

#include "tls/tls.h"
#include "tls/tls_mint.h"

/* A CA and a server's certificate for "a.test", "*.wild.test" and 127.0.0.1, made once. */
const struct tls_mint *pair_mint(void);
/* The CA's certificate as a file. */
const char *pair_ca_file(void);
/* A file with this text, below a directory of the test's own that goes at its end. Valid until then. */
const char *pair_file(const char *name, const char *text);

struct end {
    struct tls *tls;
    struct tls_stream *stream;
    enum step step;
    struct err err;
    struct bytes got; /* plain text */
    enum tls_got last;
};
struct pair {
    struct pool_depot depot;
    struct pool pool;
    struct end client, server;
    size_t chop; /* bytes handed over at once; 0: all */
    bool
        server_leaks; /* wolfSSL 5.5.4 forgets 72 bytes when a server's key share can't be kept for lack of memory */
};
/* Options of NULL: the defaults; the server's certificate is pair_mint's unless the options bring one, the client's root too. */
void pair_init(struct pair *pair, const struct tls_options *client,
               const struct tls_options *server);
void pair_deinit(struct pair *pair);
/* New streams, to this host. */
void pair_open(struct pair *pair, const char *host);
void pair_hang_up(struct pair *pair);
/* Carries bytes to and fro until nothing moves. */
void pair_run(struct pair *pair);
/* pair_open and pair_run; true: both ends are established. */
bool pair_meet(struct pair *pair, const char *host);
/* Hands these to an end as if they came from its peer. */
void pair_feed(struct pair *pair, struct end *end, struct span bytes);

#endif

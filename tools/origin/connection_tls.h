/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connection_tls.h: TLS between a connection and its socket. A plain connection has none of it, but for a NULL pointer. What
 * arrives goes through connection_tls_receive to connection_read; a plan's output and body are encrypted piece by piece, each
 * when the one before has left, so that a connection holds little of a large body. Only one send is in flight at a time, as
 * records must leave in order. Used by the connection's own files only; worker's thread.
 */
#ifndef ORIGIN_CONNECTION_TLS_H
#define ORIGIN_CONNECTION_TLS_H

#include "connection.h"
#include "tls/tls.h"

struct connection_tls;

/* NULL: no memory. */
struct connection_tls *connection_tls_open(struct worker *worker);
/* The kernel must hold nothing of it any more. Harmless on a plain connection. */
void connection_tls_close(struct connection *connection);

/* Bytes that have arrived, borrowed. The connection may be closing afterwards. */
void connection_tls_receive(struct connection *connection, const struct span *spans,
                            unsigned count);

/* Sends connection->out and plan.body, then calls connection_sent. */
void connection_tls_follow(struct connection *connection);
/* The send has completed. */
void connection_tls_sent(struct connection *connection);

/* Says close_notify, then closes, or lingers first. What arrives from now on is dropped. */
void connection_tls_end(struct connection *connection, bool lingers);

/* As the server sees it; zero while the handshake is under way. `facts` is the caller's to drop. */
struct tls_facts connection_tls_facts(const struct connection *connection);
const char *connection_tls_alpn(const struct connection *connection);

#endif
